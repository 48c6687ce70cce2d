//! How a token travels: in a header of its own, or as one cookie among others.

use http::{HeaderMap, HeaderValue, header::COOKIE};

use super::session::Options;

/// Returns the token that a request bears, as it was made for the header.
pub(super) fn token_of(options: &Options, headers: &HeaderMap) -> Option<HeaderValue> {
    let Some(name) = &options.cookie else {
        return headers.get(&options.header).cloned();
    };
    let value = headers.get_all(COOKIE).iter().find_map(|value| {
        let pairs = std::str::from_utf8(value.as_bytes()).ok()?.split(';');
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(known, value)| (known == name).then_some(value))
    })?;
    HeaderValue::from_str(value).ok()
}

/// Tells whether a request bears a token already.
#[inline]
pub(super) fn has_token(options: &Options, headers: &HeaderMap) -> bool {
    match options.cookie {
        None => headers.contains_key(&options.header),
        Some(_) => token_of(options, headers).is_some(),
    }
}

/// Puts a token on a request, beside the cookies that it has.
#[inline]
pub(super) fn put(options: &Options, headers: &mut HeaderMap, token: &HeaderValue) {
    match &options.cookie {
        None => drop(headers.insert(&options.header, token.clone())),
        Some(name) => put_cookie(name, headers, token),
    }
}

#[cold]
fn put_cookie(name: &str, headers: &mut HeaderMap, token: &HeaderValue) {
    let mut text = [name.as_bytes(), b"=", token.as_bytes()].concat();
    for value in headers.get_all(COOKIE) {
        text.extend_from_slice(b"; ");
        text.extend_from_slice(value.as_bytes());
    }
    // What was in headers can be in one: none holds a control character.
    if let Ok(mut value) = HeaderValue::from_bytes(&text) {
        value.set_sensitive(true);
        headers.insert(COOKIE, value);
    }
    zeroize::Zeroize::zeroize(&mut text);
}
