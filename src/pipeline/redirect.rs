//! Follows redirects, once for all adapters (RFC 9110 §15.4).
//!
//! *In and out*: the answered request and the answer's status and `Location`
//! in; the request of the next hop, or an error, out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::{guard, panicked};
use crate::{
    adapter::redirects,
    body::Body,
    config::{Allow, Redirect, RedirectHook},
    error::{Error, ErrorCode, ErrorKind, Result},
    request::Request,
    uri::{canonicalize, resolve, same_origin},
};

/// Returns the `Location` of an answer that asks to be followed.
pub(super) fn target(status: StatusCode, headers: &HeaderMap) -> Option<&http::HeaderValue> {
    if !redirects(status) {
        return None;
    }
    headers.get(header::LOCATION)
}

fn refused(what: impl Into<std::borrow::Cow<'static, str>>, hint: &'static str) -> Error {
    Error::new(ErrorKind::Redirect, what)
        .with_code(ErrorCode::RedirectFailed)
        .with_hint(hint)
}

pub(super) fn too_many(limit: u32) -> Error {
    Error::new(
        ErrorKind::Redirect,
        format!("gave up after {limit} redirects, which is the limit"),
    )
    .with_code(ErrorCode::TooManyRedirects)
    .with_hint("raise `max_redirects`, or look for a loop on the server")
}

/// Makes the request of the next hop out of the one that was answered.
///
/// `resends` says that the request's body is still the one that was sent.
/// Returns whether the origin was left.
pub(super) fn follow(
    request: &mut Request,
    resends: bool,
    status: StatusCode,
    location: &http::HeaderValue,
    allow: Allow,
) -> Result<bool> {
    let uri = next_uri(&request.0.uri, location)?;
    let inner = &mut *request.0;
    let crossed = !same_origin(&inner.uri, &uri);
    let downgrade = inner.uri.scheme_str() == Some("https") && uri.scheme_str() == Some("http");
    if downgrade && !allow.downgrade {
        return Err(refused(
            "the redirect leads from https to http",
            "allow it with `allow_downgrade(true)`",
        ));
    }
    if rewrites_to_get(status, &inner.method) {
        inner.method = Method::GET;
        inner.body = Body::empty();
        for name in [
            header::CONTENT_LENGTH,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            header::CONTENT_LANGUAGE,
            header::CONTENT_LOCATION,
            header::TRANSFER_ENCODING,
        ] {
            inner.headers.remove(name);
        }
    } else {
        if !resends {
            return Err(refused(
                format!(
                    "the redirect {} asks for the body again, which is a stream",
                    status.as_u16()
                ),
                "use `Body::factory`, or `max_redirects(0)`",
            ));
        }
        if crossed && !inner.body.is_empty() && !allow.cross_origin_bodies {
            return Err(refused(
                format!(
                    "the redirect {} leads the body to another origin",
                    status.as_u16()
                ),
                "allow it with `allow_cross_origin_bodies(true)`",
            ));
        }
    }
    inner.headers.remove(header::HOST);
    inner.set_uri(uri);
    guard::strip(&mut inner.headers, &inner.bound, &inner.uri, crossed);
    Ok(crossed)
}

/// Shows the request of the next hop to the call's hook, which may refuse it.
///
/// `way` ends with the address that answered.
#[cold]
pub(super) fn ask(
    hook: &RedirectHook,
    request: &mut Request,
    way: &[Uri],
    answer: &http::response::Parts,
) -> Result<()> {
    let inner = &mut *request.0;
    let mut next = Redirect {
        method: &inner.method,
        uri: &inner.uri,
        headers: &mut inner.headers,
        way,
        status: answer.status,
        answer: &answer.headers,
    };
    let verdict = catch_unwind(AssertUnwindSafe(|| hook(&mut next)))
        .map_err(|payload| panicked("`before_redirect`", &*payload))?;
    // What is bound to other origins does not come back by the hook.
    guard::strip(&mut inner.headers, &inner.bound, &inner.uri, false);
    verdict.map_err(|source| {
        let status = answer.status.as_u16();
        refused(
            format!("`before_redirect` refused to follow the redirect {status}"),
            "the cause is the hook's own",
        )
        .with_source(source)
    })
}

/// 303 turns all but HEAD into GET; 301 and 302 turn POST, as browsers do.
fn rewrites_to_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        303 => *method != Method::HEAD && *method != Method::GET,
        301 | 302 => *method == Method::POST,
        _ => false,
    }
}

fn next_uri(base: &Uri, location: &http::HeaderValue) -> Result<Uri> {
    const HINT: &str = "the server's `Location` has to be a valid http or https address";
    let text = std::str::from_utf8(location.as_bytes())
        .map_err(|_| refused("the `Location` of the redirect is not text", HINT))?;
    let canonical = resolve(base, text)
        .and_then(canonicalize)
        .map_err(|error| {
            refused(
                format!("the redirect cannot be followed: {}", error.what),
                HINT,
            )
        })?;
    // Credentials that a server puts into an address are not used.
    Ok(canonical.uri)
}
