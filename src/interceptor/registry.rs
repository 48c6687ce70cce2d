//! The handles on a client's two registries.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    mem,
    sync::{Arc, Weak},
};

use super::{
    DynRequest, DynResponse, InterceptorId, InterceptorPair, PairId, RequestSide, ResponseSide,
    chain::{Chain, Condition, Hook, Registries, State},
    step::{Native, NativeResponse},
};
use crate::request::Request;

/// Both registries of a client; clones share them.
///
/// ```
/// use tollgate::{Client, MockAdapter};
///
/// let client = Client::new(MockAdapter::new());
/// let id = client.interceptors.request.use_(async |request| Ok(request));
/// client.interceptors.request.eject(id);
/// ```
///
/// A set of no client's serves the calls that it is given to; see
/// [`Call::interceptors`](crate::client::Call::interceptors).
#[derive(Clone)]
#[non_exhaustive]
pub struct Interceptors {
    /// The interceptors of requests.
    pub request: Registry<RequestSide>,
    /// The interceptors of responses.
    pub response: Registry<ResponseSide>,
}

impl Interceptors {
    /// Creates a set that belongs to no client.
    #[must_use]
    pub fn new() -> Self {
        Self::of(&Registries::new())
    }

    pub(crate) fn of(shared: &Arc<Registries>) -> Self {
        Self {
            request: Registry::new(shared),
            response: Registry::new(shared),
        }
    }

    pub(super) fn snapshot(&self) -> Arc<Chain> {
        self.request.shared.snapshot()
    }

    /// Registers both halves of a pair, between two calls.
    pub fn use_pair(&self, pair: impl InterceptorPair) -> PairId {
        let name = pair.name();
        let (request, response) = pair.into_pair();
        let shared = &self.request.shared;
        let (first, second) = shared.change(|state| {
            let name: Arc<str> = Arc::from(&*name);
            let named = state.register::<RequestSide>(Arc::clone(&name));
            let first = named.serial();
            state.request.add(Hook {
                named,
                condition: None,
                hook: Arc::new(Native(request)),
                wants_original: false,
            });
            let named = state.register::<ResponseSide>(name);
            let second = named.serial();
            state.response.add(Hook {
                named,
                condition: None,
                hook: Arc::new(NativeResponse(response)),
                wants_original: true,
            });
            (first, second)
        });
        PairId {
            request: self.request.id(first),
            response: self.response.id(second),
        }
    }

    /// Ejects both halves of a pair; `false` if neither was there.
    pub fn eject_pair(&self, pair: PairId) -> bool {
        let request = self.request.eject(pair.request);
        self.response.eject(pair.response) || request
    }
}

impl Default for Interceptors {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interceptors")
            .field("request", &self.request.len())
            .field("response", &self.response.len())
            .finish()
    }
}

/// The interceptors of one side, in order; clones share them.
///
/// A call works on what was registered when it started: a change, also from
/// inside a handler, takes effect from the next call on.
pub struct Registry<S> {
    pub(super) shared: Arc<Registries>,
    side: PhantomData<fn() -> S>,
}

impl<S> Clone for Registry<S> {
    fn clone(&self) -> Self {
        Self::new(&self.shared)
    }
}

impl<S> Registry<S> {
    fn new(shared: &Arc<Registries>) -> Self {
        Self {
            shared: Arc::clone(shared),
            side: PhantomData,
        }
    }

    fn id(&self, serial: u64) -> InterceptorId<S> {
        InterceptorId::new(self.shared.number, serial)
    }

    /// Registers the next interceptor only for calls that meet a condition
    /// (axios: `runWhen`).
    ///
    /// It sees the merged request before any interceptor has, in the order of
    /// registration, once per attempt. Where it says no, the interceptor takes
    /// no part at all, neither half of it.
    #[doc(alias = "runWhen")]
    pub fn run_when(
        &self,
        condition: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Registration<'_, S> {
        self.registration().run_when(condition)
    }

    /// Gives the next interceptor a name, for errors and `explain`.
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> Registration<'_, S> {
        self.registration().named(name)
    }

    pub(super) fn registration(&self) -> Registration<'_, S> {
        Registration {
            registry: self,
            name: None,
            condition: None,
        }
    }
}

