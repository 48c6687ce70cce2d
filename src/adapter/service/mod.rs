//! [`ServiceAdapter`]: a tower service as an adapter, in both engines.
//!
//! *In and out*: the request as the core made it, to a clone of the service;
//! its response, with the body unread, or its error by the table of
//! [`ServiceAdapter`].
//!
//! *Concurrency*: the service is cloned under a lock, since it need not be
//! `Sync`; everything else happens to the clone, without a lock.

mod failure;

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_service::Service;

use super::{Adapter, AdapterError, Attempt, BlockingAdapter};
use crate::{
    body::{Body, BodyError, foreign},
    runtime::{Runtime, block_on},
};

/// Sends through a tower service: an axum `Router`, a stack of layers, or an
/// HTTP client such as hyper-util's.
///
/// It serves both engines. Each request gets a clone of the service, which is
/// driven to readiness and then called, so that a service may answer several
/// calls at once; put tower's `Buffer` around one that cannot be cloned. The
/// time for readiness is part of the attempt's `timeout`, and a call that ends
/// early drops the clone and its future.
///
/// Nothing is added to the request: neither `host` nor `content-length`.
/// Redirects are left to the core, so a layer that follows them hides them; a
/// compressed answer is left as it is, unless a layer decodes it.
///
/// | the service's error, or one of its sources | kind |
/// |---|---|
/// | is an [`AdapterError`] or an [`Error`](crate::Error) | that error's |
/// | is an I/O error: `TimedOut` | `Timeout` |
/// | `ConnectionRefused`, `HostUnreachable`, `NetworkUnreachable`, `NetworkDown`, `AddrNotAvailable` | `Connect` |
/// | `InvalidData` or `InvalidInput`, in a body | `Decode` |
/// | any other I/O error, and anything else | `Transport` |
///
/// The errors of tower's own layers have no type that is known here: `Elapsed`
/// and `Overloaded` are `Transport`. Prefer the client's `timeout`, or map them
/// with `map_err` to [`AdapterError::timeout`].
///
/// # Runtimes
///
/// The blocking engine polls the service on the calling thread. One that needs
/// tokio, for its timers say, has to find that runtime entered there
/// (`let _inside = runtime.enter();`).
///
/// ```
/// use axum::{Router, extract::Path, routing::get};
/// use tollgate::{Client, ServiceAdapter, blocking};
///
/// let router = Router::new().route(
///     "/users/{name}",
///     get(async |Path(name): Path<String>| format!("hello, {name}")),
/// );
/// let adapter = ServiceAdapter::new(router);
///
/// # tollgate::runtime::block_on(async {
/// let client = Client::new(adapter.clone());
/// let response = client.get("http://in.process/users/ada").await?;
/// assert_eq!(response.text()?, "hello, ada");
/// # Ok::<(), tollgate::Error>(())
/// # })?;
///
/// let client = blocking::Client::new(adapter);
/// assert!(client.get("http://in.process/").send().unwrap_err().is_status(404));
/// # Ok::<(), tollgate::Error>(())
/// ```
pub struct ServiceAdapter<S> {
    service: Mutex<S>,
}

impl<S: Clone> ServiceAdapter<S> {
    /// Wraps a service.
    #[must_use]
    pub fn new<B>(service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<B>>,
    {
        Self::over(service)
    }

    fn over(service: S) -> Self {
        Self {
            service: Mutex::new(service),
        }
    }

    /// Returns a service of its own for one call.
    fn fresh(&self) -> S {
        let service = self.service.lock();
        service.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S: Clone> Clone for ServiceAdapter<S> {
    fn clone(&self) -> Self {
        Self::over(self.fresh())
    }
}

impl<S> fmt::Debug for ServiceAdapter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAdapter").finish_non_exhaustive()
    }
}

/// Readiness and the call are asked of the same instance: a service may keep
/// what made it ready, a permit say.
async fn answer<S, B>(
    mut service: S,
    request: http::Request<Body>,
) -> Result<http::Response<Body>, AdapterError>
where
    S: Service<http::Request<Body>, Response = http::Response<B>>,
    S::Error: Into<BodyError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    poll_fn(|context| service.poll_ready(context))
        .await
        .map_err(|error| failure::of_service(error.into()))?;
    let answer = service.call(request);
    // What the answer needs is in its future, as with tower's `oneshot`.
    drop(service);
    let response = answer
        .await
        .map_err(|error| failure::of_service(error.into()))?;
    Ok(response.map(|body| match foreign::ours(body) {
        Ok(body) => body,
        Err(body) if body.is_end_stream() => Body::empty(),
        Err(body) => Body::stream(Served { body }),
    }))
}

/// Names no runtime of its own: with the feature `tokio`, that in which a call
/// is made, if there is one; threads otherwise.
#[async_trait]
impl<S, B> Adapter for ServiceAdapter<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Error: Into<BodyError>,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        answer(self.fresh(), request).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        #[cfg(feature = "tokio")]
        let runtime = crate::runtime::TokioRuntime::new();
        #[cfg(not(feature = "tokio"))]
        let runtime = crate::runtime::ThreadRuntime;
        Arc::new(runtime)
    }
}

/// Drives the service on the calling thread, for as long as the attempt lasts.
impl<S, B> BlockingAdapter for ServiceAdapter<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Error: Into<BodyError>,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let attempt = Attempt::of(&request);
        if attempt.is_cancelled() {
            return Err(AdapterError::cancelled());
        }
        block_on(attempt.limit(Box::pin(answer(self.fresh(), request))))?
    }
}

pin_project_lite::pin_project! {
    /// The body of an answer, with errors of ours.
    struct Served<B> {
        #[pin]
        body: B,
    }
}

impl<B> HttpBody for Served<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = self.project().body.poll_frame(context);
        frame.map(|frame| frame.map(|it| it.map_err(|error| failure::of_body(error.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
