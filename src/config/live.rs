//! [`LiveConfig`]: a client's defaults, which may change while calls run.
//!
//! A change makes a copy; a call keeps what it started with.
//!
//! *Concurrency*: reading takes no lock. As long as nothing was changed, it is
//! one load of an atomic, and afterwards one more with a reference count.
//! `changes` is held while a change is made; nobody else takes it.

use std::{
    cell::Cell,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use arc_swap::ArcSwap;

use super::Config;
use crate::error::{Error, ErrorKind, Result};

thread_local! {
    /// Whether a change is being made on this thread.
    static CHANGING: Cell<bool> = const { Cell::new(false) };
}

/// The defaults of a client, as they are now.
pub(crate) struct LiveConfig {
    first: Arc<Config>,
    changed: OnceLock<ArcSwap<Config>>,
    changes: Mutex<()>,
}

impl LiveConfig {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            first: Arc::new(config),
            changed: OnceLock::new(),
            changes: Mutex::new(()),
        }
    }

    /// Returns what the client was built with.
    pub(crate) fn first(&self) -> &Config {
        &self.first
    }

    /// Returns what has taken the place of [`first`](Self::first), if anything
    /// has.
    pub(crate) fn changed(&self) -> Option<Arc<Config>> {
        self.changed.get().map(ArcSwap::load_full)
    }

    pub(crate) fn get(&self) -> Arc<Config> {
        self.changed().unwrap_or_else(|| Arc::clone(&self.first))
    }

    /// Puts what `change` makes of a copy in the place of the defaults; they
    /// stay as they are if it fails or panics.
    ///
    /// One change at a time, so that none is lost.
    pub(crate) fn update(&self, change: impl FnOnce(Config) -> Result<Config>) -> Result<()> {
        let _inside = Inside::enter()?;
        let _alone = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Arc::new(change((*self.get()).clone())?);
        match self.changed.get() {
            Some(changed) => changed.store(next),
            None => {
                self.changed.get_or_init(|| ArcSwap::new(next));
            }
        }
        Ok(())
    }
}

/// Keeps a change from waiting for the one that it is a part of.
struct Inside(());

impl Inside {
    fn enter() -> Result<Self> {
        if CHANGING.replace(true) {
            return Err(Error::new(
                ErrorKind::Builder,
                "defaults were updated inside another update of defaults",
            )
            .with_hint("make one update after the other"));
        }
        Ok(Self(()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CHANGING.set(false);
    }
}
