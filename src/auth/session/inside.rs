//! [`Inside`]: knows which session's refresh the running code belongs to.
//!
//! A refresher or a store that calls through a client with the same pair would
//! wait for itself. The mark is set while the refresh is polled, so it is seen
//! by everything that is awaited in place, also by blocking calls; a task that
//! a refresher spawns is not seen, there the refresh's own deadline ends the
//! wait.

use std::{
    cell::Cell,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::FutureExt;

use super::{Session, sync::thread_local};
use crate::runtime::BoxFuture;

thread_local! {
    static SESSION: Cell<u64> = const { Cell::new(0) };
}

/// A future that belongs to a session's refresh.
pub(super) struct Inside<'a, T> {
    session: u64,
    future: BoxFuture<'a, T>,
}

impl<'a, T> Inside<'a, T> {
    pub(super) fn new(session: u64, future: impl Future<Output = T> + Send + 'a) -> Self {
        Self {
            session,
            future: Box::pin(future),
        }
    }
}

impl Session {
    /// Awaits what belongs to the session's refresh, as [`Self::guarded`] does.
    pub(super) fn inside<'a, T: 'a>(
        &'a self,
        work: impl Future<Output = T> + Send + 'a,
    ) -> Inside<'a, Option<T>> {
        Inside::new(self.id, self.guarded(work))
    }

    /// Awaits what runs code of the user's; `None` if it panics, which is
    /// counted.
    pub(super) fn guarded<T>(
        &self,
        work: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Option<T>> + Send {
        AssertUnwindSafe(work).catch_unwind().map(|output| {
            if output.is_err() {
                self.tally.add(&self.tally.panics);
            }
            output.ok()
        })
    }
}

/// Tells whether the calling code is part of the session's refresh.
pub(super) fn is_inside(session: u64) -> bool {
    SESSION.with(Cell::get) == session
}

/// Puts the outer session back, also on a panic.
struct Restore(u64);

impl Drop for Restore {
    fn drop(&mut self) {
        SESSION.with(|it| it.set(self.0));
    }
}

impl<T> Future for Inside<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let _restore = Restore(SESSION.with(|it| it.replace(self.session)));
        self.future.as_mut().poll(context)
    }
}
