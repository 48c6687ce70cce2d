//! The port to where tokens are kept: one record, versioned.
//!
//! *Contract*:
//!
//! 1. [`load`](TokenStore::load) returns what the last successful write wrote.
//! 2. [`compare_and_swap`](TokenStore::compare_and_swap) writes all of the new
//!    record if the stamp is the expected one, else nothing; two writers that
//!    expect the same stamp do not both succeed.
//! 3. A write that has returned is durable, as far as the store promises it.
//! 4. [`clear`](TokenStore::clear) leaves a record of a later epoch alone.
//! 5. [`present`](TokenStore::present) leaves stamp and token as they are; what
//!    it wrote is gone with the next write.
//! 6. A [`Lease`] that is dropped is given back, at the latest when its time is
//!    over; its fence is higher than that of every lease before it.
//! 7. Errors hold no token.

#[cfg(feature = "conformance")]
mod conformance;
#[cfg(feature = "cookies")]
mod cookies;
mod file;
mod lease;
mod memory;
mod record;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
#[cfg(feature = "conformance")]
pub use conformance::{StoreReport, StoreSuite};
#[cfg(feature = "cookies")]
pub use cookies::CookieStore;
pub use file::FileStore;
pub use lease::Lease;
pub use memory::MemoryStore;

use super::Token;
use crate::Result;

/// Which record a store holds: the sign-in it belongs to, and how often it was
/// written.
///
/// `epoch` grows with every sign-in and sign-out, `version` with every write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The number of sign-ins and sign-outs so far.
    pub epoch: u64,
    /// The number of writes so far.
    pub version: u64,
}

impl Stamp {
    /// Makes a stamp out of what a store has kept.
    #[must_use]
    pub fn new(epoch: u64, version: u64) -> Self {
        Self { epoch, version }
    }

    /// Returns the stamp of the next write in the same epoch.
    #[must_use]
    pub fn next(self) -> Self {
        Self::new(self.epoch, self.version.saturating_add(1))
    }

    /// Returns the stamp of the write that begins the next epoch.
    #[must_use]
    pub fn next_epoch(self) -> Self {
        Self::new(self.epoch.saturating_add(1), self.version.saturating_add(1))
    }
}

/// A mark in a store: the refresh token of the record is about to be spent, or
/// was, and no answer has been stored since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The fence of the lease under which it was spent.
    pub fence: u64,
    /// When, by the clock of the process that did it.
    pub at: SystemTime,
}

impl Presented {
    /// Makes a mark out of what a store has kept.
    #[must_use]
    pub fn new(fence: u64, at: SystemTime) -> Self {
        Self { fence, at }
    }
}

/// A store's record: a stamp, and a token unless nobody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    stamp: Stamp,
    state: State,
    fence: u64,
    presented: Option<Presented>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Empty,
    Live(Token),
    Dead,
}

impl Stored {
    /// The record where nobody is signed in.
    #[must_use]
    pub fn empty(stamp: Stamp) -> Self {
        Self::of(stamp, State::Empty)
    }

    /// The record of a session.
    #[must_use]
    pub fn live(stamp: Stamp, token: Token) -> Self {
        Self::of(stamp, State::Live(token))
    }

    /// The record of a session that the server has ended: only signing in
    /// helps.
    #[must_use]
    pub fn dead(stamp: Stamp) -> Self {
        Self::of(stamp, State::Dead)
    }

    fn of(stamp: Stamp, state: State) -> Self {
        Self {
            stamp,
            state,
            fence: 0,
            presented: None,
        }
    }

    /// Sets the fence of the lease under which the record was written; 0 for
    /// a sign-in, and without leases.
    #[must_use]
    pub fn with_fence(mut self, fence: u64) -> Self {
        self.fence = fence;
        self
    }

    /// Sets the mark of a refresh whose answer is not stored, or takes it off.
    #[must_use]
    pub fn with_presented(mut self, presented: impl Into<Option<Presented>>) -> Self {
        self.presented = presented.into();
        self
    }

    /// Returns the fence of the lease under which the record was written.
    ///
    /// A higher fence is a later answer of the server's: within one epoch it
    /// may overwrite, a lower one never does.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Returns the mark of a refresh whose answer is not stored: who did it is
    /// at it still, or was cut off.
    #[must_use]
    pub fn presented(&self) -> Option<Presented> {
        self.presented
    }

    /// Returns the stamp.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Returns the token of a live session.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        match &self.state {
            State::Live(token) => Some(token),
            State::Empty | State::Dead => None,
        }
    }

    /// Tells whether the server has ended the session.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state == State::Dead
    }
}

