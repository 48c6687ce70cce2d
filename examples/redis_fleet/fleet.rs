//! The processes, and what they share, as the parent has them.

use std::{fmt::Display, time::Duration};

use tollgate::{
    auth::{
        OAuth2Refresh, TokenRefresh,
        conformance::{Rotation, StrictAuthServer},
    },
    runtime::block_on,
};
use tollgate_examples::Children;
use tollgate_redis_kit::Server;

use crate::{
    Anything, PROCESSES,
    page::{Expiry, Process, Story},
    said::{GO_ON, HALT, STOP, Said, Settings, Step},
    worker::{Clock, open},
};

const API_LATENCY: Duration = Duration::from_millis(25);
const TOKEN_LATENCY: Duration = Duration::from_millis(150);
/// How long things go on as they are between two expiries, in milliseconds.
const CALM: f64 = 450.0;
/// How long a process refreshes before it is killed.
const REFRESHING: f64 = 60.0;
/// The same for anything that has to happen.
const PATIENCE: f64 = 20_000.0;

/// When the process that refreshes is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// The store knows that it refreshes, and the server does not.
    BeforeSend,
    /// The server has rotated, and nobody has the new pair.
    AfterAnswer,
}

pub(crate) struct Fleet {
    // In this order they are dropped.
    children: Children,
    server: StrictAuthServer,
    clock: Clock,
    story: Story,
}

impl Fleet {
    /// Starts the processes, which make calls from then on.
    pub(crate) fn start(redis: &Server, leases: bool) -> Result<Self, Anything> {
        let rotation = if leases {
            Rotation::Grace(1)
        } else {
            Rotation::Strict
        };
        let server = StrictAuthServer::builder()
            .rotation(rotation)
            .api_latency(API_LATENCY)
            .token_latency(TOKEN_LATENCY)
            .start()?;
        let store = open(&redis.url())?;
        let refresher = OAuth2Refresh::new(server.token_url(), "example-client");
        let session = TokenRefresh::builder(store, refresher).build()?;
        block_on(session.sign_in(server.sign_in("ada")))?;

        let clock = Clock::begin();
        let settings = Settings {
            redis: redis.url(),
            api: server.api_url(),
            token_url: server.token_url(),
            leases,
            begun: clock.0,
        };
        let settings = serde_json::to_string(&settings)?;
        let children = Children::start(PROCESSES, &["--worker".to_owned(), settings])?;
        let mut fleet = Self {
            children,
            server,
            clock,
            story: Story {
                processes: (0..PROCESSES).map(|_| Process::default()).collect(),
                leases,
                ..Story::default()
            },
        };
        fleet.until(|fleet| fleet.all_called_since(0.0))?;
        fleet.note("eight processes make calls with one token");
        fleet.pass(CALM)?;
        Ok(fleet)
    }

    fn note(&self, text: impl Display) {
        println!("{:>5.0} ms  {text}", self.clock.now());
    }

    /// The token expires, and perhaps the process that refreshes is killed.
    pub(crate) fn expire(&mut self, kill: Option<Kill>) -> Result<(), Anything> {
        if kill == Some(Kill::BeforeSend) {
            self.tell_all(HALT)?;
        }
        let held = (kill == Some(Kill::AfterAnswer)).then(|| self.server.hold_refreshes());
        let at = self.begin_expiry();
        if let Some(kill) = kill {
            self.until(|fleet| {
                let asked = held.as_ref().is_none_or(|held| held.waiting() > 0);
                asked && fleet.refreshing_since(at).is_some()
            })?;
            // So that it can be seen in the timeline.
            self.pass(REFRESHING)?;
            let number = self.refreshing_since(at).ok_or("nobody refreshes")?;
            self.children.kill(number)?;
            self.killed(number, kill);
        }
        drop(held);
        if kill == Some(Kill::BeforeSend) {
            self.tell_all(GO_ON)?;
        }
        self.until(|fleet| fleet.all_called_since(at))?;
        self.pass(CALM)?;
        self.end_expiry(at);
        Ok(())
    }

    /// The token expires, and the session does not survive it.
    pub(crate) fn expire_for_the_last_time(&mut self) -> Result<(), Anything> {
        let held = self.server.hold_refreshes();
        let at = self.begin_expiry();
        // Each process asks that meets the old token before a new one is stored.
        self.until(|_| held.waiting() > 1)?;
        drop(held);
        self.until(|fleet| {
            fleet.server.report().families_revoked() == 1
                && fleet.alive().all(|it| it.has(Step::Over))
        })?;
        self.pass(CALM)?;
        self.end_expiry(at);
        Ok(())
    }

