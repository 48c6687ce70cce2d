//! What callers ask an [`Error`] instead of matching on its kind.

use super::{Error, ErrorCode, ErrorKind};

impl Error {
    /// Tells whether the call was refused with this status.
    #[must_use]
    pub fn is_status(&self, status: u16) -> bool {
        self.status()
            .is_some_and(|actual| actual.as_u16() == status)
    }

    /// Tells whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Tells whether no connection could be made, for any reason.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Connect | ErrorKind::Dns | ErrorKind::Tls
        )
    }

    /// Tells whether the host's name could not be resolved.
    #[must_use]
    pub fn is_dns(&self) -> bool {
        self.0.kind == ErrorKind::Dns
    }

    /// Tells whether the call was cancelled (axios: `isCancel`).
    #[must_use]
    #[doc(alias = "isCancel")]
    #[doc(alias = "CanceledError")]
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }

    /// Tells whether a body did not decode.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.0.kind == ErrorKind::Decode
    }

    /// Tells whether the same call may succeed later, as it is.
    ///
    /// So it is for a connection that was not made or did not last, for time
    /// that ran out, for a token that could not be refreshed, and for the
    /// statuses 408, 425, 429, 500, 502, 503 and 504. Whether the request may
    /// arrive twice is another question: see [`http::Method::is_idempotent`].
    ///
    /// ```
    /// use tollgate::{Error, ErrorKind};
    ///
    /// assert!(Error::new(ErrorKind::Connect, "nobody is there").is_retryable());
    /// assert!(!Error::new(ErrorKind::InvalidUrl, "no host").is_retryable());
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            ErrorKind::Timeout | ErrorKind::Dns | ErrorKind::Connect => true,
            ErrorKind::Transport => self.code() != ErrorCode::BadResponse,
            ErrorKind::Auth => self.code() == ErrorCode::AuthRefreshFailed,
            ErrorKind::Status => self.status().is_some_and(|status| {
                matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }),
            _ => false,
        }
    }
}
