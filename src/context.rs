//! What belongs to the call and not to one request: carried by `Request`,
//! `Response` and `Error` alike, handed on by move.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Weak},
    time::Instant,
};

use crate::{cancel::CancelHandle, interceptor::AnyInterceptorId, request::Original};

/// The call behind a message.
#[derive(Clone)]
pub(crate) struct CallContext {
    /// Tells calls apart, process-wide.
    pub(crate) id: u64,
    /// The client, as the client's module knows it; this one must not. Weak,
    /// so that an interceptor may keep responses without a reference cycle;
    /// the running call holds the client.
    pub(crate) owner: Weak<dyn Any + Send + Sync>,
    pub(crate) cancel: Option<CancelHandle>,
    /// When its first attempt was sent.
    pub(crate) started: Option<Instant>,
    /// When the whole call must be over.
    pub(crate) deadline: Option<Instant>,
    /// The number of this attempt, from 1; 0 before the first.
    pub(crate) attempt: u32,
    /// Hops, replays and retries so far, which share one cap.
    pub(crate) spent: u32,
    /// The request before any interceptor, where somebody may ask for it.
    pub(crate) original: Option<Arc<Original>>,
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// A registration's name and id, as errors and `explain` show them.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: Arc<str>,
    pub(crate) id: AnyInterceptorId,
}

impl Named {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn serial(&self) -> u64 {
        self.id.serial()
    }
}
