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
    for (name, place) in bound.iter() {
        if !place.allows(uri) {
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

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method};

    use super::*;

    /// A request for `http://a/1` with a header that is bound there.
    fn bound() -> (Request, Uri) {
        let mut request = Request::new(Method::GET);
        request.set_address(canonicalize("http://a/1".to_owned()).unwrap());
        let name = HeaderName::from_static("x-token");
        request
            .headers_mut()
            .insert(name.clone(), HeaderValue::from_static("t"));
        request.bind_here(name);
        let home = request.uri().clone();
        (request, home)
    }

    #[test]
    fn what_is_bound_here_stays_with_the_origin_of_then() {
        for (address, stays) in [
            ("http://a/2", true),
            ("http://a:80/1", true),
            ("http://b/1", false),
            ("http://a:81/1", false),
            ("https://a/1", false),
        ] {
            let (mut request, home) = bound();
            *request.uri_mut() = address.parse().unwrap();
            check(&mut request, &home).unwrap();
            assert_eq!(
                request.headers().contains_key("x-token"),
                stays,
                "{address}"
            );
        }
    }

    #[test]
    fn a_hop_names_the_origin_that_is_left() {
        let (mut request, _) = bound();
        let inner = &mut *request.0;
        inner.set_uri("http://b/".parse().unwrap());
        // Also where no origin counts as crossed.
        strip(&mut inner.headers, &inner.bound, &inner.uri, false);
        assert!(inner.headers.is_empty());
        let copy = bound().0.try_clone().unwrap();
        let inner = &*copy.0;
        assert!(
            inner
                .bound
                .iter()
                .all(|(_, place)| place.allows(&inner.uri))
        );
    }
}
