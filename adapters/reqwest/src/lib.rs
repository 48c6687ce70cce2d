#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod blocking;
mod body;
mod builder;
mod convert;
mod error;
mod home;
mod limits;
mod upload;

use std::{fmt, panic::resume_unwind, sync::Arc};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tollgate::{
    Adapter, AdapterError, Body,
    runtime::{Runtime, TokioRuntime},
};

pub use builder::ReqwestAdapterBuilder;

use body::{Outside, receive};
use home::{Home, Inside};
use upload::Interest;

/// Sends requests through [`reqwest`], for async and for blocking clients.
///
/// | engine | where the sockets live |
/// |---|---|
/// | async, inside tokio | the runtime that polls the call |
/// | async, under any other executor | the adapter's runtime |
/// | blocking | the adapter's runtime |
///
/// The adapter's runtime is the one given to [`handle`](Self::handle), or one
/// of its own: a single thread, started by the first call that needs it and
/// stopped in the background when the last clone and the last body are gone.
/// An idle connection belongs to the runtime in which it was made; use one
/// adapter for each, or runtimes that live equally long.
///
/// reqwest adds `accept: */*`, `accept-encoding` and the default headers of its
/// client to each request that has none. A call's
/// [`without_header`](tollgate::client::Call::without_header) cannot take them
/// off; for `accept-encoding` it sends `identity`.
///
/// Clones share connections and runtime.
///
/// ```
/// use tollgate::{Adapter, Body, ErrorCode};
/// use tollgate_reqwest::ReqwestAdapter;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// # let taken = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
/// # let port = taken.local_addr().unwrap().port();
/// let adapter = ReqwestAdapter::new().unwrap();
/// let nobody = format!("http://127.0.0.1:{port}/");
/// let request = http::Request::get(nobody).body(Body::empty()).unwrap();
///
/// let error: tollgate::Error = Adapter::send(&adapter, request).await.unwrap_err().into();
/// assert!(error.is_connect());
/// assert_eq!(error.code(), ErrorCode::ConnectionRefused);
/// # });
/// ```
#[derive(Clone)]
pub struct ReqwestAdapter {
    client: reqwest::Client,
    max_head_bytes: Option<usize>,
    home: Arc<Home>,
}

impl ReqwestAdapter {
    /// Creates an adapter with a client of its own.
    ///
    /// See [`ReqwestAdapterBuilder`] for what it does and does not do.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Builder`](tollgate::ErrorKind::Builder) where the
    /// system's TLS set-up cannot be read.
    pub fn new() -> Result<Self, tollgate::Error> {
        Self::builder().build()
    }

    /// Starts to configure an adapter.
    pub fn builder() -> ReqwestAdapterBuilder {
        ReqwestAdapterBuilder::default()
    }

    /// Uses an existing client and its idle connections.
    ///
    /// Whatever that client does, it does below us, unseen by interceptors,
    /// by the guard of credentials and by the counting of attempts:
    ///
    /// | setting | reqwest's default | below us it means |
    /// |---|---|---|
    /// | `redirect` | 10 hops | the core sees the last answer only; a key in a header of your own travels to every host |
    /// | `retry` | protocol refusals, twice | more requests than attempts |
    /// | `proxy` | from the environment | the proxy sees requests, and answers for the server |
    /// | `cookie_store` | off | `Cookie` is added and `Set-Cookie` kept where no interceptor looks |
    /// | `default_headers` | `accept: */*` | added to every hop, whatever its origin |
    /// | `gzip` and the like | on, with their features | bodies are decoded; `content-encoding` and `content-length` are taken off |
    /// | `timeout`, `read_timeout` | none | end a call earlier than its own limits, as [`ErrorKind::Timeout`](tollgate::ErrorKind::Timeout) |
    /// | `connect_timeout` | none | only the attempt's limits end a hanging connection |
    ///
    /// [`ReqwestAdapter::builder`] turns all of these off but decompression and
    /// `accept: */*`, and limits connecting and the head of answers.
    #[must_use]
    pub fn from_client(client: reqwest::Client) -> Self {
        Self {
            client,
            max_head_bytes: None,
            home: Arc::default(),
        }
    }

    /// Uses `handle`'s runtime for blocking calls, instead of one of its own.
    ///
    /// The runtime must be running for as long as calls are made: one with
    /// several threads, or a current-thread one that another thread drives.
    #[must_use]
    pub fn handle(mut self, handle: Handle) -> Self {
        self.home = Arc::new(Home::given(handle));
        self
    }
}

impl From<reqwest::Client> for ReqwestAdapter {
    fn from(client: reqwest::Client) -> Self {
        Self::from_client(client)
    }
}

impl fmt::Debug for ReqwestAdapter {
    /// Leaves the client out: its default headers may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestAdapter")
            .field("max_head_bytes", &self.max_head_bytes)
            .finish_non_exhaustive()
    }
}

impl ReqwestAdapter {
    fn no_answer(&self, error: reqwest::Error, secure: bool) -> AdapterError {
        error::no_answer(error, secure, self.max_head_bytes)
    }

    /// Sends a request from inside a tokio runtime.
    async fn exchange(&self, request: http::Request<Body>) -> Result<Exchanged, AdapterError> {
        let mut outgoing = convert::request(request)?;
        let interest = outgoing.upload.take().and_then(|upload| {
            let (upload, interest) = upload.wanted();
            *outgoing.request.body_mut() = Some(reqwest::Body::wrap(upload));
            interest
        });
        let answer = self.client.execute(outgoing.request).await;
        let answer = answer.map_err(|error| {
            if let Some(panic) = interest.as_ref().and_then(Interest::panic) {
                // The caller's own, as where the body is read on this thread.
                resume_unwind(panic);
            }
            self.no_answer(error, outgoing.secure)
        })?;
        let (parts, body) = convert::response(answer, self.max_head_bytes)?;
        body::check(&parts, &body)?;
        Ok((parts, body, interest))
    }
}

/// An answer, and what keeps the upload going meanwhile.
type Exchanged = (http::response::Parts, reqwest::Body, Option<Interest>);

#[async_trait]
impl Adapter for ReqwestAdapter {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        if Handle::try_current().is_ok() {
            let (parts, body, interest) = self.exchange(request).await?;
            let body = receive(body, None, interest);
            return Ok(http::Response::from_parts(parts, body));
        }
        let outside = Outside {
            handle: self.home.handle()?.clone(),
            _home: Arc::clone(&self.home),
            limits: None,
            feed: None,
        };
        let exchange = Inside {
            handle: outside.handle.clone(),
            future: Box::pin(self.exchange(request)),
        };
        let (parts, body, interest) = exchange.await?;
        let body = receive(body, Some(outside), interest);
        Ok(http::Response::from_parts(parts, body))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(TokioRuntime::new())
    }
}
