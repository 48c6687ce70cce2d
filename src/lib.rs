//! axios-style interceptors for HTTP, over any client, async or blocking.

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

#[cfg(feature = "tokio")]
pub use adapter::Offload;
pub use adapter::{
    Adapter, AdapterError, Attempt, BlockingAdapter, MockAdapter, MockReply, Recorded,
};
pub use body::{Body, BodyError, BodyReader};
pub use cancel::{CancelHandle, Cancelled};
pub use config::{Config, Order};
pub use error::{Error, ErrorCode, ErrorKind, Result};
pub use interceptor::{
    InterceptorPair, Interceptors, NotReplayed, Replay, RequestFlow, RequestInterceptor,
    ResponseFlow, ResponseInterceptor,
};
pub use request::{Request, RequestHead};
pub use response::Response;
pub use runtime::Runtime;
pub use uri::{Origin, Origins};
