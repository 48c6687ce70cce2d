//! Takes credentials off a request that is about to go elsewhere.
//!
//! It runs after the last interceptor and before each hop; nobody can eject
//! it. What is taken off stays off for the rest of the attempt, also on the
//! way back to the first origin.

use http::{HeaderMap, HeaderName, Uri};

use crate::{
    error::Result,
    headers::is_credential,
    request::{Bound, Request},
    uri::{canonicalize, is_clone, same_origin},
};

/// Checks the request that the interceptors have made of the prepared one.
///
/// Returns whether it leaves the origin of `home`.
pub(super) fn check(request: &mut Request, home: &Uri) -> Result<bool> {
    let mut away = false;
    if !is_clone(&request.0.uri, home) {
        request.set_address(canonicalize(request.0.uri.to_string())?);
        away = !same_origin(&request.0.uri, home);
    }
    let inner = &mut *request.0;
    strip(&mut inner.headers, &inner.bound, &inner.uri, away);
    Ok(away)
}

/// Removes what may not travel to `uri`: bound headers by their origins, and,
/// where the origin was `crossed`, every credential that is not bound to it.
pub(super) fn strip(headers: &mut HeaderMap, bound: &Bound, uri: &Uri, crossed: bool) {
    for (name, origins) in bound.iter() {
        if !origins.contains(uri) {
            headers.remove(name);
        }
    }
    if !crossed {
        return;
    }
    let credentials: Vec<HeaderName> = headers
        .iter()
        .filter(|(name, value)| is_credential(name, value))
        .map(|(name, _)| name.clone())
        .filter(|name| !bound.iter().any(|(known, _)| known == name))
        .collect();
    for name in credentials {
        headers.remove(name);
    }
}
