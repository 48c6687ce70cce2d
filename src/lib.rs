//! axios-style interceptors for HTTP, over any client, async or blocking.
//!
//! ```text
//! caller ─ Call ─▶ prepare ─▶ request interceptors ─▶ adapter ⟲ redirects ─▶ settle ─▶ response interceptors ─▶ caller
//!                     ▲                                                                      │
//!                     └────────────────────────────── Replay ◀───────────────────────────────┘
//! ```
//!
//! ```
//! use tollgate::{Client, Error, MockAdapter, Request, Response};
//!
//! # tollgate::runtime::block_on(async {
//! // `MockAdapter` needs no network; `tollgate-reqwest` and `tollgate-ureq` do.
//! let client = Client::builder(MockAdapter::new().reply_json(200, &["Ada"]))
//!     .base_url("https://api.example.com")
//!     .build()?;
//!
//! let id = client.interceptors.request.use_(async |mut request: Request| {
//!     request.headers_mut().insert("x-app", "demo".parse()?);
//!     Ok(request)
//! });
//! client.interceptors.response.use_both(
//!     async |response: Response| Ok(response),
//!     async |error: Error| Err(error),
//! );
//!
//! let users: Vec<String> = client.get("/users").await?.json()?;
//! assert_eq!(users, ["Ada"]);
//!
//! client.interceptors.request.eject(id);
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | sending | [`Client`], [`Call`], [`Response`]; [`blocking`] for the same without async |
//! | interceptors | [`interceptor`], [`RequestInterceptor`], [`ResponseInterceptor`] |
//! | token refresh | [`auth`] |
//! | uploads | [`Multipart`], [`Body`] |
//! | failures | [`Error`], [`ErrorKind`], [`ErrorCode`] |
//! | an adapter of one's own | [`adapter`], [`Adapter`], [`BlockingAdapter`] |
//! | tests without a network or a clock | [`MockAdapter`], [`runtime::ManualRuntime`] |
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `tokio` | [`runtime::TokioRuntime`], and [`Offload`]: a blocking adapter under the async client |
//! | `conformance` | [`adapter::conformance`]: the suite that every adapter passes, with its server; [`auth::StoreSuite`], the one for token stores; [`auth::conformance`]: a strict OAuth server, and the scenarios of token refresh |
//! | `tower` | [`ServiceAdapter`]: a tower service, an axum `Router` say, as an adapter; and [`Client`] is a service |
//! | `charset` | [`Response::text`] in every charset of the web |
//! | `tokio-util` | [`CancelHandle`] from a `CancellationToken` |
//! | `cookies` | [`auth::CookieJar`], and a token that lives in it: [`auth::CookieStore`], [`auth::CookieRefresh`] |
//!
//! None is on by default; the core has no HTTP client and no runtime in its
//! tree.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]

pub mod adapter;
pub mod auth;
mod body;
mod cancel;
mod config;
mod context;
mod error;
mod headers;
pub mod interceptor;
mod pipeline;
mod progress;
mod query;
mod request;
mod response;
pub mod runtime;
mod uri;

pub mod blocking;
pub mod client;

/// Sends calls asynchronously; see [`client::Client`].
pub type Client = client::Client<client::Async>;

/// Builds an async [`Client`]; see [`client::ClientBuilder`].
pub type ClientBuilder = client::ClientBuilder<client::Async>;

/// An async call before it is sent; see [`client::Call`].
pub type Call = client::Call<client::Async>;

/// An async [`Client`] that is not kept alive; see [`client::WeakClient`].
pub type WeakClient = client::WeakClient<client::Async>;

#[cfg(feature = "tokio")]
pub use adapter::Offload;
#[cfg(feature = "tower")]
pub use adapter::ServiceAdapter;
pub use adapter::{
    Adapter, AdapterError, Attempt, BlockingAdapter, MockAdapter, MockReply, Recorded,
};
pub use body::{Body, BodyError, BodyReader, BodyStream, Multipart, Part};
pub use cancel::{CancelHandle, Cancelled};
pub use config::{Config, Order, Redirect};
pub use error::{Error, ErrorCode, ErrorKind, Result};
pub use interceptor::{
    InterceptorPair, Interceptors, NotReplayed, Replay, RequestFlow, RequestInterceptor,
    ResponseFlow, ResponseInterceptor,
};
pub use progress::Progress;
pub use query::{ArrayFormat, Parameters, QueryFormat};
pub use request::{Request, RequestHead};
pub use response::Response;
pub use runtime::Runtime;
pub use uri::{Origin, Origins};

/// The pages of the book, compiled with the crate.
#[cfg(any(doc, doctest))]
pub mod _docs {
    #[doc = include_str!("../docs/architecture.md")]
    pub mod architecture {}
    #[doc = include_str!("../docs/interceptors.md")]
    pub mod interceptors {}
    #[doc = include_str!("../docs/auth.md")]
    pub mod auth {}
    #[doc = include_str!("../docs/redis.md")]
    pub mod redis {}
    #[doc = include_str!("../docs/errors.md")]
    pub mod errors {}
    #[doc = include_str!("../docs/adapters.md")]
    pub mod adapters {}
    #[doc = include_str!("../docs/blocking.md")]
    pub mod blocking {}
    #[doc = include_str!("../docs/testing.md")]
    pub mod testing {}
    #[doc = include_str!("../docs/security.md")]
    pub mod security {}
    #[doc = include_str!("../docs/performance.md")]
    pub mod performance {}
    #[doc = include_str!("../docs/coming-from-axios.md")]
    pub mod coming_from_axios {}
    #[doc = include_str!("../docs/axios-names.md")]
    pub mod axios_names {}
    #[doc = include_str!("../docs/coming-from-reqwest-middleware.md")]
    pub mod coming_from_reqwest_middleware {}
}
