//! [`Home`]: the tokio runtime of calls that come from outside tokio.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};

use tokio::runtime::{Builder, Handle, Runtime};
use tollgate::{AdapterError, ErrorKind, runtime::BoxFuture};

/// A runtime that was given, or one that is started when it is first needed.
#[derive(Default)]
pub(crate) struct Home {
    given: Option<Handle>,
    own: OnceLock<Runtime>,
}

impl Home {
    /// Uses somebody else's runtime.
    pub(crate) fn given(handle: Handle) -> Self {
        Self {
            given: Some(handle),
            own: OnceLock::new(),
        }
    }

    /// Returns the runtime, started if need be.
    pub(crate) fn handle(&self) -> Result<&Handle, AdapterError> {
        if let Some(handle) = &self.given {
            return Ok(handle);
        }
        if let Some(own) = self.own.get() {
            return Ok(own.handle());
        }
        let started = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tollgate-reqwest")
            .enable_all()
            .build()
            .map_err(|source| {
                AdapterError::new(
                    ErrorKind::Unsupported,
                    "the adapter's runtime does not start",
                )
                .with_source(source)
            })?;
        // Of two threads that come here together, one runtime is kept.
        if let Err(spare) = self.own.set(started) {
            spare.shutdown_background();
        }
        self.own.get().map(Runtime::handle).ok_or_else(|| {
            AdapterError::new(ErrorKind::Unsupported, "the adapter's runtime is gone")
        })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Plain dropping waits for the threads, and panics in an async task.
        if let Some(own) = self.own.take() {
            own.shutdown_background();
        }
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home")
            .field("given", &self.given.is_some())
            .field("started", &self.own.get().is_some())
            .finish()
    }
}

/// Polls a future as if it ran on `handle`'s runtime.
pub(crate) struct Inside<'a, T> {
    pub(crate) handle: Handle,
    pub(crate) future: BoxFuture<'a, T>,
}

impl<T> Future for Inside<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let _inside = this.handle.enter();
        this.future.as_mut().poll(context)
    }
}
