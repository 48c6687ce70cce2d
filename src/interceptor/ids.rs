//! What a registration gives back.

use std::{fmt, marker::PhantomData};

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

impl<S> std::hash::Hash for InterceptorId<S> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
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
