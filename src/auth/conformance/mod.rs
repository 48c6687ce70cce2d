//! A strict OAuth server on loopback, for tests, examples and benches.
//!
//! *In and out*: an options builder in; a [`StrictAuthServer`] out, whose
//! addresses any HTTP client can use, and a [`Report`] of what it has seen.
//!
//! ```text
//!            ┌─ /oauth/authorize   a code, with PKCE ────────────┐
//!            ├─ /oauth/token       codes and refreshes ──────────┤
//! client ──▶ ├─ /oauth/revoke      RFC 7009 ─────────────────────┼─▶ one state,
//!            ├─ /auth/refresh-token  the same in JSON of its own ┤   one lock
//!            ├─ /auth/refresh        the same in cookies ────────┤
//!            └─ /api/…             401 without a good token ─────┘
//!            ── foreign origin     must never see a token
//! ```
//!
//! | option | default | others |
//! |---|---|---|
//! | [`rotation`](StrictAuthServerBuilder::rotation) | strict, reuse revokes the family | a grace, none, none and left out |
//! | [`lifetime`](StrictAuthServerBuilder::lifetime), [`clock`](StrictAuthServerBuilder::clock) | one hour, the system's | any; a clock that stands still |
//! | [`expires_in`](StrictAuthServerBuilder::expires_in) | seconds | a text, left out, any JSON |
//! | [`jwt`](StrictAuthServerBuilder::jwt) | opaque | `header.payload.signature` |
//! | [`client_id`](StrictAuthServerBuilder::client_id) | any client, no secret | one client; with a secret by [Basic](StrictAuthServerBuilder::client_secret_basic) or in the [body](StrictAuthServerBuilder::client_secret_post) |
//! | [`refusal`](StrictAuthServerBuilder::refusal) | 401 with a challenge | each [`ApiFault`] |
//! | [`token_latency`](StrictAuthServerBuilder::token_latency), [`api_latency`](StrictAuthServerBuilder::api_latency) | none | a real wait |
//!
//! | while it runs | |
//! |---|---|
//! | [`sign_in`](StrictAuthServer::sign_in) | a new family, without HTTP |
//! | [`expire_all`](StrictAuthServer::expire_all), [`expire_at`](StrictAuthServer::expire_at) | access tokens expire, now or at a count of calls |
//! | [`revoke_family`](StrictAuthServer::revoke_family) | a user is thrown out |
//! | [`fail_refreshes`](StrictAuthServer::fail_refreshes), [`fail_calls`](StrictAuthServer::fail_calls) | a script of [`RefreshFault`], [`ApiFault`] |
//! | [`hold_refreshes`](StrictAuthServer::hold_refreshes), [`hold_calls`](StrictAuthServer::hold_calls) | answers wait until a [`Hold`] lets them go |
//!
//! [`RefreshSuite`] runs adapters, stores and refreshers through named scenarios
//! against it, and prints a table.
//!
//! *Not here*: TLS, scopes, DPoP, anything that asks a user. Its tokens are
//! easy to guess: it is no server for anything but loopback.
//!
//! *Concurrency*: a thread for each connection; see [`StrictAuthServer`].
//!
//! ```
//! use tollgate::auth::{OAuth2Refresh, MemoryStore, TokenRefresh};
//! use tollgate::auth::conformance::{RefreshFault, Rotation, StrictAuthServer};
//!
//! let server = StrictAuthServer::builder().rotation(Rotation::Grace(1)).start()?;
//! // The answer to the first refresh is lost after the token was spent.
//! server.fail_refreshes([RefreshFault::DieAfterRotate]);
//!
//! let store = MemoryStore::new(server.sign_in("ada"));
//! let refresher = OAuth2Refresh::new(server.token_url(), "my-app");
//! let pair = TokenRefresh::builder(store, refresher).build()?;
//! server.expire_all();
//! // ... send calls to `server.api_url()` through a client with the pair ...
//! let report = server.report();
//! assert_eq!(report.reuses(), 0);
//! assert!(report.max_presentations() <= 2);
//! # drop(pair);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod form;

mod credentials;
mod faults;
mod mint;
mod options;
mod report;

mod gate;
mod state;

mod api;
mod authorize;
mod endpoints;
mod own_style;
mod token;

mod builder;
mod server;

mod kit;

pub use builder::StrictAuthServerBuilder;
pub use faults::{ApiFault, RefreshFault};
pub use gate::Hold;
pub use kit::{RefreshReport, RefreshSuite};
pub use options::{ExpiresIn, Rotation};
pub use report::{ApiCall, Report};
pub use server::StrictAuthServer;
