//! What a token costs: attaching one that is valid, and waking those who wait
//! for the next.
//!
//! ```text
//! cargo bench -p tollgate-benches --bench attach
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench: it reads the clock, prints, and stops at a failure"
)]

use std::{
    hint::black_box,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant, SystemTime},
};

use criterion::Criterion;
use http::{HeaderValue, header::AUTHORIZATION};
use tollgate::{
    Client, InterceptorPair, Request,
    auth::{MemoryStore, RefreshError, Token, TokenRefresh},
};
use tollgate_benches::{AtOnce, ByHand, Figures, drive, measure};

const BASE: &str = "https://bench.invalid";
const HOUR: Duration = Duration::from_secs(3600);
const WAITERS: usize = 10_000;

const BARE: &str = "no header";
const READY: &str = "a ready header, use_sync";
const ATTACHED: &str = "a valid token, attached";
const PAIR: &str = "a valid token, the whole pair";

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    attach(&mut criterion);
    criterion.final_summary();
    if !std::env::args().any(|arg| arg == "--test") {
        wake();
    }
}

fn client() -> Client {
    Client::builder(AtOnce).base_url(BASE).build().unwrap()
}

fn token() -> Token {
    Token::new("a-token-of-usual-length-0123456789").refresh("r1")
}

/// A pair whose token is valid for an hour.
fn valid() -> TokenRefresh {
    let token = token().expires_in(HOUR, SystemTime::now());
    let never = async |_: Client, token: Token| Ok::<_, RefreshError>(token);
    TokenRefresh::builder(MemoryStore::new(token), never)
        .build()
        .unwrap()
}

fn attach(criterion: &mut Criterion) {
    let figures = Figures::default();
    let bare = client();
    let ready = client();
    let value = HeaderValue::from_static("Bearer a-token-of-usual-length-0123456789");
    ready
        .interceptors
        .request
        .use_sync(move |mut request: Request| {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            Ok(request)
        });
    let attached = client();
    let (request_half, _) = valid().into_pair();
    attached.interceptors.request.use_interceptor(request_half);
    let pair = client();
    pair.interceptors.use_pair(valid());

    for (subject, client) in [
        (BARE, bare),
        (READY, ready),
        (ATTACHED, attached),
        (PAIR, pair),
    ] {
        let mut call = || {
            black_box(drive(client.get("/things/7").send()).unwrap());
        };
        call();
        criterion
            .benchmark_group("attach")
            .bench_function(subject, |bencher| {
                bencher.iter_custom(|calls| measure(&figures, subject, 0, calls, &mut call));
            });
    }
    let Some(ready) = figures.time(READY, 0) else {
        return;
    };
    println!("\nnanoseconds per call, fastest decile of the samples");
    for subject in [BARE, READY, ATTACHED, PAIR] {
        if let Some(time) = figures.time(subject, 0) {
            println!("{subject:<32} {time:>8.0} {:>+8.0}", time - ready);
        }
    }
}

/// Counts how often the calls are woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lets 10 000 calls wait for one refresh and wakes them, ten times.
fn wake() {
    let mut rounds: Vec<(Duration, Duration)> = (0..10).map(|_| wake_once()).collect();
    rounds.sort();
    let (fastest, _) = rounds.first().copied().unwrap();
    let (median, all) = rounds.get(rounds.len() / 2).copied().unwrap();
    println!("\n{WAITERS} calls that wait for one refresh");
    println!("to wake them, fastest and median of 10  {fastest:>10.2?} {median:>10.2?}");
    println!(
        "until the last has its answer           {:>10} {all:>10.2?}",
        ""
    );
}

/// Returns how long the refresh took to wake all, and until all were answered.
fn wake_once() -> (Duration, Duration) {
    let runtime = ByHand::default();
    let (entered, open) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let gate = (Arc::clone(&entered), Arc::clone(&open));
    let refresher = async move |_: Client, _: Token| {
        gate.0.store(true, Ordering::Relaxed);
        std::future::poll_fn(|_| match gate.1.load(Ordering::Relaxed) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        Ok::<_, RefreshError>(token().expires_in(HOUR, SystemTime::now()))
    };
    let expired = token().expires_at(SystemTime::now() - HOUR);
    let refresh = TokenRefresh::builder(MemoryStore::new(expired), refresher)
        .build()
        .unwrap();
    let client = Client::builder(AtOnce)
        .base_url(BASE)
        .runtime(runtime.clone())
        .build()
        .unwrap();
    client.interceptors.use_pair(refresh.clone());

    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut calls: Vec<Pin<Box<dyn Future<Output = _>>>> = (0..WAITERS)
        .map(|_| Box::pin(client.get("/things/7").send()) as _)
        .collect();
    while !entered.load(Ordering::Relaxed) {
        for call in &mut calls {
            assert!(call.as_mut().poll(&mut context).is_pending());
        }
        runtime.run();
    }
    woken.0.store(0, Ordering::Relaxed);
    open.store(true, Ordering::Relaxed);

    let start = Instant::now();
    while woken.0.load(Ordering::Relaxed) < WAITERS {
        assert!(runtime.run() > 0 || woken.0.load(Ordering::Relaxed) == WAITERS);
    }
    let to_wake = start.elapsed();
    for call in &mut calls {
        assert!(matches!(
            call.as_mut().poll(&mut context),
            Poll::Ready(Ok(_))
        ));
    }
    let to_answer = start.elapsed();
    assert_eq!(refresh.counters().refreshed, 1);
    (to_wake, to_answer)
}
