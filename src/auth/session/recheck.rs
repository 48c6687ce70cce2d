//! Looks at the store from time to time: what another process has stored, or
//! that it has signed out, is seen without a refresh.
//!
//! *Concurrency*: one look at a time, in a task of its own. A flight that
//! begins meanwhile reads the store itself, and wins.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Session, Status, drive::STORE_TIMEOUT, timer::within};
use crate::{
    Client,
    auth::{AuthEvent, Stored},
};

/// Lets the next look begin, however this one ends.
struct Looking(Arc<Session>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.lock().looking = false;
    }
}

impl Session {
    /// For how long a look into the store at `wall` counts. A clock that was set
    /// back ends it; that threads read it some milliseconds apart does not.
    pub(super) fn seen_at(&self, wall: SystemTime) -> Option<Range<SystemTime>> {
        const APART: Duration = Duration::from_secs(1);
        let recheck = self.options.recheck?;
        let from = wall.checked_sub(APART).unwrap_or(SystemTime::UNIX_EPOCH);
        Some(from..wall.checked_add(recheck)?)
    }

    /// Starts a look; who calls has set `looking`.
    pub(super) fn look_again(self: &Arc<Self>, client: &Client) {
        let looking = Looking(Arc::clone(self));
        let runtime = Arc::clone(client.runtime());
        let client = client.clone();
        runtime.spawn(Box::pin(async move {
            let session = Arc::clone(&looking.0);
            let generation = session.peek(|snapshot| snapshot.generation);
            let loading = within(client.runtime(), STORE_TIMEOUT, session.store.load());
            let stored = session.inside(loading).await.flatten().and_then(Result::ok);
            let (wall, _) = session.times(&client);
            session.looked(wall, generation, stored.as_ref());
            drop(looking);
        }));
    }

    /// Takes over what was found, if it is news.
    pub(super) fn looked(&self, wall: SystemTime, generation: u64, stored: Option<&Stored>) {
        let known = self.lock().stamp;
        let news = stored.filter(|stored| {
            known.is_some_and(|known| stored.stamp() > known) && !self.is_outdated(stored)
        });
        let record = news.and_then(|stored| self.record(stored, wall).ok());
        let mut ctl = self.lock();
        let before = self.current();
        let current = ctl.flight.is_none()
            && !ctl.unsaved
            && ctl.stamp == known
            && before.generation == generation;
        let Some(record) = record.filter(|_| current) else {
            let mut after = (*before).clone();
            after.seen = self.seen_at(wall);
            self.publish(&mut ctl, after);
            return;
        };
        let after = self.after(&mut ctl, &before, record, wall);
        let dead = match &after.status {
            Status::Dead(error) => Some(Arc::clone(error)),
            _ => None,
        };
        self.publish(&mut ctl, after);
        ctl.cooldown = None;
        drop(ctl);
        self.tally.add(&self.tally.adopted);
        if let Some(error) = dead {
            self.tell(&AuthEvent::SessionExpired { error });
        }
    }
}
