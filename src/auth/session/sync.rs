//! What the session is synchronised with: std's types, or loom's where its
//! models run every order of events.
//!
//! *Not here*: what is written once, before it is shared (the clock), and the
//! counters, on which nothing depends.

#[cfg(not(all(test, tollgate_loom)))]
pub(super) use arc_swap::ArcSwap;
#[cfg(not(all(test, tollgate_loom)))]
pub(super) use std::{
    sync::{
        Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicU64},
    },
    thread_local,
};

#[cfg(all(test, tollgate_loom))]
pub(super) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64},
};
#[cfg(all(test, tollgate_loom))]
pub(super) use modelled::{ArcSwap, OnceLock, thread_local};

/// What loom has not got.
#[cfg(all(test, tollgate_loom))]
mod modelled {
    use std::sync::{self, Arc, PoisonError, atomic::Ordering};

    use loom::sync::{Mutex, RwLock, atomic::AtomicBool};

    /// As `arc_swap`'s, of which it is known that a load sees the last store
    /// and holds what it saw; with a lock in place of its own way to do so.
    #[derive(Debug)]
    pub(in crate::auth::session) struct ArcSwap<T>(RwLock<Arc<T>>);

    impl<T> ArcSwap<T> {
        pub(in crate::auth::session) fn from_pointee(value: T) -> Self {
            Self(RwLock::new(Arc::new(value)))
        }

        pub(in crate::auth::session) fn load(&self) -> Arc<T> {
            self.load_full()
        }

        pub(in crate::auth::session) fn load_full(&self) -> Arc<T> {
            Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
        }

        pub(in crate::auth::session) fn store(&self, value: Arc<T>) {
            let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let old = std::mem::replace(&mut *shown, value);
            drop(shown);
            drop(old);
        }
    }

    /// As std's, with the same order: whoever sees the value sees what was
    /// done before it was set.
    #[derive(Debug)]
    pub(in crate::auth::session) struct OnceLock<T> {
        turn: Mutex<()>,
        is_set: AtomicBool,
        value: sync::OnceLock<T>,
    }

    impl<T> Default for OnceLock<T> {
        fn default() -> Self {
            Self {
                turn: Mutex::new(()),
                is_set: AtomicBool::new(false),
                value: sync::OnceLock::new(),
            }
        }
    }

    impl<T> OnceLock<T> {
        pub(in crate::auth::session) fn get(&self) -> Option<&T> {
            if !self.is_set.load(Ordering::Acquire) {
                return None;
            }
            self.value.get()
        }

        pub(in crate::auth::session) fn set(&self, value: T) -> Result<(), T> {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.value.set(value)?;
            self.is_set.store(true, Ordering::Release);
            Ok(())
        }
    }

    macro_rules! modelled_local {
        (static $name:ident: $of:ty = const { $first:expr };) => {
            loom::thread_local! { static $name: $of = $first; }
        };
    }
    pub(in crate::auth::session) use modelled_local as thread_local;
}
