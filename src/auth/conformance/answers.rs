//! The answers that several endpoints give.

use crate::adapter::conformance::Reply;

/// Answers with JSON that must not be cached (RFC 6749 §5.1).
pub(super) fn json(status: u16, body: impl Into<String>) -> Reply {
    Reply::new(status)
        .header("content-type", "application/json")
        .header("cache-control", "no-store")
        .header("pragma", "no-cache")
        .body(body.into())
}

/// Answers with an OAuth error (RFC 6749 §5.2).
pub(super) fn json_error(status: u16, code: &str) -> Reply {
    json(status, format!(r#"{{"error":"{code}"}}"#))
}

/// Refuses a client that has not proved who it is.
pub(super) fn invalid_client() -> Reply {
    json_error(401, "invalid_client").header("www-authenticate", "Basic realm=\"token\"")
}

/// Refuses with challenges, each in a header of its own.
pub(super) fn challenged(status: u16, challenges: &[&str]) -> Reply {
    let code = if status == 401 {
        "invalid_token"
    } else {
        "insufficient_scope"
    };
    challenges
        .iter()
        .fold(json_error(status, code), |reply, challenge| {
            reply.header("www-authenticate", (*challenge).to_owned())
        })
}

/// Refuses a method; `allowed` is the one that is right.
pub(super) fn wrong_method(allowed: &'static str) -> Reply {
    Reply::new(405).header("allow", allowed)
}
