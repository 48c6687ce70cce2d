//! A refused token: 401, a refresh in memory, a replay.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use tokio::runtime::{Builder, Runtime as Tokio};
use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, Client,
    auth::{MemoryStore, RefreshError, SkipAuth, Token, TokenRefresh},
    blocking,
    runtime::{ThreadRuntime, TokioRuntime},
};

use crate::{
    BASE, PATH,
    by_mutex::ByMutex,
    expiring,
    leaping::Leaping,
    turns::{Turns, print},
};

const ROUNDS: usize = 1_000;
const CALLS: u32 = 50;
const ROUNDS_OF_THREADS: usize = 200;
const CALLS_OF_THREADS: u32 = 20;

/// Refuses every other request.
#[derive(Clone, Default)]
struct Refuses(Arc<AtomicBool>);

impl Refuses {
    fn answer(&self) -> http::Response<Body> {
        let mut answer = http::Response::new(Body::empty());
        if !self.0.fetch_xor(true, Ordering::Relaxed) {
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

#[async_trait]
impl Adapter for Refuses {
    async fn send(&self, _: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        Ok(self.answer())
    }
}

impl BlockingAdapter for Refuses {
    fn send(&self, _: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        Ok(self.answer())
    }
}

pub(crate) fn run() {
    let current = Builder::new_current_thread().enable_all().build().unwrap();
    on_tokio("tokio, one thread", &current);
    let mut several = Builder::new_multi_thread();
    let several = several.worker_threads(2).enable_all().build().unwrap();
    on_tokio("tokio, two threads", &several);
    on_threads();
}

/// A pair whose refreshes give another token each.
fn refresh() -> TokenRefresh {
    let number = AtomicU64::new(0);
    let number = Arc::new(number);
    let refresher = async move |_: Client, _: Token| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let text = format!("a-token-of-usual-length-{number:010}");
        let token = Token::new(text).refresh(format!("r{number}"));
        Ok::<_, RefreshError>(token.expires_in(crate::HOUR, std::time::SystemTime::now()))
    };
    TokenRefresh::builder(MemoryStore::new(expiring()), refresher)
        .build()
        .unwrap()
}

/// Times `calls` calls in a task of their own.
fn in_task<F>(tokio: &Tokio, calls: u32, call: impl Fn() -> F + Send + 'static) -> Duration
where
    F: Future<Output = ()> + Send,
{
    let task = async move {
        let start = Instant::now();
        for _ in 0..calls {
            call().await;
        }
        start.elapsed()
    };
    tokio.block_on(tokio.spawn(task)).unwrap()
}

async fn succeed(client: &Client) {
    let response = client.get(PATH).send().await.unwrap();
    assert_eq!(response.attempts(), 2);
}

/// Has the store read: the first token is refused later, not waited for.
async fn read_store(client: &Client) {
    let call = || client.get(PATH).extension(SkipAuth).send();
    call().await.unwrap_err();
    call().await.unwrap();
}

fn on_tokio(name: &str, tokio: &Tokio) {
    let runtime = Leaping::new(TokioRuntime::with_handle(tokio.handle().clone()));
    let client = || {
        Client::builder(Refuses::default())
            .base_url(BASE)
            .runtime(runtime.clone())
            .build()
            .unwrap()
    };
    let mut turns = Turns::default();
    let bare = client();
    turns.subject("two bare calls: 401, then 200", move |calls| {
        let client = bare.clone();
        in_task(tokio, calls, move || {
            let client = client.clone();
            async move {
                client.get(PATH).send().await.unwrap_err();
                client.get(PATH).send().await.unwrap();
            }
        })
    });
    let (ours, pair) = (client(), refresh());
    ours.interceptors.use_pair(pair.clone());
    tokio.block_on(read_store(&ours));
    let clock = runtime.clone();
    turns.subject("401, refresh, replay", {
        let ours = ours.clone();
        move |calls| {
            let (ours, clock) = (ours.clone(), clock.clone());
            in_task(tokio, calls, move || {
                clock.leap();
                let ours = ours.clone();
                async move { succeed(&ours).await }
            })
        }
    });
    let clock = runtime.clone();
    let counted = pair.clone();
    turns.subject("of this, the refresh", move |calls| {
        let (ours, clock, pair) = (ours.clone(), clock.clone(), pair.clone());
        in_task(tokio, calls, move || {
            clock.leap();
            let (ours, pair) = (ours.clone(), pair.clone());
            async move { pair.refresh_now(&ours).await.unwrap() }
        })
    });
    let (theirs, mutex) = (client(), by_hand());
    mutex.register(&theirs.interceptors);
    turns.subject("by hand: 401, refresh, replay", move |calls| {
        let theirs = theirs.clone();
        in_task(tokio, calls, move || {
            let theirs = theirs.clone();
            async move { succeed(&theirs).await }
        })
    });
    let costs = turns.run(ROUNDS, CALLS);
    print(&format!("A refused token: nanoseconds, {name}"), &costs, 0);
    let made = u64::try_from(ROUNDS).unwrap() * u64::from(CALLS);
    assert_eq!(counted.counters().refreshed, 2 * made);
    assert_eq!(mutex.refreshed(), made);
}

fn on_threads() {
    let runtime = Leaping::new(ThreadRuntime);
    let client = || {
        blocking::Client::builder(Refuses::default())
            .base_url(BASE)
            .runtime(runtime.clone())
            .build()
            .unwrap()
    };
    let mut turns = Turns::default();
    let bare = client();
    turns.call("two bare calls: 401, then 200", move || {
        bare.get(PATH).send().unwrap_err();
        bare.get(PATH).send().unwrap();
    });
    let ours = client();
    ours.interceptors.use_pair(refresh());
    ours.get(PATH).extension(SkipAuth).send().unwrap_err();
    ours.get(PATH).extension(SkipAuth).send().unwrap();
    let clock = runtime.clone();
    turns.call("401, refresh, replay", move || {
        clock.leap();
        assert_eq!(ours.get(PATH).send().unwrap().attempts(), 2);
    });
    turns.call("a thread that does nothing, awaited", || {
        std::thread::spawn(|| ()).join().unwrap();
    });
    let (theirs, mutex) = (client(), by_hand());
    mutex.register(&theirs.interceptors);
    turns.call("by hand: 401, refresh, replay", move || {
        assert_eq!(theirs.get(PATH).send().unwrap().attempts(), 2);
    });
    print(
        "A refused token: nanoseconds, blocking",
        &turns.run(ROUNDS_OF_THREADS, CALLS_OF_THREADS),
        0,
    );
}

fn by_hand() -> ByMutex {
    ByMutex::new(None, || std::future::ready(()))
}
