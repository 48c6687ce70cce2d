//! [`run`]: one schedule, from its seed to its end.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use tollgate::{
    Client,
    auth::{AuthEvent, Counters, Stamp, Stored, TokenRefresh},
};

use crate::{
    executor::{Executor, Kind},
    operation::{Operation, Stage, issue},
    shelf::{Shelf, refresh_of},
    wire::{API, Asker, Wire},
    world::World,
};

/// How long a program may go wrong, in steps.
const STEPS: u32 = 200;
/// How long it may take to its end, once nothing fails any more.
const MORE_STEPS: u32 = 5_000;

/// What a schedule has come across.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) counters: Counters,
    pub(crate) cancelled: u64,
    pub(crate) shut_down: u64,
    pub(crate) reused: u64,
    pub(crate) hurried: u64,
    pub(crate) expired: u64,
    pub(crate) calls: u64,
    pub(crate) survived: u64,
    pub(crate) steps: u64,
}

pub(crate) struct Report {
    pub(crate) fault: Option<String>,
    pub(crate) trace: Vec<String>,
    pub(crate) seen: Seen,
}

impl Seen {
    pub(crate) fn add(&mut self, more: &Self) {
        let (all, it) = (&mut self.counters, &more.counters);
        all.attempts += it.attempts;
        all.refreshed += it.refreshed;
        all.failed += it.failed;
        all.not_sent += it.not_sent;
        all.ambiguous += it.ambiguous;
        all.rejected += it.rejected;
        all.config += it.config;
        all.coalesced += it.coalesced;
        all.cooled += it.cooled;
        all.replays += it.replays;
        all.stale_hits += it.stale_hits;
        all.adopted += it.adopted;
        all.persist_failed += it.persist_failed;
        all.panics += it.panics;
        self.cancelled += more.cancelled;
        self.shut_down += more.shut_down;
        self.reused += more.reused;
        self.hurried += more.hurried;
        self.expired += more.expired;
        self.calls += more.calls;
        self.survived += more.survived;
        self.steps += more.steps;
    }

    /// A simulation in which something never happens shows nothing of it.
    pub(crate) fn assert_varied(&self) {
        let it = &self.counters;
        let all = [
            it.refreshed,
            it.not_sent,
            it.ambiguous,
            it.rejected,
            it.config,
            it.coalesced,
            it.cooled,
            it.replays,
            it.stale_hits,
            it.adopted,
            it.persist_failed,
            it.panics,
            self.cancelled,
            self.shut_down,
            self.reused,
            self.hurried,
            self.expired,
            self.survived,
        ];
        assert!(all.iter().all(|count| *count > 0), "{self:?}");
    }
}

struct Schedule {
    stage: Stage,
    world: Arc<World>,
    executor: Executor,
    random: fastrand::Rng,
    seen: Seen,
    /// The store may be behind, and rightly so.
    persist_failed: bool,
}

/// Runs the schedule of a seed.
pub(crate) fn run(seed: u64, traced: bool) -> Report {
    let world = World::new(seed, traced);
    let mut schedule = Schedule::new(seed, world);
    schedule.play();
    schedule.report()
}

fn event_handler(world: &Arc<World>) -> impl Fn(&AuthEvent) + Send + Sync + 'static {
    let world = Arc::downgrade(world);
    let called = AtomicBool::new(false);
    move |event| {
        let Some(world) = world.upgrade() else {
            return;
        };
        world.hear(event);
        if !world.lock().plan.handler_calls || called.swap(true, Ordering::Relaxed) {
            return;
        }
        // I13: a lock that is held here holds this thread for ever.
        let Some(stage) = world.stage() else {
            return;
        };
        let mut call = Box::pin(stage.call("/me", None));
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_pending() {
            world.time.spawn_as(Kind::Caller, call);
        }
    }
}

impl Schedule {
    fn new(seed: u64, world: Arc<World>) -> Self {
        {
            let mut state = world.lock();
            if state.random.u32(..8) > 0 {
                let (id, token) = issue(&world, &mut state);
                state.model.current = Some(id.0);
                state.model.appears(id.0);
                let stored = Stored::live(Stamp::new(1, 1), token);
                state.put(stored, false);
            }
            let plan = state.plan.clone();
            state.note(|| format!("{plan:?}"));
        }
        let client = Client::builder(Wire(Arc::clone(&world)))
            .base_url(API)
            .without_timeout()
            .build()
            .unwrap();
        let refresh = TokenRefresh::builder(Shelf(Arc::clone(&world)), Asker::new(&world))
            .jitter_seed(seed)
            .on_event(event_handler(&world))
            .build()
            .unwrap();
        client.interceptors.use_pair(refresh.clone());
        let watch = Arc::downgrade(&world);
        client.interceptors.request.use_sync(move |request| {
            // I14: what refreshes passes no interceptor.
            if request.uri().host() == Some("id.test")
                && let Some(world) = watch.upgrade()
            {
                let what = "a refresh passes an interceptor";
                world.lock().model.fail("I14", what);
            }
            Ok(request)
        });
        let stage = Stage {
            world: Arc::clone(&world),
            client,
            refresh,
        };
        world.set_stage(Some(stage.clone()));
        Self {
            stage,
            executor: Executor::new(world.time.clone()),
            random: fastrand::Rng::with_seed(seed ^ 0x5EED),
            world,
            seen: Seen::default(),
            persist_failed: false,
        }
    }

