//! A runtime that knows whether its tasks have ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use tollgate::{
    Runtime,
    runtime::{BoxFuture, ManualRuntime},
};

/// Counts the tasks that have not ended.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    time: ManualRuntime,
    tasks: Arc<AtomicUsize>,
}

impl Counted {
    pub(crate) fn new(time: &ManualRuntime) -> Self {
        Self {
            time: time.clone(),
            tasks: Arc::default(),
        }
    }

    /// Tells whether no task has anything left to do.
    pub(crate) fn is_settled(&self) -> bool {
        self.tasks.load(Ordering::SeqCst) == 0
    }
}

impl Runtime for Counted {
    fn now(&self) -> Instant {
        self.time.now()
    }

    fn wall(&self) -> SystemTime {
        self.time.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.time.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.fetch_add(1, Ordering::SeqCst);
        let tasks = Arc::clone(&self.tasks);
        self.time.spawn(Box::pin(async move {
            task.await;
            tasks.fetch_sub(1, Ordering::SeqCst);
        }));
    }
}
