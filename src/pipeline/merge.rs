//! Adds the client's defaults to what a call says.
//!
//! Headers: those of all methods, then those of the call's method, then the
//! call's own; the last one to name a header has it, with all its values.
//! Credentials of the client's stay behind where a call leaves its origin.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

use super::draft::Rare;
use crate::{
    config::{Config, Setting},
    headers::is_credential,
    request::Inner,
};

/// Adds the headers that the call has not named.
///
/// `secrets` are names that stay behind as credentials do.
pub(super) fn headers(
    config: &Config,
    inner: &mut Inner,
    without: &[HeaderName],
    secrets: &[HeaderName],
    foreign: bool,
) {
    let of_method = config.headers_for(&inner.method);
    let mut fill = |defaults: &HeaderMap, over: Option<&HeaderMap>| {
        for name in defaults.keys() {
            // A type without the form's boundary would make it unreadable.
            let ruled = *name == CONTENT_TYPE && inner.body.form().is_some();
            let over = over.is_some_and(|over| over.contains_key(name));
            if ruled || over || inner.headers.contains_key(name) || without.contains(name) {
                continue;
            }
            for value in defaults.get_all(name) {
                // The client's secrets stay with the client's origin.
                if !(foreign && (is_credential(name, value) || secrets.contains(name))) {
                    inner.headers.append(name.clone(), value.clone());
                }
            }
        }
    };
    if let Some(of_method) = of_method {
        fill(of_method, None);
    }
    fill(&config.headers, of_method);
}

/// Sets what `basic_auth` or `bearer_auth` said, of the call or the client; it
/// beats any header.
pub(super) fn auth(inner: &mut Inner, rare: Option<&Rare>, inherited: Option<&HeaderValue>) {
    let value = match rare.map(|rare| &rare.auth) {
        None => inherited,
        Some(Setting::Unset) => None,
        Some(Setting::Set(value)) => Some(value),
        Some(Setting::Inherit) => {
            let off = rare.is_some_and(|rare| rare.without_headers.contains(&AUTHORIZATION));
            inherited.filter(|_| !off)
        }
    };
    if let Some(value) = value {
        inner.headers.insert(AUTHORIZATION, value.clone());
    }
}

/// Adds the extensions of types that the call has none of.
pub(super) fn extensions(config: &Config, inner: &mut Inner, rare: Option<&Rare>) {
    let mut merged = config.extensions.clone();
    for take in rare.map_or(&[][..], |rare| &rare.without_extensions) {
        take(&mut merged);
    }
    merged.extend(std::mem::take(&mut inner.extensions));
    inner.extensions = merged;
}
