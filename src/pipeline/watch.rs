//! Awaits a future under the call's limits, and turns its panic into an error.
//!
//! Nothing is set up for a future that is ready at once: neither a timer nor a
//! listener.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::panicked;
use crate::{
    cancel::{CancelHandle, Cancelled},
    error::{Error, ErrorKind, Result},
    runtime::{BoxFuture, Runtime},
};

/// What ends a wait early.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) runtime: &'a Arc<dyn Runtime>,
    pub(super) cancel: Option<&'a CancelHandle>,
    pub(super) until: Option<Instant>,
    /// What `until` is, for the message.
    pub(super) what: Span,
}

/// The setting that a limit in time comes from.
#[derive(Clone, Copy)]
pub(super) enum Span {
    Timeout(Duration),
    Deadline(Duration),
}

impl Limits<'_> {
    /// Fails if the call was cancelled or the time is over.
    pub(super) fn check(&self) -> Result<()> {
        self.check_cancelled()?;
        match self.until {
            Some(until) if self.runtime.now() >= until => Err(self.timed_out()),
            _ => Ok(()),
        }
    }

    pub(super) fn check_cancelled(&self) -> Result<()> {
        match self.cancel {
            Some(cancel) if cancel.is_cancelled() => Err(cancelled(cancel)),
            _ => Ok(()),
        }
    }

    #[cold]
    pub(super) fn timed_out(&self) -> Error {
        self.what.passed()
    }
}

impl Span {
    #[cold]
    pub(super) fn passed(self) -> Error {
        let (text, hint) = match self {
            Self::Timeout(span) => (
                format!("the attempt's timeout of {span:?} has passed"),
                "raise `timeout`",
            ),
            Self::Deadline(span) => (
                format!("the call's deadline of {span:?} has passed"),
                "raise `deadline`",
            ),
        };
        Error::new(ErrorKind::Timeout, text).with_hint(hint)
    }
}

#[cold]
pub(super) fn cancelled(cancel: &CancelHandle) -> Error {
    match cancel.reason() {
        None => Error::new(ErrorKind::Cancelled, "the call was cancelled"),
        Some(reason) => Error::new(
            ErrorKind::Cancelled,
            format!("the call was cancelled: {reason}"),
        ),
    }
}

/// Awaits `future`; fails when a limit is reached or it panics.
///
/// It is polled at least once: the error half of an interceptor hears of a
/// cancellation, but cannot hold the call up. `who` names it where it panics.
pub(super) fn watched<'a, T>(
    limits: Limits<'a>,
    who: &'static str,
    future: BoxFuture<'a, T>,
) -> Watched<'a, T> {
    Watched {
        limits,
        who,
        future,
        alarm: None,
        cancel: None,
    }
}

/// See [`watched`].
pub(super) struct Watched<'a, T> {
    limits: Limits<'a>,
    who: &'static str,
    future: BoxFuture<'a, T>,
    alarm: Option<BoxFuture<'static, ()>>,
    cancel: Option<Cancelled>,
}

impl<T> Future for Watched<'_, T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        let future = &mut this.future;
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Err(payload) => return Poll::Ready(Err(panicked(this.who, &*payload))),
            Ok(Poll::Ready(output)) => return Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => {}
        }
        let limits = this.limits;
        if let Some(handle) = limits.cancel {
            let waiting = this.cancel.get_or_insert_with(|| handle.cancelled());
            if Pin::new(waiting).poll(context).is_ready() {
                return Poll::Ready(Err(cancelled(handle)));
            }
        }
        if let Some(until) = limits.until {
            let alarm = this.alarm.get_or_insert_with(|| {
                let left = until.saturating_duration_since(limits.runtime.now());
                limits.runtime.sleep(left)
            });
            if alarm.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(limits.timed_out()));
            }
        }
        Poll::Pending
    }
}
