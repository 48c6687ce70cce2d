//! What a registration gives back.

use std::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
};

/// Marks what belongs to the registry of request interceptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestSide {}

/// Marks what belongs to the registry of response interceptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseSide {}

/// Names one registration; typed by its side, never used again.
///
/// It also knows its client, so an id of another one ejects nothing. The two
/// sides do not mix; this does not compile:
///
/// ```compile_fail,E0308
/// # use tollgate::{Client, MockAdapter};
/// let client = Client::new(MockAdapter::new());
/// let id = client.interceptors.request.use_sync(Ok);
/// client.interceptors.response.eject(id);
/// ```
///
/// and this does:
///
/// ```
/// # use tollgate::{Client, MockAdapter};
/// let client = Client::new(MockAdapter::new());
/// let id = client.interceptors.request.use_sync(Ok);
/// assert!(client.interceptors.request.eject(id));
/// assert!(!client.interceptors.request.eject(id), "it is gone already");
/// ```
pub struct InterceptorId<S> {
    /// The pair of registries, process-wide unique.
    pub(super) registries: u64,
    /// The generation: grows with each registration, whatever the slot.
    pub(super) serial: u64,
    pub(super) side: PhantomData<fn() -> S>,
}

impl<S> Clone for InterceptorId<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for InterceptorId<S> {}

impl<S> PartialEq for InterceptorId<S> {
    fn eq(&self, other: &Self) -> bool {
        self.registries == other.registries && self.serial == other.serial
    }
}

impl<S> Eq for InterceptorId<S> {}

impl<S> Hash for InterceptorId<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.registries.hash(state);
        self.serial.hash(state);
    }
}

impl<S> fmt::Debug for InterceptorId<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InterceptorId(#{})", self.serial)
    }
}

impl<S> fmt::Display for InterceptorId<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.serial)
    }
}

impl<S> InterceptorId<S> {
    pub(super) fn new(registries: u64, serial: u64) -> Self {
        Self {
            registries,
            serial,
            side: PhantomData,
        }
    }
}

/// Names one registration of either side: what
/// [`Error::interceptor_id`](crate::Error::interceptor_id) returns.
///
/// ```
/// use tollgate::{Client, Error, MockAdapter, interceptor::AnyInterceptorId};
///
/// # tollgate::runtime::block_on(async {
/// let client = Client::new(MockAdapter::new());
/// let broken = client.interceptors.request.use_sync(|_| Err(Error::message("no")));
/// let error = client.get("http://h/").await.unwrap_err();
///
/// assert_eq!(error.interceptor_id(), Some(AnyInterceptorId::Request(broken)));
/// if let Some(AnyInterceptorId::Request(id)) = error.interceptor_id() {
///     client.interceptors.request.eject(id);
/// }
/// assert!(client.get("http://h/").await.is_ok());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnyInterceptorId {
    /// A request interceptor's.
    Request(InterceptorId<RequestSide>),
    /// A response interceptor's.
    Response(InterceptorId<ResponseSide>),
}

impl AnyInterceptorId {
    pub(crate) fn serial(self) -> u64 {
        match self {
            Self::Request(id) => id.serial,
            Self::Response(id) => id.serial,
        }
    }
}

/// As [`Client::explain`](crate::Client::explain) writes it.
impl fmt::Display for AnyInterceptorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.serial())
    }
}

impl From<InterceptorId<RequestSide>> for AnyInterceptorId {
    fn from(id: InterceptorId<RequestSide>) -> Self {
        Self::Request(id)
    }
}

impl From<InterceptorId<ResponseSide>> for AnyInterceptorId {
    fn from(id: InterceptorId<ResponseSide>) -> Self {
        Self::Response(id)
    }
}

/// Names the two registrations of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PairId {
    pub(super) request: InterceptorId<RequestSide>,
    pub(super) response: InterceptorId<ResponseSide>,
}

impl PairId {
    /// Returns the id of the request half.
    #[must_use]
    pub fn request(&self) -> InterceptorId<RequestSide> {
        self.request
    }

    /// Returns the id of the response half.
    #[must_use]
    pub fn response(&self) -> InterceptorId<ResponseSide> {
        self.response
    }
}