/// What became of a [`compare_and_swap`](TokenStore::compare_and_swap).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The new record is stored.
    Done,
    /// Nothing was written: another record was there.
    Conflict(Stored),
}

/// Where the tokens of one session are kept.
///
/// ```
/// use std::sync::Mutex;
/// use async_trait::async_trait;
/// use tollgate::{Result, auth::{Stamp, Stored, Swap, TokenStore}};
///
/// /// Keeps the record in memory, as `MemoryStore` does.
/// struct Kept(Mutex<Stored>);
///
/// #[async_trait]
/// impl TokenStore for Kept {
///     async fn load(&self) -> Result<Stored> {
///         Ok(self.0.lock().unwrap().clone())
///     }
///
///     async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
///         let mut kept = self.0.lock().unwrap();
///         if kept.stamp() != expected {
///             return Ok(Swap::Conflict(kept.clone()));
///         }
///         *kept = new;
///         Ok(Swap::Done)
///     }
///
///     async fn clear(&self, epoch: u64) -> Result<Stamp> {
///         let mut kept = self.0.lock().unwrap();
///         if kept.stamp().epoch <= epoch {
///             *kept = Stored::empty(kept.stamp().next_epoch());
///         }
///         Ok(kept.stamp())
///     }
/// }
///
/// let kept = Kept(Mutex::new(Stored::empty(Stamp::default())));
/// let stored = tollgate::runtime::block_on(kept.load())?;
/// assert!(stored.token().is_none());
/// # Ok::<(), tollgate::Error>(())
/// ```
#[async_trait]
pub trait TokenStore: Send + Sync + 'static {
    /// Returns the record; [`Stored::empty`] of [`Stamp::default`] if there is
    /// none yet.
    ///
    /// # Errors
    ///
    /// The store cannot be reached, or its record cannot be read.
    async fn load(&self) -> Result<Stored>;

    /// Writes `new` if the stamp of the record is `expected`.
    ///
    /// # Errors
    ///
    /// The store cannot be reached or written; whether it was is not known.
    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap>;

    /// Ends the session of `epoch` and all before it: takes the token out and
    /// begins the next epoch. Returns the stamp of the record that is there
    /// now, which is a later epoch's where somebody has signed in since.
    ///
    /// # Errors
    ///
    /// The store cannot be reached or written.
    async fn clear(&self, epoch: u64) -> Result<Stamp>;

    /// Waits for the right to refresh; the record is read after it was given.
    ///
    /// A store that several processes share gives it to one at a time, for at
    /// most `ttl`, which is longer than a refresh takes.
    ///
    /// # Errors
    ///
    /// The store cannot be reached.
    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        let _ = ttl;
        Ok(Lease::default())
    }

    /// Writes down, before it is done, that the refresh token of the record
    /// `stamp` is spent.
    ///
    /// It shows that the store can be written, and who reads the record later
    /// learns that an answer may have been lost. `None` takes the mark back:
    /// the server has not processed it. Writes nothing if another record is
    /// there. A store that ends with its process need not keep it.
    ///
    /// # Errors
    ///
    /// The store cannot be reached or written: nothing is spent then.
    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        let _ = (stamp, presented);
        Ok(Swap::Done)
    }

    /// Gives a lease back; one that is dropped instead is given back too.
    ///
    /// # Errors
    ///
    /// The store cannot be reached; the lease ends by itself.
    async fn release(&self, lease: Lease) -> Result<()> {
        let _ = lease;
        Ok(())
    }

    /// Tells whether [`changed`](Self::changed) returns where somebody else
    /// writes; no by default.
    fn is_watchable(&self) -> bool {
        false
    }

    /// Waits until the record's stamp is another than `seen`, and returns the
    /// record: also one with a lower stamp, where the store has lost what it
    /// had. By default it never returns.
    ///
    /// Who waits does so in the background, for as long as the session lives;
    /// the future is dropped with it.
    ///
    /// # Errors
    ///
    /// The store cannot be reached; who waits tries again after a pause.
    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        let _ = seen;
        std::future::pending().await
    }
}

#[async_trait]
impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    async fn load(&self) -> Result<Stored> {
        (**self).load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        (**self).compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        (**self).clear(epoch).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        (**self).acquire(ttl).await
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        (**self).present(stamp, presented).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        (**self).release(lease).await
    }

    fn is_watchable(&self) -> bool {
        (**self).is_watchable()
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        (**self).changed(seen).await
    }
}
