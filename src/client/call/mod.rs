//! [`Call`]: one request in the making, bound to its client.

mod auth;
mod body;
mod chain;
mod defaults;
mod hops;
mod options;
mod progress;
mod query;
mod rates;
mod transforms;

use std::{
    fmt,
    future::IntoFuture,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{Async, Blocking, builder};
use crate::{
    cancel::CancelHandle,
    config::{Setting, WireChanges},
    error::{Error, Result},
    pipeline::{self, Draft, Engine, Rare, depth},
    request::Request,
    response::Response,
    runtime::{BoxFuture, block_on},
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
    pub(in crate::client) draft: Draft,
    pub(in crate::client) rare: Option<Box<Rare>>,
    kind: PhantomData<fn() -> E>,
}

impl<E> Call<E> {
    pub(in crate::client) fn new(engine: Arc<Engine>, method: Method, target: String) -> Self {
        Self::from_request(engine, Request::new(method), target)
    }

    pub(in crate::client) fn from_request(
        engine: Arc<Engine>,
        request: Request,
        target: String,
    ) -> Self {
        Self {
            engine,
            draft: Draft::new(request, target),
            rare: None,
            kind: PhantomData,
        }
    }

    /// Sets a header, in place of the client's and of an earlier one.
    ///
    /// `Authorization` yields to [`basic_auth`](Self::basic_auth) and
    /// [`bearer_auth`](Self::bearer_auth).
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

    /// Adds a value to a header of the call's, behind those that it has; the
    /// client's values of that name give way, as to [`header`](Self::header).
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let mock = MockAdapter::new();
    /// let client = Client::builder(mock.clone()).header("accept", "*/*").build()?;
    /// let call = client.get("http://h/").append_header("accept", "text/html");
    /// call.append_header("accept", "text/plain").send()?;
    /// let sent = mock.requests()[0].headers().clone();
    /// let all: Vec<_> = sent.get_all("accept").iter().collect();
    /// assert_eq!(all, ["text/html", "text/plain"]);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "concat")]
    pub fn append_header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        match builder::header(name, value) {
            Ok((name, value)) => {
                self.draft.request.headers_mut().append(name, value);
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sets several headers; a name with several values gets all of them.
    #[doc(alias = "AxiosHeaders")]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        builder::replace(self.draft.request.headers_mut(), headers);
        self
    }

    /// Adds typed metadata that reaches every interceptor, the response and
    /// the error, and outlives replays.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.draft.request.extensions_mut().insert(value);
        self
    }

    /// Lets a handle cancel the call (axios: `signal`), in place of the
    /// client's.
    #[doc(alias = "signal")]
    pub fn cancel_handle(mut self, handle: &CancelHandle) -> Self {
        self.draft.request.0.overrides.cancel = Setting::Set(handle.clone());
        self
    }

    /// Lets no handle cancel the call, the client's neither.
    pub fn without_cancel_handle(mut self) -> Self {
        self.draft.request.0.overrides.cancel = Setting::Unset;
        self
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn wire(&mut self) -> &mut WireChanges {
        self.rare().wire_changes.get_or_insert_default()
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.draft.error.get_or_insert(error);
    }
}

impl Call<Async> {
    /// Sends the call.
    ///
    /// # Errors
    ///
    /// What went wrong first and no interceptor recovered; see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call; nothing is left running.
    pub fn send(self) -> Sending {
        Sending(Box::pin(pipeline::run(self.engine, self.draft, self.rare)))
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
    /// What went wrong first and no interceptor recovered; see [`ErrorKind`](crate::ErrorKind).
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), with nothing sent, inside an async task of
    /// tokio's (where the feature `tokio` is on).
    pub fn send(self) -> Result<Response> {
        #[cfg(feature = "tokio")]
        if crate::runtime::inside_async_task() {
            return Err(Error::new(
                crate::ErrorKind::Unsupported,
                "a blocking call was made inside an async task, which it would stop",
            )
            .with_hint("use `tollgate::Client`, or `tokio::task::spawn_blocking`"));
        }
        let _level = depth::enter()?;
        block_on(pipeline::run(self.engine, self.draft, self.rare))
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
