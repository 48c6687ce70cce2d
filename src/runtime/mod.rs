//! The only door to time and tasks.
//!
//! Nothing else in the crate reads a clock, sleeps or spawns, so a stopped
//! clock stops everything: expiry, timeouts, back-off and `elapsed`. But for
//! one thing that no clock decides: `FileStore` waits for files in threads.
//!
//! | runtime | time | tasks |
//! |---|---|---|
//! | [`ThreadRuntime`] | the system's | a thread each |
//! | `TokioRuntime` (feature `tokio`) | tokio's timer | tokio's tasks |
//! | [`ManualRuntime`] | moves when the test says so | a thread each |
//!
//! An adapter names the runtime that fits it ([`Adapter::runtime`]), so that
//! nobody has to configure one; the client's builder overrides it.
//!
//! [`Adapter::runtime`]: crate::Adapter::runtime

mod manual;
#[cfg(feature = "tokio")]
mod on_tokio;
mod thread;
mod wall;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    time::{Duration, Instant, SystemTime},
};

pub use manual::ManualRuntime;
#[cfg(feature = "tokio")]
pub use on_tokio::TokioRuntime;
#[cfg(feature = "tokio")]
pub(crate) use on_tokio::inside_async_task;
pub use thread::{ThreadRuntime, block_on};

/// A boxed, sendable future: what the object-safe ports hand out.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A source of time and tasks.
///
/// `now` and `sleep` are in one trait on purpose: a test that stops one stops
/// the other too.
///
/// ```
/// use std::time::Duration;
/// use tollgate::runtime::{ManualRuntime, Runtime};
///
/// let runtime = ManualRuntime::new();
/// let before = runtime.now();
/// runtime.advance(Duration::from_secs(3600));
/// assert_eq!(runtime.now() - before, Duration::from_secs(3600));
/// ```
pub trait Runtime: Send + Sync + fmt::Debug + 'static {
    /// Returns the monotonic time, for deadlines and durations.
    fn now(&self) -> Instant;

    /// Returns the wall clock, for the expiry of tokens. It may be some
    /// milliseconds late: under Linux, [`ThreadRuntime`] and `TokioRuntime` read
    /// it once per tick of the kernel.
    fn wall(&self) -> SystemTime;

    /// Returns a future that completes `duration` from now, not earlier.
    ///
    /// The future starts to count when this method is called.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs `task` to its end, independent of who asked for it.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}
