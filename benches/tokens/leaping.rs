//! [`Leaping`]: tokio's runtime, with a clock that can be set forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use tollgate::runtime::{BoxFuture, Runtime};

/// Another runtime, ahead of its time: only so many refreshes may start within
/// half a minute, and a bench makes thousands.
#[derive(Clone, Debug)]
pub(crate) struct Leaping<R> {
    inner: R,
    seconds: Arc<AtomicU64>,
}

impl<R> Leaping<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            seconds: Arc::default(),
        }
    }

    pub(crate) fn leap(&self) {
        self.seconds.fetch_add(10, Ordering::Relaxed);
    }
}

impl<R: Runtime> Runtime for Leaping<R> {
    fn now(&self) -> Instant {
        self.inner.now() + Duration::from_secs(self.seconds.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        self.inner.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.inner.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.inner.spawn(task);
    }
}
