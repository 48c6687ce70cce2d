//! [`Call`]: one request in the making, bound to its client.

use std::{
    fmt,
    future::IntoFuture,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use serde::Serialize;

use super::{Async, Blocking, builder, query};
use crate::{
    body::{Body, Multipart},
    cancel::CancelHandle,
    config::{Order, Setting, StatusPolicy},
    error::{Error, ErrorKind, Result},
    pipeline::{self, Draft, Engine, depth},
    request::Request,
    response::Response,
    runtime::{BoxFuture, block_on},
    uri::basic_header,
};

/// A call before it is sent; what is set here beats the client's defaults.
///
/// Awaiting it sends it; in the blocking engine [`send`](Call::send) does.
/// A mistake in an option surfaces then, and nothing is sent.
///
/// ```
/// use std::time::Duration;
/// use tollgate::{Client, MockAdapter};
///
/// # tollgate::runtime::block_on(async {
/// let client = Client::new(MockAdapter::new());
/// let response = client
///     .post("https://api.example.com/orders")
///     .bearer_auth("s3cr3t")
///     .json(&["tea", "milk"])
///     .timeout(Duration::from_secs(5))
///     .await
///     .unwrap();
/// assert_eq!(response.request().unwrap().headers()["content-type"], "application/json");
/// # });
/// ```
#[must_use = "a call is sent by awaiting it, or by `send`"]
pub struct Call<E = Async> {
    engine: Arc<Engine>,
    pub(super) draft: Draft,
    kind: PhantomData<fn() -> E>,
}

impl<E> Call<E> {
    pub(super) fn new(engine: Arc<Engine>, method: Method, target: String) -> Self {
        Self::from_request(engine, Request::new(method), target)
    }

    pub(super) fn from_request(engine: Arc<Engine>, request: Request, target: String) -> Self {
        Self {
            engine,
            draft: Draft {
                request,
                target,
                query: String::new(),
                content_type: None,
                error: None,
            },
            kind: PhantomData,
        }
    }

    /// Sets a header, in place of the client's and of an earlier one.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        match builder::header(name, value) {
            Ok((name, value)) => {
                self.draft.request.headers_mut().insert(name, value);
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sets several headers; a name with several values gets all of them.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        let mine = self.draft.request.headers_mut();
        for name in headers.keys() {
            mine.remove(name);
        }
        // Names come with their first value only.
        let mut last = None;
        for (name, value) in headers {
            last = name.or(last);
            if let Some(name) = &last {
                mine.append(name.clone(), value);
            }
        }
        self
    }

    /// Adds query parameters (axios: `params`): a map, a struct or a list of
    /// pairs. Arrays repeat their key, `None` is left out.
    #[doc(alias = "params")]
    pub fn query(mut self, parameters: &(impl Serialize + ?Sized)) -> Self {
        match query::encode(parameters) {
            Ok(text) => {
                let query = &mut self.draft.query;
                if !query.is_empty() && !text.is_empty() {
                    query.push('&');
                }
                query.push_str(&text);
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sends a value as JSON; sets `Content-Type` unless it is set.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.typed(bytes.into(), "application/json"),
            Err(source) => self.fail(
                Error::new(
                    ErrorKind::InvalidRequest,
                    "the body cannot be serialised as JSON",
                )
                .with_source(source),
            ),
        }
        self
    }

    /// Sends parameters as a form; sets `Content-Type` unless it is set.
    pub fn form(mut self, parameters: &(impl Serialize + ?Sized)) -> Self {
        match query::encode(parameters) {
            Ok(text) => self.typed(text.into(), "application/x-www-form-urlencoded"),
            Err(error) => self.fail(error),
        }
        self
    }

    fn typed(&mut self, body: Body, content_type: &'static str) {
        *self.draft.request.body_mut() = body;
        self.draft.content_type = Some(HeaderValue::from_static(content_type));
    }

    /// Sends a form of several parts; sets `Content-Type` unless it is set.
    ///
    /// A `multipart/…` type of the call's without a boundary is completed, one
    /// with another boundary is an error. The client's default yields.
    #[doc(alias = "postForm")]
    #[doc(alias = "formdata")]
    pub fn multipart(mut self, form: Multipart) -> Self {
        match form.into_body() {
            Ok(body) => self.body(body),
            Err(error) => {
                self.fail(error);
                self
            }
        }
    }

    /// Sends bytes, text, a factory's bytes or a stream, without a type; a
    /// form brings its own.
    #[doc(alias = "data")]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.draft.request.body_mut() = body.into();
        self.draft.content_type = None;
        self
    }

    /// Sends `Authorization: Bearer …` (RFC 6750); the value is sensitive.
    pub fn bearer_auth(mut self, token: impl AsRef<str>) -> Self {
        let text = zeroize::Zeroizing::new(format!("Bearer {}", token.as_ref()));
        match HeaderValue::from_str(&text) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.draft
                    .request
                    .headers_mut()
                    .insert(AUTHORIZATION, value);
            }
            Err(_) => self.fail(
                Error::new(
                    ErrorKind::InvalidRequest,
                    "the bearer token cannot stand in the header `authorization`",
                )
                .with_hint("it must not hold control characters"),
            ),
        }
        self
    }

    /// Sends `Authorization: Basic …` in UTF-8 (RFC 7617); it beats user-info
    /// in the address and a header of the client's.
    pub fn basic_auth(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let value = basic_header(user.as_ref().as_bytes(), password.as_ref().as_bytes());
        self.draft
            .request
            .headers_mut()
            .insert(AUTHORIZATION, value);
        self
    }

    /// Sets the time for one attempt; see [`ClientBuilder::timeout`](crate::ClientBuilder::timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.draft.request.0.overrides.timeout = Setting::Set(timeout);
        self
    }

    /// Lets an attempt take as long as it takes.
    pub fn without_timeout(mut self) -> Self {
        self.draft.request.0.overrides.timeout = Setting::Unset;
        self
    }

    /// Sets the time for the whole call; see
    /// [`ClientBuilder::deadline`](crate::ClientBuilder::deadline).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.draft.request.0.overrides.deadline = Setting::Set(deadline);
        self
    }

    /// Lets the call take as long as it takes.
    pub fn without_deadline(mut self) -> Self {
        self.draft.request.0.overrides.deadline = Setting::Unset;
        self
    }

    /// Sets the time for each chunk of a streamed body.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.draft.request.0.overrides.read_timeout = Setting::Set(timeout);
        self
    }

    /// Sets which statuses are a success.
    pub fn validate_status(
        mut self,
        accept: impl Fn(StatusCode) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.draft.request.0.overrides.status = Some(StatusPolicy::Custom(Arc::new(accept)));
        self
    }

    /// Makes every status a success.
    pub fn accept_any_status(mut self) -> Self {
        self.draft.request.0.overrides.status = Some(StatusPolicy::Any);
        self
    }

    /// Sets how many redirects are followed, 0 for none.
    pub fn max_redirects(mut self, limit: u32) -> Self {
        self.draft.request.0.overrides.max_redirects = Some(limit);
        self
    }

    /// Sets the limit of the response's body, counted after decoding.
    pub fn max_response_bytes(mut self, limit: u64) -> Self {
        self.draft.request.0.overrides.max_response_bytes = Setting::Set(limit);
        self
    }

    /// Lets the response be as large as the memory allows.
    pub fn without_max_response_bytes(mut self) -> Self {
        self.draft.request.0.overrides.max_response_bytes = Setting::Unset;
        self
    }

    /// Sets the limit of the request's body.
    pub fn max_request_bytes(mut self, limit: u64) -> Self {
        self.draft.request.0.overrides.max_request_bytes = Setting::Set(limit);
        self
    }

    /// Sets the order of request interceptors.
    pub fn order(mut self, order: Order) -> Self {
        self.draft.request.0.overrides.order = Some(order);
        self
    }

    /// Adds typed metadata that reaches every interceptor, the response and
    /// the error, and outlives replays.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.draft.request.extensions_mut().insert(value);
        self
    }

    /// Lets a handle cancel the call (axios: `signal`).
    #[doc(alias = "signal")]
    pub fn cancel_handle(mut self, handle: &CancelHandle) -> Self {
        self.draft.request.0.overrides.cancel = Some(handle.clone());
        self
    }

    /// Leaves an accepted response's body on the wire, to be taken with
    /// [`Response::into_body`]. A refused one is read into the error.
    #[doc(alias = "responseType")]
    pub fn stream(mut self) -> Self {
        self.draft.request.0.overrides.stream = true;
        self
    }

    fn fail(&mut self, error: Error) {
        self.draft.error.get_or_insert(error);
    }
}

