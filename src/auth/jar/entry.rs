//! [`Entry`]: one cookie, with what it may be sent to and until when.
//!
//! The library that knows the rules is given the attributes, never the value.

use std::time::{Duration, SystemTime};

use cookie_store::{Cookie, CookieDomain, CookieError, RawCookie};
use url::{Host, Url};

use crate::auth::Secret;

/// As much as the longest [`Token`](crate::auth::Token), and a name.
const MAX_BYTES: usize = 17 * 1024;
/// The draft that follows RFC 6265 allows no longer life.
const MAX_LIFETIME: Duration = Duration::from_secs(400 * 86_400);

/// A cookie.
#[derive(Clone)]
pub(super) struct Entry {
    /// Name and attributes; the value and the expiry in it are empty.
    rules: Cookie<'static>,
    value: Secret,
    pub(super) expires_at: Option<SystemTime>,
    /// Changes whenever the cookie is set, even to what it was.
    pub(super) serial: u64,
}

impl Entry {
    /// Reads a `Set-Cookie`, or says why it is refused.
    ///
    /// What has no expiry ends with the jar; what deletes a cookie has one in
    /// the past.
    pub(super) fn parse(text: &str, url: &Url, now: SystemTime) -> Result<Self, &'static str> {
        let (pair, attributes) = text.split_at(text.find(';').unwrap_or(text.len()));
        let (name, value) = pair.split_once('=').ok_or("it has no `=`")?;
        let space = [' ', '\t'];
        let (name, value) = (name.trim_matches(space), value.trim_matches(space));
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its name is not visible ASCII");
        }
        if name.len() + value.len() > MAX_BYTES {
            return Err("it has more than 17408 bytes");
        }
        let mut raw = RawCookie::parse(format!("{name}={attributes}"))
            .map_err(|_| "its attributes cannot be read")?;
        let latest = now.checked_add(MAX_LIFETIME).unwrap_or(now);
        let until = |seconds: i64, from: SystemTime| {
            let left = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
            if left.is_zero() {
                // It is over, by any clock.
                return SystemTime::UNIX_EPOCH;
            }
            from.checked_add(left).unwrap_or(latest).min(latest)
        };
        let expires_at = match (raw.max_age(), raw.expires_datetime()) {
            (Some(age), _) => Some(until(age.whole_seconds(), now)),
            (None, Some(date)) => Some(until(date.unix_timestamp(), SystemTime::UNIX_EPOCH)),
            (None, None) => None,
        };
        // Else the library would ask the system's clock.
        raw.set_max_age(None);
        raw.unset_expires();
        check(&raw, url)?;
        let rules = Cookie::try_from_raw_cookie(&raw, url).map_err(|error| match error {
            CookieError::DomainMismatch => "its domain is not that of the address",
            _ => "its domain cannot be read",
        })?;
        Self {
            rules: rules.into_owned(),
            value: Secret::new(""),
            expires_at,
            serial: 0,
        }
        .with_value(value)
    }

    /// Replaces the value.
    pub(super) fn with_value(mut self, value: &str) -> Result<Self, &'static str> {
        if value.bytes().any(|byte| byte.is_ascii_control()) {
            return Err("its value holds a control character");
        }
        if value.contains(';') {
            return Err("its value holds a `;`");
        }
        self.value = Secret::new(value);
        Ok(self)
    }

    pub(super) fn name(&self) -> &str {
        self.rules.name()
    }

    pub(super) fn value(&self) -> &Secret {
        &self.value
    }

    /// The value without the quotes that it may have (RFC 6265 §4.1.1).
    pub(super) fn bare(&self) -> &str {
        let text = self.value.expose();
        let inside = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        inside.unwrap_or(text)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.rules.secure() == Some(true)
    }

    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Tells whether the cookie goes to an address.
    pub(super) fn goes_to(&self, url: &Url) -> bool {
        self.rules.matches(url)
    }

    /// Tells whether the host of an address has the cookie, on some path.
    pub(super) fn belongs_to(&self, url: &Url) -> bool {
        self.rules.domain.matches(url)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name() == other.name()
            && self.path() == other.path()
            && self.domain() == other.domain()
    }

    pub(super) fn path(&self) -> &str {
        &self.rules.path
    }

    pub(super) fn domain(&self) -> &str {
        match &self.rules.domain {
            CookieDomain::HostOnly(domain) | CookieDomain::Suffix(domain) => domain,
            CookieDomain::NotPresent | CookieDomain::Empty => "",
        }
    }

    /// Writes the address and the `Set-Cookie` from which the cookie can be
    /// made again; the expiry is not in it.
    pub(super) fn to_parts(&self) -> (String, Secret) {
        let scheme = if self.is_secure() { "https" } else { "http" };
        let mut text = format!(
            "{}={}; Path={}",
            self.name(),
            self.value.expose(),
            self.path()
        );
        if let CookieDomain::Suffix(domain) = &self.rules.domain {
            text.push_str("; Domain=");
            text.push_str(domain);
        }
        for (flag, set) in [
            ("; Secure", self.rules.secure()),
            ("; HttpOnly", self.rules.http_only()),
        ] {
            if set == Some(true) {
                text.push_str(flag);
            }
        }
        (format!("{scheme}://{}/", self.domain()), Secret::new(text))
    }
}

