//! The main job: one refresh per expiry, however many calls are in flight.
//!
//! Starts a strict OAuth server (a refresh token that comes twice revokes the
//! whole family) and an API behind it on loopback. Then 10 000 concurrent
//! async calls over reqwest and 64 threads × 50 calls over ureq, all on one
//! session, run through expiries.
//!
//! ```text
//! cargo run --release --example token_refresh
//! cargo run --release --example token_refresh -- --naive
//! ```
//!
//! `--naive` lets every call that gets a 401 refresh for itself, as most
//! hand-written interceptors do. The program exits with 0 only if refreshes
//! equal expiries, no refresh token came twice and every call succeeded.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    process::ExitCode,
    sync::{
        Arc, Barrier, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use tokio::{sync::Semaphore, task::JoinSet};
use tollgate::{
    Client, Error, Interceptors, Request, Runtime,
    auth::{
        MemoryStore, OAuth2Refresh, Token, TokenRefresh,
        conformance::{Report, StrictAuthServer},
    },
    blocking,
    runtime::ThreadRuntime,
};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

const ASYNC_CALLS: u64 = 10_000;
/// At how many accepted async calls the token expires; the first one at once.
const ASYNC_EXPIRIES: [u64; 3] = [0, 3_000, 6_000];
/// Sockets at a time; the other calls wait in an interceptor.
const SOCKETS: usize = 256;
const THREADS: u64 = 64;
const CALLS_PER_THREAD: u64 = 50;
/// The second one when each thread has made half of its calls.
const BLOCKING_EXPIRIES: [u64; 2] = [0, THREADS * CALLS_PER_THREAD / 2];

type Anything = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, Anything> {
    let naive = std::env::args().any(|argument| argument == "--naive");
    let server = StrictAuthServer::start()?;
    let token = server.sign_in("ada");

    // One session: both clients get the same pair of interceptors.
    let (async_client, blocking_client) = clients(&server)?;
    if naive {
        let session = Naive::new(&server, &token);
        session.install(&async_client.interceptors);
        session.install(&blocking_client.interceptors);
    } else {
        let refresher = OAuth2Refresh::new(server.token_url(), "example-client");
        let refresh = TokenRefresh::builder(MemoryStore::new(token), refresher).build()?;
        async_client.interceptors.use_pair(refresh.clone());
        blocking_client.interceptors.use_pair(refresh);
    }
    // Registered last, so it runs first: a call takes a socket, then a token.
    cap_sockets(&async_client);
    print!("{}", async_client.explain());

    let first = storm(
        "async, reqwest",
        ASYNC_CALLS,
        &server,
        &ASYNC_EXPIRIES,
        async |bar| async_storm(&async_client, bar).await,
    )
    .await?;
    let second = storm(
        "blocking, ureq",
        THREADS * CALLS_PER_THREAD,
        &server,
        &BLOCKING_EXPIRIES,
        async |bar| {
            let client = blocking_client.clone();
            tokio::task::spawn_blocking(move || blocking_storm(&client, &bar))
                .await
                .unwrap_or(0)
        },
    )
    .await?;

    println!("engine          calls      ok  401s seen  expiries  refreshes  reuse  seconds");
    first.print();
    second.print();
    let good = first.is_good() && second.is_good();
    println!(
        "{}",
        if good {
            "one refresh per expiry, no refresh token used twice, every call succeeded"
        } else {
            "NOT one refresh per expiry, or a refresh token was used twice, or a call failed"
        }
    );
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn clients(server: &StrictAuthServer) -> Result<(Client, blocking::Client), Error> {
    let client = Client::builder(ReqwestAdapter::new()?)
        .base_url(server.api_url())
        .build()?;
    let blocking = blocking::Client::builder(UreqAdapter::new())
        .base_url(server.api_url())
        .build()?;
    Ok((client, blocking))
}

/// Holds calls back in an interceptor: until all of them are in flight, then
/// until a socket is free.
///
/// The queue is fair, so calls that are sent again come after all others, and
/// none of them meets two expiries: a call is sent again once.
fn cap_sockets(client: &Client) {
    let sockets = Arc::new(Semaphore::new(0));
    let arrived = Arc::new(AtomicU64::new(0));
    client
        .interceptors
        .request
        .named("socket cap")
        .use_(async move |mut request: Request| {
            let first = request.attempt() == 1;
            if first && arrived.fetch_add(1, Ordering::Relaxed) + 1 == ASYNC_CALLS {
                sockets.add_permits(SOCKETS);
            }
            let sockets = Arc::clone(&sockets);
            let permit = sockets.acquire_owned().await.map_err(Error::other)?;
            // Given back when the answer is dropped, and before any replay.
            request.extensions_mut().insert(Arc::new(permit));
            Ok(request)
        });
}

#[derive(Deserialize)]
struct Answer {
    path: String,
}

async fn async_storm(client: &Client, bar: ProgressBar) -> u64 {
    let mut calls = JoinSet::new();
    for number in 0..ASYNC_CALLS {
        let client = client.clone();
        let bar = bar.clone();
        calls.spawn(async move {
            let path = format!("/items/{number}");
            let response = client.get(&*path).await?;
            bar.inc(1);
            Ok::<bool, Error>(response.json::<Answer>()?.path == path)
        });
    }
    let mut ok = 0;
    while let Some(call) = calls.join_next().await {
        ok += u64::from(matches!(call, Ok(Ok(true))));
    }
    ok
}

fn blocking_storm(client: &blocking::Client, bar: &ProgressBar) -> u64 {
    // No call is under way when the token expires, so that none meets two
    // expiries.
    let half = Barrier::new(THREADS as usize);
    let one = |thread: u64| {
        let mut ok = 0;
        for number in 0..CALLS_PER_THREAD {
            if number == CALLS_PER_THREAD / 2 {
                half.wait();
            }
            let path = format!("/threads/{thread}/{number}");
            let answer = client.get(&*path).send().and_then(|it| it.json::<Answer>());
            bar.inc(1);
            ok += u64::from(answer.is_ok_and(|answer| answer.path == path));
        }
        ok
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || one(thread)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(0))
            .sum()
    })
}

