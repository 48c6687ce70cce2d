//! [`Client`]: the caller's handle.
//!
//! One type serves both engines; `tollgate::Client` and
//! `tollgate::blocking::Client` are its two names.

mod builder;
mod call;
mod credentials;
mod engine;
mod http_client;
#[cfg(feature = "tower")]
mod service;

use std::{
    fmt,
    sync::{Arc, Weak},
};

use http::{Method, Uri};

pub use builder::{ClientBuilder, Defaults};
pub use call::{Call, Sending};
pub use engine::{Async, Blocking, Engine as EngineKind};
#[cfg(feature = "tower")]
pub use service::{Answering, ClientService};

use crate::{
    adapter::{Adapter, BlockingAdapter},
    body::Body,
    config::Config,
    error::{Error, Result},
    interceptor::{Chain, Interceptors},
    pipeline::{self, Engine, Transport},
    request::Request,
    response::Response,
    runtime::Runtime,
};

/// Sends calls through interceptors and an adapter.
///
/// A clone is cheap and shares everything; no method needs `&mut`. `E` says
/// which engine drives it: use it as [`tollgate::Client`](crate::Client) or
/// [`tollgate::blocking::Client`](crate::blocking::Client).
///
/// ```
/// use tollgate::{Client, MockAdapter, Request};
///
/// let client = Client::builder(MockAdapter::new())
///     .base_url("https://api.example.com")
///     .build()?;
/// let id = client.interceptors.request.use_(async |mut request: Request| {
///     request.headers_mut().insert("x-app", "demo".parse()?);
///     Ok(request)
/// });
/// # tollgate::runtime::block_on(async {
/// let response = client.get("/users").query(&[("page", 2)]).await?;
/// assert_eq!(response.uri().unwrap(), "https://api.example.com/users?page=2");
/// # Ok::<(), tollgate::Error>(())
/// # })?;
/// client.interceptors.request.eject(id);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[doc(alias = "Axios")]
pub struct Client<E = Async> {
    /// The interceptors of this client.
    pub interceptors: Interceptors,
    engine: Arc<Engine>,
    kind: std::marker::PhantomData<fn() -> E>,
}

impl<E> Clone for Client<E> {
    fn clone(&self) -> Self {
        Self::over(Arc::clone(&self.engine))
    }
}

impl Client<Async> {
    /// Creates a client with the library's defaults.
    #[must_use]
    pub fn new(adapter: impl Adapter) -> Self {
        Self::over(ClientBuilder::<Async>::new(adapter).finish())
    }

    /// Starts to build a client over an async adapter (axios: `create`).
    #[doc(alias = "create")]
    pub fn builder(adapter: impl Adapter) -> ClientBuilder<Async> {
        ClientBuilder::<Async>::new(adapter)
    }
}

impl Client<Blocking> {
    /// Creates a client with the library's defaults.
    #[must_use]
    pub fn new(adapter: impl BlockingAdapter) -> Self {
        Self::over(ClientBuilder::<Blocking>::new(adapter).finish())
    }

    /// Starts to build a client over a blocking adapter.
    pub fn builder(adapter: impl BlockingAdapter) -> ClientBuilder<Blocking> {
        ClientBuilder::<Blocking>::new(adapter)
    }
}

macro_rules! verbs {
    ($($name:ident => $method:ident, $text:literal;)*) => {$(
        #[doc = concat!("Starts a ", $text, " call; see [`request`](Self::request).")]
        pub fn $name(&self, url: impl Into<String>) -> Call<E> {
            self.request(Method::$method, url)
        }
    )*};
}

impl<E: EngineKind> Client<E> {
    verbs! {
        get => GET, "GET";
        post => POST, "POST";
        put => PUT, "PUT";
        patch => PATCH, "PATCH";
        delete => DELETE, "DELETE";
        head => HEAD, "HEAD";
        options => OPTIONS, "OPTIONS";
    }

