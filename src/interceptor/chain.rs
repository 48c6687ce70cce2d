//! The registrations of a client, and the snapshot that a call works on.
//!
//! Interceptors live in slabs; the slots say nothing about the order, which is
//! a list of its own, by serial number. A change drops the cached snapshot;
//! the next call builds it anew. So a call costs one reference count, and
//! registering n interceptors is linear.
//!
//! *Concurrency*: `state` before `cache`, where both are taken. Interceptors
//! are dropped outside both locks, for their `Drop` may come back here.

use std::{
    borrow::Cow,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use slab::Slab;

use super::{
    AnyInterceptorId, DynRequest, DynResponse, InterceptorId, Interceptors, RequestSide,
    ResponseSide,
};
use crate::{context::Named, request::Request};

pub(super) type Condition = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// One registration, as a snapshot holds it.
pub(crate) struct Hook<H: ?Sized> {
    pub(crate) named: Named,
    pub(crate) condition: Option<Condition>,
    pub(crate) hook: Arc<H>,
    /// Whether it may need the call's original request: to recover a request,
    /// or to replay.
    pub(crate) wants_original: bool,
}

impl<H: ?Sized> Clone for Hook<H> {
    fn clone(&self) -> Self {
        Self {
            named: self.named.clone(),
            condition: self.condition.clone(),
            hook: Arc::clone(&self.hook),
            wants_original: self.wants_original,
        }
    }
}

/// The interceptors that a call works on, in the order of registration.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) request: Box<[Hook<dyn DynRequest>]>,
    pub(crate) response: Box<[Hook<dyn DynResponse>]>,
    pub(crate) has_conditions: bool,
    pub(crate) wants_original: bool,
}

impl Chain {
    fn of(request: Box<[Hook<dyn DynRequest>]>, response: Box<[Hook<dyn DynResponse>]>) -> Self {
        Self {
            has_conditions: request.iter().any(|hook| hook.condition.is_some())
                || response.iter().any(|hook| hook.condition.is_some()),
            wants_original: request.iter().any(|hook| hook.wants_original)
                || response.iter().any(|hook| hook.wants_original),
            request,
            response,
        }
    }

    /// Makes the chain of one call: without those of some names, and with the
    /// call's own as if they had been registered last.
    pub(crate) fn for_call(&self, skipped: &[Cow<'static, str>], own: &[Interceptors]) -> Self {
        let own: Vec<Arc<Self>> = own.iter().map(Interceptors::snapshot).collect();
        let request = own.iter().map(|own| &*own.request);
        let response = own.iter().map(|own| &*own.response);
        Self::of(
            side_for_call(&self.request, skipped, request),
            side_for_call(&self.response, skipped, response),
        )
    }
}

fn side_for_call<'a, H: ?Sized + 'a>(
    of_client: &[Hook<H>],
    skipped: &[Cow<'static, str>],
    own: impl Iterator<Item = &'a [Hook<H>]> + Clone,
) -> Box<[Hook<H>]> {
    let more: usize = own.clone().map(<[_]>::len).sum();
    let mut hooks = Vec::with_capacity(of_client.len() + more);
    let kept = |hook: &&Hook<H>| !skipped.iter().any(|name| *name == *hook.named.name);
    hooks.extend(of_client.iter().filter(kept).cloned());
    for own in own {
        hooks.extend_from_slice(own);
    }
    hooks.into_boxed_slice()
}

/// One side's interceptors: a slab of them, and their order.
pub(super) struct Slots<H: ?Sized> {
    slab: Slab<Hook<H>>,
    /// Serial number and slot, ascending by serial.
    order: Vec<(u64, usize)>,
}

impl<H: ?Sized> Default for Slots<H> {
    fn default() -> Self {
        Self {
            slab: Slab::new(),
            order: Vec::new(),
        }
    }
}

impl<H: ?Sized> Slots<H> {
    pub(super) fn add(&mut self, hook: Hook<H>) {
        let serial = hook.named.serial();
        let slot = self.slab.insert(hook);
        self.order.push((serial, slot));
    }

    pub(super) fn remove(&mut self, serial: u64) -> Option<Hook<H>> {
        let at = self
            .order
            .binary_search_by_key(&serial, |(serial, _)| *serial)
            .ok()?;
        let (_, slot) = self.order.remove(at);
        let hook = self.slab.try_remove(slot);
        if self.order.is_empty() {
            // Ten thousand interceptors that came and went leave no memory.
            *self = Self::default();
        }
        hook
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    fn in_order(&self) -> Box<[Hook<H>]> {
        self.order
            .iter()
            .filter_map(|(_, slot)| self.slab.get(*slot).cloned())
            .collect()
    }
}

#[derive(Default)]
pub(super) struct State {
    registries: u64,
    next: u64,
    pub(super) request: Slots<dyn DynRequest>,
    pub(super) response: Slots<dyn DynResponse>,
}

/// What the handles of one client share.
pub(crate) struct Registries {
    pub(super) number: u64,
    state: Mutex<State>,
    cache: RwLock<Option<Arc<Chain>>>,
}

impl Registries {
    pub(crate) fn new() -> Arc<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            number,
            state: Mutex::new(State {
                registries: number,
                ..State::default()
            }),
            cache: RwLock::default(),
        })
    }

    /// Returns the chain as it is now; one reference count, unless a
    /// registration has changed it.
    pub(crate) fn snapshot(&self) -> Arc<Chain> {
        let cached = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = &*cached {
            return Arc::clone(chain);
        }
        drop(cached);
        let state = self.lock();
        let request = state.request.in_order();
        let response = state.response.in_order();
        let chain = Arc::new(Chain::of(request, response));
        self.set_cache(Some(Arc::clone(&chain)));
        drop(state);
        chain
    }

    /// Copies the registrations of another client, with new serials.
    pub(crate) fn copy_from(&self, other: &Self) {
        let chain = other.snapshot();
        let mut state = self.lock();
        for hook in &chain.request {
            let named = state.register::<RequestSide>(Arc::clone(&hook.named.name));
            state.request.add(Hook {
                named,
                ..hook.clone()
            });
        }
        for hook in &chain.response {
            let named = state.register::<ResponseSide>(Arc::clone(&hook.named.name));
            state.response.add(Hook {
                named,
                ..hook.clone()
            });
        }
        drop(self.set_cache(None));
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Must be called with the state locked; the old chain has to be dropped
    /// after that lock.
    fn set_cache(&self, chain: Option<Arc<Chain>>) -> Option<Arc<Chain>> {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        mem::replace(&mut *cache, chain)
    }

    /// Changes the registrations; what `change` returns is dropped unlocked.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let out = change(&mut state);
        let old = self.set_cache(None);
        drop(state);
        drop(old);
        out
    }
}

impl State {
    /// Gives a registration its name and the next number.
    pub(super) fn register<S>(&mut self, name: Arc<str>) -> Named
    where
        InterceptorId<S>: Into<AnyInterceptorId>,
    {
        let serial = self.next;
        self.next += 1;
        Named {
            name,
            id: InterceptorId::new(self.registries, serial).into(),
        }
    }
}
