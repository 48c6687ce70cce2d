//! Which headers are secrets, and how a map of headers is printed.

use std::fmt;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, Entry, LOCATION, PROXY_AUTHORIZATION, REFERER, SET_COOKIE},
};

/// Tells whether a header of a request stays with the origin it was made for.
pub(crate) fn is_credential(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive()
        || *name == AUTHORIZATION
        || *name == COOKIE
        || *name == PROXY_AUTHORIZATION
        || name.as_str() == "cookie2"
}

/// Marks the values of these names, so that they are secrets wherever they go.
pub(crate) fn mark(names: &[HeaderName], headers: &mut HeaderMap) {
    for name in names {
        if headers.contains_key(name)
            && let Entry::Occupied(mut entry) = headers.entry(name)
        {
            for value in entry.iter_mut() {
                value.set_sensitive(true);
            }
        }
    }
}

/// Prints a map with the secrets masked.
pub(crate) struct RedactedHeaders<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for RedactedHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RedactedBy(self.0, &[]).fmt(f)
    }
}

/// Prints a map with the secrets masked, also those that have no mark yet.
pub(crate) struct RedactedBy<'a>(pub(crate) &'a HeaderMap, pub(crate) &'a [HeaderName]);

impl fmt::Debug for RedactedBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.0 {
            // A `Location` may carry a token in its query.
            let secret = is_credential(name, value)
                || self.1.contains(name)
                || *name == SET_COOKIE
                || *name == LOCATION
                || *name == REFERER;
            if secret {
                map.entry(&name.as_str(), &"[REDACTED]");
            } else {
                map.entry(&name.as_str(), value);
            }
        }
        map.finish()
    }
}
