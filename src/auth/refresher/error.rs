//! [`RefreshError`]: why there is no new token, and what that means for the
//! old one.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use http::StatusCode;

use crate::{Error, ErrorKind, error::find_in};

/// What a failed refresh means for the refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshClass {
    /// The server has not processed it: no connection, 429, 503. The refresh
    /// token is intact.
    NotSent,
    /// The answer was lost or makes no sense: a timeout, a reset, 500, a page
    /// of a proxy. The refresh token is kept, but may be spent.
    Ambiguous,
    /// The server has refused the refresh token: the session is over.
    Rejected,
    /// The client is set up wrongly. The session is kept.
    Config,
    /// The server gave the access token again that had just been refused.
    Unchanged,
    /// Too many refreshes in a short time; nothing was sent.
    Excessive,
    /// The token store failed; nothing was sent.
    Store,
    /// Somebody signed in or out while the call waited.
    Superseded,
    /// The refresh panicked, or its runtime was shut down.
    Interrupted,
}

/// Why a token could not be refreshed.
///
/// It holds the status and the content type of an answer, never its body. All
/// calls that waited for the same refresh share one: it is the source of their
/// [`Error`], where [`find_in`](Self::find_in) finds it.
///
/// ```
/// use tollgate::auth::{RefreshClass, RefreshError};
///
/// let error = RefreshError::new(RefreshClass::Rejected, "the user was blocked");
/// assert_eq!(error.class(), RefreshClass::Rejected);
/// assert_eq!(error.to_string(), "the user was blocked");
/// ```
pub struct RefreshError(Box<Inner>);

struct Inner {
    class: RefreshClass,
    message: Cow<'static, str>,
    status: Option<StatusCode>,
    content_type: Option<String>,
    code: Option<String>,
    retry_after: Option<Duration>,
    rotation_lost: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl RefreshError {
    /// Creates an error. The message is lower case, without a full stop, and
    /// must hold no secret.
    #[must_use]
    pub fn new(class: RefreshClass, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            class,
            message: message.into(),
            status: None,
            content_type: None,
            code: None,
            retry_after: None,
            rotation_lost: false,
            source: None,
        }))
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sets how long the server asks to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    pub(super) fn with_answer(mut self, status: StatusCode, content_type: Option<String>) -> Self {
        self.0.status = Some(status);
        self.0.content_type = content_type;
        self
    }

    pub(super) fn with_code(mut self, code: String) -> Self {
        self.0.code = Some(code);
        self
    }

    pub(in crate::auth) fn with_rotation_lost(mut self) -> Self {
        self.0.rotation_lost = true;
        self
    }

    /// Returns what the failure means for the refresh token.
    #[must_use]
    pub fn class(&self) -> RefreshClass {
        self.0.class
    }

    /// Returns the status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns the content type of the answer, without parameters.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.0.content_type.as_deref()
    }

    /// Returns the `error` of an OAuth answer (RFC 6749 §5.2).
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns how long nothing is sent after this failure; for a call that
    /// got it later, counted from the failure.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Tells whether the refused token may have been spent by an earlier
    /// refresh, whose answer was lost.
    #[must_use]
    pub fn is_rotation_lost(&self) -> bool {
        self.0.rotation_lost
    }

    /// Finds one in a chain of sources.
    #[must_use]
    pub fn find_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        find_in(error)
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if self.0.rotation_lost {
            f.write_str("; it may have been spent by a refresh whose answer was lost")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.debug_struct("RefreshError")
            .field("class", &inner.class)
            .field("message", &inner.message)
            .field("status", &inner.status)
            .field("content_type", &inner.content_type)
            .field("code", &inner.code)
            .field("retry_after", &inner.retry_after)
            .field("rotation_lost", &inner.rotation_lost)
            .field("source", &inner.source)
            .finish()
    }
}

impl StdError for RefreshError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<Error> for RefreshError {
    /// Takes what a call of the refresher's failed with.
    ///
    /// A refused status is judged as an OAuth answer; of transport errors only
    /// those that come before the first byte leave the refresh token intact.
    fn from(error: Error) -> Self {
        let class = match error.kind() {
            ErrorKind::Status => {
                if let Some(response) = error.response() {
                    return super::answer::refusal(response).with_source(error);
                }
                RefreshClass::Ambiguous
            }
            ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Tls => RefreshClass::NotSent,
            ErrorKind::Builder
            | ErrorKind::InvalidUrl
            | ErrorKind::InvalidRequest
            | ErrorKind::RequestTooLarge
            | ErrorKind::Redirect
            | ErrorKind::Unsupported => RefreshClass::Config,
            _ => RefreshClass::Ambiguous,
        };
        Self::new(class, "the call to the token endpoint failed").with_source(error)
    }
}