    fn play(&mut self) {
        let mut program = {
            let mut state = self.world.lock();
            self.persist_failed = state.plan.store_trouble > 0;
            Operation::program(&mut state)
        };
        let plan = self.world.lock().plan.clone();
        for _ in 0..STEPS {
            if self.is_over() || (program.is_empty() && self.executor.is_idle()) {
                break;
            }
            let starts = self.random.u32(..6) == 0 || self.executor.is_idle();
            if starts && let Some(operation) = program.pop() {
                self.stage.start(operation);
                self.executor.welcome();
            } else if self.random.u32(..64) < plan.cancels {
                self.cancel();
            } else if self.random.u32(..64) < plan.shutdowns {
                self.shut_down();
            } else if self.random.u32(..32) == 0 {
                self.world.time.fire();
            } else {
                self.step();
            }
        }
        for operation in program {
            self.stage.start(operation);
        }
        self.executor.welcome();
        self.world.lock().plan.calm();
        self.drain();
        self.check_the_end();
        self.check_the_quiet();
    }

    fn is_over(&self) -> bool {
        self.world.lock().model.fault.is_some()
    }

    /// Polls a task, or lets time pass if none is woken; tells whether there
    /// was anything to do.
    fn step(&mut self) -> bool {
        self.seen.steps += 1;
        let Some(running) = self.executor.pick(&mut self.random) else {
            self.world.lock().model.idles();
            return self.world.time.fire();
        };
        self.world.lock().note(|| format!("{running:?}"));
        self.executor.poll(running);
        let mut state = self.world.lock();
        state.model.starting = None;
        let waits = state.model.hurries.take();
        state.model.require("I10", waits.is_none(), || {
            format!("call {waits:?} waits, though there is a usable token")
        });
        true
    }

    fn cancel(&mut self) {
        if let Some(kind) = self.executor.cancel_one(&mut self.random) {
            self.seen.cancelled += 1;
            // A sign-in may not have been stored.
            self.persist_failed |= kind == Kind::Operation;
            self.world.lock().note(|| format!("a {kind:?} goes away"));
        }
    }

    fn shut_down(&mut self) {
        // Before they are dropped: what they hold is lost from here on.
        let flights = self.executor.shut_down();
        if !flights.is_empty() {
            self.seen.shut_down += 1;
            let mut state = self.world.lock();
            state.note(|| format!("shut down: {flights:?}"));
            state.model.cuts(&flights);
        }
    }

    /// I8: nothing fails any more, so everything comes to its end.
    fn drain(&mut self) {
        for _ in 0..MORE_STEPS {
            if self.is_over() || self.executor.is_idle() {
                return;
            }
            if !self.step() {
                let left = self.executor.left();
                let text = format!("nobody wakes {left:?}");
                self.world.lock().model.fail("I8", text);
                return;
            }
        }
        let text = format!("{:?} do not come to an end", self.executor.left());
        self.world.lock().model.fail("I8", text);
    }

    fn check_the_end(&mut self) {
        let mut state = self.world.lock();
        state.model.nothing_is_lost();
        let counters = self.stage.refresh.counters();
        self.seen.reused = u64::from(state.server.reused);
        self.seen.hurried = u64::from(state.model.hurried);
        self.seen.calls = state.model.calls.len() as u64;
        self.seen.expired = u64::from(state.model.expired);
        self.seen.counters = counters;
    }

    /// Whether the session must have lived through all that has happened.
    fn must_live(&self) -> bool {
        let mut state = self.world.lock();
        let Some(family) = state.model.current else {
            return false;
        };
        let kept_up = !state.model.foreign && state.model.expired == 0;
        kept_up && !state.server.is_dead(family) && !state.has_loss(family)
    }

    /// When the trouble is over, a call succeeds: at once if the session has
    /// lived through it, else after a sign-in.
    fn check_the_quiet(&mut self) {
        if self.is_over() {
            return;
        }
        self.world.lock().note(|| "quiet".to_owned());
        self.world.time.pass(Duration::from_secs(4000));
        let must_live = self.must_live();
        // A token that another process has stored may be refused too, and a
        // call is replayed once.
        let mut first = self.last_call(false);
        if first == Some(401) {
            first = self.last_call(false);
        }
        if first == Some(200) {
            self.seen.survived = 1;
            self.check_the_store();
        } else if must_live {
            self.world
                .lock()
                .model
                .fail("I12", format!("a session is lost: {first:?}"));
        }
        if self.is_over() {
            return;
        }
        let last = self.last_call(true);
        self.world
            .lock()
            .model
            .require("quiet", last == Some(200), || {
                format!("after a sign-in a call ends in {last:?}")
            });
    }

    fn last_call(&mut self, signs_in: bool) -> Option<u16> {
        let stage = self.stage.clone();
        let status = Arc::new(Mutex::new(None));
        let told = Arc::clone(&status);
        self.world.time.spawn_as(Kind::Operation, async move {
            if signs_in {
                stage.sign_in().await.unwrap();
            }
            *told.lock().unwrap() = stage.outcome("/me", None).await;
        });
        self.executor.welcome();
        self.drain();
        let status = status.lock().unwrap();
        *status
    }

    /// The store holds what the session lives on.
    fn check_the_store(&self) {
        let mut state = self.world.lock();
        let stored = refresh_of(&state.kept.stored);
        let Some(family) = state.model.current.filter(|_| !state.model.foreign) else {
            return;
        };
        if self.persist_failed || state.server.is_dead(family) || state.has_loss(family) {
            return;
        }
        let good = Some((family, state.server.newest_refresh(family)));
        state.model.require("I5", stored == good, || {
            format!("the store holds {stored:?}, good is {good:?}")
        });
    }

    fn report(mut self) -> Report {
        self.world.print(
            "the client",
            &format!("{:?} {:?}", self.stage.client, self.stage.refresh),
        );
        self.world.set_stage(None);
        self.executor.clear();
        let mut state = self.world.lock();
        Report {
            fault: state.model.fault.take(),
            trace: state.trace.take().unwrap_or_default(),
            seen: self.seen,
        }
    }
}