impl Call<Async> {
    /// Sends the call.
    ///
    /// # Errors
    ///
    /// What went wrong first and no interceptor recovered; see [`ErrorKind`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call; nothing is left running.
    pub fn send(self) -> Sending {
        Sending(Box::pin(pipeline::run(self.engine, self.draft)))
    }
}

impl IntoFuture for Call<Async> {
    type Output = Result<Response>;
    type IntoFuture = Sending;

    fn into_future(self) -> Sending {
        self.send()
    }
}

/// The future of a call that has been sent.
#[must_use = "a future does nothing until it is polled"]
pub struct Sending(BoxFuture<'static, Result<Response>>);

impl Future for Sending {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let _level = match depth::enter() {
            Ok(level) => level,
            Err(error) => return Poll::Ready(Err(error)),
        };
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

impl Call<Blocking> {
    /// Sends the call, blocking the thread until it is over.
    ///
    /// No runtime and no other thread is needed; interceptors run here too.
    ///
    /// # Errors
    ///
    /// What went wrong first and no interceptor recovered; see [`ErrorKind`].
    /// [`ErrorKind::Unsupported`], with nothing sent, inside an async task of
    /// tokio's (where the feature `tokio` is on).
    pub fn send(self) -> Result<Response> {
        #[cfg(feature = "tokio")]
        if crate::runtime::inside_async_task() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a blocking call was made inside an async task, which it would stop",
            )
            .with_hint("use `tollgate::Client`, or `tokio::task::spawn_blocking`"));
        }
        let _level = depth::enter()?;
        block_on(pipeline::run(self.engine, self.draft))
    }
}

impl<E> fmt::Debug for Call<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The target may hold a secret and has not been read yet.
        f.debug_struct("Call")
            .field("request", &self.draft.request)
            .finish_non_exhaustive()
    }
}
