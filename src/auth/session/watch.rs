//! Watches a store that tells what others write, for as long as the session
//! lives: what another process has stored is taken over without a call, and
//! what the store has lost is written again.
//!
//! *Concurrency*: one watch at a time, in a task of its own that does not keep
//! the session. A flight that is under way reads the store itself, and wins.
//! Where the task ends with its runtime, the next call begins another.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use futures_channel::oneshot;
use futures_util::{
    FutureExt,
    future::{Either, select},
};

use super::{Session, Status, drive::STORE_TIMEOUT, inside::Inside, timer::within};
use crate::{
    Result, Runtime,
    auth::{Stamp, Stored, TokenStore},
};

/// The pause after a store has failed, or what it told was of no use now; it
/// doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Lets the next call begin a watch, however this one ends.
struct Watch {
    session: Weak<Session>,
    store: Arc<dyn TokenStore>,
    runtime: Arc<dyn Runtime>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(session) = self.session.upgrade() {
            session.met.store(false, Ordering::Relaxed);
        }
    }
}

impl Session {
    pub(super) fn watch(self: &Arc<Self>, runtime: &Arc<dyn Runtime>) {
        let (kept, gone) = oneshot::channel();
        self.lock().watch = Some(kept);
        let watch = Watch {
            session: Arc::downgrade(self),
            store: Arc::clone(&self.store),
            runtime: Arc::clone(runtime),
        };
        let id = self.id;
        runtime.spawn(Box::pin(async move {
            let watching = Box::pin(Inside::new(id, watch.run()));
            if let Either::Left((_, watching)) = select(gone, watching).await {
                // Its last operation is cut off.
                drop(watching);
            }
        }));
    }

    /// The stamp that the snapshot stands for.
    fn stamp(&self) -> Option<Stamp> {
        self.lock().stamp
    }

    /// The same, or else `told`, and what completes when it is another.
    fn watched(&self, told: Stamp) -> (Stamp, oneshot::Receiver<()>) {
        let (kept, moved) = oneshot::channel();
        let mut ctl = self.lock();
        let old = ctl.moved.replace(kept);
        let seen = ctl.stamp.unwrap_or(told);
        drop(ctl);
        drop(old);
        (seen, moved)
    }

    /// Tells the watch that the snapshot stands for another record. Not to be
    /// called with a lock held.
    pub(super) fn moved(&self) {
        if !self.store.is_watchable() {
            return;
        }
        let kept = self.lock().moved.take();
        drop(kept);
    }

    /// What has to be written again where the store has an older record than
    /// it had.
    fn lost(&self, stored: &Stored) -> Option<Stored> {
        let ctl = self.lock();
        let known = ctl.stamp.filter(|known| stored.stamp() < *known)?;
        if ctl.flight.is_some() || ctl.unsaved || ctl.unstored {
            return None;
        }
        let record = match &self.current().status {
            Status::Live(held) => Stored::live(known, held.token.clone()),
            Status::Dead(_) => Stored::dead(known),
            Status::Empty => Stored::empty(known),
            Status::Unloaded => return None,
        };
        Some(record.with_fence(ctl.fence))
    }
}

impl Watch {
    async fn run(self) {
        // What the store has told, before the session knows it.
        let mut told = Stamp::default();
        let mut pause = FIRST_PAUSE;
        loop {
            let (seen, moved) = match self.session.upgrade() {
                Some(session) => session.watched(told),
                None => return,
            };
            let Some(changed) = self.await_change(seen, moved).await else {
                continue;
            };
            let Some(session) = self.session.upgrade() else {
                return;
            };
            let useful = match changed {
                Ok(Ok(stored)) => {
                    told = stored.stamp();
                    self.take(&session, &stored).await;
                    told != seen && session.stamp().is_none_or(|known| known == told)
                }
                Ok(Err(_)) => false,
                Err(_) => {
                    session.tally.add(&session.tally.panics);
                    false
                }
            };
            drop(session);
            if useful {
                pause = FIRST_PAUSE;
            } else {
                self.runtime.sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Waits until the store has another record than `seen`; `None` if the
    /// session knows another one itself meanwhile.
    async fn await_change(
        &self,
        seen: Stamp,
        moved: oneshot::Receiver<()>,
    ) -> Option<std::thread::Result<Result<Stored>>> {
        let changed = AssertUnwindSafe(self.store.changed(seen)).catch_unwind();
        match select(changed, moved).await {
            Either::Left((changed, _)) => Some(changed),
            Either::Right(_) => None,
        }
    }

    /// Takes over what others have written, or writes again what is lost.
    async fn take(&self, session: &Arc<Session>, stored: &Stored) {
        let Some(record) = session.lost(stored) else {
            let generation = session.peek(|snapshot| snapshot.generation);
            session.looked(self.runtime.wall(), generation, Some(stored));
            return;
        };
        let writing = self.store.compare_and_swap(stored.stamp(), record);
        let writing = session.guarded(writing);
        drop(within(&self.runtime, STORE_TIMEOUT, writing).await);
    }
}