    fn begin_expiry(&mut self) -> f64 {
        let at = self.clock.now();
        self.story.expiries.push(Expiry {
            at,
            refreshes: self.server.report().refresh_calls(),
            ..Expiry::default()
        });
        self.server.expire_all();
        at
    }

    fn killed(&mut self, number: usize, kill: Kill) {
        let now = self.clock.now();
        self.note(match kill {
            Kill::BeforeSend => format!("process {number} is killed before it sends"),
            Kill::AfterAnswer => format!("process {number} is killed, its answer is under way"),
        });
        if let Some(expiry) = self.story.expiries.last_mut() {
            expiry.killed = Some((number, kill));
        }
        if let Some(process) = self.story.processes.get_mut(number - 1) {
            process.killed = Some(now);
        }
    }

    fn end_expiry(&mut self, at: f64) {
        let refreshes = self.server.report().refresh_calls();
        let Some(expiry) = self.story.expiries.last_mut() else {
            return;
        };
        expiry.refreshes = refreshes - expiry.refreshes;
        let refreshes = expiry.refreshes;
        let waited = self.clock.now() - CALM - at;
        self.note(format!(
            "{refreshes} refresh{}, over {waited:.0} ms after the expiry",
            if refreshes == 1 { "" } else { "es" }
        ));
    }

    /// Stops the processes; returns what has happened.
    pub(crate) fn end(mut self) -> Result<Story, Anything> {
        self.tell_all(STOP)?;
        self.until(|fleet| fleet.alive().all(|it| it.adopted.is_some()))?;
        let report = self.server.report();
        self.story.families_revoked = report.families_revoked();
        Ok(self.story)
    }

    fn alive(&self) -> impl Iterator<Item = &Process> {
        let all = self.story.processes.iter();
        all.filter(|process| process.killed.is_none())
    }

    fn tell_all(&mut self, line: &str) -> Result<(), Anything> {
        for (number, process) in (1..).zip(&self.story.processes) {
            if process.killed.is_none() {
                self.children.tell(number, line)?;
            }
        }
        Ok(())
    }

    /// Every thread has made a call that began after `at` and succeeded.
    fn all_called_since(&self, at: f64) -> bool {
        self.alive().all(|process| {
            process.threads.iter().all(|calls| {
                let last = calls.last();
                last.is_some_and(|call| call.asked > at && call.done.is_some_and(|it| it.1))
            })
        })
    }

    /// Which process was the first that has begun to refresh.
    fn refreshing_since(&self, at: f64) -> Option<usize> {
        let numbered = (1..).zip(&self.story.processes);
        let alive = numbered.filter(|(_, process)| process.killed.is_none());
        let begun = alive.filter_map(|(number, process)| {
            let mut steps = process.steps.iter();
            let (_, then) = steps.find(|(step, then)| *step == Step::Refreshing && *then > at)?;
            Some((number, *then))
        });
        let first = begun.min_by(|one, other| one.1.total_cmp(&other.1));
        first.map(|(number, _)| number)
    }

    /// Lets things go on for a while.
    fn pass(&mut self, time: f64) -> Result<(), Anything> {
        let until = self.clock.now() + time;
        self.until(|fleet| fleet.clock.now() > until)
    }

    /// Hears what the processes say, until something is so.
    fn until(&mut self, met: impl Fn(&Self) -> bool) -> Result<(), Anything> {
        let begun = self.clock.now();
        while !met(self) {
            if self.clock.now() - begun > PATIENCE {
                return Err("the processes do not get as far as that".into());
            }
            // Many lines at once, as each look goes through all there is.
            for _ in 0..100 {
                let Some((number, line)) = self.children.hear(Duration::from_millis(2)) else {
                    break;
                };
                let said: Said = serde_json::from_str(&line)?;
                if let Some(process) = self.story.processes.get_mut(number - 1) {
                    process.hear(said);
                }
            }
        }
        Ok(())
    }
}

impl Process {
    fn hear(&mut self, said: Said) {
        match said {
            Said::Call { thread, call } => {
                if let Some(calls) = self.threads.get_mut(thread) {
                    calls.push(call);
                }
            }
            Said::Step { step, at } => self.steps.push((step, at)),
            Said::Bye { adopted } => self.adopted = Some(adopted),
        }
    }
}
