//! Users change, tokens expire and calls run, all at once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tollgate::{
    Body, ErrorKind, MockAdapter,
    auth::{MemoryStore, RefreshClass, RefreshError, Token, TokenRefresh, TokenStore},
    client::{Async, Blocking, Client},
    runtime::{ManualRuntime, block_on},
};

use crate::support::{BASE, Drive, authorization, pair_over, seconds};

/// Token families, one for each sign-in; the second presentation of a refresh
/// token is noted.
#[derive(Default)]
struct Families {
    /// The number of the current pair of each family, and whether its access
    /// token is still good.
    current: HashMap<u32, (u32, bool)>,
    reused: Vec<String>,
}

impl Families {
    fn sign_in(&mut self) -> Token {
        let family = self.current.len() as u32 + 1;
        self.current.insert(family, (1, true));
        pair(family, 1)
    }

    fn expire(&mut self) {
        for (_, good) in self.current.values_mut() {
            *good = false;
        }
    }

    fn is_good(&self, access: &str) -> bool {
        let (family, number) = parse(access);
        self.current.get(&family) == Some(&(number, true))
    }

    fn refresh(&mut self, presented: &str) -> Option<(String, String)> {
        let (family, number) = parse(presented);
        let current = self.current.get_mut(&family)?;
        if current.0 != number {
            self.reused.push(presented.to_owned());
            return None;
        }
        *current = (number + 1, true);
        Some((
            format!("a-{family}-{}", number + 1),
            format!("r-{family}-{}", number + 1),
        ))
    }
}

fn pair(family: u32, number: u32) -> Token {
    Token::new(format!("a-{family}-{number}")).refresh(format!("r-{family}-{number}"))
}

fn parse(token: &str) -> (u32, u32) {
    let mut parts = token.split('-').skip(1).map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

fn answer(families: &Mutex<Families>, request: &http::Request<Body>) -> http::Response<Body> {
    let mut families = families.lock().unwrap();
    let (status, body) = if request.uri().path() == "/token" {
        let form = std::str::from_utf8(request.body().as_bytes().unwrap()).unwrap();
        let presented = form
            .split('&')
            .find_map(|pair| pair.strip_prefix("refresh_token="))
            .unwrap();
        match families.refresh(presented) {
            Some((access, refresh)) => (
                200,
                format!(r#"{{"access_token":"{access}","refresh_token":"{refresh}"}}"#),
            ),
            None => (400, r#"{"error":"invalid_grant"}"#.to_owned()),
        }
    } else {
        let sent = request.headers().get("authorization");
        let good = sent.is_some_and(|value| {
            families.is_good(value.to_str().unwrap().trim_start_matches("Bearer "))
        });
        (if good { 200 } else { 401 }, String::new())
    };
    http::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

/// What a call may end in, when users change under it.
fn is_expected(error: &tollgate::Error) -> bool {
    let superseded =
        RefreshError::find_in(error).is_some_and(|cause| cause.class() == RefreshClass::Superseded);
    error.is_status(401) || (error.kind() == ErrorKind::Auth && superseded)
}

const CALLERS: usize = 4;
const CALLS: usize = 40;
const SIGN_INS: usize = 8;

/// What the threads of one race share.
struct Race {
    seed: u64,
    families: Arc<Mutex<Families>>,
    time: ManualRuntime,
    mock: MockAdapter,
    store: Arc<MemoryStore>,
    refresh: TokenRefresh,
    on_threads: tollgate::blocking::Client,
    on_async: tollgate::Client,
}

fn client<E: Drive>(mock: &MockAdapter, refresh: &TokenRefresh) -> Client<E> {
    let client = E::builder(mock.clone())
        .base_url(BASE)
        // The clock leaps: no timeout may be in its way.
        .without_timeout()
        .build()
        .unwrap();
    client.interceptors.use_pair(refresh.clone());
    client
}

impl Race {
    fn new(seed: u64) -> Self {
        let families = Arc::new(Mutex::new(Families::default()));
        let time = ManualRuntime::new();
        let handler = Arc::clone(&families);
        let mock = MockAdapter::new()
            .handler(move |request| Ok(answer(&handler, request)))
            .with_runtime(time.clone());
        let first = families.lock().unwrap().sign_in();
        let store = Arc::new(MemoryStore::new(first));
        let refresh = pair_over(Arc::clone(&store))
            .jitter_seed(seed)
            .refresh_timeout(seconds(1_000_000_000))
            .build()
            .unwrap();
        Self {
            on_threads: client::<Blocking>(&mock, &refresh),
            on_async: client::<Async>(&mock, &refresh),
            seed,
            families,
            time,
            mock,
            store,
            refresh,
        }
    }

    fn call(&self, caller: usize) {
        for call in 0..CALLS {
            let result = if (caller + call).is_multiple_of(2) {
                Blocking::send(self.on_threads.get("/me"))
            } else {
                Async::send(self.on_async.get("/me"))
            };
            if let Err(error) = result {
                assert!(is_expected(&error), "seed {}: {error:?}", self.seed);
            }
        }
    }

    fn change_users(&self) {
        let mut random = fastrand::Rng::with_seed(self.seed + 1);
        for _ in 0..SIGN_INS {
            for _ in 0..random.u32(0..500) {
                std::thread::yield_now();
            }
            if random.bool() {
                block_on(self.refresh.sign_out()).unwrap();
            } else {
                let token = self.families.lock().unwrap().sign_in();
                block_on(self.refresh.sign_in(token)).unwrap();
            }
        }
    }

    fn expire(&self, over: &AtomicBool) {
        let mut random = fastrand::Rng::with_seed(self.seed);
        while !over.load(Ordering::SeqCst) {
            self.families.lock().unwrap().expire();
            // So that neither pauses nor the window end the race.
            self.time.advance(seconds(31));
            for _ in 0..random.u32(0..200) {
                std::thread::yield_now();
            }
        }
    }

    fn run(&self) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| self.expire(&over));
            let callers = (0..CALLERS).map(|caller| scope.spawn(move || self.call(caller)));
            let mut threads: Vec<_> = callers.collect();
            threads.push(scope.spawn(|| self.change_users()));
            let ends: Vec<_> = threads
                .into_iter()
                .map(std::thread::ScopedJoinHandle::join)
                .collect();
            // Also after a failure: else the clock would go on for ever.
            over.store(true, Ordering::SeqCst);
            assert!(ends.iter().all(Result::is_ok), "seed {}", self.seed);
        });
    }

    /// Whoever signs in last is who calls are sent as, and who is stored.
    fn finish(&self) {
        let last = self.families.lock().unwrap().sign_in();
        let access = last.access_token().expose().to_owned();
        block_on(self.refresh.sign_in(last)).unwrap();
        Blocking::send(self.on_threads.get("/last")).unwrap();
        // A refresh that nobody waits for any more may be the last to send.
        let requests = self.mock.requests();
        let last = requests.iter().find(|it| it.uri().path() == "/last");
        let sent = authorization(last.unwrap()).unwrap();
        assert_eq!(sent, format!("Bearer {access}"));
        let stored = block_on(self.store.load()).unwrap();
        assert_eq!(stored.token().unwrap().access_token().expose(), access);
    }
}

/// No refresh token is presented twice, whatever happens at the same time, and
/// no call ends in anything but an answer or the news that the user changed.
#[test]
fn no_refresh_token_is_presented_twice() {
    for seed in 0..12 {
        let race = Race::new(seed);
        race.run();
        let reused = race.families.lock().unwrap().reused.clone();
        assert!(reused.is_empty(), "seed {seed}: {reused:?}");
        race.finish();
    }
}
