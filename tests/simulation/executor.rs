//! [`Executor`]: one thread, a virtual clock, and tasks that run only when
//! they were woken.
//!
//! Which task is polled next is the schedule's choice. A task that nobody
//! wakes is never polled: a lost wake-up shows as a hang.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant, SystemTime},
};

use tollgate::{
    Runtime,
    runtime::{BoxFuture, ManualRuntime},
};

/// 2030-01-01 00:00 UTC, with room for clocks that are set back.
const START: Duration = Duration::from_secs(1_893_456_000);

/// Whose task it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A caller's: it may go away at any time.
    Caller,
    /// Somebody signs in or out, or asks for a refresh.
    Operation,
    /// One that the session has spawned.
    Flight,
    /// Another process with the same store.
    Foreign,
}

/// The task that is polled, or dropped, just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) task: usize,
    pub(crate) kind: Kind,
}

/// The virtual clock, and the door through which tasks are spawned.
#[derive(Clone)]
pub(crate) struct Time(Arc<Mutex<Core>>);

struct Core {
    base: Instant,
    now: Duration,
    /// How long the machine slept: its monotonic clock stood still.
    slept: Duration,
    /// What the user has set the wall clock off by, in seconds.
    skew: i64,
    alarms: Vec<Alarm>,
    next: u64,
    spawned: Vec<(Kind, BoxFuture<'static, ()>)>,
    running: Option<Running>,
}

struct Alarm {
    id: u64,
    at: Duration,
    waker: Option<Waker>,
}

impl Time {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Core {
            base: ManualRuntime::new().now(),
            now: Duration::ZERO,
            slept: Duration::ZERO,
            skew: 0,
            alarms: Vec::new(),
            next: 0,
            spawned: Vec::new(),
            running: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap()
    }

    /// The monotonic time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.lock().now
    }

    /// The time as the servers know it: nobody sets their clocks.
    pub(crate) fn true_time(&self) -> Duration {
        let core = self.lock();
        core.now + core.slept
    }

    pub(crate) fn set_wall_off(&self, seconds: i64) {
        self.lock().skew = seconds;
    }

    pub(crate) fn suspend(&self, time: Duration) {
        self.lock().slept += time;
    }

    pub(crate) fn running(&self) -> Option<Running> {
        self.lock().running
    }

    pub(crate) fn spawn_as(&self, kind: Kind, future: impl Future<Output = ()> + Send + 'static) {
        self.lock().spawned.push((kind, Box::pin(future)));
    }

    /// Moves on, past alarms too.
    pub(crate) fn pass(&self, time: Duration) {
        self.lock().now += time;
    }

    /// Moves to the next alarm; tells whether there was one.
    pub(crate) fn fire(&self) -> bool {
        let mut core = self.lock();
        let first = (0..core.alarms.len()).min_by_key(|at| (core.alarms[*at].at, *at));
        let Some(first) = first else {
            return false;
        };
        let alarm = core.alarms.remove(first);
        core.now = core.now.max(alarm.at);
        drop(core);
        if let Some(waker) = alarm.waker {
            waker.wake();
        }
        true
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}

impl Runtime for Time {
    fn now(&self) -> Instant {
        let core = self.lock();
        core.base + core.now
    }

    fn wall(&self) -> SystemTime {
        let core = self.lock();
        let right = SystemTime::UNIX_EPOCH + START + core.now + core.slept;
        let skew = Duration::from_secs(core.skew.unsigned_abs());
        if core.skew < 0 {
            right - skew
        } else {
            right + skew
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut core = self.lock();
        core.next += 1;
        let id = core.next;
        let at = core.now + duration;
        let waker = None;
        core.alarms.push(Alarm { id, at, waker });
        Box::pin(Sleep {
            time: self.clone(),
            id,
        })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.spawn_as(Kind::Flight, task);
    }
}

/// Ends when its alarm is gone: that is what firing does.
struct Sleep {
    time: Time,
    id: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut core = self.time.lock();
        let now = core.now;
        let found = core.alarms.iter().position(|alarm| alarm.id == self.id);
        match found {
            Some(at) if core.alarms[at].at > now => {
                core.alarms[at].waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.time.lock().alarms.retain(|alarm| alarm.id != self.id);
    }
}

/// Is pending so many times, and wakes itself.
pub(crate) struct Pause(pub(crate) u32);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task {
    kind: Kind,
    future: BoxFuture<'static, ()>,
    woken: Arc<Woken>,
    waker: Waker,
}

/// All tasks of one schedule, by their numbers, which are not used again.
pub(crate) struct Executor {
    time: Time,
    tasks: Vec<Option<Task>>,
}

impl Executor {
    pub(crate) fn new(time: Time) -> Self {
        let tasks = Vec::new();
        Self { time, tasks }
    }

