//! Landing: makes what a flight has found out true for all.
//!
//! *Order*: publish, wake, tell. What is published is in the store already, or
//! is told to be pending.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use super::{
    Ctl, Session, Snapshot, Status,
    drive::{Landing, Rest},
    flight::{Flight, Landed, Outcome},
    limit::Cooldown,
    look::Record,
    persist::Unstored,
    superseded,
};
use crate::{
    Client,
    auth::{AuthEvent, RefreshClass, RefreshError},
};

impl Session {
    /// Makes a landing true: publishes, wakes, tells; in this order.
    pub(super) fn land(&self, flight: &Flight, client: &Client, landing: Landing) -> Rest {
        let mut rest = Rest::default();
        let (wall, now) = self.times(client);
        let mut ctl = self.lock();
        let before = self.current();
        if before.generation != flight.generation {
            // The session ended meanwhile, and all who wait hear of it.
            drop(ctl);
            rest.orphan = match landing {
                Landing::Orphan(token) => Some(token),
                Landing::Commit(record, _) => match &record.status {
                    Status::Live(held) => Some(held.token.clone()),
                    _ => None,
                },
                Landing::Adopt(_) | Landing::Fail { .. } => None,
            };
            return rest;
        }
        ctl.flight = None;
        let (outcome, events) = match landing {
            Landing::Adopt(record) => self.land_adopted(&mut ctl, &before, record, wall),
            Landing::Commit(record, unstored) => {
                let mut landed = self.land_committed(&mut ctl, &before, record, (wall, now));
                if let Some(unstored) = unstored {
                    ctl.unstored = true;
                    landed.1.push(self.not_stored(&unstored));
                    rest.unstored = Some(unstored);
                }
                landed
            }
            Landing::Fail { seen, error } => {
                if let Some(record) = seen {
                    let after = self.after(&mut ctl, &before, record, wall);
                    self.publish(&mut ctl, after);
                }
                self.land_failed(&mut ctl, flight.spent().is_some(), error, now)
            }
            Landing::Orphan(token) => {
                rest.orphan = Some(token);
                self.land_failed(&mut ctl, false, superseded(), now)
            }
        };
        drop(ctl);
        flight.complete(outcome);
        self.moved();
        for event in &events {
            self.tell(event);
        }
        rest
    }

    fn land_adopted(
        &self,
        ctl: &mut Ctl,
        before: &Snapshot,
        record: Record,
        wall: SystemTime,
    ) -> (Outcome, Vec<AuthEvent>) {
        let first = ctl.stamp.is_none();
        let after = self.after(ctl, before, record, wall);
        let landed = landed(&after, false);
        let dead = match &after.status {
            Status::Dead(error) => Some(Arc::clone(error)),
            _ => None,
        };
        let foreign = after.generation != before.generation;
        self.publish(ctl, after);
        if let Some(error) = dead {
            self.tally.add_failure(error.class());
            let event = AuthEvent::SessionExpired {
                error: Arc::clone(&error),
            };
            return (Err(error), vec![event]);
        }
        if !first {
            self.tally.add(&self.tally.adopted);
        }
        ctl.cooldown = None;
        (outcome(landed, foreign), Vec::new())
    }

    fn land_committed(
        &self,
        ctl: &mut Ctl,
        before: &Snapshot,
        record: Record,
        (wall, now): (SystemTime, Instant),
    ) -> (Outcome, Vec<AuthEvent>) {
        let expires_at = match &record.status {
            Status::Live(held) => held.token.expiry(),
            _ => None,
        };
        let after = self.after(ctl, before, record, wall);
        let landed = landed(&after, true);
        let unchanged = after.rejected;
        let foreign = after.generation != before.generation;
        self.publish(ctl, after);
        let recovered = ctl.ambiguous.take().is_some();
        if unchanged {
            let error = RefreshError::new(
                RefreshClass::Unchanged,
                "the refresh gave the access token again that was refused",
            );
            return self.land_failed(ctl, false, error, now);
        }
        self.tally.add(&self.tally.refreshed);
        if recovered {
            self.tally.add(&self.tally.recovered);
        }
        ctl.cooldown = None;
        (
            outcome(landed, foreign),
            vec![AuthEvent::Refreshed { expires_at }],
        )
    }

    /// Begins the cooldown of the token that is current now.
    fn land_failed(
        &self,
        ctl: &mut Ctl,
        spent: bool,
        error: RefreshError,
        now: Instant,
    ) -> (Outcome, Vec<AuthEvent>) {
        let key = self.peek(|snapshot| snapshot.held().map_or(0, |held| held.key));
        self.tally.add_failure(error.class());
        if error.class() == RefreshClass::Ambiguous || spent {
            ctl.ambiguous = Some(key);
        }
        let share = ctl.random.f64();
        let (error, cooldown) = Cooldown::after(error, key, ctl.cooldown.as_ref(), now, share);
        if cooldown.is_some() {
            ctl.cooldown = cooldown;
        }
        let event = AuthEvent::RefreshFailed {
            error: Arc::clone(&error),
        };
        (Err(error), vec![event])
    }

    /// Makes the snapshot that follows `before`.
    pub(super) fn after(
        &self,
        ctl: &mut Ctl,
        before: &Snapshot,
        record: Record,
        wall: SystemTime,
    ) -> Snapshot {
        let foreign = ctl
            .stamp
            .is_some_and(|known| known.epoch != record.stamp.epoch);
        if foreign {
            ctl.reset();
        }
        ctl.stand_for(record.stamp, record.fence);
        ctl.unstored = false;
        let next = match &record.status {
            Status::Live(held) => Some(held),
            _ => None,
        };
        let old = before.held().filter(|_| !foreign);
        let same = old.map(|held| held.mark) == next.map(|held| held.mark);
        if let Some(old) = old.filter(|_| !same) {
            ctl.past.push(old.mark);
        }
        if let Some(old) = old.filter(|old| next.is_none_or(|next| next.key != old.key)) {
            ctl.spent.push(old.key);
        }
        Snapshot {
            generation: before.generation + u64::from(foreign),
            version: before.version + 1,
            status: record.status,
            rejected: before.rejected && !foreign && same,
            homes: Arc::clone(&before.homes),
            seen: self.seen_at(wall),
        }
    }

    fn not_stored(&self, unstored: &Unstored) -> AuthEvent {
        self.tally.add(&self.tally.persist_failed);
        AuthEvent::PersistFailed {
            error: Arc::clone(&unstored.error),
        }
    }

    /// Ends a flight whose task is gone, unless it has landed.
    pub(super) fn abandon(&self, flight: &Arc<Flight>) {
        if flight.is_done() {
            return;
        }
        let mut ctl = self.lock();
        let flying = ctl
            .flight
            .take_if(|current| Arc::ptr_eq(current, flight))
            .is_some();
        if flying {
            self.tally.add(&self.tally.failed);
            ctl.ambiguous = flight.spent().or(ctl.ambiguous);
        }
        drop(ctl);
        let error = if flying {
            RefreshError::new(
                RefreshClass::Interrupted,
                "the refresh was cut off: its runtime was shut down",
            )
        } else {
            // Who has signed in or out is about to tell.
            superseded()
        };
        flight.complete(Err(Arc::new(error)));
    }
}

/// Where another process has signed somebody in, these calls are not theirs.
fn outcome(landed: Landed, foreign: bool) -> Outcome {
    if foreign {
        return Err(Arc::new(superseded()));
    }
    Ok(landed)
}

fn landed(snapshot: &Snapshot, minted: bool) -> Landed {
    Landed {
        minted,
        generation: snapshot.generation,
        version: snapshot.version,
    }
}
