//! [`CookieJar`]: cookies that clients share.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use url::Url;

use super::contents::Contents;
use crate::{Error, ErrorKind, Result, Runtime, auth::Secret, runtime::ThreadRuntime};

/// What the cookies of an answer are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Source {
    Answer,
    /// The server refuses the refresh token: its pair is the session's to
    /// bury.
    Refusal,
}

/// Keeps cookies, and sends them where they belong.
///
/// A clone is the same jar. Give it to several clients, async or blocking, as
/// a pair of interceptors; register it **before** the others, so that it sees
/// every answer and is the last to see a request:
///
/// ```
/// use tollgate::{MockAdapter, MockReply, auth::CookieJar, blocking::Client};
///
/// let mock = MockAdapter::new()
///     .then(MockReply::status(200, "hello").header("set-cookie", "theme=dark; Path=/"))
///     .reply(200, "again");
/// let jar = CookieJar::new();
/// let client = Client::builder(mock.clone())
///     .base_url("https://api.example.com")
///     .build()?;
/// client.interceptors.use_pair(jar.clone());
///
/// client.get("/login").send()?;
/// client.get("/me").send()?;
/// assert_eq!(mock.requests()[1].headers()["cookie"], "theme=dark");
/// let theme = jar.get("https://api.example.com/", "theme").unwrap();
/// assert_eq!(theme.expose(), "dark");
/// # Ok::<(), tollgate::Error>(())
/// ```
///
/// A `Cookie` header that the caller sets is kept, and its cookies win. The
/// header is bound to the origin of the request: on a redirect that leads
/// elsewhere it is taken off. What a redirect sets that was followed is not
/// seen; use `max_redirects(0)` where that matters.
#[derive(Clone)]
pub struct CookieJar {
    contents: Arc<Mutex<Contents>>,
    clock: Arc<dyn Runtime>,
}

