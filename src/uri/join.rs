//! How a call's target meets the client's base address, and how a `Location`
//! meets the address that answered.

use http::Uri;

use super::{UriError, shortened};

/// How a target reads, by axios's rule: `scheme://…` and `//…` are absolute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `https://host/path`.
    Absolute,
    /// `//host/path`.
    ProtocolRelative,
    /// Everything else.
    Relative,
}

impl Target {
    /// Reads a target as axios's `/^([a-z][a-z\d+\-.]*:)?\/\//i` does.
    pub(crate) fn of(text: &str) -> Self {
        if text.starts_with("//") {
            return Self::ProtocolRelative;
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Self::Absolute;
        }
        match text.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => Self::Absolute,
            _ => Self::Relative,
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Refuses what a browser would read as another origin.
///
/// axios's own test lets `http:evil` and `\\evil` through as relative paths.
fn check_relative(target: &str) -> Result<(), UriError> {
    let first = target.split(['/', '?', '#']).next().unwrap_or_default();
    // What follows the colon may be a password.
    let scheme = first
        .split_once(':')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| is_scheme(scheme));
    if let Some(scheme) = scheme {
        return Err(UriError::new(
            format!("`{}:` reads as a scheme", shortened(scheme)),
            "write `./` before a path whose first segment holds a colon",
        ));
    }
    Ok(())
}

/// Joins base and relative target as axios's `combineURLs` does: textually,
/// with one slash at the joint; an empty target is the base, unchanged.
pub(crate) fn join_base(base: &str, target: &str) -> Result<String, UriError> {
    check_relative(target)?;
    if target.is_empty() {
        return Ok(base.to_owned());
    }
    let base = base.trim_end_matches('/');
    let target = target.trim_start_matches('/');
    let mut joined = String::with_capacity(base.len() + 1 + target.len());
    joined.push_str(base);
    // `?verbose` asks the base itself, not a path below it.
    if !target.starts_with('?') {
        joined.push('/');
    }
    joined.push_str(target);
    Ok(joined)
}

/// Resolves a `Location` against the address that answered (RFC 3986 §5.2).
///
/// The result is text that still has to be canonicalised.
pub(crate) fn resolve(base: &Uri, reference: &str) -> Result<String, UriError> {
    let reference = reference.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str().unwrap_or("http");
    let authority = base.authority().map_or("", http::uri::Authority::as_str);
    match Target::of(reference) {
        Target::Absolute => Ok(reference.to_owned()),
        Target::ProtocolRelative => Ok(format!("{scheme}:{reference}")),
        Target::Relative => {
            check_relative(reference)?;
            let path = base.path();
            let joined = if reference.is_empty() {
                let query = base.query().map_or_else(String::new, |q| format!("?{q}"));
                format!("{path}{query}")
            } else if reference.starts_with('?') {
                format!("{path}{reference}")
            } else if reference.starts_with('/') {
                reference.to_owned()
            } else {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{reference}")
            };
            Ok(format!("{scheme}://{authority}{joined}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axios_joins_textually() {
        for (base, target, joined) in [
            ("https://h", "/users", "https://h/users"),
            ("https://h/", "/users", "https://h/users"),
            ("https://h/", "users", "https://h/users"),
            ("https://h/api", "/users", "https://h/api/users"),
            ("https://h/users", "", "https://h/users"),
            ("https://h/users", "/", "https://h/users/"),
            ("https://h/users", "?a=1", "https://h/users?a=1"),
        ] {
            assert_eq!(join_base(base, target).as_deref(), Ok(joined));
        }
        assert!(join_base("https://h", "http:evil.test").is_err());
    }

    #[test]
    fn axios_tells_absolute_from_relative() {
        assert_eq!(Target::of("HTTP://x/"), Target::Absolute);
        assert_eq!(Target::of("custom-scheme-v1.0://x"), Target::Absolute);
        assert_eq!(Target::of("//x"), Target::ProtocolRelative);
        for relative in ["123://", "!v://", "/foo", "foo", ""] {
            assert_eq!(Target::of(relative), Target::Relative, "{relative}");
        }
    }

    #[test]
    fn a_location_is_resolved_as_rfc_3986_says() {
        let base: Uri = "http://a/b/c/d?q".parse().unwrap();
        for (reference, address) in [
            ("g", "http://a/b/c/g"),
            ("/g", "http://a/g"),
            ("?y", "http://a/b/c/d?y"),
            ("//g/x", "http://g/x"),
            ("https://z/#f", "https://z/"),
            ("", "http://a/b/c/d?q"),
            ("#s", "http://a/b/c/d?q"),
        ] {
            assert_eq!(resolve(&base, reference).as_deref(), Ok(address));
        }
        assert!(resolve(&base, "javascript:alert(1)").is_err());
    }
}
