//! ureq's errors as ours, by a table; addresses are left out.
//!
//! | asked in this order | kind | code, where it is not the kind's |
//! |---|---|---|
//! | the attempt was cancelled, or its time is over | `Cancelled`, `Timeout` | |
//! | the request's body failed | that error's, or `InvalidRequest` | that error's |
//! | a time limit of ureq's, in any wrapping | `Timeout` | |
//! | the name does not resolve | `Dns` | |
//! | no connection was made | `Connect` | `ConnectionRefused`, `ConnectionReset` |
//! | TLS failed, in the handshake or later | `Tls` | |
//! | TLS is not built in | `Unsupported` | |
//! | the compressed body is damaged | `Decode` | |
//! | ureq does not send such a request | `InvalidRequest` | |
//! | the connection was reset, cut or talks garbage; the head is too large | `Transport` | `ConnectionReset`, `BadResponse` |
//!
//! What the caller reads is the core's wording of these; ureq's own words are
//! the source.
//!
//! `ureq::Error` has no `source()`, so the chain is built by matching. What it
//! does not say (which stage of a new connection failed) is in [`Seen`]; an
//! agent of the user's notes nothing there, and is read by its errors alone.

use std::{error::Error as StdError, io};

use tollgate::{AdapterError, ErrorCode, ErrorKind};
use ureq::{Error, Timeout};

use crate::watch::{End, Seen, Stage};

/// Where an error happened.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Over TLS.
    pub(crate) secure: bool,
    /// On a connection of our own agent, of which [`Seen`] tells.
    pub(crate) own: bool,
}

/// Why no answer came.
pub(crate) fn no_answer(error: Error, seen: Seen, place: Place) -> AdapterError {
    let asked = Asked {
        stage: seen.stage,
        input: seen.input,
        end: seen.end,
        place,
    };
    early(seen).unwrap_or_else(|| asked.explain(error))
}

/// Tells whether a head has more bytes, or more headers, than ureq reads.
pub(crate) fn is_large_head(error: &Error) -> bool {
    match error {
        Error::LargeResponseHeader(..) => true,
        // ureq does not export the error that is inside.
        Error::Protocol(inner) => inner.to_string().ends_with("too many headers"),
        _ => false,
    }
}

/// Why the body of an answer stopped.
pub(crate) fn no_body(error: io::Error, seen: Seen, place: Place) -> AdapterError {
    let asked = Asked {
        stage: Stage::Open,
        input: true,
        end: seen.end,
        place,
    };
    early(seen).unwrap_or_else(|| asked.explain_io(error))
}

/// What we know better than ureq, however it has wrapped it.
fn early(seen: Seen) -> Option<AdapterError> {
    match (seen.stop, seen.upload) {
        (Some(stop), _) => Some(stop.into()),
        (None, Some(error)) => Some(caller_body(error)),
        (None, None) => None,
    }
}

/// The caller's body may be one of ours, with an error of ours.
fn caller_body(error: io::Error) -> AdapterError {
    let error = match error.downcast::<AdapterError>() {
        Ok(ours) => return AdapterError::request_body(ours.kind()).with_source(ours),
        Err(error) => error,
    };
    match error.downcast::<tollgate::Error>() {
        Ok(ours) => AdapterError::request_body(ours.kind())
            .with_code(ours.code())
            .with_source(ours),
        Err(error) => {
            AdapterError::request_body(ErrorKind::InvalidRequest).with_source(bare(error))
        }
    }
}

/// Takes an error out of an I/O error that says nothing more: `source()` would
/// pass over it.
fn bare(error: io::Error) -> Box<dyn StdError + Send + Sync> {
    let kind = error.kind();
    if kind == io::ErrorKind::Other && error.get_ref().is_some() {
        let inner = error.into_inner();
        return inner.unwrap_or_else(|| io::Error::from(kind).into());
    }
    error.into()
}

