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
//! | hyper's parser, too large a head among others; framing of a body that it refuses | `Transport` | `BadResponse` |
//! | anything else | `Transport` | `ConnectionReset` |
//!
//! What the caller reads is the core's wording of these; reqwest's own words
//! are the source.
//!
//! `is_body` and `is_decode` do not tell a bad encoding from a connection that
//! was cut: the first cause does, which is an I/O error where the decoder
//! failed and hyper's error where the connection did.

use std::{error::Error as StdError, io, iter};

use tollgate::{AdapterError, ErrorCode, ErrorKind};

/// What hyper reads of a head of HTTP/1 at most.
const HEAD_LIMIT: usize = 8192 + 100 * 4096;

type Cause<'a> = &'a (dyn StdError + 'static);

/// Why no answer came.
pub(crate) fn no_answer(
    error: reqwest::Error,
    secure: bool,
    max_head_bytes: Option<usize>,
) -> AdapterError {
    let error = error.without_url();
    let found = of_ours(&error)
        .or_else(|| early(&error))
        .or_else(|| error.is_connect().then(|| connect(&error, secure)))
        .unwrap_or_else(|| {
            if error.is_builder() {
                AdapterError::new(
                    ErrorKind::InvalidRequest,
                    "reqwest does not send such a request",
                )
            } else if error.is_redirect() {
                AdapterError::of(ErrorKind::Redirect)
            } else if caller_body_failed(&error) {
                AdapterError::request_body(ErrorKind::InvalidRequest)
            } else if secure && io_kind(&error) == Some(io::ErrorKind::InvalidData) {
                AdapterError::of(ErrorKind::Tls)
            } else if let Some(limit) = max_head_bytes.filter(|_| has_large_head(&error)) {
                AdapterError::head_too_large(limit.min(HEAD_LIMIT))
            } else {
                transport(&error)
            }
        });
    found.with_source(error)
}

/// Why the body of an answer stopped.
pub(crate) fn no_body(error: reqwest::Error) -> AdapterError {
    let error = error.without_url();
    let found = of_ours(&error)
        .or_else(|| early(&error))
        .unwrap_or_else(|| {
            if decoder_failed(&error) {
                AdapterError::of(ErrorKind::Decode)
            } else {
                transport(&error)
            }
        });
    found.with_source(error)
}

/// The caller's body may be one of ours, with an error of ours.
fn of_ours(error: &reqwest::Error) -> Option<AdapterError> {
    causes(error).find_map(|cause| {
        if let Some(ours) = cause.downcast_ref::<AdapterError>() {
            return Some(AdapterError::request_body(ours.kind()));
        }
        let ours = cause.downcast_ref::<tollgate::Error>()?;
        Some(AdapterError::request_body(ours.kind()).with_code(ours.code()))
    })
}

fn early(error: &reqwest::Error) -> Option<AdapterError> {
    if error.is_timeout() {
        return Some(if error.is_connect() {
            AdapterError::connect_timeout()
        } else {
            AdapterError::of(ErrorKind::Timeout)
        });
    }
    error.is_dns().then(|| AdapterError::of(ErrorKind::Dns))
}

fn connect(error: &reqwest::Error, secure: bool) -> AdapterError {
    let refused = AdapterError::of(ErrorKind::Connect);
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => refused.with_code(ErrorCode::ConnectionRefused),
        Some(kind) if is_reset(kind) => refused.with_code(ErrorCode::ConnectionReset),
        Some(io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) if secure => {
            AdapterError::of(ErrorKind::Tls)
        }
        None if secure && lacks_tls(error) => {
            AdapterError::new(ErrorKind::Unsupported, "`https` is not built in")
                .with_hint("turn on the feature `rustls` of tollgate-reqwest")
        }
        Some(_) | None => refused,
    }
}

fn transport(error: &reqwest::Error) -> AdapterError {
    let out = AdapterError::of(ErrorKind::Transport);
    match io_kind(error) {
        Some(kind) if is_reset(kind) => out.with_code(ErrorCode::ConnectionReset),
        // hyper's own, of chunks that are none.
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            out.with_code(ErrorCode::BadResponse)
        }
        _ if parser_failed(error) => out.with_code(ErrorCode::BadResponse),
        Some(_) | None => out,
    }
}

fn parser_failed(error: &reqwest::Error) -> bool {
    of_hyper(error).any(hyper::Error::is_parse)
}

/// hyper does not tell the number of headers from their size, and names
/// neither to clients but in words.
fn has_large_head(error: &reqwest::Error) -> bool {
    of_hyper(error)
        .any(|cause| cause.is_parse() && cause.to_string() == "message head is too large")
}

fn of_hyper(error: &reqwest::Error) -> impl Iterator<Item = &hyper::Error> {
    causes(error).filter_map(|cause| cause.downcast_ref())
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
