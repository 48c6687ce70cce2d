//! [`Sessions`]: the one session of a pair, or the one that a call names.

use std::{fmt, ops::Deref, sync::Arc};

use http::Extensions;

use super::{
    Attach, Renew,
    keyed::{Keyed, Sending, SentAs},
    session::Session,
};
use crate::{Request, Result};

/// What both halves of a pair share.
#[derive(Clone)]
pub(super) enum Sessions {
    One(Arc<Session>),
    Keyed(Arc<Keyed>),
}

/// The session of a call. The only one is borrowed, so that it costs nothing
/// to find.
pub(super) enum Found<'a> {
    Only(&'a Arc<Session>),
    Named(Arc<Session>, Arc<Sending>),
}

impl Sessions {
    pub(super) fn into_pair(self) -> (Attach, Renew) {
        let attach = Attach {
            sessions: self.clone(),
        };
        (attach, Renew { sessions: self })
    }

    /// Finds whose token a request gets; `None` where it gets none.
    pub(super) fn for_request(&self, request: &mut Request) -> Result<Option<Found<'_>>> {
        match self {
            Self::One(session) => Ok(Some(Found::Only(session))),
            Self::Keyed(keyed) => {
                let found = keyed.for_request(request)?;
                Ok(found.map(|(session, sending)| Found::Named(session, sending)))
            }
        }
    }

    /// Finds the session that an attempt was sent with.
    pub(super) fn find(&self, extensions: &Extensions) -> Option<Found<'_>> {
        match self {
            Self::One(session) => Some(Found::Only(session)),
            Self::Keyed(keyed) => {
                let sending = SentAs::find(extensions, keyed.id)?;
                Some(Found::Named(sending.session()?, Arc::clone(sending)))
            }
        }
    }

    /// The same, for who comes last: the attempt does not hold it any more.
    pub(super) fn take(&self, extensions: &Extensions) -> Option<Found<'_>> {
        let found = self.find(extensions);
        self.release(extensions);
        found
    }

    /// Lets go of the session that an attempt was sent with.
    pub(super) fn release(&self, extensions: &Extensions) {
        if let Self::Keyed(keyed) = self
            && let Some(sending) = SentAs::find(extensions, keyed.id)
        {
            sending.release();
        }
    }
}

impl Found<'_> {
    /// What a replay has to remember of this attempt.
    pub(super) fn into_sending(self) -> Option<Sending> {
        match self {
            Self::Only(_) => None,
            Self::Named(session, sending) => Some(sending.again(session)),
        }
    }
}

impl Deref for Found<'_> {
    type Target = Arc<Session>;

    fn deref(&self) -> &Arc<Session> {
        match self {
            Self::Only(session) => session,
            Self::Named(session, _) => session,
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(session) => session.fmt(f),
            Self::Keyed(keyed) => keyed.fmt(f),
        }
    }
}