    /// Starts a call; mistakes in it surface when it is sent.
    ///
    /// With a `base_url` the target is joined to it textually, as axios does;
    /// an absolute one must stay on the base's origin unless
    /// [`allow_absolute_urls`](ClientBuilder::allow_absolute_urls) was set.
    pub fn request(&self, method: Method, url: impl Into<String>) -> Call<E> {
        Call::new(Arc::clone(&self.engine), method, url.into())
    }

    /// Starts a call from an [`http::Request`]; options may be added to it.
    ///
    /// Its address is a target like any other: relative to the base, if the
    /// client has one. The version is the adapter's to choose.
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let client = Client::new(MockAdapter::new().reply(200, "hello"));
    /// let request = http::Request::put("http://h/x").body("text").unwrap();
    /// assert_eq!(client.execute(request).send()?.text()?, "hello");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn execute<B: Into<Body>>(&self, request: http::Request<B>) -> Call<E> {
        let target = request.uri().to_string();
        Call::from_request(Arc::clone(&self.engine), request.into(), target)
    }

    /// Starts to build a client with this one's adapter, runtime and defaults,
    /// and no interceptors; ask for them with
    /// [`with_interceptors`](ClientBuilder::with_interceptors).
    #[doc(alias = "mergeConfig")]
    pub fn derive(&self) -> ClientBuilder<E> {
        ClientBuilder::derived(&self.engine)
    }
}

impl<E> Client<E> {
    fn over(engine: Arc<Engine>) -> Self {
        Self {
            interceptors: Interceptors::of(&engine.registries),
            engine,
            kind: std::marker::PhantomData,
        }
    }

    /// Returns a handle that does not keep the client alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakClient<E> {
        WeakClient {
            engine: Arc::downgrade(&self.engine),
            kind: std::marker::PhantomData,
        }
    }

    /// Returns the defaults as they are now; a later
    /// [`update_defaults`](Self::update_defaults) does not change them.
    #[must_use]
    #[doc(alias = "defaults")]
    pub fn config(&self) -> Arc<Config> {
        self.engine.config.get()
    }

    /// Changes the defaults of this client and its clones (axios:
    /// `instance.defaults.… = …`), for calls that are sent from now on.
    ///
    /// What is not set stays; calls in flight and derived clients keep the
    /// defaults they have. Of updates that come at the same time, each works on
    /// what the one before it has left.
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let mock = MockAdapter::new();
    /// let client = Client::builder(mock.clone()).base_url("http://h/v1").build()?;
    /// client.update_defaults(|defaults| defaults.base_url("http://h/v2").header("x-tenant", "7"))?;
    ///
    /// client.get("/users").send()?;
    /// assert_eq!(mock.requests()[0].uri(), "http://h/v2/users");
    /// assert_eq!(mock.requests()[0].headers()["x-tenant"], "7");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`], with no default changed. Also
    /// [`Builder`](crate::ErrorKind::Builder) for an update inside another one
    /// on the same thread.
    pub fn update_defaults(&self, change: impl FnOnce(Defaults) -> Defaults) -> Result<()> {
        let change = |config| Defaults::change(config, change);
        self.engine.config.update(change)
    }

    /// Returns the address that a call would be sent to (axios: `getUri`):
    /// joined to the base, with its query, without user-info. Nothing is sent.
    /// The defaults are this client's, also for a call of another one.
    ///
    /// ```
    /// use tollgate::{Client, MockAdapter};
    ///
    /// let client = Client::builder(MockAdapter::new())
    ///     .base_url("https://api.example.com/v1")
    ///     .build()?;
    /// let call = client.get("/users").query(&[("page", 2)]);
    /// assert_eq!(client.uri_for(&call)?, "https://api.example.com/v1/users?page=2");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What sending the call would fail with before its first interceptor, for
    /// its address, query, headers or options. The body is not looked at.
    #[doc(alias = "getUri")]
    pub fn uri_for(&self, call: &Call<E>) -> Result<Uri> {
        pipeline::address(&self.config(), &call.draft, call.rare.as_deref())
    }

    /// Returns the source of time and tasks.
    #[must_use]
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.engine.runtime
    }

    /// Describes the chain in the order in which it runs, for people.
    ///
    /// ```
    /// use tollgate::{Client, MockAdapter};
    ///
    /// let client = Client::new(MockAdapter::new());
    /// client.interceptors.request.named("sign").use_sync(Ok);
    /// client.interceptors.request.named("trace").use_sync(Ok);
    /// let text = client.explain();
    /// assert!(text.find("trace").unwrap() < text.find("sign").unwrap());
    /// ```
    #[must_use]
    pub fn explain(&self) -> String {
        let chain: Arc<Chain> = self.engine.registries.snapshot();
        chain.explain(self.config().order)
    }
}

