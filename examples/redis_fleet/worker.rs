//! One process of the fleet: three threads of calls, one session.

use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use tollgate::{
    Error, Request, Response, Result, Runtime,
    auth::{
        AuthEvent, Lease, OAuth2Refresh, Presented, Stamp, Stored, Swap, TokenRefresh, TokenStore,
    },
    blocking::Client,
    runtime::{ThreadRuntime, block_on},
};
use tollgate_examples::{Attempt, CallRecord};
use tollgate_redis::RedisStore;
use tollgate_ureq::UreqAdapter;

use crate::{
    Anything,
    said::{GO_ON, HALT, STOP, Said, Settings, Step},
};

pub(crate) const THREADS: usize = 3;
const KEY: &str = "fleet";
/// How long Redis may take while a fleet keeps the machine busy.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long a lease is: longer than a refresh, so short that one can watch it.
/// A session asks for one that is longer than the time that a refresh may take.
const LEASE: Duration = Duration::from_millis(3000);
const PAUSE: Duration = Duration::from_millis(15);

/// Opens the store, as all of them do.
pub(crate) fn open(redis: &str) -> Result<RedisStore> {
    RedisStore::builder(KEY)
        .url(redis)
        .deadline(DEADLINE)
        .build()
}

/// Makes calls until it is told to stop.
pub(crate) fn work(settings: &str) -> std::result::Result<ExitCode, Anything> {
    let settings: Settings = serde_json::from_str(settings)?;
    let clock = Clock(settings.begun);
    let halts = Arc::new(AtomicBool::new(false));
    let store = Told {
        inner: open(&settings.redis)?,
        leases: settings.leases,
        clock,
    };
    let refresher = OAuth2Refresh::new(&settings.token_url, "example-client");
    let pair = TokenRefresh::builder(store, refresher)
        .on_event({
            let halts = Arc::clone(&halts);
            move |event| match event {
                AuthEvent::Refreshing { .. } => {
                    clock.say(Step::Refreshing);
                    // The refresh waits for this handler.
                    while halts.load(Ordering::SeqCst) {
                        block_on(ThreadRuntime.sleep(PAUSE));
                    }
                }
                AuthEvent::SessionExpired { .. } => clock.say(Step::Over),
                _ => {}
            }
        })
        .build()?;
    let stops = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for number in 0..THREADS {
        let caller = Caller::new(&settings, &pair, number)?;
        let stops = Arc::clone(&stops);
        threads.push(thread::spawn(move || caller.call_until(&stops)));
    }
    // No more lines: the parent process has ended.
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            HALT => halts.store(true, Ordering::SeqCst),
            GO_ON => halts.store(false, Ordering::SeqCst),
            STOP => break,
            other => return Err(format!("`{other}` is no command").into()),
        }
    }
    stops.store(true, Ordering::SeqCst);
    for thread in threads {
        thread
            .join()
            .map_err(|_| "a thread of calls has panicked")?;
    }
    let adopted = pair.counters().adopted;
    say(&Said::Bye { adopted });
    Ok(ExitCode::SUCCESS)
}

fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        // Perhaps the parent hears nothing any more.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }
}

/// The time since the parent has begun, which is the same in all processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(pub(crate) f64);

impl Clock {
    pub(crate) fn begin() -> Self {
        Self(Self(0.0).now())
    }

    pub(crate) fn now(self) -> f64 {
        let wall = ThreadRuntime.wall();
        let since = wall.duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default().as_secs_f64() * 1e3 - self.0
    }

    fn say(self, step: Step) {
        let at = self.now();
        say(&Said::Step { step, at });
    }
}

/// A thread of calls: it has a client of its own, and shares the session.
struct Caller {
    client: Client,
    number: usize,
    current: Current,
    clock: Clock,
}

/// The call that is under way.
#[derive(Clone, Default)]
struct Current(Arc<Mutex<CallRecord>>);

impl Current {
    fn record(&self) -> MutexGuard<'_, CallRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, now: f64, status: Option<u16>) {
        if let Some(attempt) = self.record().attempts.last_mut() {
            (attempt.answered, attempt.status) = (Some(now), status);
        }
    }
}

impl Caller {
    fn new(settings: &Settings, pair: &TokenRefresh, number: usize) -> Result<Self> {
        let client = Client::builder(UreqAdapter::new()).base_url(&settings.api);
        let caller = Self {
            client: client.build()?,
            number,
            current: Current::default(),
            clock: Clock(settings.begun),
        };
        caller.record();
        caller.client.interceptors.use_pair(pair.clone());
        Ok(caller)
    }

    /// Registered first: next to the wire, on the way out and back.
    fn record(&self) {
        let interceptors = &self.client.interceptors;
        let (clock, current) = (self.clock, self.current.clone());
        interceptors.request.use_sync(move |request: Request| {
            current.record().attempts.push(Attempt::new(clock.now()));
            Ok(request)
        });
        let (one, two) = (self.current.clone(), self.current.clone());
        interceptors.response.use_both(
            async move |response: Response| {
                one.answered(clock.now(), Some(response.status().as_u16()));
                Ok(response)
            },
            async move |error: Error| {
                two.answered(clock.now(), error.status().map(|it| it.as_u16()));
                Err(error)
            },
        );
    }

    fn call_until(&self, stops: &AtomicBool) {
        for number in 0.. {
            if stops.load(Ordering::SeqCst) {
                return;
            }
            let path = format!("/items/{number}");
            *self.current.record() = CallRecord::new(&path, true, self.clock.now());
            let ok = self.client.get(path).send().is_ok();
            let mut call = self.current.record().clone();
            call.done = Some((self.clock.now(), ok));
            let thread = self.number;
            say(&Said::Call { thread, call });
            block_on(ThreadRuntime.sleep(PAUSE));
        }
    }
}

/// Redis, and a parent that is told what goes on there.
struct Told {
    inner: RedisStore,
    leases: bool,
    clock: Clock,
}

#[async_trait]
impl TokenStore for Told {
    async fn load(&self) -> Result<Stored> {
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let swap = self.inner.compare_and_swap(expected, new).await?;
        self.clock.say(Step::Stored);
        Ok(swap)
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        if !self.leases {
            return Ok(Lease::default());
        }
        self.clock.say(Step::Asks);
        let lease = self.inner.acquire(ttl.min(LEASE)).await?;
        let withheld = lease.is_withheld();
        self.clock.say(if withheld {
            Step::Withheld
        } else {
            Step::Leased
        });
        Ok(lease)
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        self.inner.present(stamp, presented).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.clock.say(Step::Freed);
        self.inner.release(lease).await
    }

    fn is_watchable(&self) -> bool {
        self.inner.is_watchable()
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        let stored = self.inner.changed(seen).await?;
        self.clock.say(Step::Told);
        Ok(stored)
    }
}
