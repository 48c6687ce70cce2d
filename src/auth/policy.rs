//! [`LostAnswer`]: what is done about a refresh whose answer was lost; and
//! [`MissingToken`]: what becomes of calls while nobody is signed in.

/// What becomes of a call while nobody is signed in.
///
/// Nothing is refreshed in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingToken {
    /// It is sent without a token: what the API gives to everybody it gets.
    #[default]
    Bare,
    /// It fails with [`ErrorKind::SessionExpired`](crate::ErrorKind::SessionExpired),
    /// and nothing is sent.
    Fail,
}

/// What is done after a refresh whose answer was lost: the server may have
/// spent the refresh token, or may not have seen it.
///
/// RFC 9700 §4.14: a server that detects the reuse of a refresh token ends the
/// session. Many let the one just replaced work for some time, so that a lost
/// answer costs nothing; there, asking again is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostAnswer {
    /// The same refresh token is presented again: once in the same refresh,
    /// then after each pause. Where the server refuses it, the session is over.
    #[default]
    RetryOnce,
    /// It is never presented again: the access token lives as long as it does,
    /// then the session is over. For servers that take a second presentation
    /// for theft, and tell the user or lock the account.
    GiveUp,
}
