//! [`Line`]: the thread that speaks with Redis.
//!
//! *In and out*: a [`Job`] goes in from any thread and executor; its answer is
//! handed to what the job brought. A job is done also if nobody waits for it.
//!
//! *Concurrency*: a thread for each store, started with its first job, ended
//! with its last handle when all jobs are done.

#[cfg(feature = "tokio")]
pub(crate) mod on_tokio;

use std::time::{Duration, Instant};

use redis::Value;
use tollgate::{
    Result,
    runtime::{BoxFuture, Runtime, ThreadRuntime},
};

use crate::ask::Ask;

/// Something to ask, until when, and what the answer is handed to.
pub(crate) struct Job {
    pub(crate) ask: Ask,
    pub(crate) until: Instant,
    /// Dropped unused where the thread cannot work any more.
    pub(crate) done: Box<dyn FnOnce(Result<Value>) + Send>,
}

/// What a store needs of its thread.
pub(crate) trait Line: Send + Sync {
    /// Has a job done.
    fn push(&self, job: Job);

    /// Completes after a time, under any executor.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Sees to it that the bell rings for messages from now on, if it can.
    fn subscribe(&self);
}

/// How long to wait before the try after `failures`: 25 ms, doubled, at most
/// 250 ms; half of it to one and a half.
pub(crate) fn pause(failures: u32) -> Duration {
    backoff(failures, Duration::from_millis(250))
}

/// 25 ms, doubled with each failure, at most `cap`; half of it to one and a
/// half.
pub(crate) fn backoff(failures: u32, cap: Duration) -> Duration {
    let base = Duration::from_millis(25) * (1 << failures.min(8));
    base.min(cap).mul_f64(0.5 + fastrand::f64())
}

/// Reads the clock.
pub(crate) fn now() -> Instant {
    ThreadRuntime.now()
}

/// What is left until a point in time.
pub(crate) fn left(until: Instant) -> Duration {
    until.saturating_duration_since(now())
}
