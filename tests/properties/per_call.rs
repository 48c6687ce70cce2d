//! A call that brings interceptors and leaves some out runs as on a client
//! that has just those.

use std::sync::{Arc, Mutex};

use proptest::{collection::vec, prelude::*, sample::select, test_runner::Config};
use tollgate::{
    Body, Error, Interceptors, MockAdapter, Order, Request, RequestFlow, RequestInterceptor,
    Response, ResponseFlow, ResponseInterceptor, Result,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    runtime::block_on,
};

use crate::amount;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Copy, Debug)]
enum Act {
    Pass,
    Fail,
    Recover,
    Answer,
    Replay,
}

#[derive(Clone, Copy, Debug)]
struct Hook {
    on_request: bool,
    name: &'static str,
    /// Whether its condition holds, if it has one.
    when: Option<bool>,
    ok: Act,
    err: Act,
}

fn hook() -> impl Strategy<Value = Hook> {
    let act = || {
        prop_oneof![
            4 => Just(Act::Pass),
            1 => Just(Act::Fail),
            2 => Just(Act::Recover),
            1 => Just(Act::Answer),
            1 => Just(Act::Replay),
        ]
    };
    let when = proptest::option::weighted(0.2, any::<bool>());
    (any::<bool>(), select(&NAMES[..]), when, act(), act()).prop_map(
        |(on_request, name, when, ok, err)| Hook {
            on_request,
            name,
            when,
            ok,
            err,
        },
    )
}

type Log = Arc<Mutex<Vec<String>>>;

struct Acting {
    hook: Hook,
    /// Tells registrations of one name apart.
    number: usize,
    log: Log,
}

impl Acting {
    fn tell(&self, half: &str, attempt: u32) {
        let line = format!("{}{} {half} {attempt}", self.hook.name, self.number);
        self.log.lock().unwrap().push(line);
    }

    fn fail(&self) -> Error {
        Error::message(format!("{} fails", self.number))
    }
}

fn answer() -> Response {
    http::Response::new(Body::from("answered")).into()
}

impl RequestInterceptor for Acting {
    async fn on_fulfilled(&self, request: Request) -> Result<RequestFlow> {
        self.tell("ok", request.attempt());
        match self.hook.ok {
            Act::Fail => Err(self.fail()),
            Act::Answer => Ok(answer().into()),
            Act::Pass | Act::Recover | Act::Replay => Ok(request.into()),
        }
    }

    async fn on_rejected(&self, error: Error) -> Result<RequestFlow> {
        self.tell("err", error.attempts());
        match self.hook.err {
            Act::Fail => Err(self.fail()),
            Act::Answer => Ok(answer().into()),
            Act::Recover => Ok(error.original_request().unwrap().into()),
            Act::Pass | Act::Replay => Err(error),
        }
    }
}

impl ResponseInterceptor for Acting {
    async fn on_fulfilled(&self, response: Response) -> Result<ResponseFlow> {
        self.tell("ok", response.attempts());
        match self.hook.ok {
            Act::Fail => Err(self.fail()),
            Act::Answer => Ok(answer().into()),
            Act::Replay if response.attempts() < 3 => Ok(response.replay()),
            Act::Pass | Act::Recover | Act::Replay => Ok(response.into()),
        }
    }

    async fn on_rejected(&self, error: Error) -> Result<ResponseFlow> {
        self.tell("err", error.attempts());
        match self.hook.err {
            Act::Fail => Err(self.fail()),
            Act::Recover | Act::Answer => Ok(answer().into()),
            Act::Replay if error.attempts() < 3 => error.replay(),
            Act::Pass | Act::Replay => Err(error),
        }
    }
}

fn register(set: &Interceptors, hooks: &[(usize, Hook)], log: &Log) {
    for (number, hook) in hooks.iter().copied() {
        let log = Arc::clone(log);
        let acting = Acting { hook, number, log };
        if hook.on_request {
            let mut registration = set.request.named(hook.name);
            if let Some(holds) = hook.when {
                registration = registration.run_when(move |_| holds);
            }
            registration.use_interceptor(acting);
        } else {
            let mut registration = set.response.named(hook.name);
            if let Some(holds) = hook.when {
                registration = registration.run_when(move |_| holds);
            }
            registration.use_interceptor(acting);
        }
    }
}

#[derive(Clone, Debug)]
struct Case {
    of_client: Vec<Hook>,
    own: Vec<Vec<Hook>>,
    skipped: Vec<&'static str>,
    fifo: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let own = vec(vec(hook(), 0..3), 0..3);
    let skipped = vec(select(&NAMES[..]), 0..3);
    (vec(hook(), 0..6), own, skipped, any::<bool>()).prop_map(|(of_client, own, skipped, fifo)| {
        Case {
            of_client,
            own,
            skipped,
            fifo,
        }
    })
}

impl Case {
    fn order(&self) -> Order {
        if self.fifo { Order::Fifo } else { Order::Lifo }
    }

    /// The hooks by whose they are, numbered through.
    fn numbered(&self) -> Vec<Vec<(usize, Hook)>> {
        let mut number = 0;
        let sets = std::iter::once(&self.of_client).chain(&self.own);
        let numbered = sets.map(|set| {
            let numbered = set.iter().map(|hook| {
                number += 1;
                (number, *hook)
            });
            numbered.collect()
        });
        numbered.collect()
    }
}

fn end(log: &Log, result: Result<Response>) -> Vec<String> {
    let line = match result {
        Ok(it) => format!("=> {} {}", it.text().unwrap(), it.attempts()),
        Err(it) => format!("=> {it} by {:?} {}", it.interceptor(), it.attempts()),
    };
    let mut log = log.lock().unwrap();
    log.push(line);
    std::mem::take(&mut *log)
}

/// The log of the call, and that of the client that has just those.
fn both<E: EngineKind>(
    case: &Case,
    builder: fn(MockAdapter) -> ClientBuilder<E>,
    send: fn(Call<E>) -> Result<Response>,
) -> [Vec<String>; 2] {
    let numbered = case.numbered();
    let (of_client, own) = numbered.split_first().unwrap();
    let log = Log::default();
    let mock = || MockAdapter::new().handler(|_| Ok(http::Response::new(Body::from("sent"))));

    let client = builder(mock()).order(case.order()).build().unwrap();
    register(&client.interceptors, of_client, &log);
    let mut call = client.get("http://h/");
    for name in &case.skipped {
        call = call.skip_interceptor(*name);
    }
    for hooks in own {
        call = call.intercept(|set| register(set, hooks, &log));
    }
    let by_call = end(&log, send(call));

    let client = builder(mock()).order(case.order()).build().unwrap();
    let kept = of_client
        .iter()
        .filter(|(_, hook)| !case.skipped.contains(&hook.name));
    let all: Vec<_> = kept.chain(own.iter().flatten()).copied().collect();
    register(&client.interceptors, &all, &log);
    [by_call, end(&log, send(client.get("http://h/")))]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(amount("TOLLGATE_PROGRAMS", 1_000)) })]

    #[test]
    fn a_call_with_its_own_chain_is_one_of_a_client_with_that_chain(case in case()) {
        let builder = |mock| Client::<Async>::builder(mock);
        let [by_call, by_client] = both::<Async>(&case, builder, |call| block_on(call.send()));
        prop_assert_eq!(&by_call, &by_client);
        let builder = |mock| Client::<Blocking>::builder(mock);
        let [blocking, _] = both::<Blocking>(&case, builder, |call| call.send());
        prop_assert_eq!(&blocking, &by_call);
    }
}
