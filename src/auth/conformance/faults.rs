//! [`RefreshFault`] and [`ApiFault`]: what goes wrong, and how it looks.

use std::time::Duration;

use bytes::Bytes;

use super::answers::{self, challenged, json_error};
use crate::adapter::conformance::Reply;

/// How one refresh goes wrong.
///
/// A script of them is taken up one by one, by each refresh that comes in,
/// whatever client or endpoint it is from; after the last one the server is in
/// good order.
///
/// | fault | is the token counted as presented | is it spent | what the client sees |
/// |---|---|---|---|
/// | `Refuse` | no | no | a reset |
/// | `Reset` | yes | no | a reset |
/// | `Hang` | yes | no | nothing |
/// | `DieAfterRotate` | yes | yes | the end of the connection |
/// | `Truncated` | yes | yes | half of the answer |
/// | `SlowDrip` | yes | yes | the answer, slowly |
/// | the others | yes | no | the answer in their name |
///
/// ```
/// use tollgate::auth::conformance::{RefreshFault, StrictAuthServer};
///
/// let server = StrictAuthServer::start()?;
/// server.fail_refreshes([RefreshFault::Unavailable, RefreshFault::DieAfterRotate]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshFault {
    /// None: a place in a script where all is well.
    Pass,
    /// 429, with `Retry-After` in seconds.
    TooManyRequests(u32),
    /// 503, without a body.
    Unavailable,
    /// 500, with `server_error`.
    ServerError,
    /// 502, with a proxy's page.
    BadGateway,
    /// 400, with a page: a firewall's, say.
    BadRequestHtml,
    /// 200, with a page: a hotel's sign-in, say.
    OkHtml,
    /// 200, without a body.
    OkEmpty,
    /// 400 `invalid_grant`, though the token is good.
    InvalidGrant,
    /// 403 `invalid_grant`, though the token is good.
    ForbiddenGrant,
    /// 401 `invalid_client`, though the client is who it should be.
    InvalidClient,
    /// The connection is reset, and the request not looked at.
    Refuse,
    /// The connection is reset when the request was read.
    Reset,
    /// The token is spent, then the connection ends: the answer is lost.
    DieAfterRotate,
    /// The token is spent, then the connection ends in the middle of the body.
    Truncated,
    /// The answer comes in pieces of 16 bytes, with this pause between them.
    SlowDrip(Duration),
    /// Nothing comes until the server is dropped.
    Hang,
}

impl RefreshFault {
    /// Tells whether the server looks at the request.
    pub(super) fn reads(&self) -> bool {
        *self != Self::Refuse
    }

    /// Tells whether the server does what it is asked for.
    pub(super) fn grants(&self) -> bool {
        matches!(
            self,
            Self::Pass | Self::DieAfterRotate | Self::Truncated | Self::SlowDrip(_)
        )
    }

    /// Returns what goes out; `good` is the answer that was due.
    pub(super) fn reply(&self, good: Reply) -> Reply {
        match self {
            Self::Pass => good,
            Self::TooManyRequests(seconds) => {
                Reply::new(429).header("retry-after", seconds.to_string())
            }
            Self::Unavailable => Reply::new(503),
            Self::ServerError => json_error(500, "server_error"),
            Self::BadGateway => page(502),
            Self::BadRequestHtml => page(400),
            Self::OkHtml => page(200),
            Self::OkEmpty => Reply::new(200),
            Self::InvalidGrant => json_error(400, "invalid_grant"),
            Self::ForbiddenGrant => json_error(403, "invalid_grant"),
            Self::InvalidClient => answers::invalid_client(),
            Self::Refuse | Self::Reset => Reply::raw("").reset_at(0),
            Self::DieAfterRotate => Reply::raw("").fin_at(0),
            Self::Truncated => {
                let whole = good.to_bytes().len();
                let body = whole - good.head_len();
                good.fin_at(whole - body / 2)
            }
            Self::SlowDrip(pause) => {
                let body = Bytes::from(good.to_bytes()).slice(good.head_len()..);
                let pieces: Vec<_> = body.chunks(16).map(Bytes::copy_from_slice).collect();
                good.pieces(pieces).every(*pause)
            }
            Self::Hang => Reply::stall(),
        }
    }
}

