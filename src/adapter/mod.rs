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
//!    a stream; an answer that is cut short is an error, never a shorter body.
//! 6. Errors have the right [`ErrorKind`]; their text holds no address.
//! 7. [`Attempt::deadline`] and [`Attempt::cancel`] are honoured by a blocking
//!    adapter; an async adapter may be dropped at any await instead.
//! 8. No panic; a request that cannot be sent is [`ErrorKind::InvalidRequest`]
//!    or [`ErrorKind::Unsupported`].
//!
//! *Not here*: status policy, base address, limits, redirects, retries, auth:
//! those live in the core, once, so that every adapter behaves alike.

mod attempt;
#[cfg(feature = "conformance")]
pub mod conformance;
mod mock;
#[cfg(feature = "tokio")]
mod offload;
#[cfg(feature = "tower")]
mod service;

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use async_trait::async_trait;

pub use attempt::Attempt;
pub(crate) use attempt::{REDIRECT_PATIENCE, redirects};
pub use mock::{MockAdapter, MockReply, Recorded};
#[cfg(feature = "tokio")]
pub use offload::Offload;
#[cfg(feature = "tower")]
pub use service::ServiceAdapter;

use crate::{
    body::Body,
    error::{Error, ErrorCode, ErrorKind},
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

/// Why no answer came, or why its body stopped.
///
/// Its text says what happened without the address: the core adds that,
/// redacted.
///
/// ```
/// use tollgate::{AdapterError, ErrorCode, ErrorKind};
///
/// let error = AdapterError::new(ErrorKind::Connect, "the connection was refused")
///     .with_code(ErrorCode::ConnectionRefused);
/// assert_eq!(error.kind(), ErrorKind::Connect);
/// ```
#[derive(Debug)]
pub struct AdapterError {
    kind: ErrorKind,
    code: Option<ErrorCode>,
    message: Cow<'static, str>,
    hint: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl AdapterError {
    /// Creates an error of a kind, with a message in our style.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            code: None,
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    /// Creates what an adapter returns when the attempt's time has run out.
    #[must_use]
    pub fn timeout() -> Self {
        Self::new(ErrorKind::Timeout, "the attempt ran out of time")
    }

    /// Creates what an adapter returns when the call was cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "the call was cancelled")
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets a code that says more than the kind does.
    #[must_use]
    pub fn with_code(mut self, code: ErrorCode) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Returns what failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for AdapterError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<AdapterError> for Error {
    fn from(error: AdapterError) -> Self {
        let mut out = Self::new(error.kind, error.message);
        if let Some(code) = error.code {
            out = out.with_code(code);
        }
        if let Some(hint) = error.hint {
            out = out.with_hint(hint);
        }
        if let Some(source) = error.source {
            out = out.with_source(source);
        }
        out
    }
}

impl From<AdapterError> for std::io::Error {
    /// Hides the error in an I/O error, from which the core takes it out again.
    fn from(error: AdapterError) -> Self {
        Self::other(error)
    }
}
