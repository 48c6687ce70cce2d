//! Stores what a refresh gave, before anybody uses it.

use std::{sync::Arc, time::Duration};

use super::{
    Session,
    drive::{STORE_TIMEOUT, answered},
    look::{View, store_failed},
    snapshot::fingerprint,
    timer::within,
};
use crate::{
    Runtime,
    auth::{RefreshError, Stamp, Stored, Swap, Token},
};

/// How often a write is tried that meets other writers.
const TRIES: u32 = 5;
/// The pause before a failed write is tried again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For how long it is tried, pauses only: a token that nobody else knows is
/// worth much, and a disk may be full for a while.
const PENDING_FOR: Duration = Duration::from_secs(3600);

/// What became of a new token in the store.
pub(super) enum Persisted {
    Saved(Stamp),
    /// The store failed: the token is used, and stored later.
    Unsaved(Unstored),
    /// Somebody else has stored another token.
    Foreign(Stored),
    /// The session has ended in this process.
    Over,
}

/// A record that the store has not taken yet.
pub(super) struct Unstored {
    expected: Stamp,
    record: Stored,
    pub(super) error: Arc<RefreshError>,
}

impl Session {
    /// Stores a new token over the record that was refreshed.
    pub(super) async fn persist(
        &self,
        runtime: &Arc<dyn Runtime>,
        view: &View,
        token: &Token,
        generation: u64,
    ) -> Persisted {
        let mut expected = view.expected;
        let mut next = view.base.max(expected).next();
        for _ in 0..TRIES {
            if self.peek(|snapshot| snapshot.generation) != generation {
                return Persisted::Over;
            }
            let record = Stored::live(next, token.clone()).with_fence(view.fence);
            let error = match self.write(runtime, expected, &record).await {
                Ok(Swap::Done) => return Persisted::Saved(next),
                Ok(Swap::Conflict(other)) => {
                    if !self.overwrites(view, &other) {
                        return Persisted::Foreign(other);
                    }
                    expected = other.stamp();
                    next = next.max(expected.next());
                    continue;
                }
                Err(error) => error,
            };
            return Persisted::Unsaved(Unstored {
                expected,
                record,
                error: Arc::new(error),
            });
        }
        Persisted::Unsaved(Unstored {
            expected,
            record: Stored::live(next, token.clone()).with_fence(view.fence),
            error: Arc::new(store_failed("be written: it goes on changing")),
        })
    }

    /// Writes what a server gave, which a store that panics must not lose.
    async fn write(
        &self,
        runtime: &Arc<dyn Runtime>,
        expected: Stamp,
        record: &Stored,
    ) -> Result<Swap, RefreshError> {
        let writing = async { self.store.compare_and_swap(expected, record.clone()).await };
        let writing = within(runtime, STORE_TIMEOUT, writing);
        match self.guarded(writing).await {
            Some(answer) => answered(answer, "be written"),
            None => Err(store_failed("be written: it panicked")),
        }
    }

    /// Tells whether our answer is later than the record that is there now.
    ///
    /// Of two leases, that with the higher fence asked the server later, also
    /// when it has run out meanwhile: what the server gave is never thrown
    /// away for that. A record without a fence was written by somebody without
    /// a lease, and stays. The same refresh token under a new stamp was only
    /// touched, and what we have is its successor.
    fn overwrites(&self, view: &View, other: &Stored) -> bool {
        if other.stamp().epoch != view.expected.epoch {
            return false;
        }
        (1..view.fence).contains(&other.fence())
            || other.token().map(|token| self.key(token)) == Some(view.held.key)
    }

    /// The fingerprint of what a refresh of `token` spends.
    pub(super) fn key(&self, token: &Token) -> u64 {
        let spent = token.refresh_token().unwrap_or(token.access_token());
        fingerprint(&self.keys, spent.expose().as_bytes())
    }

    /// Tries again to store a token that is in use already.
    pub(super) async fn store_later(&self, runtime: &Arc<dyn Runtime>, unstored: Unstored) {
        let mut unstored = unstored;
        let version = self.peek(|snapshot| snapshot.version);
        let mut pause = FIRST_PAUSE;
        let mut paused = Duration::ZERO;
        while paused < PENDING_FOR {
            runtime.sleep(pause).await;
            paused = paused.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            if self.peek(|snapshot| snapshot.version) != version {
                // A later token has been stored, or will be.
                return;
            }
            let writing = self.write(runtime, unstored.expected, &unstored.record);
            match writing.await {
                Ok(Swap::Done) => {
                    let mut ctl = self.lock();
                    if self.peek(|snapshot| snapshot.version) == version {
                        let record = &unstored.record;
                        ctl.stand_for(record.stamp(), record.fence());
                        ctl.unstored = false;
                    }
                    drop(ctl);
                    self.moved();
                    return;
                }
                Ok(Swap::Conflict(other)) => {
                    let mine = unstored.record.token().cloned();
                    let (Some(token), true) = (mine, self.is_outdated(&other)) else {
                        // Theirs is stored: the next flight adopts it.
                        let mut ctl = self.lock();
                        if self.peek(|snapshot| snapshot.version) == version {
                            ctl.unstored = false;
                        }
                        return;
                    };
                    unstored.expected = other.stamp();
                    let fence = unstored.record.fence();
                    let record = Stored::live(other.stamp().next(), token);
                    unstored.record = record.with_fence(fence);
                }
                Err(_) => {}
            }
        }
    }
}
