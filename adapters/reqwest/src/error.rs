//! reqwest's errors as ours, by a table; the address is left out.
//!
//! | asked in this order | kind | code, where it is not the kind's |
//! |---|---|---|
//! | an error of ours is inside: of the caller's body | that error's | |
//! | `is_timeout` | `Timeout` | |
//! | `is_dns` | `Dns` | |
//! | `is_connect`, over TLS, bad data or an end in the handshake | `Tls` | |
//! | `is_connect`, over TLS that is not built in | `Unsupported` | |
//! | `is_connect` | `Connect` | `ConnectionRefused`, `ConnectionReset` |
//! | `is_builder` | `InvalidRequest` | |
//! | `is_redirect` (a client of the caller's) | `Redirect` | |
//! | the caller's body failed | `InvalidRequest` | |
//! | a body, from the decoder | `Decode` | |
//! | anything else | `Transport` | `ConnectionReset` |
//!
//! `is_body` and `is_decode` do not tell a bad encoding from a connection that
//! was cut: the first cause does, which is an I/O error where the decoder
//! failed and hyper's error where the connection did.

use std::{error::Error as StdError, io, iter};

use tollgate::{AdapterError, ErrorCode, ErrorKind};

type Cause<'a> = &'a (dyn StdError + 'static);

/// Why no answer came.
pub(crate) fn no_answer(error: reqwest::Error, secure: bool) -> AdapterError {
    let error = error.without_url();
    let found = of_ours(&error)
        .or_else(|| early(&error))
        .or_else(|| error.is_connect().then(|| connect(&error, secure)))
        .unwrap_or_else(|| {
            if error.is_builder() {
                Found::new(
                    ErrorKind::InvalidRequest,
                    "reqwest does not send such a request",
                )
            } else if error.is_redirect() {
                Found::new(ErrorKind::Redirect, "a redirect was not followed")
            } else if caller_body_failed(&error) {
                Found::new(
                    ErrorKind::InvalidRequest,
                    "the request's body could not be read",
                )
            } else if secure && io_kind(&error) == Some(io::ErrorKind::InvalidData) {
                Found::new(ErrorKind::Tls, "the server ended the TLS session")
            } else {
                transport(&error, "the connection failed before an answer came")
            }
        });
    found.with(error)
}

/// Why the body of an answer stopped.
pub(crate) fn no_body(error: reqwest::Error) -> AdapterError {
    let error = error.without_url();
    let found = of_ours(&error)
        .or_else(|| early(&error))
        .unwrap_or_else(|| match io_kind(&error) {
            Some(_) if decoder_failed(&error) => {
                Found::new(ErrorKind::Decode, "the body does not decompress")
            }
            Some(io::ErrorKind::UnexpectedEof) => {
                Found::new(ErrorKind::Transport, "the body was cut short")
            }
            Some(_) | None => transport(&error, "the connection failed in the body"),
        });
    found.with(error)
}

/// A row of the table.
struct Found {
    kind: ErrorKind,
    code: Option<ErrorCode>,
    message: &'static str,
    hint: Option<&'static str>,
}

impl Found {
    fn new(kind: ErrorKind, message: &'static str) -> Self {
        Self {
            kind,
            code: None,
            message,
            hint: None,
        }
    }

    fn code(mut self, code: ErrorCode) -> Self {
        self.code = Some(code);
        self
    }

    fn with(self, source: reqwest::Error) -> AdapterError {
        let mut error = AdapterError::new(self.kind, self.message).with_source(source);
        if let Some(code) = self.code {
            error = error.with_code(code);
        }
        if let Some(hint) = self.hint {
            error = error.with_hint(hint);
        }
        error
    }
}

/// The caller's body may be one of ours, with an error of ours.
fn of_ours(error: &reqwest::Error) -> Option<Found> {
    const MESSAGE: &str = "the request's body could not be read";
    causes(error).find_map(|cause| {
        if let Some(ours) = cause.downcast_ref::<AdapterError>() {
            return Some(Found::new(ours.kind(), MESSAGE));
        }
        let ours = cause.downcast_ref::<tollgate::Error>()?;
        Some(Found::new(ours.kind(), MESSAGE).code(ours.code()))
    })
}

fn early(error: &reqwest::Error) -> Option<Found> {
    if error.is_timeout() {
        let message = if error.is_connect() {
            "the connection was not made in time"
        } else {
            "a time limit of reqwest or of the system ran out"
        };
        return Some(Found::new(ErrorKind::Timeout, message));
    }
    error
        .is_dns()
        .then(|| Found::new(ErrorKind::Dns, "the name of the host could not be resolved"))
}

fn connect(error: &reqwest::Error, secure: bool) -> Found {
    let refused = |message| Found::new(ErrorKind::Connect, message);
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => {
            refused("the connection was refused").code(ErrorCode::ConnectionRefused)
        }
        Some(kind) if is_reset(kind) => {
            refused("the connection was reset").code(ErrorCode::ConnectionReset)
        }
        Some(io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) if secure => {
            Found::new(ErrorKind::Tls, "the TLS handshake failed")
        }
        None if secure && lacks_tls(error) => Found {
            hint: Some("turn on the feature `rustls` of tollgate-reqwest"),
            ..Found::new(ErrorKind::Unsupported, "`https` is not built in")
        },
        Some(_) | None => refused("no connection could be made"),
    }
}

fn transport(error: &reqwest::Error, message: &'static str) -> Found {
    match io_kind(error) {
        Some(kind) if is_reset(kind) => {
            Found::new(ErrorKind::Transport, "the connection was reset")
                .code(ErrorCode::ConnectionReset)
        }
        Some(_) | None => Found::new(ErrorKind::Transport, message),
    }
}

/// hyper's plain connector names its reason in words only. Not by our feature:
/// another crate may have given reqwest a TLS of its choice.
fn lacks_tls(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.to_string().contains("scheme is not http"))
}

fn is_reset(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = Cause<'_>> {
    iter::successors(error.source(), |cause| below(*cause))
}

/// Returns the next cause; `source` alone steps over what an I/O error wraps.
fn below<'a>(cause: Cause<'a>) -> Option<Cause<'a>> {
    match cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => cause.source(),
    }
}

/// Returns the innermost kind: connectors wrap I/O errors in each other.
fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last()
        .map(io::Error::kind)
}

/// Below the error of the request lies one of its body.
fn caller_body_failed(error: &reqwest::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<reqwest::Error>())
        .any(reqwest::Error::is_body)
}

fn decoder_failed(error: &reqwest::Error) -> bool {
    causes(error)
        .find(|cause| !cause.is::<reqwest::Error>())
        .is_some_and(|cause| cause.is::<io::Error>())
}
