//! [`MemoryStore`]: one process, gone with it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::lock;

use super::{Lease, Presented, Stamp, Stored, Swap, TokenStore};
use crate::{Result, auth::Token};

/// Keeps the token in memory.
///
/// Share it as `Arc<MemoryStore>` to look into it, or to give it to several
/// [`TokenRefresh`](crate::auth::TokenRefresh)es: one of them refreshes at a
/// time, the others take what it has stored.
///
/// ```
/// use tollgate::{auth::{MemoryStore, Token, TokenStore}, runtime::block_on};
///
/// let store = MemoryStore::new(Token::new("access").refresh("refresh"));
/// let stored = block_on(store.load())?;
/// assert_eq!(stored.token().unwrap().access_token().expose(), "access");
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    stored: Mutex<Stored>,
    /// Who holds it has the lease; its value is the last fence.
    lease: Arc<lock::Mutex<u64>>,
}

impl MemoryStore {
    /// Creates a store with somebody signed in.
    #[must_use]
    pub fn new(token: Token) -> Self {
        Self::holding(Stored::live(Stamp::new(1, 1), token))
    }

    /// Creates a store with nobody signed in.
    #[must_use]
    pub fn empty() -> Self {
        Self::holding(Stored::empty(Stamp::default()))
    }

    fn holding(stored: Stored) -> Self {
        Self {
            stored: Mutex::new(stored),
            lease: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::empty()
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn load(&self) -> Result<Stored> {
        Ok(self.lock().clone())
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let mut stored = self.lock();
        if stored.stamp() != expected {
            return Ok(Swap::Conflict(stored.clone()));
        }
        *stored = new;
        Ok(Swap::Done)
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        let mut stored = self.lock();
        if stored.stamp().epoch <= epoch {
            *stored = Stored::empty(stored.stamp().next_epoch());
        }
        Ok(stored.stamp())
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        let mut stored = self.lock();
        if stored.stamp() != stamp {
            return Ok(Swap::Conflict(stored.clone()));
        }
        stored.presented = presented;
        Ok(Swap::Done)
    }

    async fn acquire(&self, _: Duration) -> Result<Lease> {
        let free = self.lease.try_lock().is_some();
        let mut last = Arc::clone(&self.lease).lock_owned().await;
        *last += 1;
        let record = self.lock().clone();
        let lease = Lease::new(*last).with_guard(last).with_record(record);
        let lease = lease.with_age(Duration::ZERO);
        Ok(if free { lease } else { lease.contended() })
    }
}
