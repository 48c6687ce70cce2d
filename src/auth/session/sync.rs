//! What the session is synchronised with: std's types, or loom's where its
//! models run every order of events.
//!
//! *Not here*: what is written once, before it is shared (the clock), and the
//! counters, on which nothing depends.

#[cfg(not(all(test, tollgate_loom)))]
pub(super) use std::{
    sync::{
        Mutex, MutexGuard, OnceLock, RwLock,
        atomic::{AtomicBool, AtomicU64},
    },
    thread_local,
};

#[cfg(all(test, tollgate_loom))]
pub(super) use loom::sync::{
    Mutex, MutexGuard, RwLock,
    atomic::{AtomicBool, AtomicU64},
};
#[cfg(all(test, tollgate_loom))]
pub(super) use modelled::{OnceLock, thread_local};

/// What loom has not got.
#[cfg(all(test, tollgate_loom))]
mod modelled {
    use std::sync::{self, PoisonError, atomic::Ordering};

    use loom::sync::{Mutex, atomic::AtomicBool};

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
