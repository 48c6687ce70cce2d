//! [`TokioRuntime`]: time and tasks from tokio.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    runtime::Handle,
    task::coop,
    time::{self, Instant as TokioInstant},
};

use super::{BoxFuture, Runtime, ThreadRuntime};

/// Tokio's timer and tasks, on the runtime in which a call runs.
///
/// Where no tokio runtime is current and none was given, it does what
/// [`ThreadRuntime`] does. Under `tokio::time::pause` the monotonic time and
/// the sleeps stand still together, the wall clock goes on.
#[derive(Clone, Debug, Default)]
pub struct TokioRuntime {
    handle: Option<Handle>,
}

impl TokioRuntime {
    /// Uses the runtime that is current where a sleep or a task starts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses `handle`'s runtime, wherever the call is made.
    #[must_use]
    pub fn with_handle(handle: Handle) -> Self {
        Self {
            handle: Some(handle),
        }
    }

    fn handle(&self) -> Option<Handle> {
        self.handle.clone().or_else(|| Handle::try_current().ok())
    }
}

impl Runtime for TokioRuntime {
    fn now(&self) -> Instant {
        TokioInstant::now().into_std()
    }

    fn wall(&self) -> SystemTime {
        ThreadRuntime.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        match self.handle() {
            None => ThreadRuntime.sleep(duration),
            Some(handle) => {
                let _inside = handle.enter();
                Box::pin(time::sleep(duration))
            }
        }
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        match self.handle() {
            None => ThreadRuntime.spawn(task),
            Some(handle) => drop(handle.spawn(task)),
        }
    }
}

/// Tells whether the calling thread is polling a task of tokio's, where
/// blocking would stop the executor.
///
/// `Handle::try_current` alone does not tell: it also answers on the threads
/// of `spawn_blocking`, where blocking is welcome. Only a task has a bounded
/// budget, so the budget is used up: an unbounded one never ends.
pub(crate) fn inside_async_task() -> bool {
    /// More than tokio's budget of a task, which is 128 steps.
    const STEPS: usize = 512;
    if Handle::try_current().is_err() {
        return false;
    }
    let mut context = Context::from_waker(Waker::noop());
    (0..STEPS).any(|_| {
        let step = pin!(poll_fn(coop::poll_proceed));
        match step.poll(&mut context) {
            Poll::Ready(progress) => {
                progress.made_progress();
                false
            }
            Poll::Pending => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_told_from_a_thread_that_may_block() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        assert!(!inside_async_task());
        runtime.block_on(async {
            assert!(inside_async_task(), "in block_on");
            let spawned = tokio::spawn(async { inside_async_task() });
            assert!(spawned.await.unwrap(), "in a task");
            let pool = tokio::task::spawn_blocking(inside_async_task);
            assert!(!pool.await.unwrap(), "on the blocking pool");
        });
        let _guard = runtime.enter();
        assert!(!inside_async_task(), "only entered");
    }

    #[test]
    fn without_a_runtime_it_falls_back_to_threads() {
        let runtime = TokioRuntime::new();
        super::super::block_on(runtime.sleep(Duration::from_millis(2)));
        let (sender, receiver) = std::sync::mpsc::channel();
        runtime.spawn(Box::pin(async move { sender.send(()).unwrap() }));
        receiver.recv().unwrap();
    }
}
