//! One parser for every address: what it accepts is what the guard judges and
//! what the adapter dials.
//!
//! *In and out*: text in; a canonical `http::Uri` out, or an error that names
//! what is wrong.
//!
//! `http::Uri` and the `url` crate disagree on about one generated URL in
//! twenty. So the core accepts only what both read alike: `http` and `https`,
//! an ASCII host in its one canonical form, a port from 1 to 65535, no
//! backslash and no control character. Dot segments are resolved, the rest is
//! percent-encoded, the fragment is dropped.

mod authority;
mod join;
mod origin;
mod path;
mod redact;

use http::Uri;

pub(crate) use authority::{UserInfo, basic_header};
pub(crate) use join::{Target, join_base, resolve};
pub use origin::{Origin, Origins};
pub(crate) use origin::{is_clone, same_origin};
pub(crate) use redact::redacted;

/// The longest address that is accepted, in bytes.
pub(crate) const MAX_URI_BYTES: usize = 65_534;

/// Why a text is not an address that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UriError {
    /// What is wrong, with the part that is wrong; never a password or query.
    pub(crate) what: String,
    /// What to do instead.
    pub(crate) hint: &'static str,
    /// It is an address, but of another scheme: axios tells these apart.
    pub(crate) is_scheme: bool,
}

impl UriError {
    fn new(what: impl Into<String>, hint: &'static str) -> Self {
        Self {
            what: what.into(),
            hint,
            is_scheme: false,
        }
    }
}

/// An address in its one form, and the credentials that stood in it.
#[derive(Debug)]
pub(crate) struct Canonical {
    pub(crate) uri: Uri,
    pub(crate) user_info: Option<UserInfo>,
}

/// Brings an absolute address into the one form that every adapter is given.
pub(crate) fn canonicalize(text: String) -> Result<Canonical, UriError> {
    if is_canonical(&text) {
        // Nothing to change, so the buffer becomes the `Uri`.
        if let Ok(uri) = Uri::from_maybe_shared(bytes::Bytes::from(text.into_bytes())) {
            return Ok(Canonical {
                uri,
                user_info: None,
            });
        }
        return Err(UriError::new(
            "the address cannot be parsed",
            "write it as `https://host/path`",
        ));
    }
    check_characters(&text)?;
    let (scheme, rest) = split_scheme(&text)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let authority = authority::parse(authority, scheme)?;
    let mut out = String::with_capacity(text.len() + 8);
    out.push_str(scheme);
    out.push_str("://");
    authority.write(&mut out);
    path::write(tail, &mut out);
    if out.len() > MAX_URI_BYTES {
        return Err(too_long(out.len()));
    }
    let uri = Uri::from_maybe_shared(bytes::Bytes::from(out.into_bytes())).map_err(|error| {
        UriError::new(
            format!("the address cannot be parsed ({error})"),
            "write it as `https://host/path`",
        )
    })?;
    Ok(Canonical {
        uri,
        user_info: authority.user_info,
    })
}

fn too_long(actual: usize) -> UriError {
    UriError::new(
        format!("the address is {actual} bytes long, the limit is {MAX_URI_BYTES}"),
        "send long parameters in the body",
    )
}

fn check_characters(text: &str) -> Result<(), UriError> {
    if text.len() > MAX_URI_BYTES {
        return Err(too_long(text.len()));
    }
    match text
        .bytes()
        .position(|byte| byte < 0x20 || byte == 0x7f || byte == b'\\')
    {
        None => Ok(()),
        Some(at) => {
            let byte = text.as_bytes().get(at).copied().unwrap_or_default();
            Err(UriError::new(
                format!("the address holds the byte 0x{byte:02x} at offset {at}"),
                "percent-encode it, or take it out",
            ))
        }
    }
}

