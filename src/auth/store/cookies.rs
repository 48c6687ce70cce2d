//! [`CookieStore`]: a token whose parts are cookies of a jar.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Lease, Presented, Stamp, Stored, Swap, TokenStore};
use crate::{
    Error, ErrorKind, Result,
    auth::{
        CookieJar, Token,
        jar::{Contents, Names, Record, not_absolute, parse_url},
    },
};

/// Keeps the token in cookies of a [`CookieJar`].
///
/// The token is what the cookies say: the one named `access_token` is the
/// access token, with its `Max-Age` or `Expires`, the one named
/// `refresh_token` is the refresh token. Whoever sets them changes it: a
/// refresh, `sign_in`, and any answer that passes the jar's pair. Such a newer
/// pair is adopted by the session, without a refresh, when its own is refused
/// or has expired.
///
/// A session that has found nobody signed in does not look again. After a
/// log-in whose answer has set the cookies, hand the token over:
/// `refresh.sign_in(store.token()?)`.
///
/// A clone is the same store, and so is another one over the same jar, address
/// and names: two sessions over it take turns, and the second one adopts what
/// the first one got.
///
/// ```
/// use tollgate::{
///     MockAdapter, MockReply,
///     auth::{CookieJar, CookieRefresh, CookieStore, TokenRefresh},
///     blocking::Client,
/// };
///
/// let mock = MockAdapter::new()
///     .reply(401, "expired")
///     .then(
///         MockReply::status(204, "")
///             .header("set-cookie", "access_token=a2; Path=/; Max-Age=900; Secure")
///             .header("set-cookie", "refresh_token=r2; Path=/auth; Secure; HttpOnly"),
///     )
///     .reply(200, "hello");
/// let client = Client::builder(mock.clone())
///     .base_url("https://api.example.com")
///     .build()?;
///
/// let endpoint = "https://api.example.com/auth/refresh";
/// let jar = CookieJar::new();
/// jar.set(endpoint, "access_token=a1; Path=/; Secure")?;
/// jar.set(endpoint, "refresh_token=r1; Path=/auth; Secure; HttpOnly")?;
/// let store = CookieStore::new(&jar, endpoint)?;
/// let refresher = CookieRefresh::new(&store);
/// let refresh = TokenRefresh::builder(store, refresher).build()?;
/// client.interceptors.use_pair(jar.clone());
/// client.interceptors.use_pair(refresh);
///
/// assert_eq!(client.get("/greeting").send()?.text()?, "hello");
/// let sent = mock.requests();
/// assert_eq!(sent[0].headers()["cookie"], "access_token=a1");
/// assert_eq!(sent[1].headers()["cookie"], "refresh_token=r1; access_token=a1");
/// assert_eq!(sent[2].headers()["authorization"], "Bearer a2");
/// # Ok::<(), tollgate::Error>(())
/// ```
///
/// The access token travels as `Authorization: Bearer`, and as a cookie too
/// where the jar's pair is registered. It has to be one that can
/// ([`Token::check`]): a cookie is not percent-decoded.
#[derive(Clone)]
pub struct CookieStore {
    jar: CookieJar,
    names: Arc<Names>,
}

impl CookieStore {
    /// Creates a store over the cookies of a host.
    ///
    /// `url` is the address of the refresh endpoint: the refresh token's
    /// cookie has to go there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidUrl`] for an address that is not absolute.
    pub fn new(jar: &CookieJar, url: &str) -> Result<Self> {
        Ok(Self {
            jar: jar.clone(),
            names: Arc::new(Names {
                url: parse_url(url).ok_or_else(not_absolute)?,
                access: Some("access_token".to_owned()),
                refresh: Some("refresh_token".to_owned()),
            }),
        })
    }

    /// Sets the name of the access token's cookie; default `access_token`.
    #[must_use]
    pub fn access(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.names).access = Some(name.into());
        self
    }

    /// Keeps the access token in memory: the server sends it in a body, and
    /// only the refresh token is a cookie. A jar that was read back has none,
    /// so the first call refreshes.
    #[must_use]
    pub fn access_in_memory(mut self) -> Self {
        Arc::make_mut(&mut self.names).access = None;
        self
    }

    /// Sets the name of the refresh token's cookie; default `refresh_token`.
    #[must_use]
    pub fn refresh(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.names).refresh = Some(name.into());
        self
    }

    /// Says that there is no refresh token's cookie: the server knows the
    /// session by others.
    #[must_use]
    pub fn without_refresh(mut self) -> Self {
        Arc::make_mut(&mut self.names).refresh = None;
        self
    }

    /// Returns the token that the cookies hold now.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        self.with(|record, contents| record.token(contents))
    }

    pub(in crate::auth) fn jar(&self) -> &CookieJar {
        &self.jar
    }

    pub(in crate::auth) fn names(&self) -> &Names {
        &self.names
    }

    pub(in crate::auth) fn with<T>(&self, work: impl FnOnce(&mut Record, &mut Contents) -> T) -> T {
        self.jar.lock().with_record(&self.names, work)
    }
}

#[async_trait]
impl TokenStore for CookieStore {
    async fn load(&self) -> Result<Stored> {
        Ok(self.with(|record, contents| record.stored(contents)))
    }

    /// A first cookie is `HttpOnly`, `Secure` on https; the access token's has
    /// `Path=/`, the refresh token's stays in the folder of the endpoint. A
    /// later one goes where the one before it went.
    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let now = self.jar.now();
        self.with(|record, contents| record.swap(contents, expected, &new, now))
            .map_err(|what| {
                Error::new(
                    ErrorKind::InvalidRequest,
                    format!("the token cannot be kept in a cookie: {what}"),
                )
            })
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        Ok(self.with(|record, contents| record.clear(contents, epoch)))
    }

    /// The lease ends when it is dropped, not with its time: all who wait are
    /// of this process.
    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        let _ = ttl;
        let leases = self.with(|record, _| Arc::clone(&record.leases));
        let free = leases.try_lock().is_some();
        let guard = leases.lock_owned().await;
        let fence = self.with(|record, _| record.next_fence());
        let lease = Lease::new(fence).with_guard(guard).with_age(Duration::ZERO);
        Ok(if free { lease } else { lease.contended() })
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        Ok(self.with(|record, contents| record.present(contents, stamp, presented)))
    }
}

impl fmt::Debug for CookieStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieStore")
            .field("access", &self.names.access)
            .field("refresh", &self.names.refresh)
            .field("jar", &self.jar)
            .finish_non_exhaustive()
    }
}
