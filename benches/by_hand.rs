//! [`ByHand`]: a runtime whose tasks run when the bench says so.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Waker},
    time::{Duration, Instant, SystemTime},
};

use tollgate::runtime::{BoxFuture, Runtime};

/// Keeps what is spawned until [`ByHand::run`]; its sleeps never end.
#[derive(Clone, Default)]
pub struct ByHand {
    tasks: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
}

impl ByHand {
    /// Polls every task once, and forgets those that have ended.
    ///
    /// Returns how many are left.
    pub fn run(&self) -> usize {
        let mut tasks = std::mem::take(&mut *self.lock());
        let mut context = Context::from_waker(Waker::noop());
        tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        let mut all = self.lock();
        all.append(&mut tasks);
        all.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<BoxFuture<'static, ()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByHand").finish_non_exhaustive()
    }
}

impl Runtime for ByHand {
    #[expect(clippy::disallowed_methods, reason = "this is a runtime")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is a runtime")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.lock().push(task);
    }
}
