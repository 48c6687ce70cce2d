//! [`Line`]: the thread that speaks with Redis.
//!
//! *In and out*: a [`Job`] goes in from any thread and executor; its answer is
//! handed to what the job brought. A job is done also if nobody waits for it.
//!
//! The queue has no bound of its own: a job belongs to a caller that waits, or
//! gives a lease back, and each has a deadline.
//!
//! *Concurrency*: a thread for each connection, started with its first job,
//! ended with the last handle of its stores when all jobs are done.

#[cfg(feature = "tokio")]
mod link;
#[cfg(feature = "tokio")]
mod listen;
#[cfg(feature = "blocking")]
pub(crate) mod on_threads;
#[cfg(feature = "tokio")]
pub(crate) mod on_tokio;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::Value;
use tollgate::{
    Result,
    runtime::{BoxFuture, Runtime, ThreadRuntime},
};

use crate::{ask::Ask, watch::Bell};

/// The time that an operation has in all, however often it asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    pub(crate) limit: Duration,
    /// When it is over.
    pub(crate) until: Instant,
}

impl Time {
    /// It begins now.
    pub(crate) fn starts(limit: Duration) -> Self {
        Self {
            limit,
            until: now() + limit,
        }
    }

    /// More of it, for what is waited for besides.
    pub(crate) fn and(self, more: Duration) -> Self {
        Self {
            limit: self.limit + more,
            until: self.until + more,
        }
    }

    pub(crate) fn left(&self) -> Duration {
        left(self.until)
    }
}

/// Something to ask, for how long, and what the answer is handed to.
pub(crate) struct Job {
    /// The name of the record, for messages.
    pub(crate) key: String,
    pub(crate) ask: Ask,
    pub(crate) time: Time,
    /// Dropped unused where the thread cannot work any more.
    pub(crate) done: Box<dyn FnOnce(Result<Value>) + Send>,
}

impl Job {
    pub(crate) fn new(
        key: &str,
        ask: Ask,
        time: Time,
        done: impl FnOnce(Result<Value>) + Send + 'static,
    ) -> Self {
        Self {
            key: key.to_owned(),
            ask,
            time,
            done: Box::new(done),
        }
    }
}

/// What a store needs of its thread.
pub(crate) trait Line: Send + Sync {
    /// Has a job done.
    fn push(&self, job: Job);

    /// Completes after a time, under any executor.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Completes when nobody should wait any longer for a job that has so much
    /// time left, where the thread cannot see to that itself.
    fn give_up(&self, left: Duration) -> BoxFuture<'static, ()>;

    /// Sees to it that the bell rings for messages of the channel from now on,
    /// if it can.
    fn subscribe(&self, channel: &str, bell: &Arc<Bell>);
}

/// 25 ms, doubled with each failure, at most `cap`; half of it to one and a
/// half.
pub(crate) fn backoff(failures: u32, cap: Duration) -> Duration {
    let base = Duration::from_millis(25) * (1 << failures.min(8));
    base.min(cap).mul_f64(0.5 + fastrand::f64())
}

/// The longest pause between tries: each operation has time for some.
pub(crate) fn longest_pause(deadline: Duration) -> Duration {
    (deadline / 3).min(Duration::from_millis(250))
}

/// Reads the clock.
pub(crate) fn now() -> Instant {
    ThreadRuntime.now()
}

/// What is left until a point in time.
pub(crate) fn left(until: Instant) -> Duration {
    until.saturating_duration_since(now())
}