/// A cookie as it is written out.
#[derive(Serialize, Deserialize)]
struct Written {
    url: String,
    cookie: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

impl CookieJar {
    /// Creates an empty jar, by the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self {
            contents: Arc::default(),
            clock: Arc::new(ThreadRuntime),
        }
    }

    /// Sets the clock by which cookies expire: in tests the
    /// [`ManualRuntime`](crate::runtime::ManualRuntime) of the client.
    #[must_use]
    pub fn clock(mut self, clock: impl Runtime) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes in a cookie, as if the server of `url` had set it: `text` is the
    /// value of a `Set-Cookie` header.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidUrl`] for an address that is not absolute;
    /// [`ErrorKind::InvalidRequest`] for a cookie that breaks a rule. The
    /// message says which one, and does not hold the cookie.
    ///
    /// ```
    /// use tollgate::auth::CookieJar;
    ///
    /// let jar = CookieJar::new();
    /// jar.set("https://a.example.com/", "id=7; Path=/; Secure; HttpOnly")?;
    /// assert!(jar.set("https://a.example.com/", "id=7; Domain=b.example").is_err());
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn set(&self, url: &str, text: &str) -> Result<()> {
        let url = parse_url(url).ok_or_else(not_absolute)?;
        let now = self.now();
        let mut contents = self.lock();
        contents.set(text, &url, now).map_err(refused)?;
        contents.settle();
        Ok(())
    }

    /// Returns the value of the cookie that goes to `url` under this name.
    #[must_use]
    pub fn get(&self, url: &str, name: &str) -> Option<Secret> {
        let (url, now) = (parse_url(url)?, self.now());
        let contents = self.lock();
        let mut going = contents.going_to(&url, now).into_iter();
        let found = going.find(|entry| entry.name() == name)?;
        Some(found.value().clone())
    }

    /// Returns the `Cookie` header for `url`, marked sensitive; `None` if
    /// there is no cookie for it.
    #[must_use]
    pub fn cookies_for(&self, url: &str) -> Option<HeaderValue> {
        self.header(&parse_url(url)?, "")
    }

    /// Takes in the `Set-Cookie` headers of an answer from `url`. One that
    /// breaks a rule is passed over, as browsers do.
    pub fn store_response(&self, url: &str, headers: &HeaderMap) {
        if let Some(url) = parse_url(url) {
            let now = self.now();
            self.lock().store(&url, headers, now, Source::Answer);
        }
    }

    /// Removes all cookies.
    pub fn clear(&self) {
        let mut contents = self.lock();
        contents.empty();
        contents.settle();
    }

    /// Writes all cookies out, those of the session too, as JSON for
    /// [`from_json`](Self::from_json). It holds the tokens: keep it as one.
    ///
    /// ```
    /// use tollgate::auth::CookieJar;
    ///
    /// let jar = CookieJar::new();
    /// jar.set("https://a.example.com/", "id=7; Path=/; Max-Age=3600")?;
    /// let again = CookieJar::from_json(jar.to_json().expose())?;
    /// assert_eq!(again.get("https://a.example.com/", "id").unwrap().expose(), "7");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Secret {
        let contents = self.lock();
        let written: Vec<Written> = contents
            .entries()
            .iter()
            .map(|entry| {
                let (url, cookie) = entry.to_parts();
                let since = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH);
                Written {
                    url,
                    cookie: cookie.expose().to_owned(),
                    expires: entry
                        .expires_at
                        .map(|at| since(at).unwrap_or_default().as_secs()),
                }
            })
            .collect();
        drop(contents);
        // Texts and numbers: there is nothing that could fail.
        Secret::new(serde_json::to_string(&written).unwrap_or_default())
    }

    /// Reads what [`to_json`](Self::to_json) has written into a new jar.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] for anything else. The message does not show it.
    pub fn from_json(json: &str) -> Result<Self> {
        let unread = |what: String| {
            Error::new(
                ErrorKind::Decode,
                format!("the cookie jar cannot be read: {what}"),
            )
        };
        // The error itself may quote a cookie.
        let written: Vec<Written> = serde_json::from_str(json).map_err(|error| {
            unread(format!(
                "not its JSON at line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        let jar = Self::new();
        let mut contents = jar.lock();
        for (index, cookie) in written.iter().enumerate() {
            let expires = cookie.expires.map(Duration::from_secs);
            contents
                .restore(&cookie.cookie, &cookie.url, expires)
                .map_err(|what| unread(format!("cookie {} of it: {what}", index + 1)))?;
        }
        drop(contents);
        Ok(jar)
    }

    /// Writes the header for an address behind the cookies of the caller's.
    pub(super) fn header(&self, url: &Url, own: &str) -> Option<HeaderValue> {
        let now = self.now();
        self.lock().header(url, now, own)
    }

    pub(in crate::auth) fn now(&self) -> SystemTime {
        self.clock.wall()
    }

    pub(in crate::auth) fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for CookieJar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookies = self.lock().entries().len();
        f.debug_struct("CookieJar")
            .field("cookies", &cookies)
            .finish_non_exhaustive()
    }
}

/// Reads an absolute address; `None` where the two parsers do not agree on the
/// host.
pub(in crate::auth) fn parse_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let uri: http::Uri = text.parse().ok()?;
    let same = uri.host()?.eq_ignore_ascii_case(url.host_str()?);
    let http = url.scheme() == "http" || url.scheme() == "https";
    (same && http).then_some(url)
}

pub(in crate::auth) fn not_absolute() -> Error {
    Error::new(
        ErrorKind::InvalidUrl,
        "the address of a cookie is not absolute",
    )
    .with_hint("write it as `https://host/path`")
}

pub(in crate::auth) fn refused(what: &'static str) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("the cookie is refused: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://api.a.test/auth/refresh";

    #[test]
    fn a_jar_is_written_and_read_back() {
        let jar = CookieJar::new();
        for text in [
            "a=1; Path=/auth; Secure; HttpOnly",
            "b=\"2\"; Domain=a.test; Max-Age=9999",
            "c=é=; Path=/",
        ] {
            jar.set(URL, text).unwrap();
        }
        let json = jar.to_json();
        let again = CookieJar::from_json(json.expose()).unwrap();
        assert_eq!(again.cookies_for(URL), jar.cookies_for(URL));
        assert_eq!(again.to_json(), json);
        for url in ["https://b.a.test/auth", "http://api.a.test/auth/x"] {
            assert_eq!(again.cookies_for(url), jar.cookies_for(url), "{url}");
        }
        again.clear();
        assert_eq!(again.to_json().expose(), "[]");
    }

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        for json in [
            "",
            "{",
            "\"CANARY\"",
            "[\"CANARY\"]",
            r#"[{"url":"CANARY","cookie":"a=b"}]"#,
            r#"[{"url":"https://a.test/","cookie":"CANARY"}]"#,
            r#"[{"url":"https://a.test/","cookie":"a=b","expires":"CANARY"}]"#,
        ] {
            let error = CookieJar::from_json(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            let text = format!("{error} {error:?}");
            assert!(!text.contains("CANARY"), "{text}");
        }
        let far = r#"[{"url":"https://a.test/","cookie":"a=b","expires":18446744073709551615}]"#;
        assert!(CookieJar::from_json(far).is_ok());
    }

    #[test]
    fn an_address_that_two_parsers_read_differently_has_no_cookies() {
        for text in [
            "https://0x7f.1/",
            "https://127.1/",
            "/path",
            "ftp://a.test/",
            "https://a.test\\@b.test/",
            "https:a.test",
        ] {
            assert!(parse_url(text).is_none(), "{text}");
        }
        for text in ["https://A.test:8443/x?y", "http://[::1]:80/"] {
            assert!(parse_url(text).is_some(), "{text}");
        }
    }
}
