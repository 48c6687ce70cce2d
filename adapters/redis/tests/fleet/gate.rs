//! A store that can be halted between two operations.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
};

use crate::child::say;

/// Where a process halts if it is told to.
#[derive(Default)]
pub(crate) struct Gate {
    shut: Mutex<Option<String>>,
    opened: Condvar,
}

impl Gate {
    /// Whoever comes to `point` next says so, and stays there.
    pub(crate) fn shut(&self, point: &str) {
        *self.shut.lock().unwrap() = Some(point.to_owned());
    }

    pub(crate) fn open(&self) {
        *self.shut.lock().unwrap() = None;
        self.opened.notify_all();
    }

    fn pass(&self, point: &str) {
        let is_shut = |shut: &mut Option<String>| shut.as_deref() == Some(point);
        let mut shut = self.shut.lock().unwrap();
        if is_shut(&mut shut) {
            say(&format!("at {point}"));
            drop(self.opened.wait_while(shut, is_shut).unwrap());
        }
    }
}

/// A store with a gate after each step of a refresh, and perhaps with leases
/// that are shorter than they should be.
pub(crate) struct Gated {
    pub(crate) inner: Arc<dyn TokenStore>,
    pub(crate) lease: Option<Duration>,
    pub(crate) gate: Arc<Gate>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl TokenStore for Gated {
    async fn load(&self) -> Result<Stored> {
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.gate.pass("answered");
        let fence = new.fence();
        let swap = self.inner.compare_and_swap(expected, new).await?;
        match &swap {
            Swap::Done => say(&format!("stored {fence}")),
            Swap::Conflict(other) => say(&format!("conflict {fence} {}", other.fence())),
        }
        self.gate.pass("stored");
        Ok(swap)
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        let lease = self.inner.acquire(self.lease.unwrap_or(ttl)).await?;
        if !lease.is_withheld() {
            say(&format!("leased {}", lease.fence()));
            self.gate.pass("leased");
        }
        Ok(lease)
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        let swap = self.inner.present(stamp, presented).await?;
        self.gate.pass("marked");
        Ok(swap)
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.inner.release(lease).await
    }

    fn is_watchable(&self) -> bool {
        self.inner.is_watchable()
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        self.inner.changed(seen).await
    }
}
