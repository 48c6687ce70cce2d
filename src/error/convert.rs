//! What `?` turns into an [`Error`] inside an interceptor.

use std::io;

use super::{Error, ErrorCode, ErrorKind, Mismatch};
use crate::uri::UriError;

macro_rules! invalid_request {
    ($($source:ty => $message:literal,)*) => {$(
        impl From<$source> for Error {
            fn from(source: $source) -> Self {
                Self::new(ErrorKind::InvalidRequest, $message).with_source(source)
            }
        }
    )*};
}

invalid_request! {
    http::header::InvalidHeaderName => "the header's name is not valid",
    http::header::InvalidHeaderValue => "the header's value is not valid",
    http::header::ToStrError => "the header's value is not visible ASCII",
    http::method::InvalidMethod => "the method is not valid",
    http::status::InvalidStatusCode => "the status is not valid",
    http::Error => "the request is not valid",
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

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        match source.downcast::<Self>() {
            Ok(error) => error,
            Err(source) => {
                Self::new(ErrorKind::Transport, "an I/O operation failed").with_source(source)
            }
        }
    }
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
