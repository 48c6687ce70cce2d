//! [`AuthEvent`]: what the application hears of a session.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use super::RefreshError;

/// What happened to a session. It holds no token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AuthEvent {
    /// The refresh token is about to be spent.
    ///
    /// The handler runs as a part of the refresh: a call that it makes gets no
    /// token, and the refresh waits for it.
    #[non_exhaustive]
    Refreshing {},
    /// A new token is stored, and all that waited for it go on.
    #[non_exhaustive]
    Refreshed {
        /// When it expires, where that is known.
        expires_at: Option<SystemTime>,
    },
    /// There is no new token; the old one is kept.
    #[non_exhaustive]
    RefreshFailed {
        /// Why; its class says what to make of it.
        error: Arc<RefreshError>,
    },
    /// The server has ended the session: only signing in helps.
    #[non_exhaustive]
    SessionExpired {
        /// What the server said.
        error: Arc<RefreshError>,
    },
    /// The store has not taken a new token, which is used all the same;
    /// writing it is tried again.
    #[non_exhaustive]
    PersistFailed {
        /// Why.
        error: Arc<RefreshError>,
    },
}

pub(super) type Handler = dyn Fn(&AuthEvent) + Send + Sync;

/// Who wants to hear of events.
#[derive(Default)]
pub(super) struct Handlers(RwLock<Vec<Arc<Handler>>>);

impl Handlers {
    pub(super) fn add(&self, handler: Arc<Handler>) {
        let mut handlers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        handlers.push(handler);
    }

    /// Tells all, outside of any lock; returns how many panicked.
    pub(super) fn tell(&self, event: &AuthEvent) -> usize {
        let handlers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<Arc<Handler>> = handlers.clone();
        drop(handlers);
        all.iter()
            .filter(|handler| catch_unwind(AssertUnwindSafe(|| handler(event))).is_err())
            .count()
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handlers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "{} handlers", handlers.len())
    }
}