/// One line of the table.
struct Line {
    name: &'static str,
    calls: u64,
    ok: u64,
    seconds: f64,
    before: Report,
    after: Report,
}

impl Line {
    fn counted(&self, count: impl Fn(&Report) -> u64) -> u64 {
        count(&self.after) - count(&self.before)
    }

    fn is_good(&self) -> bool {
        self.ok == self.calls
            && self.counted(Report::refreshes) == self.counted(Report::expiries)
            && self.counted(Report::reuses) == 0
    }

    fn print(&self) {
        println!(
            "{:<14} {:>6} {:>7} {:>10} {:>9} {:>10} {:>6} {:>8.2}",
            self.name,
            self.calls,
            self.ok,
            self.counted(Report::unauthorized),
            self.counted(Report::expiries),
            self.counted(Report::refreshes),
            self.counted(Report::reuses),
            self.seconds
        );
    }
}

async fn storm(
    name: &'static str,
    calls: u64,
    server: &StrictAuthServer,
    expiries: &[u64],
    run: impl AsyncFnOnce(ProgressBar) -> u64,
) -> Result<Line, Anything> {
    let before = server.report();
    server.expire_at(expiries);
    let style = ProgressStyle::with_template("{msg:<14} [{bar:40}] {pos}/{len} {elapsed}")?;
    let bar = ProgressBar::new(calls)
        .with_style(style.progress_chars("=> "))
        .with_message(name);
    bar.enable_steady_tick(Duration::from_millis(100));
    let started = ThreadRuntime.now();
    let ok = run(bar.clone()).await;
    let seconds = (ThreadRuntime.now() - started).as_secs_f64();
    bar.finish_and_clear();
    Ok(Line {
        name,
        calls,
        ok,
        seconds,
        before,
        after: server.report(),
    })
}

/// What most hand-written interceptors do: every 401 refreshes.
#[derive(Clone)]
struct Naive {
    pair: Arc<Mutex<(String, String)>>,
    token_url: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    refresh_token: String,
}

impl Naive {
    fn new(server: &StrictAuthServer, token: &Token) -> Self {
        let access = token.access_token().expose().to_owned();
        let refresh = token.refresh_token().map_or("", |it| it.expose());
        Self {
            pair: Arc::new(Mutex::new((access, refresh.to_owned()))),
            token_url: server.token_url(),
        }
    }

    fn pair(&self) -> (String, String) {
        self.pair
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn attach(&self, mut request: Request) -> Result<Request, Error> {
        let value = format!("Bearer {}", self.pair().0).parse()?;
        request.headers_mut().insert("authorization", value);
        Ok(request)
    }

    async fn renew(&self, error: Error) -> Result<tollgate::ResponseFlow, Error> {
        if !error.is_status(401) || error.attempts() > 1 {
            return Err(error);
        }
        let Some(client) = error.client() else {
            return Err(error);
        };
        let form = [
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", self.pair().1),
        ];
        // A client without interceptors, or it would wait for itself.
        let bare = client.derive().build()?;
        let granted: Granted = bare.post(&*self.token_url).form(&form).await?.json()?;
        *self.pair.lock().unwrap_or_else(PoisonError::into_inner) =
            (granted.access_token, granted.refresh_token);
        error.replay()
    }

    fn install(&self, interceptors: &Interceptors) {
        let (one, two) = (self.clone(), self.clone());
        interceptors
            .request
            .named("naive")
            .use_sync(move |it| one.attach(it));
        interceptors
            .response
            .named("naive")
            .use_rejected(async move |error: Error| two.renew(error).await);
    }
}
