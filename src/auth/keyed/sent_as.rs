//! [`SentAs`]: remembers, in a call's extensions, as whom it was sent.
//!
//! Extensions are copied: to adapters, into errors, by users. So what holds the
//! session is shared by all copies, and let go of once for all of them.

use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;

use super::Identity;
use crate::{Request, auth::session::Session};

/// One attempt, or the call that it belongs to, as one pair has seen it.
pub(in crate::auth) struct Sending {
    /// The pair's.
    keyed: u64,
    pub(super) identity: Identity,
    /// Until the answer has passed: a session that is held is not put away.
    session: Mutex<Option<Arc<Session>>>,
    /// What another pair has seen of it.
    next: Option<Arc<Self>>,
}

/// In the extensions of an attempt, and of a call that was replayed.
#[derive(Clone)]
pub(in crate::auth) struct SentAs(Arc<Sending>);

impl SentAs {
    /// Finds what a pair has noted last.
    pub(in crate::auth) fn find(extensions: &Extensions, keyed: u64) -> Option<&Arc<Sending>> {
        let mut next = extensions.get::<Self>().map(|it| &it.0);
        while let Some(sending) = next {
            if sending.keyed == keyed {
                return Some(sending);
            }
            next = sending.next.as_ref();
        }
        None
    }
}

impl Sending {
    pub(super) fn new(keyed: u64, identity: Identity, session: Arc<Session>) -> Self {
        Self {
            keyed,
            identity,
            session: Mutex::new(Some(session)),
            next: None,
        }
    }

    /// The same call, to be sent once more.
    pub(in crate::auth) fn again(&self, session: Arc<Session>) -> Self {
        Self::new(self.keyed, self.identity.clone(), session)
    }

    /// Notes it in the request's extensions.
    pub(in crate::auth) fn mark(mut self, request: &mut Request) -> Arc<Self> {
        let extensions = request.extensions_mut();
        self.next = extensions.remove::<SentAs>().map(|it| it.0);
        let sending = Arc::new(self);
        extensions.insert(SentAs(Arc::clone(&sending)));
        sending
    }

    /// Returns the session, until the answer has passed.
    pub(in crate::auth) fn session(&self) -> Option<Arc<Session>> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.clone()
    }

    pub(in crate::auth) fn release(&self) {
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let session = held.take();
        drop(held);
        drop(session);
    }
}
