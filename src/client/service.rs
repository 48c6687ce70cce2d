//! [`Client`] as a tower service, so that it can sit below any stack of layers.
//!
//! *In and out*: an `http::Request` with a body of any crate's in; an
//! `http::Response` of any status out, or [`Error`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::Body as HttpBody;
use tower_service::Service;

use super::{Async, Call, Client};
use crate::{
    body::{Body, BodyError, foreign},
    error::{Error, ErrorKind, Result},
    runtime::BoxFuture,
};

/// Sends an [`http::Request`] as [`execute`](Client::execute) does, and answers
/// with the response of any status.
///
/// Interceptors and `validate_status` work as in any call: a token is refreshed
/// after a 401. What is still a refused status at the end
/// ([`ErrorKind::Status`]) is `Ok` with its response, since a tower stack
/// expects it there; every other error stays one, also where a response is
/// attached.
///
/// The client is always ready. The answer's body is in memory, under the
/// client's limits; [`service_with`](Client::service_with) streams it. A
/// request's body is replayable if it is a [`Body`] that is, or gives all its
/// bytes at once, as `Full` does; any other is a one-shot stream.
///
/// ```
/// use http::{HeaderValue, header::USER_AGENT};
/// use tollgate::{Body, Client, MockAdapter};
/// use tower::{Service as _, ServiceBuilder};
/// use tower_http::set_header::SetRequestHeaderLayer;
///
/// # tollgate::runtime::block_on(async {
/// let mock = MockAdapter::new().reply(404, "no such page");
/// let agent = HeaderValue::from_static("demo/1");
/// let mut stack = ServiceBuilder::new()
///     .layer(SetRequestHeaderLayer::overriding(USER_AGENT, agent))
///     .service(Client::new(mock.clone()));
///
/// let request = http::Request::get("http://h/x").body(Body::empty())?;
/// let response = stack.call(request).await?;
/// assert_eq!(response.status(), 404);
/// assert_eq!(mock.requests()[0].headers()[USER_AGENT], "demo/1");
/// # Ok::<(), tollgate::Error>(())
/// # }).unwrap();
/// ```
impl<B> Service<http::Request<B>> for Client<Async>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answering {
        Answering::new(self.clone(), request, |call| call)
    }
}

/// As for the client itself.
impl<B> Service<http::Request<B>> for &Client<Async>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answering {
        Answering::new((*self).clone(), request, |call| call)
    }
}

impl Client<Async> {
    /// Returns the client as a service whose calls get `options` first.
    ///
    /// ```
    /// use tollgate::{Body, Client, MockAdapter};
    /// use tower::Service as _;
    ///
    /// # tollgate::runtime::block_on(async {
    /// let body = Body::from_reader(&b"piece by piece"[..]);
    /// let mock = MockAdapter::new().reply(200, body);
    /// let mut service = Client::new(mock).service_with(|call| call.stream());
    ///
    /// let request = http::Request::get("http://h/large").body(Body::empty())?;
    /// let response = service.call(request).await?;
    /// assert!(response.body().as_bytes().is_none(), "it is still on the wire");
    /// # Ok::<(), tollgate::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn service_with<F>(&self, options: F) -> ClientService<F>
    where
        F: Fn(Call<Async>) -> Call<Async> + Clone + Send + 'static,
    {
        ClientService {
            client: self.clone(),
            options,
        }
    }
}

/// A client as a service, with options for its calls; see
/// [`Client::service_with`].
#[derive(Clone)]
#[must_use = "a service does nothing before it is called"]
pub struct ClientService<F> {
    client: Client<Async>,
    options: F,
}

impl<F> fmt::Debug for ClientService<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl<F, B> Service<http::Request<B>> for ClientService<F>
where
    F: Fn(Call<Async>) -> Call<Async> + Clone + Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answering {
        Answering::new(self.client.clone(), request, self.options.clone())
    }
}

/// The future of a client that is called as a service.
#[must_use = "a future does nothing until it is polled"]
pub struct Answering(BoxFuture<'static, Result<http::Response<Body>>>);

impl Answering {
    fn new<B>(
        client: Client<Async>,
        request: http::Request<B>,
        options: impl FnOnce(Call<Async>) -> Call<Async> + Send + 'static,
    ) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self(Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = foreign::take(body).await;
            let call = client.execute(http::Request::from_parts(parts, body));
            match options(call).send().await {
                Ok(response) => Ok(response.into()),
                Err(error) => refused(error),
            }
        }))
    }
}

/// Makes an answer of an error that is one but for its status.
fn refused(error: Error) -> Result<http::Response<Body>> {
    if error.kind() != ErrorKind::Status || error.response().is_none() {
        return Err(error);
    }
    let unanswered = || Error::new(ErrorKind::Status, "the refused answer is gone");
    error.into_response().map(Into::into).ok_or_else(unanswered)
}

impl Future for Answering {
    type Output = Result<http::Response<Body>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}
