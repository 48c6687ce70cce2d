//! [`TokenRefresh`]: the pair, and the handle to its session.

use std::{borrow::Cow, fmt, sync::Arc};

use super::{
    Attach, AuthEvent, Counters, Identity, KeyedTokenRefreshBuilder, Refresher, Renew,
    SessionStatus, Token, TokenRefreshBuilder, TokenStore,
    session::{Join, Session, Why, failure},
    sessions::Sessions,
};
use crate::{Client, Error, ErrorKind, InterceptorPair, Result};

/// Attaches a token, and renews it when it is refused or about to expire.
///
/// A clone is the same session. Give clones to several clients, async or
/// blocking, and they share one token and one refresh; keep one to sign in and
/// out.
///
/// ```
/// use tollgate::{
///     Client, MockAdapter,
///     auth::{JsonRefresh, MemoryStore, Token, TokenRefresh},
/// };
///
/// let mock = MockAdapter::new()
///     .reply(401, "expired")
///     .reply_json(200, &serde_json::json!({"token": "a2", "refreshToken": "r2"}))
///     .reply(200, "hello");
/// let client = Client::builder(mock.clone())
///     .base_url("https://api.example.com")
///     .build()?;
/// let refresh = TokenRefresh::builder(
///     MemoryStore::new(Token::new("a1").refresh("r1")),
///     JsonRefresh::new("/auth/refresh-token"),
/// )
/// .build()?;
/// client.interceptors.use_pair(refresh.clone());
///
/// # tollgate::runtime::block_on(async {
/// assert_eq!(client.get("/greeting").await?.text()?, "hello");
/// # Ok::<(), tollgate::Error>(())
/// # })?;
/// let sent = mock.requests();
/// assert_eq!(sent[0].headers()["authorization"], "Bearer a1");
/// assert_eq!(sent[1].body(), r#"{"token":"r1"}"#.as_bytes());
/// assert_eq!(sent[2].headers()["authorization"], "Bearer a2");
/// assert_eq!(refresh.counters().refreshed, 1);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenRefresh {
    pub(super) session: Arc<Session>,
}

impl TokenRefresh {
    /// Starts to build a pair: where the token is kept, and how the next one
    /// is got.
    pub fn builder(store: impl TokenStore, refresher: impl Refresher) -> TokenRefreshBuilder {
        TokenRefreshBuilder::new(store, refresher)
    }

    /// Starts to build a pair of many sessions, one for each [`Identity`] that
    /// calls name: `sessions` says with which store, refresher and options an
    /// identity's session is made.
    ///
    /// It is asked when an identity comes for the first time, or again after
    /// its session was put away; see
    /// [`KeyedTokenRefresh`](super::KeyedTokenRefresh).
    pub fn keyed(
        sessions: impl Fn(&Identity) -> Result<TokenRefreshBuilder> + Send + Sync + 'static,
    ) -> KeyedTokenRefreshBuilder {
        KeyedTokenRefreshBuilder::new(Box::new(sessions))
    }

    pub(super) fn over(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// Signs somebody in, in place of who was.
    ///
    /// Takes effect at once, then the token is stored. A refresh for the
    /// session before is of no consequence any more: calls that wait for it
    /// fail, and are not sent as somebody else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] for a token that cannot be sent; nothing
    /// has changed then. Otherwise what the store says: the token is used all
    /// the same, and stored with the next one.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the token is in use but may not be
    /// stored.
    pub async fn sign_in(&self, token: Token) -> Result<()> {
        self.session.sign_in(token).await
    }

    /// Signs out: the token is forgotten at once, then taken out of the store,
    /// then revoked (RFC 7009) where the refresher knows how and a client that
    /// was used with the pair is still there.
    ///
    /// Revoking is best effort and takes at most `refresh_timeout`; what comes
    /// of it is in [`Counters::revoked`] only.
    ///
    /// # Errors
    ///
    /// What the store says; it may hold the token still. Sign out again then.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, no call gets the token any more, but the
    /// store may hold it still, and the server may not know.
    pub async fn sign_out(&self) -> Result<()> {
        self.session.sign_out().await
    }

    /// Gets a new token now, or waits for the refresh that is under way.
    ///
    /// It does not mind the pause after a failure. `client` names the adapter
    /// and runtime to do it with; its interceptors are not run.
    ///
    /// # Errors
    ///
    /// As calls that need a new token: [`ErrorKind::SessionExpired`] if only
    /// signing in helps, else [`ErrorKind::Auth`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the refresh.
    pub async fn refresh_now(&self, client: &Client) -> Result<()> {
        match self.session.join(client, Why::Asked) {
            Join::Wait(waiter) => match waiter.await {
                Ok(_) => Ok(()),
                Err(error) => Err(failure(&error)),
            },
            Join::Failed(error) => Err(failure(&error)),
            Join::Ready => Ok(()),
            Join::SignedOut => Err(Error::new(
                ErrorKind::SessionExpired,
                "there is nothing to refresh: nobody is signed in",
            )),
            Join::Inside => Err(Error::new(
                ErrorKind::Auth,
                "a refresh cannot wait for itself",
            )),
        }
    }

    /// Returns what the session is now.
    #[must_use]
    pub fn status(&self) -> SessionStatus {
        self.session.status()
    }

    /// Returns what the session has done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.session.tally.read()
    }

    /// Calls `handler` on every event from now on.
    ///
    /// It runs in the task of the refresh, after those who waited were woken,
    /// and outside of any lock: it may use clients, this session's too. One
    /// that blocks holds nobody up but later handlers. A panic in it is
    /// counted.
    pub fn on_event(&self, handler: impl Fn(&AuthEvent) + Send + Sync + 'static) {
        self.session.handlers.add(Arc::new(handler));
    }
}

impl InterceptorPair for TokenRefresh {
    type Request = Attach;
    type Response = Renew;

    fn into_pair(self) -> (Attach, Renew) {
        Sessions::One(self.session).into_pair()
    }

    fn name(&self) -> Cow<'static, str> {
        "token refresh".into()
    }
}

impl fmt::Debug for TokenRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRefresh")
            .field("session", &self.session)
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
