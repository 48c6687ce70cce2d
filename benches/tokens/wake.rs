//! Ten thousand calls that wait for one refresh.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant, SystemTime},
};

use tollgate::{
    Client,
    auth::{MemoryStore, RefreshError, Token, TokenRefresh},
    runtime::TokioRuntime,
};
use tollgate_benches::{AtOnce, ByHand};

use crate::{BASE, HOUR, PATH, by_mutex::ByMutex, expiring, token};

const WAITERS: usize = 10_000;
const ROUNDS: usize = 20;

pub(crate) fn run() {
    println!("\n{WAITERS} calls that wait for one refresh: milliseconds, least and median");
    println!("{:<44} {:>9} {:>9}", "", "least", "median");
    let polled = [("ours", Whose::Ours), ("by hand", Whose::ByHand)];
    for (name, whose) in polled {
        let (woken, answered): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| by_polls(whose)).unzip();
        line(&format!("{name}, until the last is woken"), woken);
        line(&format!("{name}, until the last has its answer"), answered);
    }
    for (name, whose) in polled {
        let times = (0..ROUNDS).map(|_| on_tokio(whose)).collect();
        line(
            &format!("{name}, until the last task of tokio's ends"),
            times,
        );
    }
}

fn line(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let [least, median] = [times[0], times[times.len() / 2]].map(|time| time.as_secs_f64() * 1e3);
    println!("{name:<44} {least:>9.2} {median:>9.2}");
}

#[derive(Clone, Copy)]
enum Whose {
    Ours,
    ByHand,
}

/// What the refresh waits for.
#[derive(Clone, Default)]
struct Gate {
    entered: Arc<AtomicBool>,
    open: Arc<AtomicBool>,
    opened: Arc<tokio::sync::Notify>,
}

impl Gate {
    /// Waits until it is opened; asks again whenever it is polled.
    async fn pass(self) {
        self.entered.store(true, Ordering::Relaxed);
        let mut opened = std::pin::pin!(self.opened.notified());
        std::future::poll_fn(|context| {
            let _ = opened.as_mut().poll(context);
            match self.open.load(Ordering::Relaxed) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
        self.opened.notify_one();
    }

    /// Registers a refresh that waits here; returns what counts refreshes.
    fn register(&self, whose: Whose, client: &Client) -> Box<dyn Fn() -> u64> {
        let gate = self.clone();
        let over = SystemTime::now() - HOUR;
        match whose {
            Whose::Ours => {
                let refresher = async move |_: Client, _: Token| {
                    gate.clone().pass().await;
                    Ok::<_, RefreshError>(expiring())
                };
                let refresh =
                    TokenRefresh::builder(MemoryStore::new(token().expires_at(over)), refresher)
                        .build()
                        .unwrap();
                client.interceptors.use_pair(refresh.clone());
                Box::new(move || refresh.counters().refreshed)
            }
            Whose::ByHand => {
                let mutex = ByMutex::new(Some(over), move || gate.clone().pass());
                mutex.register(&client.interceptors);
                Box::new(move || mutex.refreshed())
            }
        }
    }
}

/// Counts how often the calls are woken.
#[derive(Default)]
struct Woken {
    count: AtomicUsize,
    expected: AtomicUsize,
    last: OnceLock<Instant>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if count == self.expected.load(Ordering::Relaxed) {
            self.last.set(Instant::now()).unwrap();
        }
    }
}

/// Polls all calls in turn, as a runtime with one thread would; returns the
/// time until the last is woken, and until the last has its answer.
fn by_polls(whose: Whose) -> (Duration, Duration) {
    let runtime = ByHand::default();
    let client = Client::builder(AtOnce)
        .base_url(BASE)
        .runtime(runtime.clone())
        .build()
        .unwrap();
    let gate = Gate::default();
    let refreshed = gate.register(whose, &client);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut calls: Vec<Pin<Box<dyn Future<Output = _>>>> = (0..WAITERS)
        .map(|_| Box::pin(client.get(PATH).send()) as _)
        .collect();
    while !gate.entered.load(Ordering::Relaxed) {
        runtime.run();
        for call in &mut calls {
            assert!(call.as_mut().poll(&mut context).is_pending());
        }
    }
    // One of those who wait for a mutex has it already.
    let expected = match whose {
        Whose::Ours => WAITERS,
        Whose::ByHand => WAITERS - 1,
    };
    woken.count.store(0, Ordering::Relaxed);
    woken.expected.store(expected, Ordering::Relaxed);
    gate.open();
    let start = Instant::now();
    while matches!(whose, Whose::Ours) && woken.last.get().is_none() {
        runtime.run();
    }
    for call in &mut calls {
        assert!(matches!(
            call.as_mut().poll(&mut context),
            Poll::Ready(Ok(_))
        ));
    }
    let answered = start.elapsed();
    assert_eq!(refreshed(), 1);
    (*woken.last.get().unwrap() - start, answered)
}

/// The same with a task of tokio's for each call.
fn on_tokio(whose: Whose) -> Duration {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio.block_on(async {
        let client = Client::builder(AtOnce)
            .base_url(BASE)
            .runtime(TokioRuntime::new())
            .build()
            .unwrap();
        let gate = Gate::default();
        let refreshed = gate.register(whose, &client);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..WAITERS {
            tasks.spawn(client.get(PATH).send());
        }
        // Long enough for each to be polled: a yield lets others run.
        for _ in 0..WAITERS {
            tokio::task::yield_now().await;
        }
        assert!(gate.entered.load(Ordering::Relaxed));
        gate.open();
        let start = Instant::now();
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
        let time = start.elapsed();
        assert_eq!(refreshed(), 1);
        time
    })
}
