//! Compares the store's record with what this process knows.

use std::{sync::Arc, time::SystemTime};

use super::{Session, Status, Why, drive::Landing, snapshot::Held, superseded};
use crate::auth::{Presented, RefreshClass, RefreshError, Stamp, Stored};

/// A record as it can be published.
pub(super) struct Record {
    pub(super) stamp: Stamp,
    pub(super) fence: u64,
    pub(super) status: Status,
}

/// What a refresh starts from.
pub(super) struct View {
    /// The stamp of the record in the store.
    pub(super) expected: Stamp,
    /// What the stamp of the next record has to exceed.
    pub(super) base: Stamp,
    pub(super) held: Arc<Held>,
    pub(super) seen: Option<Record>,
    /// That of the flight's lease.
    pub(super) fence: u64,
    /// The mark of a refresh whose answer is not stored.
    pub(super) presented: Option<Presented>,
}

impl View {
    /// The landing of a refresh that failed; the record that was seen is good.
    pub(super) fn failed(self, error: RefreshError) -> Landing {
        Landing::Fail {
            seen: self.seen,
            error,
        }
    }
}

/// What there is to do about a record.
pub(super) enum Look {
    Done(Landing),
    Refresh(View),
}

impl Session {
    /// Compares the store's record with the snapshot.
    pub(super) fn look(
        &self,
        stored: &Stored,
        (generation, why, fence): (u64, Why, u64),
        now: SystemTime,
    ) -> Result<Look, RefreshError> {
        let outdated = self.is_outdated(stored);
        let ctl = self.lock();
        let known = ctl.stamp;
        let snapshot = self.current();
        drop(ctl);
        if snapshot.generation != generation {
            // The next user's token is not ours to spend.
            return Err(superseded());
        }
        if outdated || known.is_some_and(|known| stored.stamp() <= known) {
            // The same, or older: then the store has lost what it had.
            return match snapshot.held() {
                Some(held) => Ok(Look::Refresh(View {
                    expected: stored.stamp(),
                    base: known.unwrap_or_default(),
                    held: Arc::clone(held),
                    seen: None,
                    fence,
                    presented: stored.presented().filter(|_| Some(stored.stamp()) == known),
                })),
                None => Err(superseded()),
            };
        }
        let record = self.record(stored, now)?;
        let Status::Live(held) = &record.status else {
            return Ok(Look::Done(Landing::Adopt(record)));
        };
        let held = Arc::clone(held);
        let refused = snapshot.rejected && snapshot.held().is_some_and(|it| it.mark == held.mark);
        let asked = why == Why::Asked && known.is_none();
        if held.is_fresh(now) && !refused && !asked {
            return Ok(Look::Done(Landing::Adopt(record)));
        }
        Ok(Look::Refresh(View {
            expected: record.stamp,
            base: record.stamp,
            held,
            seen: Some(record),
            fence,
            presented: stored.presented(),
        }))
    }

    /// Tells whether a record is a late write of ours, of a token that was
    /// refreshed since.
    pub(super) fn is_outdated(&self, stored: &Stored) -> bool {
        let Some(key) = stored.token().map(|token| self.key(token)) else {
            return false;
        };
        let ctl = self.lock();
        let ours = ctl.stamp.is_some_and(|it| it.epoch == stored.stamp().epoch);
        ours && ctl.spent.contains(key)
    }

    /// Makes a store's record ready to be published.
    pub(super) fn record(&self, stored: &Stored, now: SystemTime) -> Result<Record, RefreshError> {
        let status = match stored.token() {
            Some(token) => {
                let held = self.hold(self.dated(token.clone(), None), Some(now));
                Status::Live(held.map_err(|source| {
                    store_failed("be used: its token is not one").with_source(source)
                })?)
            }
            None if stored.is_dead() => Status::Dead(Arc::new(RefreshError::new(
                RefreshClass::Rejected,
                "the token store says that the session is over",
            ))),
            None => Status::Empty,
        };
        Ok(Record {
            stamp: stored.stamp(),
            fence: stored.fence(),
            status,
        })
    }
}

pub(super) fn store_failed(what: &str) -> RefreshError {
    RefreshError::new(
        RefreshClass::Store,
        format!("the token store could not {what}"),
    )
}
