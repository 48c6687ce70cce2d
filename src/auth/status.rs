//! [`SessionStatus`]: what a session is, for people and for health checks.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::RefreshError;

/// What a call would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionState {
    /// The store has not been read yet.
    Unloaded,
    /// Nobody is signed in.
    Empty,
    /// There is a token, and it is attached.
    Fresh,
    /// The same, but it will expire soon: a call starts a refresh, for which
    /// it does not wait.
    Advisory,
    /// The token's time is over: calls wait for the next one.
    Expired,
    /// A server has refused the token: calls wait for the next one.
    Rejected,
    /// The server has ended the session: calls fail at once, only signing in
    /// helps.
    Dead,
}

/// What a session is at one moment; see
/// [`TokenRefresh::status`](super::TokenRefresh::status). It holds no token.
///
/// ```
/// use tollgate::auth::{JsonRefresh, MemoryStore, SessionState, TokenRefresh};
///
/// let refresh = TokenRefresh::builder(MemoryStore::empty(), JsonRefresh::new("/r")).build()?;
/// let status = refresh.status();
/// assert_eq!(status.state(), SessionState::Unloaded);
/// assert!(!status.is_refreshing() && status.cooling().is_none());
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SessionStatus {
    pub(super) state: SessionState,
    pub(super) refreshing: bool,
    pub(super) cooling: Option<(Duration, Arc<RefreshError>)>,
    pub(super) ended: Option<Arc<RefreshError>>,
    pub(super) expires_at: Option<SystemTime>,
    pub(super) epoch: u64,
    pub(super) version: u64,
}

impl SessionStatus {
    /// Returns what a call would find.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.state
    }

    /// Tells whether a refresh is under way.
    #[must_use]
    pub fn is_refreshing(&self) -> bool {
        self.refreshing
    }

    /// Returns how long no refresh is tried after a failure, and the failure;
    /// `None` where nothing holds a refresh up.
    #[must_use]
    pub fn cooling(&self) -> Option<(Duration, &RefreshError)> {
        let (left, error) = self.cooling.as_ref()?;
        Some((*left, error))
    }

    /// Returns why the session has ended, in [`SessionState::Dead`].
    #[must_use]
    pub fn ended(&self) -> Option<&RefreshError> {
        self.ended.as_deref()
    }

    /// Returns when the access token expires, where that is known.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Returns the number of sign-ins and sign-outs in this process so far,
    /// from 1.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the number of tokens so far; it grows with every one.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }
}