/// Splits off the scheme and the two slashes.
fn split_scheme(text: &str) -> Result<(&'static str, &str), UriError> {
    const HINT: &str = "tollgate calls `http://` and `https://` addresses";
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(UriError::new("the address has no scheme", HINT));
    };
    let scheme = if scheme.eq_ignore_ascii_case("https") {
        "https"
    } else if scheme.eq_ignore_ascii_case("http") {
        "http"
    } else {
        let what = format!("the scheme `{}` is not supported", shortened(scheme));
        return Err(UriError {
            is_scheme: true,
            ..UriError::new(what, HINT)
        });
    };
    match rest.strip_prefix("//") {
        Some(rest) if !rest.starts_with('/') => Ok((scheme, rest)),
        _ => Err(UriError::new(
            format!("`{scheme}:` is not followed by `//` and a host"),
            "write it as `https://host/path`",
        )),
    }
}

/// Tells whether the text already is what [`canonicalize`] would write.
///
/// It may say no to a canonical address, never yes to another one. One pass,
/// for it is on the path of every call.
fn is_canonical(text: &str) -> bool {
    let rest = match text.strip_prefix("http") {
        None => return false,
        Some(rest) => rest.strip_prefix('s').unwrap_or(rest),
    };
    let Some(rest) = rest.strip_prefix("://") else {
        return false;
    };
    if text.len() > MAX_URI_BYTES {
        return false;
    }
    let Some(end) = rest.bytes().position(|byte| byte == b'/') else {
        return false;
    };
    let (host, tail) = rest.split_at(end);
    authority::is_plain(host) && path::is_plain(tail)
}

/// Cuts a piece of somebody's text to a length that fits a message.
pub(crate) fn shortened(text: &str) -> String {
    const LIMIT: usize = 40;
    if text.chars().count() <= LIMIT {
        return text.escape_debug().to_string();
    }
    let head: String = text.chars().take(LIMIT).collect();
    format!("{}…", head.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, String> {
        canonicalize(text.to_owned())
            .map(|canonical| canonical.uri.to_string())
            .map_err(|error| error.what)
    }

    #[test]
    fn one_form_for_each_address() {
        for (text, form) in [
            ("http://h/", "http://h/"),
            ("HTTP://H.Example:80", "http://h.example/"),
            ("https://h:443/a?b#c", "https://h/a?b"),
            ("http://h:8080?x=1", "http://h:8080/?x=1"),
            ("http://h/a b/é?q=ü'", "http://h/a%20b/%C3%A9?q=%C3%BC%27"),
            ("http://h/a/../b/./c/%2e%2E/d", "http://h/b/d"),
            ("http://h/a/..", "http://h/"),
            ("http://h/..", "http://h/"),
            ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x"),
            ("http://[::1]:8/x", "http://[::1]:8/x"),
            ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
            ("http://[::FFFF:1.2.3.4]/", "http://[::ffff:102:304]/"),
            ("http://h/{a}|^`\"<>", "http://h/%7Ba%7D|%5E%60%22%3C%3E"),
            (
                "http://xn--bcher-kva.example/",
                "http://xn--bcher-kva.example/",
            ),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(form), "{text}");
            let again = canonical(form);
            assert_eq!(again.as_deref(), Ok(form), "the form of {text} is stable");
        }
    }

    #[test]
    fn what_two_parsers_would_read_differently_is_refused() {
        for text in [
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://010.0.0.1/",
            "http://256.0.0.1/",
            "http://h:65536/",
            "http://h:0/",
            "http://h:/",
            "http://h:+80/",
            "http://h%41/",
            "http://ｅvil.test/",
            "http://a b/",
            "http://[::1/",
            "http://[v1.x]/",
            "http://[::1]x/",
            "http://[::1%25eth0]/",
            "http:///x",
            "http://",
            "http:h",
            "https:\\\\evil",
            "ht\ntp://evil",
            "file:///etc/passwd",
            "data:text/plain,hi",
            "javascript:alert(1)",
            "http://a..b/",
            "http://.a/",
            "http://h\u{0}/",
            "h/x",
            "",
        ] {
            assert!(canonical(text).is_err(), "{text:?} is accepted");
        }
    }

    #[test]
    fn user_info_is_taken_out_and_decoded() {
        let canonical = canonicalize("http://us%65r:p%3Aw@h/x".to_owned()).unwrap();
        assert_eq!(canonical.uri, "http://h/x");
        let info = canonical.user_info.unwrap();
        assert_eq!(info.basic().to_str().unwrap(), "Basic dXNlcjpwOnc=");
        assert!(info.basic().is_sensitive());
    }
}
