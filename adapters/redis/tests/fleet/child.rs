//! What a process of the fleet does: one test of this program, run alone.
//!
//! Half of the processes are async, over tokio; the others are blocking.

use std::{
    io::{BufRead, Write, stdin, stdout},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tollgate::{
    Client, ErrorKind, Response, Result, Runtime,
    adapter::Offload,
    auth::{AuthEvent, OAuth2Refresh, SessionState, TokenRefresh, TokenRefreshBuilder},
    blocking,
    runtime::{ThreadRuntime, TokioRuntime, block_on},
};
use tollgate_ureq::UreqAdapter;

use crate::{
    gate::{Gate, Gated},
    world::open,
};

/// The variable with the settings of a child.
pub(crate) const SETTINGS: &str = "TOLLGATE_FLEET";
/// The test that a child runs.
pub(crate) const TEST: &str = "child::process";

/// What all processes of a fleet are started with.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) redis: String,
    pub(crate) key: String,
    pub(crate) api: String,
    pub(crate) token_url: String,
    /// How long Redis may take for an answer; `None`: as by default.
    pub(crate) deadline: Option<Duration>,
    /// The lease of one process, shorter than its session asks for.
    pub(crate) short_lease: Option<(usize, Duration)>,
    /// Of process 1, and of the others.
    pub(crate) first_timeout: Duration,
    pub(crate) refresh_timeout: Duration,
}

impl Settings {
    pub(crate) fn to_text(&self, number: usize) -> String {
        let lease = self.short_lease.filter(|(whose, _)| *whose == number);
        let lease = lease.map_or(0, |(_, lease)| lease.as_millis());
        let timeout = match number {
            1 => self.first_timeout.as_millis(),
            _ => self.refresh_timeout.as_millis(),
        };
        let Self { redis, key, .. } = self;
        let (api, token_url) = (&self.api, &self.token_url);
        let deadline = self.deadline.map_or(0, |deadline| deadline.as_millis());
        format!("{number} {redis} {key} {api} {token_url} {deadline} {lease} {timeout}")
    }

    fn from_text(text: &str) -> Option<(usize, Self)> {
        let mut words = text.split(' ');
        let mut word = || words.next().map(str::to_owned);
        let number: usize = word()?.parse().ok()?;
        let (redis, key, api, token_url) = (word()?, word()?, word()?, word()?);
        let mut millis = || word()?.parse().ok().map(Duration::from_millis);
        let (deadline, lease, timeout) = (millis()?, millis()?, millis()?);
        let settings = Self {
            redis,
            key,
            api,
            token_url,
            deadline: Some(deadline).filter(|deadline| !deadline.is_zero()),
            short_lease: Some((number, lease)).filter(|(_, lease)| !lease.is_zero()),
            first_timeout: timeout,
            refresh_timeout: timeout,
        };
        Some((number, settings))
    }
}

/// Says a line to the parent.
pub(crate) fn say(text: &str) {
    let mut out = stdout().lock();
    writeln!(out, "said: {text}").unwrap();
    out.flush().unwrap();
}

/// Does nothing, unless it was started as a child.
#[test]
fn process() {
    let Ok(text) = std::env::var(SETTINGS) else {
        return;
    };
    let (number, settings) = Settings::from_text(&text).unwrap();
    let gate = Arc::new(Gate::default());
    let worker = Arc::new(Worker::new(number, &settings, &gate));
    say("ready");
    // No more lines: the parent has ended.
    for line in stdin().lock().lines().map_while(std::result::Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        match *words.as_slice() {
            ["halt", point] => gate.shut(point),
            ["resume"] => gate.open(),
            ["calls", total, at_once] => {
                let (total, at_once) = (total.parse().unwrap(), at_once.parse().unwrap());
                let worker = Arc::clone(&worker);
                thread::spawn(move || worker.calls(total, at_once));
            }
            ["stream"] => {
                // Here, so that a later line is not overtaken.
                worker.streams.store(true, Ordering::SeqCst);
                let worker = Arc::clone(&worker);
                thread::spawn(move || worker.stream());
            }
            ["quiet"] => worker.streams.store(false, Ordering::SeqCst),
            ["sign-out"] => {
                block_on(worker.pair.sign_out()).unwrap();
                say("signed-out");
            }
            ["token"] => {
                let none = worker.pair.status().state() == SessionState::Empty;
                say(if none { "token none" } else { "token held" });
            }
            ["counters"] => {
                let counters = worker.pair.counters();
                let (adopted, waits) = (counters.adopted, counters.lease_waits);
                say(&format!("counters {} {adopted} {waits}", counters.attempts));
            }
            _ => panic!("`{line}` is no command"),
        }
    }
    #[expect(
        clippy::exit,
        reason = "threads of calls may wait for a refresh that is halted"
    )]
    std::process::exit(0);
}

