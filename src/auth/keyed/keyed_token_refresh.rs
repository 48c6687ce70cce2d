//! [`KeyedTokenRefresh`]: the pair, and the way to its sessions.

use std::{borrow::Cow, fmt, sync::Arc};

use super::{Identity, Keyed};
use crate::{
    InterceptorPair, Result,
    auth::{Attach, Renew, TokenRefresh, sessions::Sessions},
};

/// Attaches and renews the tokens of many users or tenants: each call names
/// its [`Identity`], and gets the token of that one.
///
/// Each identity has a session of its own: one refresh at a time, pauses after
/// failures, limits, events, all as with a [`TokenRefresh`]. A refusal of one
/// identity's token refreshes that token, and the call is replayed as that
/// identity, or not at all.
///
/// The factory says how a session is made: it gets the identity, and returns a
/// [`TokenRefreshBuilder`](crate::auth::TokenRefreshBuilder) with any options.
/// So the refresher, the origins or the DPoP key may be shared, or be each
/// identity's own. It runs in the call that needs it, and several calls that
/// come at the same time may ask it for the same identity; one answer is used.
/// It may refuse an identity with an error, which that call gets. Nothing is
/// remembered of it.
///
/// At most [`max_identities`](crate::auth::KeyedTokenRefreshBuilder::max_identities)
/// sessions are kept, and the one idle for longest gives way. A session is
/// idle where no call of its is on the way, no refresh is under way, nothing
/// has still to be stored, and nobody has a handle of it from
/// [`session`](Self::session). When its identity comes again, the factory is
/// asked again, and the store read: **a store has to outlive its session.** A
/// [`MemoryStore`](crate::auth::MemoryStore) that the factory creates and does
/// not keep is gone with it, and so is the sign-in. Counters begin anew, and
/// handlers that were added to a handle are gone; those of
/// [`on_event`](crate::auth::KeyedTokenRefreshBuilder::on_event) stay.
///
/// Where identities come from outside, check them before a path or an address
/// is made of them.
///
/// A clone is the same set of sessions.
///
/// A client for an SDK that acts for several tenants:
///
/// ```
/// use std::{collections::HashMap, sync::Arc};
/// use tollgate::{
///     Error, MockAdapter,
///     auth::{Identity, MemoryStore, OAuth2Refresh, Token, TokenRefresh},
///     blocking::Client,
///     runtime::block_on,
/// };
///
/// let stores: HashMap<&str, Arc<MemoryStore>> = HashMap::from([
///     ("tenant-a", Arc::new(MemoryStore::new(Token::new("a1").refresh("ra")))),
///     ("tenant-b", Arc::new(MemoryStore::new(Token::new("b1").refresh("rb")))),
/// ]);
/// let refresher = Arc::new(OAuth2Refresh::new("https://id.example.com/token", "my-app"));
/// let refresh = TokenRefresh::keyed(move |identity| {
///     let store = stores.get(identity.as_str());
///     let store = store.ok_or_else(|| Error::message("this tenant is not known"))?;
///     Ok(TokenRefresh::builder(Arc::clone(store), Arc::clone(&refresher)))
/// })
/// .build()?;
///
/// let mock = MockAdapter::new();
/// let client = Client::builder(mock.clone())
///     .base_url("https://api.example.com")
///     .build()?;
/// client.interceptors.use_pair(refresh.clone());
///
/// let (a, b) = (Identity::new("tenant-a"), Identity::new("tenant-b"));
/// client.get("/me").extension(a.clone()).send()?;
/// client.get("/me").extension(b.clone()).send()?;
/// let sent = mock.requests();
/// assert_eq!(sent[0].headers()["authorization"], "Bearer a1");
/// assert_eq!(sent[1].headers()["authorization"], "Bearer b1");
///
/// // Nobody's token: nothing is sent.
/// assert!(client.get("/me").send().is_err());
/// assert!(client.get("/me").extension(Identity::new("tenant-c")).send().is_err());
/// assert_eq!(mock.count(), 2);
///
/// block_on(refresh.session(&a)?.sign_out())?;
/// assert_eq!(refresh.len(), 2);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone)]
pub struct KeyedTokenRefresh {
    keyed: Arc<Keyed>,
}

impl KeyedTokenRefresh {
    pub(super) fn over(keyed: Arc<Keyed>) -> Self {
        Self { keyed }
    }

    /// Returns the session of an identity, to sign in and out, or to look at
    /// it; it is made if there is none.
    ///
    /// The handle holds the session: it stays until the handle is dropped. It
    /// is a pair too: registered on a client of its own, the calls of that
    /// client need no identity.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Auth`](crate::ErrorKind::Auth) with
    /// [`IdentityError::TooMany`](crate::auth::IdentityError::TooMany) where
    /// there is no room, or with
    /// [`IdentityError::Missing`](crate::auth::IdentityError::Missing) for an
    /// empty identity. Otherwise what the factory says, or
    /// [`TokenRefreshBuilder::build`](crate::auth::TokenRefreshBuilder::build)
    /// of what it has given.
    pub fn session(&self, identity: &Identity) -> Result<TokenRefresh> {
        Ok(TokenRefresh::over(self.keyed.session(identity)?))
    }

    /// Puts the session of an identity away, if it is idle; tells whether it
    /// has.
    ///
    /// The store keeps the token. To forget that too, sign out first, and drop
    /// the handle.
    pub fn remove(&self, identity: &Identity) -> bool {
        self.keyed.remove(identity)
    }

    /// Returns how many identities have a session now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keyed.len()
    }

    /// Tells whether no identity has a session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl InterceptorPair for KeyedTokenRefresh {
    type Request = Attach;
    type Response = Renew;

    fn into_pair(self) -> (Attach, Renew) {
        Sessions::Keyed(self.keyed).into_pair()
    }

    fn name(&self) -> Cow<'static, str> {
        "keyed token refresh".into()
    }
}

impl fmt::Debug for KeyedTokenRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedTokenRefresh")
            .field("sessions", &self.keyed)
            .finish()
    }
}
