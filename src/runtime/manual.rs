//! [`ManualRuntime`]: time moves when the test says so.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use super::{BoxFuture, Runtime, ThreadRuntime};

/// A runtime whose clocks stand still until [`advance`](Self::advance).
///
/// Sleeps complete when the time has been moved past them. Tasks run on a
/// thread each, so that they do not depend on the executor of the test.
/// Clones share the same time.
///
/// ```
/// use std::time::Duration;
/// use tollgate::runtime::{ManualRuntime, Runtime, block_on};
///
/// let runtime = ManualRuntime::new();
/// let nap = runtime.sleep(Duration::from_secs(60));
/// assert_eq!(runtime.sleeping(), 1);
/// runtime.advance(Duration::from_secs(60));
/// block_on(nap);
/// ```
#[derive(Clone)]
pub struct ManualRuntime {
    time: Arc<Mutex<Time>>,
}

struct Time {
    now: Instant,
    wall: SystemTime,
    sleeps: slab::Slab<Alarm>,
}

struct Alarm {
    at: Option<Instant>,
    waker: Option<Waker>,
}

impl ManualRuntime {
    /// Creates a runtime whose wall clock stands at 2030-01-01 00:00 UTC.
    #[must_use]
    pub fn new() -> Self {
        Self {
            time: Arc::new(Mutex::new(Time {
                now: ThreadRuntime.now(),
                wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000),
                sleeps: slab::Slab::new(),
            })),
        }
    }

    /// Moves both clocks forward and ends the sleeps that are due.
    pub fn advance(&self, by: Duration) {
        let due: Vec<Waker> = {
            let mut time = self.lock();
            time.now += by;
            time.wall += by;
            let now = time.now;
            time.sleeps
                .iter_mut()
                .filter(|(_, alarm)| alarm.at.is_some_and(|at| at <= now))
                .filter_map(|(_, alarm)| alarm.waker.take())
                .collect()
        };
        for waker in due {
            waker.wake();
        }
    }

    /// Sets the wall clock alone, as a user or NTP does; sleeps do not move.
    pub fn set_wall(&self, wall: SystemTime) {
        self.lock().wall = wall;
    }

    /// Returns how many sleeps have not been dropped yet.
    #[must_use]
    pub fn sleeping(&self) -> usize {
        self.lock().sleeps.len()
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.lock();
        f.debug_struct("ManualRuntime")
            .field("wall", &time.wall)
            .field("sleeping", &time.sleeps.len())
            .finish_non_exhaustive()
    }
}

impl Runtime for ManualRuntime {
    fn now(&self) -> Instant {
        self.lock().now
    }

    fn wall(&self) -> SystemTime {
        self.lock().wall
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut time = self.lock();
        let at = time.now.checked_add(duration);
        let key = time.sleeps.insert(Alarm { at, waker: None });
        drop(time);
        Box::pin(Nap {
            runtime: self.clone(),
            key,
        })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        ThreadRuntime.spawn(task);
    }
}

struct Nap {
    runtime: ManualRuntime,
    key: usize,
}

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut time = self.runtime.lock();
        let now = time.now;
        match time.sleeps.get_mut(self.key) {
            Some(alarm) if alarm.at.is_none_or(|at| at > now) => {
                alarm.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        let alarm = self.runtime.lock().sleeps.try_remove(self.key);
        // Dropped outside the lock: a waker may run code of others.
        drop(alarm);
    }
}
