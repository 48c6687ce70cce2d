//! 500 calls across five expiries, drawn as a waterfall.
//!
//! 400 async calls over reqwest and 100 over ureq, on threads, go out one after
//! another on one session, against a strict OAuth server on loopback. On the
//! way the token expires five times, in three manners:
//!
//! | the token | what calls do |
//! |---|---|
//! | is refused by the server | those that get the 401 wait, and are replayed |
//! | has 100 s left | nothing: it is renewed in the background |
//! | has 30 s left | they wait before they are sent: nobody sees a 401 |
//!
//! ```text
//! cargo run --release --example token_storm
//! ```
//!
//! It writes a page to open in a browser: `token_storm.html` in cargo's target
//! folder, or the file that is named as an argument. What it shows comes from
//! interceptors, extensions and events. The program exits with 0 only if
//! refreshes equal expiries, no refresh token came twice, every call succeeded.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    fs,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use http::StatusCode;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::task::JoinSet;
use tollgate::{
    Client, Error, Interceptors, Request, Response, Runtime,
    auth::{
        AuthEvent, MemoryStore, OAuth2Refresh, TokenRefresh,
        conformance::{Report, StrictAuthServer},
    },
    blocking,
    runtime::{BoxFuture, ThreadRuntime, TokioRuntime},
};
use tollgate_examples::{Attempt, CallRecord, Tally, Timeline};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

const CALLS: usize = 500;
/// Every so many calls goes over ureq.
const BLOCKING_EVERY: usize = 5;
const PACE: Duration = Duration::from_millis(5);
const API_LATENCY: Duration = Duration::from_millis(120);
const TOKEN_LATENCY: Duration = Duration::from_millis(200);
const LIFETIME: u64 = 3600;
/// Before which calls the token expires, and how.
const EXPIRIES: [(usize, Expiry); 5] = [
    (60, Expiry::Refused),
    (150, Expiry::SecondsLeft(100)),
    (240, Expiry::Refused),
    (330, Expiry::SecondsLeft(30)),
    (420, Expiry::Refused),
];
const PATIENCE: Duration = Duration::from_secs(20);

type Anything = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy)]
enum Expiry {
    /// The server takes it no more, whatever its time.
    Refused,
    /// Almost all of its time passes at once.
    SecondsLeft(u64),
}

#[tokio::main]
async fn main() -> Result<ExitCode, Anything> {
    let clock = Clock(ThreadRuntime, Arc::default());
    let server = StrictAuthServer::builder()
        .lifetime(Duration::from_secs(LIFETIME))
        .api_latency(API_LATENCY)
        .token_latency(TOKEN_LATENCY)
        .clock(clock.clone())
        .start()?;
    let client = Client::builder(ReqwestAdapter::new()?)
        .base_url(server.api_url())
        .runtime(clock.over(TokioRuntime::new()))
        .build()?;
    let blocking = blocking::Client::builder(UreqAdapter::new())
        .base_url(server.api_url())
        .runtime(clock.clone())
        .build()?;

    let bars = Bars::new()?;
    let storm = Storm::new(&bars);
    let refresher = OAuth2Refresh::new(server.token_url(), "example-client");
    let listener = storm.clone();
    let pair = TokenRefresh::builder(MemoryStore::new(server.sign_in("ada")), refresher)
        .on_event(move |event| listener.hear(event))
        .build()?;
    for interceptors in [&client.interceptors, &blocking.interceptors] {
        // Registered first: next to the wire, on the way out and back.
        storm.record(interceptors);
        interceptors.use_pair(pair.clone());
    }

    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        if let Some((_, expiry)) = EXPIRIES.iter().find(|(at, _)| *at == number) {
            storm.calm().await?;
            storm.expired(*expiry);
            match expiry {
                Expiry::Refused => server.expire_all(),
                Expiry::SecondsLeft(left) => clock.put_forward(LIFETIME - left),
            }
        }
        let path = format!("/items/{number}");
        let is_blocking = number % BLOCKING_EVERY == 0;
        let ticket = storm.ask(&path, is_blocking);
        let (storm, bar) = (storm.clone(), bars.of(is_blocking));
        if is_blocking {
            let call = blocking.get(path).extension(ticket.clone());
            calls.spawn_blocking(move || storm.answered(&ticket, &call.send(), &bar));
        } else {
            let call = client.get(path).extension(ticket.clone());
            calls.spawn(async move { storm.answered(&ticket, &call.await, &bar) });
        }
        tokio::time::sleep(PACE).await;
    }
    while calls.join_next().await.is_some() {}
    storm.calm().await?;
    bars.all.clear()?;

    report(&storm.timeline(), &server.report())
}