/// Gives a blocking client the async handle that its interceptors get from
/// [`Request::client`]: the same engine, driven by whoever awaits it.
///
/// A call through it blocks the thread that polls it. It serves what wants an
/// async client, [`TokenRefresh::refresh_now`](crate::auth::TokenRefresh::refresh_now)
/// say, under [`block_on`](crate::runtime::block_on):
///
/// ```
/// use tollgate::{Client, MockAdapter, blocking, runtime::block_on};
///
/// let blocking = blocking::Client::new(MockAdapter::new().reply(200, "hello"));
/// let client = Client::from(blocking);
/// assert_eq!(block_on(client.get("http://h/").send())?.text()?, "hello");
/// # Ok::<(), tollgate::Error>(())
/// ```
impl From<Client<Blocking>> for Client<Async> {
    fn from(client: Client<Blocking>) -> Self {
        Self::over(client.engine)
    }
}

/// A [`Client`] that is not kept alive; see [`Client::downgrade`].
///
/// ```
/// use tollgate::{Client, MockAdapter};
///
/// let client = Client::new(MockAdapter::new());
/// let weak = client.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(client);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakClient<E = Async> {
    engine: Weak<Engine>,
    kind: std::marker::PhantomData<fn() -> E>,
}

impl<E> WeakClient<E> {
    /// Returns the client, unless its last handle is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Client<E>> {
        self.engine.upgrade().map(Client::over)
    }
}

impl<E> Clone for WeakClient<E> {
    fn clone(&self) -> Self {
        Self {
            engine: Weak::clone(&self.engine),
            kind: std::marker::PhantomData,
        }
    }
}

impl<E> fmt::Debug for WeakClient<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakClient").finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for Client<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let adapter = match self.engine.transport {
            Transport::Async(_) => "async",
            Transport::Blocking(_) => "blocking",
        };
        f.debug_struct("Client")
            .field("adapter", &adapter)
            .field("config", &self.config())
            .field("interceptors", &self.interceptors)
            .finish_non_exhaustive()
    }
}

/// The client behind a call. It works in either engine: over a blocking
/// adapter, a call that is awaited runs on the thread that polls it.
fn owner(context: Option<&crate::context::CallContext>) -> Option<Client<Async>> {
    let owner = context?.owner.upgrade()?;
    owner.downcast::<Engine>().ok().map(Client::over)
}

impl Request {
    /// Returns the client of the call, for sub-requests.
    ///
    /// It passes through all interceptors again, this one included; use
    /// [`derive`](Client::derive) for a client without.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Builder`](crate::ErrorKind::Builder) for a request that no
    /// client has made.
    pub fn client(&self) -> Result<Client<Async>> {
        owner(self.0.call.as_ref()).ok_or_else(|| {
            Error::new(
                crate::ErrorKind::Builder,
                "the request belongs to no client",
            )
        })
    }
}

impl Response {
    /// Returns the client of the call; `None` for a response made by hand, and
    /// once the client is gone.
    #[must_use]
    pub fn client(&self) -> Option<Client<Async>> {
        owner(self.context())
    }
}

impl Error {
    /// Returns the client of the call; `None` for an error made by hand, and
    /// once the client is gone.
    #[must_use]
    pub fn client(&self) -> Option<Client<Async>> {
        owner(self.context())
    }
}
