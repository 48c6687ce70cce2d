//! Stores what a refresh gave, before anybody uses it, and makes it visible.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Ctl, Session, Snapshot, Status,
    drive::{Landing, Rest, STORE_TIMEOUT, within},
    flight::{Flight, Landed, Outcome},
    limit::Cooldown,
    look::{Record, View, store_failed},
    snapshot::fingerprint,
    superseded,
};
use crate::{
    Client, Runtime,
    auth::{AuthEvent, RefreshClass, RefreshError, Stamp, Stored, Swap, Token},
};

/// How often a write is tried that meets other writers, or a failing store.
const TRIES: u32 = 5;

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
    error: Arc<RefreshError>,
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
            let record = Stored::live(next, token.clone());
            let writing = self.store.compare_and_swap(expected, record.clone());
            let error = match within(runtime, STORE_TIMEOUT, writing).await {
                Some(Ok(Swap::Done)) => return Persisted::Saved(next),
                Some(Ok(Swap::Conflict(other))) => {
                    // The same refresh token under a new stamp: it was only
                    // touched, and what we have is its successor.
                    let touched = other.stamp().epoch == expected.epoch
                        && other.token().map(|token| self.key(token)) == Some(view.held.key);
                    if !touched {
                        return Persisted::Foreign(other);
                    }
                    expected = other.stamp();
                    next = next.max(expected.next());
                    continue;
                }
                Some(Err(error)) => store_failed("be written").with_source(error),
                None => store_failed("be written in time"),
            };
            return Persisted::Unsaved(Unstored {
                expected,
                record,
                error: Arc::new(error),
            });
        }
        Persisted::Unsaved(Unstored {
            expected,
            record: Stored::live(next, token.clone()),
            error: Arc::new(store_failed("be written: it goes on changing")),
        })
    }

    /// The fingerprint of what a refresh of `token` spends.
    fn key(&self, token: &Token) -> u64 {
        let spent = token.refresh_token().unwrap_or(token.access_token());
        fingerprint(&self.keys, spent.expose().as_bytes())
    }

    /// Tries again to store a token that is in use already.
    pub(super) async fn store_later(&self, runtime: &Arc<dyn Runtime>, unstored: Unstored) {
        let next = unstored.record.stamp();
        let version = self.peek(|snapshot| snapshot.version);
        for attempt in 0..TRIES {
            runtime.sleep(Duration::from_secs(1_u64 << attempt)).await;
            if self.peek(|snapshot| snapshot.version) != version {
                // A later token has been stored, or will be.
                return;
            }
            let writing = self
                .store
                .compare_and_swap(unstored.expected, unstored.record.clone());
            match within(runtime, STORE_TIMEOUT, writing).await {
                Some(Ok(Swap::Done)) => {
                    let mut ctl = self.lock();
                    if self.peek(|snapshot| snapshot.version) == version {
                        ctl.stamp = Some(next);
                    }
                    return;
                }
                Some(Ok(Swap::Conflict(_))) => return,
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Makes a landing true: publishes, wakes, tells; in this order.
    pub(super) fn land(&self, flight: &Flight, client: &Client, landing: Landing) -> Rest {
        let mut rest = Rest::default();
        let now = self.clock(client).now();
        let mut ctl = self.lock();
        let before = self.current();
        if before.generation != flight.generation {
            // The session ended meanwhile, and all who waited know it.
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
            Landing::Adopt(record) => self.land_adopted(&mut ctl, &before, record),
            Landing::Commit(record, unstored) => {
                let mut landed = self.land_committed(&mut ctl, &before, record, now);
                if let Some(unstored) = unstored {
                    landed.1.push(self.not_stored(&unstored));
                    rest.unstored = Some(unstored);
                }
                landed
            }
            Landing::Fail { seen, error } => {
                if let Some(record) = seen {
                    let after = self.after(&mut ctl, &before, record);
                    self.publish(&mut ctl, after);
                }
                self.land_failed(&mut ctl, error, now)
            }
            Landing::Orphan(token) => {
                rest.orphan = Some(token);
                self.land_failed(&mut ctl, superseded(), now)
            }
        };
        drop(ctl);
        flight.complete(outcome);
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
    ) -> (Outcome, Vec<AuthEvent>) {
        let first = ctl.stamp.is_none();
        let after = self.after(ctl, before, record);
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
        now: Instant,
    ) -> (Outcome, Vec<AuthEvent>) {
        let expires_at = match &record.status {
            Status::Live(held) => held.token.expiry(),
            _ => None,
        };
        let after = self.after(ctl, before, record);
        let landed = landed(&after, true);
        let unchanged = after.rejected;
        let foreign = after.generation != before.generation;
        self.publish(ctl, after);
        ctl.ambiguous = None;
        if unchanged {
            let error = RefreshError::new(
                RefreshClass::Unchanged,
                "the refresh gave the access token again that was refused",
            );
            return self.land_failed(ctl, error, now);
        }
        self.tally.add(&self.tally.refreshed);
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
        error: RefreshError,
        now: Instant,
    ) -> (Outcome, Vec<AuthEvent>) {
        let key = self.peek(|snapshot| snapshot.held().map_or(0, |held| held.key));
        self.tally.add_failure(error.class());
        if error.class() == RefreshClass::Ambiguous {
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
    fn after(&self, ctl: &mut Ctl, before: &Snapshot, record: Record) -> Snapshot {
        let foreign = ctl
            .stamp
            .is_some_and(|known| known.epoch != record.stamp.epoch);
        if foreign {
            ctl.reset();
        }
        ctl.stamp = Some(record.stamp);
        let old = before.held().map(|held| held.mark);
        let new = match &record.status {
            Status::Live(held) => Some(held.mark),
            _ => None,
        };
        if let Some(old) = old.filter(|_| !foreign && old != new) {
            ctl.past.push(old);
        }
        Snapshot {
            generation: before.generation + u64::from(foreign),
            version: before.version + 1,
            status: record.status,
            rejected: before.rejected && !foreign && old == new,
            homes: Arc::clone(&before.homes),
        }
    }

    fn not_stored(&self, unstored: &Unstored) -> AuthEvent {
        self.tally.add(&self.tally.not_stored);
        AuthEvent::NotStored {
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
        drop(ctl);
        if flying {
            self.tally.add(&self.tally.failed);
        }
        flight.complete(Err(Arc::new(RefreshError::new(
            RefreshClass::Interrupted,
            "the refresh was cut off: its runtime was shut down",
        ))));
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
