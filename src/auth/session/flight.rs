//! [`Flight`]: one refresh, and everybody who waits for it.
//!
//! *Concurrency*: the list of wakers has a lock of its own, which is never
//! held while a waker runs. A waiter looks for the outcome before it takes the
//! lock and again under it, and the outcome is set before the list is emptied:
//! whoever is not in the list when that happens sees the outcome.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, PoisonError, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use slab::Slab;

use super::sync::{AtomicU64, Mutex, MutexGuard, OnceLock};
use crate::auth::RefreshError;

/// Which token a flight has left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) struct Landed {
    pub(in crate::auth) generation: u64,
    pub(in crate::auth) version: u64,
    /// A server gave it in this flight; it was not found in the store.
    pub(in crate::auth) minted: bool,
}

/// What a flight ends in: the same for all who wait.
pub(in crate::auth) type Outcome = Result<Landed, Arc<RefreshError>>;

/// One refresh under way.
#[derive(Default)]
pub(super) struct Flight {
    /// The session that it refreshes.
    pub(super) generation: u64,
    /// The store was not read before it.
    first: bool,
    /// The fingerprint of what was spent and not answered yet; 0 for nothing.
    spending: AtomicU64,
    done: OnceLock<Outcome>,
    wakers: Mutex<Slab<Waker>>,
}

impl Flight {
    pub(super) fn new(generation: u64, first: bool) -> Arc<Self> {
        Arc::new(Self {
            generation,
            first,
            ..Self::default()
        })
    }

    /// Ends the flight and wakes all; the first outcome stays.
    pub(super) fn complete(&self, outcome: Outcome) {
        if self.done.set(outcome).is_err() {
            return;
        }
        let wakers = mem::take(&mut *self.lock());
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    /// Notes what is about to be spent, or that the answer has come (0).
    pub(super) fn spend(&self, key: u64) {
        self.spending.store(key, Ordering::Release);
    }

    /// What was spent without an answer, if anything.
    pub(super) fn spent(&self) -> Option<u64> {
        Some(self.spending.load(Ordering::Acquire)).filter(|key| *key != 0)
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.get().is_some()
    }

    pub(super) fn wait(self: &Arc<Self>) -> Waiter {
        Waiter {
            flight: Arc::clone(self),
            key: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes with the outcome of a [`Flight`].
///
/// Dropping it leaves no trace and does not touch the flight.
#[must_use = "a future does nothing until it is polled"]
pub(in crate::auth) struct Waiter {
    flight: Arc<Flight>,
    key: Option<usize>,
}

impl Waiter {
    /// Tells whether nobody knew who is signed in when the flight started.
    pub(in crate::auth) fn is_first(&self) -> bool {
        self.flight.first
    }
}

impl Future for Waiter {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Self { flight, key } = &mut *self;
        if let Some(outcome) = flight.done.get() {
            return Poll::Ready(outcome.clone());
        }
        let mut wakers = flight.lock();
        // Lost-wakeup rule.
        if let Some(outcome) = flight.done.get() {
            return Poll::Ready(outcome.clone());
        }
        let old = match key.and_then(|key| wakers.get_mut(key)) {
            Some(waker) if waker.will_wake(context.waker()) => None,
            Some(waker) => Some(mem::replace(waker, context.waker().clone())),
            None => {
                *key = Some(wakers.insert(context.waker().clone()));
                None
            }
        };
        drop(wakers);
        // A waker may run code of others when it is dropped.
        drop(old);
        Poll::Pending
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // After the end the list is empty, so nothing of others is removed.
            let waker = self.flight.lock().try_remove(key);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(waiter: &mut Waiter) -> Poll<Outcome> {
        Pin::new(waiter).poll(&mut Context::from_waker(Waker::noop()))
    }

    const LANDED: Landed = Landed {
        generation: 1,
        version: 2,
        minted: true,
    };

    #[test]
    fn all_get_the_first_outcome() {
        let flight = Flight::new(1, false);
        let mut early = flight.wait();
        assert!(poll(&mut early).is_pending());
        flight.complete(Ok(LANDED));
        flight.complete(Ok(Landed {
            version: 9,
            ..LANDED
        }));
        let mut late = flight.wait();
        for waiter in [&mut early, &mut late] {
            let Poll::Ready(Ok(landed)) = poll(waiter) else {
                panic!("no outcome");
            };
            assert_eq!(landed, LANDED);
        }
    }

    #[test]
    fn a_dropped_waiter_leaves_the_list() {
        let flight = Flight::new(1, false);
        let mut waiters: Vec<Waiter> = (0..3).map(|_| flight.wait()).collect();
        for waiter in &mut waiters {
            assert!(poll(waiter).is_pending());
            assert!(poll(waiter).is_pending(), "polled again");
        }
        assert_eq!(flight.lock().len(), 3);
        drop(waiters.remove(1));
        assert_eq!(flight.lock().len(), 2);
        drop(waiters);
        assert!(flight.lock().is_empty());
    }
}
