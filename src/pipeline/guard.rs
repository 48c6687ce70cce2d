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
    for (name, place) in bound.entries() {
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
        .filter(|name| !bound.holds(name))
        .collect();
    for name in credentials {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method, header::AUTHORIZATION};

    use super::*;
    use crate::{Origin, Origins};

    /// A flag and an entry: see [`Bound`].
    const NAMES: [HeaderName; 2] = [AUTHORIZATION, HeaderName::from_static("x-token")];

    fn address(text: &str) -> Uri {
        canonicalize(text.to_owned()).unwrap().uri
    }

    /// A request for `http://a/1` with a header that is bound there.
    fn bound(name: &HeaderName) -> (Request, Uri) {
        let mut request = Request::new(Method::GET);
        *request.uri_mut() = address("http://a/1");
        let mut value = HeaderValue::from_static("t");
        value.set_sensitive(true);
        request.headers_mut().insert(name.clone(), value);
        request.bind_here(name);
        let home = request.uri().clone();
        (request, home)
    }

    #[test]
    fn what_is_bound_here_stays_with_the_origin_of_then() {
        for name in NAMES {
            for (to, stays) in [
                ("http://a/2", true),
                ("http://a:80/1", true),
                ("http://b/1", false),
                ("http://a:81/1", false),
                ("https://a/1", false),
            ] {
                let (mut request, home) = bound(&name);
                *request.uri_mut() = to.parse().unwrap();
                check(&mut request, &home).unwrap();
                assert_eq!(request.headers().contains_key(&name), stays, "{name}: {to}");
            }
        }
    }

    #[test]
    fn what_was_bound_where_another_hook_led_may_go_there() {
        for name in NAMES {
            let (request, _) = bound(&name);
            let home = address("http://home/");
            for mut request in [request.try_clone().unwrap(), request] {
                assert!(check(&mut request, &home).unwrap());
                assert!(request.headers().contains_key(&name), "{name}");
            }
        }
    }

    #[test]
    fn a_hop_names_the_origin_that_is_left() {
        for name in NAMES {
            for crossed in [false, true] {
                let mut request = bound(&name).0;
                let inner = &mut *request.0;
                inner.set_uri(address("http://a/2"));
                strip(&mut inner.headers, &inner.bound, &inner.uri, crossed);
                assert!(inner.headers.contains_key(&name), "{name}");
                inner.set_uri(address("http://b/"));
                strip(&mut inner.headers, &inner.bound, &inner.uri, crossed);
                assert!(inner.headers.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn the_last_word_on_a_header_counts() {
        for name in NAMES {
            let (mut request, home) = bound(&name);
            let elsewhere: Origin = "http://b".parse().unwrap();
            request.bind_header(name.clone(), Origins::from(elsewhere));
            check(&mut request, &home).unwrap();
            assert!(request.headers().is_empty(), "{name}");
        }
    }
}