/// A page as proxies answer.
fn page(status: u16) -> Reply {
    Reply::new(status)
        .header("content-type", "text/html; charset=utf-8")
        .body("<html><body><h1>Please stand by</h1></body></html>")
}

/// How the API refuses, or answers though it should not.
///
/// ```
/// use tollgate::auth::conformance::{ApiFault, StrictAuthServer};
///
/// // A bad token gets a bare 403, and the next call a redirect.
/// let server = StrictAuthServer::builder().refusal(ApiFault::Forbidden).start()?;
/// server.fail_calls([ApiFault::Foreign(401)]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiFault {
    /// None: a place in a script where the token decides.
    Pass,
    /// 401 with a `Bearer` challenge; `invalid_token` where there was a token.
    Unauthorized,
    /// 401 without a challenge, against RFC 9110 §11.6.1.
    BareUnauthorized,
    /// 401 with a `Basic` and a `Bearer` challenge in one header.
    ChallengesInOne,
    /// 401 with the two in a header each.
    ChallengesInTwo,
    /// 403 without a challenge.
    Forbidden,
    /// 403 `insufficient_scope`, with the scope that is needed.
    InsufficientScope(String),
    /// 200 with an error of GraphQL, `UNAUTHENTICATED`.
    GraphQl,
    /// 307 to the foreign origin, which answers with this status.
    Foreign(u16),
}

impl ApiFault {
    /// Returns the answer; `None` where the token decides.
    pub(super) fn reply(&self, had_token: bool, foreign: &str) -> Option<Reply> {
        Some(match self {
            Self::Pass => return None,
            Self::Unauthorized => challenged(401, &[&bearer(had_token)]),
            Self::BareUnauthorized => json_error(401, "unauthorized"),
            Self::ChallengesInOne => {
                let both = format!("{BASIC}, {}", bearer(had_token));
                challenged(401, &[&both])
            }
            Self::ChallengesInTwo => challenged(401, &[BASIC, &bearer(had_token)]),
            Self::Forbidden => json_error(403, "forbidden"),
            Self::InsufficientScope(scope) => {
                let quoted: String = scope.chars().filter(|it| is_in_scope(*it)).collect();
                let challenge = format!(
                    "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"{quoted}\""
                );
                challenged(403, &[&challenge])
            }
            Self::GraphQl => answers::json(
                200,
                r#"{"data":null,"errors":[{"message":"sign in first","extensions":{"code":"UNAUTHENTICATED"}}]}"#,
            ),
            Self::Foreign(status) => {
                Reply::new(307).header("location", format!("{foreign}/{status}"))
            }
        })
    }

    /// Returns the status of [`reply`](Self::reply).
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Unauthorized
            | Self::BareUnauthorized
            | Self::ChallengesInOne
            | Self::ChallengesInTwo => 401,
            Self::Forbidden | Self::InsufficientScope(_) => 403,
            Self::Pass | Self::GraphQl => 200,
            Self::Foreign(_) => 307,
        }
    }
}

/// A comma in a quoted string, for parsers that split at commas.
const BASIC: &str = "Basic realm=\"api, old\", charset=\"UTF-8\"";

/// No code where no token came (RFC 6750 §3.1).
fn bearer(had_token: bool) -> String {
    let code = if had_token {
        ", error=\"invalid_token\""
    } else {
        ""
    };
    format!("Bearer realm=\"api\"{code}")
}

/// What RFC 6749 §3.3 allows, the space between two included.
fn is_in_scope(letter: char) -> bool {
    (' '..='~').contains(&letter) && letter != '"' && letter != '\\'
}
