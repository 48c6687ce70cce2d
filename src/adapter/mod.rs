//! The port to the wire: one request in, one response or transport error out.
//!
//! *In and out*: `http::Request<Body>` in, with an [`Attempt`] in its
//! extensions; `http::Response<Body>` or [`AdapterError`] out.
//!
//! *Contract* (each clause is a case of the `conformance` suite):
//!
//! 1. One request, one answer: no redirect is followed, nothing is retried, no
//!    cookie is kept, no proxy is read from the environment unasked.
//! 2. Every status is an answer, never an error.
//! 3. The address is dialled as it is written; a different reading is an error.
//! 4. The bytes of the body are sent unchanged, with its length if it is known.
//! 5. The body is decoded (`gzip`, where the feature is on) and handed over as
//!    a stream; an answer that is cut short is an error, never a shorter body,
//!    and so is one whose end is a matter of opinion ([`check_framing`]).
//! 6. Errors have the right [`ErrorKind`](crate::ErrorKind); their text holds
//!    no address. What callers read is the core's wording of the kind.
//! 7. [`Attempt::deadline`] and [`Attempt::cancel`] are honoured by a blocking
//!    adapter; an async adapter may be dropped at any await instead. A header
//!    of [`Attempt::leaves_out`] is not added, where the client allows it.
//! 8. No panic; a request that cannot be sent is
//!    [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) or
//!    [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
//!
//! *Not here*: status policy, base address, limits, redirects, retries, auth:
//! those live in the core, once, so that every adapter behaves alike.

mod attempt;
#[cfg(feature = "conformance")]
pub mod conformance;
mod failure;
mod framing;
mod head;
mod mock;
#[cfg(feature = "tokio")]
mod offload;
#[cfg(feature = "tower")]
mod service;

use std::sync::Arc;

use async_trait::async_trait;

pub use attempt::Attempt;
pub(crate) use attempt::{Pace, REDIRECT_PATIENCE, redirects};
pub use failure::AdapterError;
pub use framing::check_framing;
pub use head::check_head;
pub use mock::{MockAdapter, MockReply, Recorded};
#[cfg(feature = "tokio")]
pub use offload::Offload;
#[cfg(feature = "tower")]
pub use service::ServiceAdapter;

use crate::{
    body::Body,
    runtime::{Runtime, ThreadRuntime},
};

/// Sends one request through an async HTTP client.
///
/// ```
/// use async_trait::async_trait;
/// use tollgate::{Adapter, AdapterError, Body, Client};
///
/// /// Answers with the path that was asked for.
/// struct Echo;
///
/// #[async_trait]
/// impl Adapter for Echo {
///     async fn send(
///         &self,
///         request: http::Request<Body>,
///     ) -> Result<http::Response<Body>, AdapterError> {
///         Ok(http::Response::new(Body::from(request.uri().path().to_owned())))
///     }
/// }
///
/// # tollgate::runtime::block_on(async {
/// let client = Client::new(Echo);
/// assert_eq!(client.get("http://h/hello").await.unwrap().text().unwrap(), "/hello");
/// # });
/// ```
#[async_trait]
pub trait Adapter: Send + Sync + 'static {
    /// Sends the request and returns the answer, with its body unread.
    ///
    /// # Errors
    ///
    /// What kept the answer from coming; a status is not an error.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the call times out or is cancelled; it must
    /// leave no task and no half-read connection behind.
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError>;

    /// Returns the runtime that fits the adapter.
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(ThreadRuntime)
    }
}

/// Sends one request through a blocking HTTP client.
///
/// Nobody can interrupt it, so it honours the [`Attempt`] itself.
pub trait BlockingAdapter: Send + Sync + 'static {
    /// Sends the request and returns the answer, with its body unread.
    ///
    /// # Errors
    ///
    /// What kept the answer from coming; a status is not an error.
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError>;

    /// Returns the runtime that fits the adapter.
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(ThreadRuntime)
    }
}

#[async_trait]
impl<A: Adapter + ?Sized> Adapter for Arc<A> {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        (**self).send(request).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        (**self).runtime()
    }
}

impl<A: BlockingAdapter + ?Sized> BlockingAdapter for Arc<A> {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        (**self).send(request)
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        (**self).runtime()
    }
}