    /// Takes on what was spawned meanwhile.
    pub(crate) fn welcome(&mut self) {
        let spawned = std::mem::take(&mut self.time.lock().spawned);
        for (kind, future) in spawned {
            let woken = Arc::new(Woken(AtomicBool::new(true)));
            let waker = Waker::from(Arc::clone(&woken));
            self.tasks.push(Some(Task {
                kind,
                future,
                woken,
                waker,
            }));
        }
    }

    fn select(&self, wanted: impl Fn(&Task) -> bool) -> impl Iterator<Item = usize> {
        let tasks = self.tasks.iter().enumerate();
        tasks.filter_map(move |(at, task)| task.as_ref().is_some_and(&wanted).then_some(at))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.tasks.iter().all(Option::is_none)
    }

    /// The kinds of all tasks that are not over.
    pub(crate) fn left(&self) -> Vec<Kind> {
        self.tasks.iter().flatten().map(|task| task.kind).collect()
    }

    /// Picks one of the woken tasks.
    pub(crate) fn pick(&self, random: &mut fastrand::Rng) -> Option<Running> {
        let woken = |task: &Task| task.woken.0.load(Ordering::Relaxed);
        let count = self.select(woken).count();
        if count == 0 {
            return None;
        }
        let task = self.select(woken).nth(random.usize(..count))?;
        let kind = self.tasks[task].as_ref()?.kind;
        Some(Running { task, kind })
    }

    /// Polls a task once.
    pub(crate) fn poll(&mut self, running: Running) {
        let Some(task) = self.tasks[running.task].as_mut() else {
            return;
        };
        task.woken.0.store(false, Ordering::Relaxed);
        self.time.lock().running = Some(running);
        let mut context = Context::from_waker(&task.waker);
        let polled = task.future.as_mut().poll(&mut context);
        if polled.is_ready() {
            self.tasks[running.task] = None;
        }
        self.time.lock().running = None;
        self.welcome();
    }

    fn drop_task(&mut self, at: usize) {
        let Some(task) = self.tasks[at].take() else {
            return;
        };
        let kind = task.kind;
        self.time.lock().running = Some(Running { task: at, kind });
        drop(task);
        self.time.lock().running = None;
        self.welcome();
    }

    /// Drops one task that is no flight, at its present await point.
    pub(crate) fn cancel_one(&mut self, random: &mut fastrand::Rng) -> Option<Kind> {
        let mortal = |task: &Task| task.kind != Kind::Flight;
        let count = self.select(mortal).count();
        if count == 0 {
            return None;
        }
        let at = self.select(mortal).nth(random.usize(..count))?;
        let kind = self.tasks[at].as_ref()?.kind;
        self.drop_task(at);
        Some(kind)
    }

    /// Drops all flights, as the shutdown of a runtime does; returns which.
    pub(crate) fn shut_down(&mut self) -> Vec<usize> {
        let flights: Vec<usize> = self.select(|task| task.kind == Kind::Flight).collect();
        for at in &flights {
            self.drop_task(*at);
        }
        flights
    }

    /// Drops everything, so that nothing holds anything any more.
    pub(crate) fn clear(&mut self) {
        for at in 0..self.tasks.len() {
            self.drop_task(at);
        }
        self.time.lock().spawned.clear();
    }
}
