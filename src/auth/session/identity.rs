//! Signing in and out: who the session is.

use std::sync::Arc;

use super::{Session, Snapshot, Status, superseded};
use crate::{
    Error, ErrorKind, Result,
    auth::{Stored, Swap, Token},
};

/// How often a write is tried that meets other writers.
const TRIES: u32 = 8;

impl Session {
    pub(in crate::auth) async fn sign_in(&self, token: Token) -> Result<()> {
        let now = self.clock.get().map(|clock| clock.wall());
        let held = self.hold(self.dated(token, now), now)?;
        let generation = self.begin(Status::Live(held));
        self.save_identity(generation).await
    }

    /// What can be revoked is: the token that was in use, if a client was seen.
    pub(in crate::auth) async fn sign_out(&self) -> Result<()> {
        let held = self.peek(|snapshot| snapshot.held().cloned());
        let generation = self.begin(Status::Empty);
        // The store is first: what it holds is what could be used again.
        let saved = self.save_identity(generation).await;
        let client = self.lock().client.clone();
        if let (Some(held), Some(client)) = (held, client.and_then(|it| it.upgrade())) {
            self.inside(self.revoke(&client, &held.token)).await;
        }
        saved
    }

    /// Begins a generation: what belongs to the old one is over at once, a
    /// flight of it is of no consequence any more.
    fn begin(&self, status: Status) -> u64 {
        let mut ctl = self.lock();
        let before = self.current();
        let after = Snapshot {
            generation: before.generation + 1,
            version: before.version + 1,
            status,
            rejected: false,
            ..(*before).clone()
        };
        let generation = after.generation;
        self.publish(&mut ctl, after);
        ctl.reset();
        ctl.unsaved = true;
        let flight = ctl.flight.take();
        drop(ctl);
        if let Some(flight) = flight {
            flight.complete(Err(Arc::new(superseded())));
        }
        generation
    }

    /// Brings the store up to the last sign-in or sign-out, if it is not.
    ///
    /// A flight does it too, if it comes first: what a refresh gives must not
    /// be overwritten with what it was signed in with.
    pub(super) async fn save_identity(&self, generation: u64) -> Result<()> {
        for _ in 0..TRIES {
            if self.unsaved(generation).is_none() {
                return Ok(());
            }
            let stored = self.store.load().await?;
            // Read again: somebody may have done it meanwhile.
            let Some(status) = self.unsaved(generation) else {
                return Ok(());
            };
            let stamp = match status {
                // A writer whose answer was lost, or is under way, has done it:
                // written again, it would look like somebody else's sign-in.
                Status::Live(held) if stored.token() == Some(&held.token) => stored.stamp(),
                Status::Live(held) => {
                    let next = stored.stamp().next_epoch();
                    let record = Stored::live(next, held.token.clone());
                    self.lock().signed_in.push(held.key);
                    match self.store.compare_and_swap(stored.stamp(), record).await? {
                        Swap::Done => next,
                        Swap::Conflict(_) => continue,
                    }
                }
                _ => {
                    let stamp = self.store.clear(stored.stamp().epoch).await?;
                    if self.is_back(&self.store.load().await?) {
                        continue;
                    }
                    stamp
                }
            };
            let mut ctl = self.lock();
            if self.peek(|snapshot| snapshot.generation) == generation {
                // A flight may have gone further already.
                if ctl.stamp < Some(stamp) {
                    ctl.stand_for(stamp, 0);
                }
                ctl.unsaved = false;
            }
            drop(ctl);
            self.moved();
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Auth,
            format!("the token store has changed {TRIES} times while it was written"),
        )
        .with_hint("see who else signs in and out"))
    }

    /// Tells whether somebody is in the store who was signed in here: the
    /// write came between a sign-out's look at the store and its own, which
    /// leaves a later epoch alone.
    fn is_back(&self, stored: &Stored) -> bool {
        let key = stored.token().map(|token| self.key(token));
        key.is_some_and(|key| self.lock().signed_in.contains(key))
    }

    /// Returns what the store does not know yet.
    fn unsaved(&self, generation: u64) -> Option<Status> {
        let ctl = self.lock();
        let snapshot = self.current();
        (ctl.unsaved && snapshot.generation == generation).then(|| snapshot.status.clone())
    }
}
