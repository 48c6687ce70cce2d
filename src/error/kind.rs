//! [`ErrorKind`] and [`ErrorCode`]: what failed, in our words and in axios's.

use std::fmt;

use http::StatusCode;

/// What failed. Stable under every wrapping: retry and refresh keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A builder was given something that it cannot use.
    Builder,
    /// The address is malformed, ambiguous or leaves the base's origin.
    InvalidUrl,
    /// A header, method, query or body of the call cannot be sent.
    InvalidRequest,
    /// An interceptor failed or panicked.
    Interceptor,
    /// `timeout`, `deadline` or a limit of the adapter ran out.
    Timeout,
    /// The call's [`CancelHandle`](crate::CancelHandle) was cancelled.
    Cancelled,
    /// The host's name could not be resolved.
    Dns,
    /// No connection could be made.
    Connect,
    /// The TLS handshake or a certificate failed.
    Tls,
    /// The connection failed after it was made: reset, cut short, garbage.
    Transport,
    /// Too many redirects, or one that must not be followed.
    Redirect,
    /// The request's body is larger than `max_request_bytes`.
    RequestTooLarge,
    /// The response's body is larger than `max_response_bytes`.
    ResponseTooLarge,
    /// A body does not decode: compression, charset, JSON.
    Decode,
    /// The status is outside `validate_status`; the response is attached.
    Status,
    /// The token could not be refreshed, or no refresh can give what the server
    /// asks for ([`StepUp`](crate::auth::StepUp)), or it is not known whose
    /// token a call gets ([`IdentityError`](crate::auth::IdentityError)); the
    /// session may still be good.
    Auth,
    /// The session is over: only signing in helps.
    SessionExpired,
    /// The adapter cannot do what was asked.
    Unsupported,
}

/// The code that axios gives the same failure, and ours where it has none.
///
/// ```
/// use tollgate::ErrorCode;
///
/// assert_eq!(ErrorCode::TimedOut.as_str(), "ETIMEDOUT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `ERR_BAD_OPTION_VALUE`
    BadOptionValue,
    /// `ERR_INVALID_URL`
    InvalidUrl,
    /// `ERR_FORM_DATA_DEPTH_EXCEEDED`: parameters that are nested too deeply.
    FormDepthExceeded,
    /// `ERR_BAD_REQUEST`: a 4xx, or a request that cannot be sent.
    BadRequest,
    /// `ERR_BAD_RESPONSE`: any other refused status, or a body that does not decode.
    BadResponse,
    /// `ETIMEDOUT`
    TimedOut,
    /// `ERR_CANCELED`, in axios's spelling
    Cancelled,
    /// `ENOTFOUND`
    NotFound,
    /// `ECONNREFUSED`
    ConnectionRefused,
    /// `ECONNRESET`
    ConnectionReset,
    /// `ERR_NETWORK`
    Network,
    /// `ERR_FR_TOO_MANY_REDIRECTS`
    TooManyRedirects,
    /// `ERR_FR_REDIRECTION_FAILURE`
    RedirectFailed,
    /// `ERR_NOT_SUPPORT`
    NotSupported,
    /// `ERR_INTERCEPTOR` (ours; axios leaves it undefined)
    Interceptor,
    /// `ERR_AUTH_REFRESH` (ours)
    AuthRefreshFailed,
    /// `ERR_AUTH_REVOKED` (ours)
    AuthRevoked,
}

impl ErrorCode {
    /// Returns the code's text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadOptionValue => "ERR_BAD_OPTION_VALUE",
            Self::InvalidUrl => "ERR_INVALID_URL",
            Self::FormDepthExceeded => "ERR_FORM_DATA_DEPTH_EXCEEDED",
            Self::BadRequest => "ERR_BAD_REQUEST",
            Self::BadResponse => "ERR_BAD_RESPONSE",
            Self::TimedOut => "ETIMEDOUT",
            Self::Cancelled => "ERR_CANCELED",
            Self::NotFound => "ENOTFOUND",
            Self::ConnectionRefused => "ECONNREFUSED",
            Self::ConnectionReset => "ECONNRESET",
            Self::Network => "ERR_NETWORK",
            Self::TooManyRedirects => "ERR_FR_TOO_MANY_REDIRECTS",
            Self::RedirectFailed => "ERR_FR_REDIRECTION_FAILURE",
            Self::NotSupported => "ERR_NOT_SUPPORT",
            Self::Interceptor => "ERR_INTERCEPTOR",
            Self::AuthRefreshFailed => "ERR_AUTH_REFRESH",
            Self::AuthRevoked => "ERR_AUTH_REVOKED",
        }
    }

    /// Returns the code of a kind, where nothing more precise is known.
    pub(crate) fn of(kind: ErrorKind, status: Option<StatusCode>) -> Self {
        match kind {
            ErrorKind::Builder => Self::BadOptionValue,
            ErrorKind::InvalidUrl => Self::InvalidUrl,
            ErrorKind::InvalidRequest | ErrorKind::RequestTooLarge => Self::BadRequest,
            ErrorKind::Interceptor => Self::Interceptor,
            ErrorKind::Timeout => Self::TimedOut,
            ErrorKind::Cancelled => Self::Cancelled,
            ErrorKind::Dns => Self::NotFound,
            ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Transport => Self::Network,
            ErrorKind::Redirect => Self::RedirectFailed,
            ErrorKind::Status if status.is_some_and(|status| status.is_client_error()) => {
                Self::BadRequest
            }
            ErrorKind::Status | ErrorKind::ResponseTooLarge | ErrorKind::Decode => {
                Self::BadResponse
            }
            ErrorKind::Auth => Self::AuthRefreshFailed,
            ErrorKind::SessionExpired => Self::AuthRevoked,
            ErrorKind::Unsupported => Self::NotSupported,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