macro_rules! side {
    ($side:ident, $field:ident, $twin:ident) => {
        impl Registry<$side> {
            /// Takes an interceptor out; `false` if it is not (or no longer)
            /// there, also for an id of another client.
            pub fn eject(&self, id: InterceptorId<$side>) -> bool {
                if id.registries != self.shared.number {
                    return false;
                }
                let hook = self.shared.change(|state| state.$field.remove(id.serial));
                hook.is_some()
            }

            /// Takes all interceptors out.
            pub fn clear(&self) {
                let hooks = self.shared.change(|state| mem::take(&mut state.$field));
                drop(hooks);
            }

            /// Returns the number of interceptors.
            #[must_use]
            pub fn len(&self) -> usize {
                self.shared.lock().$field.len()
            }

            /// Tells whether no interceptor is registered.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Returns the registrations as they are now, first one first.
            #[doc(alias = "forEach")]
            pub fn iter(&self) -> impl Iterator<Item = Entry<$side>> + use<> {
                let registry = self.clone();
                let chain = self.shared.snapshot();
                (0..chain.$field.len()).filter_map(move |at| {
                    let hook = chain.$field.get(at)?;
                    Some(Entry {
                        id: registry.id(hook.named.serial()),
                        name: Arc::clone(&hook.named.name),
                        conditional: hook.condition.is_some(),
                    })
                })
            }

            /// Turns a registration into a guard that ejects it on drop; for an
            /// id of another client, into one that ejects nothing.
            #[must_use = "the interceptor is ejected when the guard is dropped"]
            pub fn scoped(&self, id: InterceptorId<$side>) -> Scoped {
                let shared = if id.registries == self.shared.number {
                    Arc::downgrade(&self.shared)
                } else {
                    Weak::new()
                };
                Scoped {
                    shared,
                    serial: id.serial,
                    take: |state, serial| {
                        let hook = state.$field.remove(serial);
                        Box::new(hook)
                    },
                }
            }
        }

        impl Registration<'_, $side> {
            pub(super) fn add<T: $twin + 'static>(
                self,
                hook: T,
                wants_original: bool,
            ) -> InterceptorId<$side> {
                let name = self.name.unwrap_or_else(|| hook.name());
                let condition = self.condition;
                let serial = self.registry.shared.change(|state| {
                    let named = state.register::<$side>(Arc::from(&*name));
                    let serial = named.serial();
                    state.$field.add(Hook {
                        named,
                        condition,
                        hook: Arc::new(hook),
                        wants_original,
                    });
                    serial
                });
                self.registry.id(serial)
            }
        }

        impl fmt::Debug for Registry<$side> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }
    };
}

side!(RequestSide, request, DynRequest);
side!(ResponseSide, response, DynResponse);

/// A registration as [`Registry::iter`] shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<S> {
    id: InterceptorId<S>,
    name: Arc<str>,
    conditional: bool,
}

impl<S> Entry<S> {
    /// Returns what ejects it.
    #[must_use]
    pub fn id(&self) -> InterceptorId<S> {
        self.id
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether it has a `run_when`.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        self.conditional
    }
}

/// A registration in the making: a name and a condition, then one `use_…`.
#[must_use = "nothing is registered before one of the `use_…` methods"]
pub struct Registration<'a, S> {
    registry: &'a Registry<S>,
    name: Option<Cow<'static, str>>,
    condition: Option<Condition>,
}

impl<'a, S> Registration<'a, S> {
    /// Sets the condition; see [`Registry::run_when`]. Several must all hold.
    pub fn run_when(
        mut self,
        condition: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.condition = Some(match self.condition {
            None => Arc::new(condition),
            Some(first) => Arc::new(move |request| first(request) && condition(request)),
        });
        self
    }

    /// Sets the name; see [`Registry::named`].
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub(super) fn registry(&self) -> &'a Registry<S> {
        self.registry
    }
}

impl<S> fmt::Debug for Registration<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("name", &self.name)
            .field("conditional", &self.condition.is_some())
            .finish_non_exhaustive()
    }
}

/// Ejects its interceptor on drop; does not keep the client alive.
#[must_use = "the interceptor is ejected when the guard is dropped"]
pub struct Scoped {
    shared: Weak<Registries>,
    serial: u64,
    /// Returns what was removed, to be dropped outside the lock.
    take: fn(&mut State, u64) -> Box<dyn std::any::Any>,
}

impl Scoped {
    /// Leaves the interceptor where it is.
    pub fn keep(mut self) {
        self.shared = Weak::new();
    }
}

impl Drop for Scoped {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            let hook = shared.change(|state| (self.take)(state, self.serial));
            drop(hook);
        }
    }
}

impl fmt::Debug for Scoped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scoped(#{})", self.serial)
    }
}