/// A clock that can be put forward, by seconds: an hour passes at once.
#[derive(Clone, Debug)]
struct Clock<R>(R, Arc<AtomicU64>);

impl<R> Clock<R> {
    fn over<S>(&self, runtime: S) -> Clock<S> {
        Clock(runtime, Arc::clone(&self.1))
    }

    fn put_forward(&self, seconds: u64) {
        self.1.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl<R: Runtime> Runtime for Clock<R> {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall() + Duration::from_secs(self.1.load(Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
}

/// In the extensions of a call: where what it meets is written down.
#[derive(Clone)]
struct Ticket(Arc<Mutex<CallRecord>>);

impl Ticket {
    fn record(&self) -> MutexGuard<'_, CallRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of the calls and of the session.
#[derive(Clone)]
struct Storm {
    started: Instant,
    known: Arc<Mutex<Known>>,
    bar: ProgressBar,
}

#[derive(Default)]
struct Known {
    tickets: Vec<Ticket>,
    /// Without the calls, which the tickets have.
    timeline: Timeline,
}

impl Storm {
    fn new(bars: &Bars) -> Self {
        Self {
            started: ThreadRuntime.now(),
            known: Arc::default(),
            bar: bars.refreshes.clone(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the beginning.
    fn now(&self) -> f64 {
        (ThreadRuntime.now() - self.started).as_secs_f64() * 1e3
    }

    fn ask(&self, path: &str, blocking: bool) -> Ticket {
        let record = CallRecord::new(path, blocking, self.now());
        let ticket = Ticket(Arc::new(Mutex::new(record)));
        self.known().tickets.push(ticket.clone());
        ticket
    }

    fn answered(&self, ticket: &Ticket, result: &Result<Response, Error>, bar: &ProgressBar) {
        let ok = result.as_ref().is_ok_and(|it| it.status() == 200);
        ticket.record().done = Some((self.now(), ok));
        bar.inc(1);
    }

    fn expired(&self, expiry: Expiry) {
        let how = match expiry {
            Expiry::Refused => "refused".to_owned(),
            Expiry::SecondsLeft(left) => format!("{left} s left"),
        };
        self.known().timeline.expiries.push((self.now(), how));
    }

    fn hear(&self, event: &AuthEvent) {
        let now = self.now();
        let refreshes = &mut self.known().timeline.refreshes;
        match event {
            AuthEvent::Refreshing { .. } => refreshes.push((now, None)),
            AuthEvent::Refreshed { .. } => {
                if let Some((_, end)) = refreshes.last_mut() {
                    *end = Some(now);
                }
                self.bar.inc(1);
            }
            _ => {}
        }
    }

    /// Notes when an attempt is really sent, and when its answer is there.
    fn record(&self, interceptors: &Interceptors) {
        let clock = self.clone();
        let requests = interceptors.request.named("record");
        requests.use_sync(move |request: Request| {
            if let Some(ticket) = request.extensions().get::<Ticket>() {
                ticket.record().attempts.push(Attempt::new(clock.now()));
            }
            Ok(request)
        });
        let (one, two) = (self.clone(), self.clone());
        interceptors.response.named("record").use_both(
            async move |response: Response| {
                one.note(response.extensions().get(), Some(response.status()));
                Ok(response)
            },
            async move |error: Error| {
                two.note(error.extensions().get(), error.status());
                Err(error)
            },
        );
    }

    fn note(&self, ticket: Option<&Ticket>, status: Option<StatusCode>) {
        if let Some(ticket) = ticket
            && let Some(attempt) = ticket.record().attempts.last_mut()
        {
            attempt.answered = Some(self.now());
            attempt.status = status.map(|it| it.as_u16());
        }
    }

    /// Waits until each expiry so far has had its refresh, and no call is under
    /// way from before it: none meets two expiries, as it is replayed once.
    async fn calm(&self) -> Result<(), Anything> {
        let calm = || {
            let known = self.known();
            let ended = known.timeline.refreshes.iter().filter_map(|it| it.1);
            let last = ended.fold(0.0, f64::max);
            let mut calls = known.tickets.iter().map(Ticket::record);
            known.timeline.refreshed() == known.timeline.expiries.len()
                && calls.all(|call| call.asked > last || call.done.is_some())
        };
        let waiting = async {
            while !calm() {
                tokio::time::sleep(PACE).await;
            }
        };
        let calmed = tokio::time::timeout(PATIENCE, waiting).await;
        calmed.map_err(|_| "there is not one refresh for each expiry".into())
    }

    fn timeline(&self) -> Timeline {
        let known = self.known();
        Timeline {
            calls: known.tickets.iter().map(|it| it.record().clone()).collect(),
            ..known.timeline.clone()
        }
    }
}

struct Bars {
    all: MultiProgress,
    reqwest: ProgressBar,
    ureq: ProgressBar,
    refreshes: ProgressBar,
}

impl Bars {
    fn new() -> Result<Self, Anything> {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{msg:<14} [{bar:40}] {pos}/{len}")?;
        let style = style.progress_chars("=> ");
        let add = |name: &'static str, length: usize| {
            let bar = ProgressBar::new(length as u64).with_style(style.clone());
            all.add(bar).with_message(name)
        };
        let blocking = CALLS / BLOCKING_EVERY;
        Ok(Self {
            reqwest: add("async, reqwest", CALLS - blocking),
            ureq: add("blocking, ureq", blocking),
            refreshes: add("refreshes", EXPIRIES.len()),
            all,
        })
    }

    fn of(&self, blocking: bool) -> ProgressBar {
        let bar = if blocking { &self.ureq } else { &self.reqwest };
        bar.clone()
    }
}

/// Prints the table, writes the page, and tells whether all is as it should be.
fn report(timeline: &Timeline, report: &Report) -> Result<ExitCode, Anything> {
    println!("engine          calls      ok  401s seen  replays  p50, ms  p99, ms");
    for (name, blocking) in [("async, reqwest", false), ("blocking, ureq", true)] {
        let calls = timeline.calls.iter();
        let tally = Tally::of(calls.filter(|call| call.blocking == blocking));
        println!(
            "{name:<14} {:>6} {:>7} {:>10} {:>8} {:>8.0} {:>8.0}",
            tally.calls,
            tally.ok,
            tally.refused,
            tally.replayed,
            tally.percentile(50),
            tally.percentile(99),
        );
    }
    let expiries = timeline.expiries.len();
    let (refreshes, reuses) = (report.refreshes(), report.reuses());
    println!("{expiries} expiries, {refreshes} refreshes, {reuses} refresh tokens used twice");

    let all = Tally::of(timeline.calls.iter());
    let facts = vec![
        ("calls", all.calls.to_string()),
        ("succeeded", all.ok.to_string()),
        ("expiries", expiries.to_string()),
        ("refreshes", refreshes.to_string()),
        ("refresh tokens used twice", reuses.to_string()),
        ("answers 401", all.refused.to_string()),
        ("replays", all.replayed.to_string()),
        ("median latency", format!("{:.0} ms", all.percentile(50))),
        ("99th percentile", format!("{:.0} ms", all.percentile(99))),
    ];
    let path = page_path();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, timeline.page("Token storm", ABOUT, facts)?)?;
    println!("the waterfall is in {}", path.display());
    let good = all.ok == CALLS && refreshes == expiries as u64 && reuses == 0;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn page_path() -> PathBuf {
    if let Some(named) = std::env::args_os().nth(1) {
        return named.into();
    }
    let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    PathBuf::from(folder).join("token_storm.html")
}

const ABOUT: &str = "One session, 400 async calls over reqwest and 100 blocking ones over ureq, one \
    row each, in the order in which they were asked for. Where the server refuses the token, the \
    calls that meet the 401 wait for one refresh and are replayed. Where it has 100 s left, it is \
    renewed in the background and nobody waits; where it has 30 s left, calls wait before they are \
    sent. Point at a row to read what it met.";
