//! What an error says where its kind decides it: one wording for all adapters,
//! and a hint for each kind.

use super::{ErrorCode, ErrorKind};

/// How far the exchange had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No answer has come.
    Head,
    /// The answer's body was being read.
    Body,
    /// It is not known: what an adapter says of itself.
    Either,
}

/// What happened, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) message: &'static str,
    pub(crate) hint: &'static str,
}

const fn words(message: &'static str, hint: &'static str) -> Words {
    Words { message, hint }
}

const AGAIN: &str = "send it again, if it may arrive twice";

/// Words a failure of the wire; `None` where only the adapter knows what it was.
pub(crate) fn of_wire(kind: ErrorKind, code: ErrorCode, stage: Stage) -> Option<Words> {
    Some(match (kind, code) {
        (ErrorKind::Transport, _) => of_transport(code, stage),
        (ErrorKind::Timeout, _) => words(
            "a time limit below tollgate ran out",
            "raise it on the client that the adapter was made of",
        ),
        (ErrorKind::Cancelled, _) => words("the call was cancelled", OWN_CANCEL),
        (ErrorKind::Dns, _) => words(
            "the name of the host could not be resolved",
            "check the host in the address",
        ),
        (ErrorKind::Connect, ErrorCode::ConnectionRefused) => words(
            "the connection was refused",
            "check that the server is up, and the port in the address",
        ),
        (ErrorKind::Connect, ErrorCode::ConnectionReset) => words(
            "the connection was reset while it was made",
            "check what stands between: a proxy, a firewall",
        ),
        (ErrorKind::Connect, _) => words(
            "no connection could be made",
            "check the network, and the address",
        ),
        (ErrorKind::Tls, _) => words(
            "the TLS handshake failed",
            "check that the server speaks TLS on this port, and its certificate",
        ),
        (ErrorKind::Redirect, _) => words(
            "a redirect was not followed",
            "leave redirects to tollgate: turn them off below it",
        ),
        (ErrorKind::Decode, _) => words(
            "the body does not decompress",
            "check that the server packs as its `content-encoding` says",
        ),
        _ => return None,
    })
}

fn of_transport(code: ErrorCode, stage: Stage) -> Words {
    const SERVER: &str = "check that the address is that of an HTTP server";
    let (message, hint) = match (code, stage) {
        (ErrorCode::BadResponse, Stage::Head) => ("the answer is not valid HTTP", SERVER),
        (ErrorCode::BadResponse, Stage::Body) => (
            "the body is not framed as valid HTTP",
            "check the server, and what stands between",
        ),
        (ErrorCode::BadResponse, Stage::Either) => ("what came is not valid HTTP", SERVER),
        (ErrorCode::ConnectionReset, Stage::Head) => {
            ("the connection was reset before an answer came", AGAIN)
        }
        (ErrorCode::ConnectionReset, Stage::Body) => {
            ("the connection was reset before the body's end", AGAIN)
        }
        (ErrorCode::ConnectionReset, Stage::Either) => ("the connection was reset", AGAIN),
        (_, Stage::Head) => ("the connection ended before an answer came", AGAIN),
        (_, Stage::Body) => ("the body was cut short", AGAIN),
        (_, Stage::Either) => ("the connection ended too early", AGAIN),
    };
    words(message, hint)
}

const OWN_CANCEL: &str = "give the next call a new `CancelHandle`";

/// The hint of a kind whose errors bring none: it is not printed with them,
/// because it is the same for every error of the kind.
pub(super) fn general_hint(kind: ErrorKind, answered: bool) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Status => {
            "read what the server says by `response()`, or accept the status by `validate_status`"
        }
        ErrorKind::Decode if answered => "see what came by `response()`",
        ErrorKind::Interceptor => "recover in a later interceptor, by `use_rejected`",
        ErrorKind::Cancelled => OWN_CANCEL,
        ErrorKind::Auth => "call again later: the session may still be good",
        ErrorKind::SessionExpired => "sign in again",
        _ => return None,
    })
}
