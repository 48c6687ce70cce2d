//! [`Timer`]: the time that something may take.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use crate::{Runtime, runtime::BoxFuture};

/// The time that a flight has in all.
pub(super) struct Timer {
    runtime: Arc<dyn Runtime>,
    until: Option<Instant>,
    alarm: Alarm,
}

/// Made by the first future that has to wait: most never do.
type Alarm = Option<BoxFuture<'static, ()>>;

impl Timer {
    pub(super) fn new(runtime: &Arc<dyn Runtime>, time: Duration) -> Self {
        Self {
            runtime: Arc::clone(runtime),
            until: runtime.now().checked_add(time),
            alarm: None,
        }
    }

    /// Awaits a future until the time is over.
    pub(super) async fn before<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let (runtime, until) = (&self.runtime, self.until);
        before(future, &mut self.alarm, || {
            runtime.sleep(left(runtime, until))
        })
        .await
    }

    pub(super) fn left(&self) -> Duration {
        left(&self.runtime, self.until)
    }
}

fn left(runtime: &Arc<dyn Runtime>, until: Option<Instant>) -> Duration {
    until.map_or(Duration::MAX, |until| {
        until.saturating_duration_since(runtime.now())
    })
}

/// Awaits a future until the alarm, which is set if it has to wait.
async fn before<T>(
    future: impl Future<Output = T>,
    alarm: &mut Alarm,
    set: impl Fn() -> BoxFuture<'static, ()>,
) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        let alarm = alarm.get_or_insert_with(&set);
        alarm.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Awaits a future for a time.
pub(super) async fn within<T>(
    runtime: &Arc<dyn Runtime>,
    time: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    before(future, &mut None, || runtime.sleep(time)).await
}