enum Engine {
    Async(Client, tokio::runtime::Runtime),
    Blocking(blocking::Client),
}

impl Engine {
    fn new(number: usize, api: &str, pair: &TokenRefresh) -> Self {
        if number.is_multiple_of(2) {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let tokio = builder.worker_threads(2).enable_all().build().unwrap();
            let adapter = Offload::new(UreqAdapter::new());
            let builder = Client::builder(adapter).runtime(TokioRuntime::new());
            let client = builder.base_url(api).build().unwrap();
            client.interceptors.use_pair(pair.clone());
            Self::Async(client, tokio)
        } else {
            let builder = blocking::Client::builder(UreqAdapter::new());
            let client = builder.base_url(api).build().unwrap();
            client.interceptors.use_pair(pair.clone());
            Self::Blocking(client)
        }
    }

    fn get(&self, path: String) -> Result<Response> {
        match self {
            Self::Async(client, tokio) => tokio.block_on(client.get(path).send()),
            Self::Blocking(client) => client.get(path).send(),
        }
    }
}

#[derive(Default)]
struct Tally {
    ok: usize,
    over: usize,
    failed: usize,
    first: Option<String>,
}

struct Worker {
    number: usize,
    engine: Engine,
    pair: TokenRefresh,
    streams: AtomicBool,
}

impl Worker {
    fn new(number: usize, settings: &Settings, gate: &Arc<Gate>) -> Self {
        let store = Gated {
            inner: Arc::new(open(&settings.redis, &settings.key, settings.deadline)),
            lease: settings.short_lease.map(|(_, lease)| lease),
            gate: Arc::clone(gate),
        };
        let pair = builder(store, &settings.token_url)
            .refresh_timeout(settings.refresh_timeout)
            .on_event(|event| match event {
                AuthEvent::SessionExpired { error, .. } if error.is_rotation_lost() => say("lost"),
                AuthEvent::SessionExpired { .. } => say("expired"),
                _ => {}
            })
            .build()
            .unwrap();
        let engine = Engine::new(number, &settings.api, &pair);
        Self {
            number,
            engine,
            pair,
            streams: AtomicBool::new(false),
        }
    }

    /// Makes so many calls in all, so many of them at once.
    fn calls(&self, total: usize, at_once: usize) {
        let tally = Mutex::new(Tally::default());
        thread::scope(|scope| {
            for first in 0..at_once {
                let tally = &tally;
                scope.spawn(move || {
                    for item in (first..total).step_by(at_once) {
                        let result = self.engine.get(format!("/{}/{item}", self.number));
                        tally.lock().unwrap().note(result);
                    }
                });
            }
        });
        let Tally {
            ok,
            over,
            failed,
            first,
        } = tally.into_inner().unwrap();
        let first = first.unwrap_or_default();
        say(&format!("called {ok} {over} {failed} {first}"));
    }

    /// Makes one call after another until it is told to be quiet.
    fn stream(&self) {
        let mut tally = Tally::default();
        for item in 0.. {
            if !self.streams.load(Ordering::SeqCst) {
                break;
            }
            tally.note(self.engine.get(format!("/{}/{item}", self.number)));
            block_on(ThreadRuntime.sleep(Duration::from_millis(10)));
        }
        let Tally { ok, failed, .. } = tally;
        say(&format!("streamed {ok} {failed}"));
    }
}

/// A session as every process of the fleet has it.
pub(crate) fn builder(
    store: impl tollgate::auth::TokenStore,
    token_url: &str,
) -> TokenRefreshBuilder {
    TokenRefresh::builder(store, OAuth2Refresh::new(token_url, "fleet"))
}

impl Tally {
    fn note(&mut self, result: Result<Response>) {
        match result {
            Ok(_) => self.ok += 1,
            Err(error) if error.kind() == ErrorKind::SessionExpired => self.over += 1,
            Err(error) => {
                self.failed += 1;
                self.first.get_or_insert(format!("{error:?}"));
            }
        }
    }
}
