//! Token refresh: puts a token on requests, renews it when it is refused or
//! about to expire, and replays the call once.
//!
//! *In and out*: two interceptors, registered together. [`Attach`]: a request
//! in, the same with a bound header out. [`Renew`]: a refusal in, a replay out.
//!
//! ```text
//! caller ─▶ [Attach] ─▶ adapter ⟲ redirects ─▶ settle ─▶ [Renew] ─▶ caller
//!               ▲                                          │
//!               └────────────── Replay, once ◀─────────────┘
//! ```
//!
//! ```text
//!                  sign_in ┌──────────────────────────────────────────┐
//!                          │                                          │
//!  unloaded ──load──▶ fresh ─time─▶ advisory ─time─▶ expired ─┐       │
//!     │                │ ▲              │                     │       │
//!     │ load           │ └── commit ◀───┴── flight ◀──────────┤       │
//!     ▼                │ 401               │    ▲             │       │
//!   empty ◀─ sign_out  └────────────▶ rejected ─┘             │       │
//!                                          │ lost, not sent   │       │
//!                                          ├──────▶ cooling ──┘       │
//!                                          │ refused                  │
//!                                          └──────▶ dead ─────────────┘
//! ```
//!
//! | state | what a call gets |
//! |---|---|
//! | unloaded | waits for the store, which is read once |
//! | empty | nothing: it is sent bare |
//! | fresh | the token, at once |
//! | advisory | the token, at once; a refresh begins, for which nobody waits |
//! | expired, rejected | waits for a flight |
//! | cooling | the token while it is good, else the last failure, at once |
//! | dead | `SessionExpired`, at once |
//!
//! The book's page on token refresh has the sequence, the failures and the
//! stores. A call waits within its own deadline, and a flight has one of its
//! own (`refresh_timeout`). A caller that goes away neither stops nor delays
//! it.
//!
//! *Order*: register the pair before an interceptor that should see the call
//! once, after one that should see every attempt. A header that the caller has
//! set, or an earlier interceptor, is left alone; [`SkipAuth`] opts a call out.
//! A cookie jar (feature `cookies`) comes before the pair.
//!
//! *Which token was refused* is read from the request that was really sent:
//! the current one starts a refresh, an earlier one of the same session is
//! replayed at once, anything else is passed through. Where the core's guard
//! took the token off, on a redirect say, the refusal is not ours.
//!
//! *What a refusal says* decides what follows: a 401 starts a refresh and a
//! replay; one that asks for a wider scope, other claims or another sign-in is
//! a [`StepUp`], which no refresh gives; one that asks for a DPoP nonce is
//! replayed with it. After 401 a call of any method is replayed, for it was not
//! carried out; after another refusal, if its method is idempotent
//! ([`ReplayAfterRefusal`]).
//!
//! *Whose token*: a [`TokenRefresh`] is one session. A [`KeyedTokenRefresh`] is
//! many, one for each [`Identity`] that a call names; each has its own flight,
//! pauses and limits, and none sees another's token.
//!
//! *Not here*: getting the first token. Sign in with what your flow gives you;
//! [`as_http_client`](crate::client::Client::as_http_client) lets the `oauth2`
//! crate run it.
//!
//! *Concurrency*: a call that attaches takes no lock. What decides is behind a
//! mutex that is never held across an await, I/O, a waker or code of the
//! user's. A session goes by one clock, that of the first client that used it; a
//! flight runs on the runtime of the client whose call started it.
//!
//! ```
//! use tollgate::{
//!     MockAdapter,
//!     auth::{MemoryStore, OAuth2Refresh, Token, TokenRefresh},
//!     blocking::Client,
//! };
//!
//! let client = Client::builder(MockAdapter::new())
//!     .base_url("https://api.example.com")
//!     .build()?;
//! let store = MemoryStore::new(Token::new("a1").refresh("r1"));
//! let refresher = OAuth2Refresh::new("https://id.example.com/token", "my-app");
//! let pair = client
//!     .interceptors
//!     .use_pair(TokenRefresh::builder(store, refresher).build()?);
//!
//! let response = client.get("/me").send()?;
//! assert_eq!(response.request().unwrap().headers()["authorization"], "Bearer a1");
//! client.interceptors.eject_pair(pair);
//! # Ok::<(), tollgate::Error>(())
//! ```

#[cfg(feature = "conformance")]
pub mod conformance;

mod challenge;
mod dpop;
mod jwt;
mod secret;
mod step_up;
mod token;

#[cfg(feature = "cookies")]
mod jar;
mod refresher;
mod store;

mod counters;
mod event;
mod policy;
mod status;

mod session;

mod attach;
mod builder;
mod carrier;
mod keyed;
mod renew;
mod replayed;
mod sessions;
mod token_refresh;
mod unread;

pub use attach::Attach;
pub use builder::{IntoOrigins, TokenRefreshBuilder};
pub use challenge::Challenge;
pub use counters::Counters;
pub use dpop::{DpopProver, DpopRequest};
pub use event::AuthEvent;
#[cfg(feature = "cookies")]
pub use jar::{AttachCookies, CookieJar, KeepCookies};
pub use keyed::{
    Identity, IdentityError, KeyedTokenRefresh, KeyedTokenRefreshBuilder, MissingIdentity,
};
pub use policy::{LostAnswer, MissingToken};
#[cfg(feature = "cookies")]
pub use refresher::CookieRefresh;
pub use refresher::{JsonRefresh, OAuth2Refresh, RefreshClass, RefreshError, Refresher};
pub use renew::Renew;
pub use secret::Secret;
pub use status::{SessionState, SessionStatus};
pub use step_up::StepUp;
#[cfg(feature = "cookies")]
pub use store::CookieStore;
pub use store::{FileStore, Lease, MemoryStore, Presented, Stamp, Stored, Swap, TokenStore};
#[cfg(feature = "conformance")]
pub use store::{StoreReport, StoreSuite};
pub use token::Token;
pub(crate) use token::check_bearer;
pub use token_refresh::TokenRefresh;

/// In a call's extensions: no token is attached, and a refusal is passed on.
///
/// ```
/// use tollgate::{Client, MockAdapter, auth::SkipAuth};
///
/// let client = Client::new(MockAdapter::new());
/// let call = client.get("https://api.example.com/public").extension(SkipAuth);
/// # drop(call);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkipAuth;

/// In a call's extensions: whether it is replayed after a refresh, in place of
/// what follows from its method.
///
/// By default a call that was refused with 401 is replayed, and one that was
/// refused otherwise if its method is idempotent. A call that is not replayed
/// refreshes the token all the same.
///
/// ```
/// use tollgate::{Client, MockAdapter, auth::ReplayAfterRefusal};
///
/// let client = Client::new(MockAdapter::new());
/// let call = client
///     .post("https://api.example.com/graphql")
///     .extension(ReplayAfterRefusal::Always);
/// # drop(call);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayAfterRefusal {
    /// After any refusal: what the server refuses, it has not carried out.
    Always,
    /// After none, not even 401. The replay with a DPoP nonce, which comes
    /// before any refresh, is made all the same.
    Never,
}