/// What the library does not check.
fn check(raw: &RawCookie<'_>, url: &Url) -> Result<(), &'static str> {
    let secure = raw.secure() == Some(true);
    if secure && !is_encrypted(url) {
        return Err("it is `Secure` and comes without encryption");
    }
    let name = raw.name().to_ascii_lowercase();
    let host = name.starts_with("__host-");
    if !secure && (host || name.starts_with("__secure-")) {
        return Err("its name asks for `Secure`");
    }
    if host && (raw.domain().is_some() || raw.path() != Some("/")) {
        return Err("its name asks for `Path=/` and no `Domain`");
    }
    match raw.domain() {
        Some(domain) if !domain.contains('.') && Some(domain) != url.host_str() => {
            Err("its domain is a top level one")
        }
        _ => Ok(()),
    }
}

/// Tells whether nobody on the way can read along, as browsers see it.
pub(super) fn is_encrypted(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn parse(text: &str, url: &str) -> Result<Entry, &'static str> {
        let now = NOW + Duration::from_secs(1_000_000);
        Entry::parse(text, &Url::parse(url).unwrap(), now)
    }

    fn left(text: &str) -> Option<u64> {
        let entry = parse(text, "https://a.test/").unwrap();
        let now = NOW + Duration::from_secs(1_000_000);
        let at = entry.expires_at?;
        Some(at.duration_since(now).map_or(0, |left| left.as_secs()))
    }

    #[test]
    fn the_expiry_goes_by_the_given_clock() {
        assert_eq!(left("a=b"), None);
        assert_eq!(left("a=b; Max-Age=60"), Some(60));
        assert_eq!(left("a=b; max-age=60; Expires=x"), Some(60));
        for gone in ["0", "-1", "-99999999999999999999"] {
            assert_eq!(left(&format!("a=b; Max-Age={gone}")), Some(0), "{gone}");
        }
        let date = "Thu, 15 Jan 1970 00:00:00 GMT";
        assert_eq!(left(&format!("a=b; Expires={date}")), Some(209_600));
        let both = format!("a=b; Expires={date}; Max-Age=5");
        assert_eq!(left(&both), Some(5));
        for long in ["99999999", "99999999999999999999"] {
            assert_eq!(
                left(&format!("a=b; Max-Age={long}")),
                Some(MAX_LIFETIME.as_secs())
            );
        }
        assert_eq!(left("a=b; Expires=Thu, 01 Jan 1601 00:00:00 GMT"), Some(0));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let https = "https://api.a.test/auth/refresh";
        let http = "http://api.a.test/";
        for (text, url, what) in [
            ("CANARY", https, "`=`"),
            ("=CANARY", https, "name"),
            ("a b=CANARY", https, "name"),
            ("a=CANARY\u{7f}", https, "control"),
            ("a=CANARY; Domain=b.test", https, "domain"),
            ("a=CANARY; Domain=pi.a.test", https, "domain"),
            ("a=CANARY; Domain=test", https, "top level"),
            ("a=CANARY; Domain=x.api.a.test", https, "domain"),
            ("a=CANARY; Secure", http, "encryption"),
            ("__Secure-a=CANARY", https, "`Secure`"),
            ("__Host-a=CANARY; Secure", https, "`Path=/`"),
            (
                "__host-a=CANARY; Secure; Path=/; Domain=a.test",
                https,
                "`Path=/`",
            ),
        ] {
            let error = parse(text, url).err().unwrap();
            assert!(error.contains(what) && !error.contains("CANARY"), "{error}");
        }
        let long = format!("a={}", "x".repeat(MAX_BYTES));
        assert!(parse(&long, https).is_err());
        for text in [
            "__Host-a=b; Secure; Path=/",
            "__Secure-a=b; Secure; Domain=.A.test",
        ] {
            assert!(parse(text, https).is_ok(), "{text}");
        }
        assert!(parse("a=b; Secure", "http://127.0.0.1:1/").is_ok());
        assert!(parse("a=b; Domain=localhost", "http://localhost/").is_ok());
    }

    #[test]
    fn what_is_written_out_is_read_back() {
        for text in [
            "a=\"b=c\"; Path=/auth; Secure; HttpOnly",
            "a=b; Domain=a.test",
            "a=; Path=/",
        ] {
            let entry = parse(text, "https://api.a.test/auth/refresh").unwrap();
            let (url, again) = entry.to_parts();
            let again = parse(again.expose(), &url).unwrap();
            assert!(entry.is_same(&again), "{text}");
            assert_eq!(entry.value(), again.value());
            assert_eq!(entry.is_secure(), again.is_secure());
        }
    }

    #[test]
    fn quotes_are_kept_in_the_cookie_and_no_part_of_the_token() {
        let entry = parse("a=\"b\"", "https://a.test/").unwrap();
        assert_eq!((entry.value().expose(), entry.bare()), ("\"b\"", "b"));
        let entry = parse("a=\"", "https://a.test/").unwrap();
        assert_eq!(entry.bare(), "\"");
    }
}