fn of(kind: ErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> AdapterError {
    AdapterError::of(kind).with_source(source)
}

fn unsendable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> AdapterError {
    const MESSAGE: &str = "ureq does not send such a request";
    AdapterError::new(ErrorKind::InvalidRequest, MESSAGE).with_source(source)
}

/// What is known besides the error.
struct Asked {
    stage: Stage,
    input: bool,
    end: Option<End>,
    place: Place,
}

impl Asked {
    fn explain(&self, error: Error) -> AdapterError {
        match error {
            Error::Io(error) => self.explain_io(error),
            Error::Timeout(reason) => timeout(reason),
            Error::HostNotFound => dns(),
            Error::TlsRequired => {
                AdapterError::new(ErrorKind::Unsupported, "`https` is not built in")
                    .with_hint("turn on the feature `rustls` of tollgate-ureq")
            }
            #[cfg(feature = "rustls")]
            Error::Rustls(error) => of(ErrorKind::Tls, error),
            Error::Tls(_) => of(ErrorKind::Tls, error),
            #[cfg(any(feature = "gzip", feature = "brotli"))]
            Error::Decompress(_, error) => self.decode(error),
            Error::LargeResponseHeader(_, limit) => AdapterError::head_too_large(limit),
            Error::Protocol(error) if self.place.own && !self.input => unsendable(error),
            Error::Protocol(error) => {
                of(ErrorKind::Transport, error).with_code(ErrorCode::BadResponse)
            }
            Error::Http(error) => unsendable(error),
            // These two hold the address.
            Error::BadUri(_) => {
                AdapterError::new(ErrorKind::InvalidUrl, "ureq does not read the address")
            }
            Error::RequireHttpsOnly(_) => {
                AdapterError::new(ErrorKind::Unsupported, "the agent is set to `https` only")
            }
            Error::ConnectionFailed | Error::InvalidProxyUrl | Error::ConnectProxyFailed(_) => {
                of(ErrorKind::Connect, error)
            }
            Error::TooManyRedirects | Error::RedirectFailed => of(ErrorKind::Redirect, error),
            Error::Other(source) => of(ErrorKind::Transport, source),
            other => of(ErrorKind::Transport, other),
        }
    }

    fn explain_io(&self, error: io::Error) -> AdapterError {
        let error = match error.downcast::<Error>() {
            Ok(inner) => return self.explain(inner),
            Err(error) => error,
        };
        if is_pause(&error) {
            return of(ErrorKind::Timeout, error);
        }
        match self.stage {
            Stage::Lookup => dns().with_source(error),
            Stage::Connect => connect(error),
            Stage::Handshake if is_reset(&error) => connect(error),
            Stage::Handshake => of(ErrorKind::Tls, error),
            Stage::Open => self.open(error),
        }
    }

    /// An error on a connection, or of an agent that does not say where.
    fn open(&self, error: io::Error) -> AdapterError {
        match error.kind() {
            _ if is_lookup(&error) => dns().with_source(error),
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => connect(error),
            _ if self.was_reset(&error) => {
                of(ErrorKind::Transport, error).with_code(ErrorCode::ConnectionReset)
            }
            io::ErrorKind::InvalidData if self.place.secure => of(ErrorKind::Tls, error),
            _ => of(ErrorKind::Transport, error),
        }
    }

    /// ureq takes a reset in a body for its end, too early or not.
    fn was_reset(&self, error: &io::Error) -> bool {
        let noted = match self.end {
            Some(End::Fault(kind)) => is_reset_kind(kind),
            Some(End::Clean) | None => false,
        };
        is_reset(error) || (noted && error.kind() == io::ErrorKind::UnexpectedEof)
    }

    /// A decoder cannot tell a damaged body from one that stopped coming. Our
    /// own connections can; of others, only what ureq says of it is there.
    #[cfg(any(feature = "gzip", feature = "brotli"))]
    fn decode(&self, error: io::Error) -> AdapterError {
        let stopped = self.end.is_some() || error.to_string() == "Peer disconnected";
        let cut = error.kind() == io::ErrorKind::UnexpectedEof && stopped;
        let foreign = error.get_ref().is_some_and(|inner| inner.is::<Error>());
        if cut || foreign || is_reset(&error) || is_pause(&error) {
            return self.explain_io(error);
        }
        of(ErrorKind::Decode, error)
    }
}

fn dns() -> AdapterError {
    AdapterError::of(ErrorKind::Dns)
}

fn timeout(reason: Timeout) -> AdapterError {
    let source = Error::Timeout(reason);
    if matches!(reason, Timeout::Connect | Timeout::Resolve) {
        return AdapterError::connect_timeout().with_source(source);
    }
    of(ErrorKind::Timeout, source)
}

fn connect(error: io::Error) -> AdapterError {
    let code = match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(ErrorCode::ConnectionRefused),
        _ if is_reset(&error) => Some(ErrorCode::ConnectionReset),
        _ => None,
    };
    let out = of(ErrorKind::Connect, error);
    match code {
        Some(code) => out.with_code(code),
        None => out,
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

fn is_reset(error: &io::Error) -> bool {
    is_reset_kind(error.kind())
}

fn is_reset_kind(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// std gives a failed look-up no kind of its own: on Unix its text tells, on
/// Windows its code (`WSAHOST_NOT_FOUND` and the three after it).
fn is_lookup(error: &io::Error) -> bool {
    match error.raw_os_error() {
        Some(code) => cfg!(windows) && (11001..=11004).contains(&code),
        None => error
            .to_string()
            .starts_with("failed to lookup address information"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Place = Place {
        secure: false,
        own: true,
    };

    fn answered(error: Error) -> AdapterError {
        no_answer(error, Seen::default(), OWN)
    }

    fn at(stage: Stage, kind: io::ErrorKind) -> AdapterError {
        let seen = Seen {
            stage,
            ..Seen::default()
        };
        no_answer(Error::Io(kind.into()), seen, OWN)
    }

    #[test]
    fn a_time_limit_is_found_in_any_wrapping() {
        let bare = Error::Timeout(Timeout::Global);
        let once = Error::Io(Error::Timeout(Timeout::RecvBody).into_io());
        let twice = Error::Io(io::Error::other(
            once.into_io().downcast::<Error>().unwrap(),
        ));
        for error in [bare, twice] {
            assert_eq!(answered(error).kind(), ErrorKind::Timeout);
        }
        #[cfg(feature = "gzip")]
        {
            let inner = Error::Timeout(Timeout::PerRead).into_io();
            let error = Error::Decompress("gzip", inner).into_io();
            let error = no_body(error, Seen::default(), OWN);
            assert_eq!(error.kind(), ErrorKind::Timeout);
        }
    }

    #[test]
    fn the_stage_of_a_new_connection_decides() {
        use io::ErrorKind as Io;
        for (stage, io, kind, code) in [
            (
                Stage::Lookup,
                Io::Other,
                ErrorKind::Dns,
                ErrorCode::NotFound,
            ),
            (
                Stage::Connect,
                Io::ConnectionRefused,
                ErrorKind::Connect,
                ErrorCode::ConnectionRefused,
            ),
            (
                Stage::Connect,
                Io::ConnectionReset,
                ErrorKind::Connect,
                ErrorCode::ConnectionReset,
            ),
            (
                Stage::Connect,
                Io::PermissionDenied,
                ErrorKind::Connect,
                ErrorCode::Network,
            ),
            (
                Stage::Handshake,
                Io::UnexpectedEof,
                ErrorKind::Tls,
                ErrorCode::Network,
            ),
            (
                Stage::Open,
                Io::UnexpectedEof,
                ErrorKind::Transport,
                ErrorCode::Network,
            ),
            (
                Stage::Open,
                Io::BrokenPipe,
                ErrorKind::Transport,
                ErrorCode::ConnectionReset,
            ),
        ] {
            let error: tollgate::Error = at(stage, io).into();
            assert_eq!(
                (error.kind(), error.code()),
                (kind, code),
                "{stage:?} {io:?}"
            );
        }
    }

    #[test]
    fn a_look_up_of_a_foreign_agent_is_known_by_its_text() {
        let text = "failed to lookup address information: Name or service not known";
        let error = answered(Error::Io(io::Error::other(text)));
        assert_eq!(error.kind(), ErrorKind::Dns);
    }

    #[test]
    fn no_text_in_the_chain_holds_the_address() {
        let address = || "http://h/secret?key=value".to_owned();
        for error in [Error::BadUri(address()), Error::RequireHttpsOnly(address())] {
            let error = answered(error);
            let mut next: Option<&dyn StdError> = Some(&error);
            while let Some(error) = next {
                assert!(!error.to_string().contains("secret"), "{error}");
                next = error.source();
            }
        }
    }

    #[test]
    fn an_error_of_ours_in_the_callers_body_keeps_its_kind() {
        let ours = tollgate::Error::new(ErrorKind::RequestTooLarge, "too large");
        let seen = Seen {
            upload: Some(ours.into()),
            ..Seen::default()
        };
        let error = no_answer(Error::Io(io::Error::other("stub")), seen, OWN);
        assert_eq!(error.kind(), ErrorKind::RequestTooLarge);
        assert!(error.source().unwrap().is::<tollgate::Error>());
    }
}
