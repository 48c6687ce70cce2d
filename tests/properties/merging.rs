//! Whatever is set, taken off and set again on a client, on one derived from
//! it, at run time and on a call: the call is sent with what a model says.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use proptest::{collection::vec, prelude::*, sample::select, test_runner::Config};
use tollgate::{
    Attempt, Body, MockAdapter, Response, Result, Runtime,
    client::{Async, Blocking, Call, Client, ClientBuilder, Defaults, EngineKind},
    runtime::{ManualRuntime, block_on},
};

use crate::amount;

/// The same header in two spellings, and the one that credentials beat.
const NAMES: [&str; 4] = ["x-a", "X-A", "x-b", "Authorization"];

/// One step in the making of defaults or of a call.
#[derive(Clone, Debug)]
enum Step {
    Header(&'static str, u8),
    /// On a call, a header of its own.
    HeaderFor(Method, &'static str, u8),
    WithoutHeader(&'static str),
    Bearer(u8),
    WithoutAuth,
    Extension(u8),
    WithoutExtension,
    Timeout(u8),
    WithoutTimeout,
    ReadTimeout(u8),
    WithoutReadTimeout,
    Stream,
    Buffered,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || select(&NAMES[..]);
    let methods = || select(&[Method::GET, Method::POST][..]);
    prop_oneof![
        (name(), 1..99_u8).prop_map(|(name, value)| Step::Header(name, value)),
        (methods(), name(), 1..99_u8)
            .prop_map(|(of, name, value)| Step::HeaderFor(of, name, value)),
        name().prop_map(Step::WithoutHeader),
        (1..99_u8).prop_map(Step::Bearer),
        Just(Step::WithoutAuth),
        (1..99_u8).prop_map(Step::Extension),
        Just(Step::WithoutExtension),
        (1..99_u8).prop_map(Step::Timeout),
        Just(Step::WithoutTimeout),
        (1..99_u8).prop_map(Step::ReadTimeout),
        Just(Step::WithoutReadTimeout),
        Just(Step::Stream),
        Just(Step::Buffered),
    ]
}

/// Does one step on whatever has the setters.
macro_rules! take {
    ($step:expr, $to:expr, $header_for:expr) => {{
        let seconds = |it: u8| Duration::from_secs(it.into());
        match $step.clone() {
            Step::Header(name, value) => $to.header(name, value.to_string()),
            Step::HeaderFor(method, name, value) => $header_for($to, method, name, value),
            Step::WithoutHeader(name) => $to.without_header(name),
            Step::Bearer(value) => $to.bearer_auth(value.to_string()),
            Step::WithoutAuth => $to.without_auth(),
            Step::Extension(value) => $to.extension(value),
            Step::WithoutExtension => $to.without_extension::<u8>(),
            Step::Timeout(value) => $to.timeout(seconds(value)),
            Step::WithoutTimeout => $to.without_timeout(),
            Step::ReadTimeout(value) => $to.read_timeout(seconds(value)),
            Step::WithoutReadTimeout => $to.without_read_timeout(),
            Step::Stream => $to.stream(),
            Step::Buffered => $to.buffered(),
        }
    }};
}

fn build<E: EngineKind>(builder: ClientBuilder<E>, steps: &[Step]) -> Client<E> {
    let builder = steps.iter().fold(builder, |builder, step| {
        take!(step, builder, |to: ClientBuilder<E>,
                              method,
                              name,
                              value: u8| to
            .header_for(method, name, value.to_string()))
    });
    builder.build().unwrap()
}

fn update(defaults: Defaults, steps: &[Step]) -> Defaults {
    steps.iter().fold(defaults, |defaults, step| {
        take!(step, defaults, |to: Defaults, method, name, value: u8| to
            .header_for(method, name, value.to_string()))
    })
}

fn call<E: EngineKind>(call: Call<E>, steps: &[Step]) -> Call<E> {
    steps.iter().fold(call, |call, step| {
        take!(step, call, |to: Call<E>, _, name, value: u8| to
            .header(name, value.to_string()))
    })
}

/// What of a call arrives at the adapter.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sent {
    headers: BTreeMap<String, String>,
    extension: Option<u8>,
    timeout: Option<u64>,
    read_timeout: Option<u64>,
    stream: bool,
}

/// Defaults as a table: a key for each header, of all methods and of each.
#[derive(Clone)]
struct Model {
    headers: BTreeMap<(Option<Method>, String), String>,
    auth: Option<String>,
    rest: Sent,
}

impl Model {
    fn new() -> Self {
        let rest = Sent {
            timeout: Some(30),
            read_timeout: Some(30),
            ..Sent::default()
        };
        Self {
            headers: BTreeMap::new(),
            auth: None,
            rest,
        }
    }

    fn take(&mut self, step: &Step) {
        let lower = |name: &str| name.to_lowercase();
        match step.clone() {
            Step::Header(name, value) => {
                self.headers.insert((None, lower(name)), value.to_string());
            }
            Step::HeaderFor(of, name, value) => {
                let key = (Some(of), lower(name));
                self.headers.insert(key, value.to_string());
            }
            Step::WithoutHeader(name) => self.headers.retain(|(_, it), _| *it != lower(name)),
            Step::Bearer(value) => self.auth = Some(format!("Bearer {value}")),
            Step::WithoutAuth => self.auth = None,
            Step::Extension(value) => self.rest.extension = Some(value),
            Step::WithoutExtension => self.rest.extension = None,
            Step::Timeout(value) => self.rest.timeout = Some(value.into()),
            Step::WithoutTimeout => self.rest.timeout = None,
            Step::ReadTimeout(value) => self.rest.read_timeout = Some(value.into()),
            Step::WithoutReadTimeout => self.rest.read_timeout = None,
            Step::Stream => self.rest.stream = true,
            Step::Buffered => self.rest.stream = false,
        }
    }

    /// What a call of `method` sends after its own steps.
    fn call(mut self, method: &Method, steps: &[Step]) -> Sent {
        let mut sent = BTreeMap::new();
        for of in [None, Some(method.clone())] {
            for ((it, name), value) in &self.headers {
                if *it == of {
                    sent.insert(name.clone(), value.clone());
                }
            }
        }
        let mut own_auth = None;
        let mut auth_is_own = false;
        for step in steps {
            match step {
                Step::Header(name, value) | Step::HeaderFor(_, name, value) => {
                    sent.insert(name.to_lowercase(), value.to_string());
                    auth_is_own |= *name == "Authorization";
                }
                Step::WithoutHeader(name) => {
                    sent.remove(&name.to_lowercase());
                    auth_is_own |= *name == "Authorization";
                }
                Step::Bearer(value) => own_auth = Some(Some(format!("Bearer {value}"))),
                Step::WithoutAuth => own_auth = Some(None),
                other => self.take(other),
            }
        }
        let inherited = self.auth.filter(|_| !auth_is_own);
        if let Some(auth) = own_auth.unwrap_or(inherited) {
            sent.insert("authorization".into(), auth);
        }
        Sent {
            headers: sent,
            ..self.rest
        }
    }
}

/// The steps of one case, layer by layer.
type Case = (Method, [Vec<Step>; 4]);

fn case() -> impl Strategy<Value = Case> {
    let steps = || vec(step(), 0..8);
    let methods = select(&[Method::GET, Method::POST][..]);
    (methods, [steps(), steps(), steps(), steps()])
}

fn expected((method, [first, derived, updated, own]): &Case) -> Sent {
    let mut model = Model::new();
    for step in [first, derived, updated].into_iter().flatten() {
        model.take(step);
    }
    model.call(method, own)
}

/// What arrives, on one engine.
fn arrived<E: EngineKind>(
    (method, [first, derived, updated, own]): &Case,
    builder: impl Fn(MockAdapter) -> ClientBuilder<E>,
    send: impl Fn(Call<E>) -> Result<Response>,
) -> Sent {
    let sent = std::sync::Arc::new(std::sync::Mutex::new(Sent::default()));
    let told = std::sync::Arc::clone(&sent);
    let time = ManualRuntime::new();
    let begin = time.now();
    let mock = MockAdapter::new().handler(move |request| {
        let attempt = request.extensions().get::<Attempt>().unwrap();
        let until = attempt.deadline().map(|until| (until - begin).as_secs());
        let headers = request.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .filter(|(name, _)| name != "content-length")
            .collect();
        *told.lock().unwrap() = Sent {
            headers,
            extension: request.extensions().get().copied(),
            timeout: until,
            read_timeout: attempt.read_timeout().map(|span| span.as_secs()),
            stream: attempt.is_stream(),
        };
        Ok(http::Response::new(Body::empty()))
    });
    let parent = build(builder(mock).base_url("http://h").runtime(time), first);
    let client = build(parent.derive(), derived);
    client.update_defaults(|it| update(it, updated)).unwrap();
    send(call(client.request(method.clone(), "/u"), own)).unwrap();
    sent.lock().unwrap().clone()
}

#[test]
fn a_call_is_sent_with_what_the_layers_leave() {
    let config = Config {
        cases: amount("TOLLGATE_PROGRAMS", 2_000),
        failure_persistence: None,
        ..Config::default()
    };
    proptest!(config, |(case in case())| {
        let model = expected(&case);
        let on_async = arrived(&case, Client::<Async>::builder, |call| block_on(call.send()));
        prop_assert_eq!(&on_async, &model);
        let on_blocking = arrived(&case, Client::<Blocking>::builder, Call::<Blocking>::send);
        prop_assert_eq!(&on_blocking, &model);
    });
}
