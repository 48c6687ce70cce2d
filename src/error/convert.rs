//! What `?` turns into an [`Error`] inside an interceptor.

use std::{borrow::Cow, io};

use super::{Error, ErrorCode, ErrorKind, Mismatch};
use crate::uri::UriError;

macro_rules! invalid_request {
    ($($source:ty => $message:literal, $hint:expr;)*) => {$(
        impl From<$source> for Error {
            fn from(source: $source) -> Self {
                let mut error = Self::new(ErrorKind::InvalidRequest, $message);
                error.0.hint = $hint.map(Cow::Borrowed);
                error.with_source(source)
            }
        }
    )*};
}

const NAME: Option<&str> = Some("use letters, digits and `-`");
const VALUE: Option<&str> = Some("it must not hold CR, LF, NUL or other control characters");
const NONE: Option<&str> = None;

invalid_request! {
    http::header::InvalidHeaderName => "the header's name is not valid", NAME;
    http::header::InvalidHeaderValue => "the header's value is not valid", VALUE;
    http::header::ToStrError => "the header's value is not visible ASCII", NONE;
    http::method::InvalidMethod => "the method is not valid", NONE;
    http::status::InvalidStatusCode => "the status is not valid", NONE;
    http::Error => "the request is not valid", NONE;
}

impl From<http::uri::InvalidUri> for Error {
    fn from(source: http::uri::InvalidUri) -> Self {
        Self::new(ErrorKind::InvalidUrl, "the address is not valid").with_source(source)
    }
}

/// The values that serde quotes are left out of the cause.
impl From<serde_json::Error> for Error {
    fn from(source: serde_json::Error) -> Self {
        Self::new(ErrorKind::Decode, "the JSON is not valid").with_source(Mismatch::from(source))
    }
}

/// One of ours inside it is got back; a file's is the interceptor's own, and
/// no reason to send the call again.
impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        match source.downcast::<Self>() {
            Ok(error) => error,
            Err(source) => {
                let kind = if is_of_a_file(source.kind()) {
                    ErrorKind::Interceptor
                } else {
                    ErrorKind::Transport
                };
                Self::new(kind, "an I/O operation failed").with_source(source)
            }
        }
    }
}

/// Tells what no connection fails with.
fn is_of_a_file(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
    )
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Timeout => io::ErrorKind::TimedOut,
            ErrorKind::Decode => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl From<UriError> for Error {
    fn from(error: UriError) -> Self {
        let out = Self::new(ErrorKind::InvalidUrl, error.what).with_hint(error.hint);
        if error.is_scheme {
            return out.with_code(ErrorCode::BadRequest);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_no_failure_of_the_network() {
        for (kind, expected) in [
            (io::ErrorKind::NotFound, ErrorKind::Interceptor),
            (io::ErrorKind::PermissionDenied, ErrorKind::Interceptor),
            (io::ErrorKind::ConnectionReset, ErrorKind::Transport),
            (io::ErrorKind::Other, ErrorKind::Transport),
        ] {
            let error = Error::from(io::Error::from(kind));
            assert_eq!(error.kind(), expected, "{kind}");
            assert_eq!(error.is_retryable(), expected == ErrorKind::Transport);
        }
    }

    #[test]
    fn a_header_that_question_mark_refuses_has_the_remedy_of_the_others() {
        let value = http::HeaderValue::from_str("a\nb").unwrap_err();
        assert!(Error::from(value).hint().unwrap().contains("CR, LF, NUL"));
        let name = http::HeaderName::from_bytes(b"a b").unwrap_err();
        assert!(Error::from(name).hint().unwrap().contains("letters"));
    }
}
