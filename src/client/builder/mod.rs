//! [`ClientBuilder`]: every default, errors only at `build`.

mod defaults;
mod hops;
mod options;
mod progress;
mod query;
mod rates;
mod transforms;

use std::{fmt, marker::PhantomData, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};

pub use defaults::Defaults;

use super::{Async, Blocking, Client};
use crate::{
    adapter::{Adapter, BlockingAdapter},
    config::{Config, LiveConfig},
    error::{Error, ErrorKind, Result},
    interceptor::Registries,
    pipeline::{Engine, Transport},
    runtime::Runtime,
};

/// Builds a [`Client`]; the defaults stand in the table of [`Config`].
///
/// ```
/// use std::time::Duration;
/// use tollgate::{Client, MockAdapter};
///
/// let client = Client::builder(MockAdapter::new())
///     .base_url("https://api.example.com/v1")
///     .header("accept", "application/json")
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// assert_eq!(client.config().timeout(), Some(Duration::from_secs(10)));
///
/// let error = Client::builder(MockAdapter::new())
///     .base_url("api.example.com")
///     .build()
///     .unwrap_err();
/// assert!(error.to_string().contains("is not absolute"));
/// # Ok::<(), tollgate::Error>(())
/// ```
#[must_use = "a builder does nothing before `build`"]
pub struct ClientBuilder<E = Async> {
    transport: Transport,
    runtime: Arc<dyn Runtime>,
    config: Config,
    /// The client whose interceptors are to be copied, and whether they are.
    parent: Option<Arc<Engine>>,
    inherit: bool,
    error: Option<Error>,
    kind: PhantomData<fn() -> E>,
}

impl ClientBuilder<Async> {
    pub(in crate::client) fn new(adapter: impl Adapter) -> Self {
        let runtime = adapter.runtime();
        Self::over(Transport::Async(Arc::new(adapter)), runtime)
    }
}

impl ClientBuilder<Blocking> {
    pub(in crate::client) fn new(adapter: impl BlockingAdapter) -> Self {
        let runtime = adapter.runtime();
        Self::over(Transport::Blocking(Arc::new(adapter)), runtime)
    }
}

impl<E> ClientBuilder<E> {
    fn over(transport: Transport, runtime: Arc<dyn Runtime>) -> Self {
        Self {
            transport,
            runtime,
            config: Config::default(),
            parent: None,
            inherit: false,
            error: None,
            kind: PhantomData,
        }
    }

    pub(in crate::client) fn derived(engine: &Arc<Engine>) -> Self {
        Self {
            config: (*engine.config.get()).clone(),
            parent: Some(Arc::clone(engine)),
            ..Self::over(engine.transport.clone(), Arc::clone(&engine.runtime))
        }
    }

    /// Sets the source of time and tasks; default the one the adapter names.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Copies the interceptors of the client that this one derives from, as
    /// they are at `build`; each client ejects its own.
    pub fn with_interceptors(mut self) -> Self {
        self.inherit = true;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// The first mistake among the settings:
    /// [`InvalidUrl`](crate::ErrorKind::InvalidUrl) for the base address,
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) for a header.
    pub fn build(mut self) -> Result<Client<E>> {
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(Client::over(self.finish())),
        }
    }

    pub(in crate::client) fn finish(self) -> Arc<Engine> {
        let registries = Registries::new();
        if let (true, Some(parent)) = (self.inherit, &self.parent) {
            registries.copy_from(&parent.registries);
        }
        Arc::new(Engine {
            transport: self.transport,
            runtime: self.runtime,
            config: LiveConfig::new(self.config),
            registries,
        })
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

impl<E> fmt::Debug for ClientBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a header's name, without its text: who has swapped name
/// and value has put a secret there.
enum Fault {
    Byte(usize, u8),
    Length(usize),
}

impl Fault {
    fn of(name: &str) -> Self {
        let is_token =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        match name.bytes().enumerate().find(|(_, byte)| !is_token(byte)) {
            Some((at, byte)) => Self::Byte(at, byte),
            None => Self::Length(name.len()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(at, byte) => write!(f, "it holds the byte 0x{byte:02x} at offset {at}"),
            Self::Length(length) => write!(f, "it is {length} bytes long"),
        }
    }
}

/// Reads a header. The message names it, but shows no value.
pub(in crate::client) fn header<N, V>(name: N, value: V) -> Result<(HeaderName, HeaderValue)>
where
    N: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
    V: TryInto<HeaderValue, Error: Into<http::Error>>,
{
    let name = self::name(name)?;
    let value: HeaderValue = value.try_into().map_err(|source| {
        Error::new(
            ErrorKind::InvalidRequest,
            format!("the value of the header `{name}` is not valid"),
        )
        .with_hint("it must not hold CR, LF, NUL or other control characters")
        .with_source(source.into())
    })?;
    Ok((name, value))
}

/// Reads a header's name.
pub(in crate::client) fn name<N>(name: N) -> Result<HeaderName>
where
    N: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
{
    let fault = Fault::of(name.as_ref());
    name.try_into().map_err(|source| {
        Error::new(
            ErrorKind::InvalidRequest,
            format!("the header's name is not valid: {fault}"),
        )
        .with_hint("use letters, digits and `-`")
        .with_source(source.into())
    })
}

/// Puts headers in the place of those of the same names.
pub(in crate::client) fn replace(into: &mut HeaderMap, headers: HeaderMap) {
    for name in headers.keys() {
        into.remove(name);
    }
    // Names come with their first value only.
    let mut last = None;
    for (name, value) in headers {
        last = name.or(last);
        if let Some(name) = &last {
            into.append(name.clone(), value);
        }
    }
}
