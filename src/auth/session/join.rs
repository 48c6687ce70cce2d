//! Joining: what a call that needs a new token, or would like one, does.
//!
//! *Concurrency*: who starts a flight is decided under `ctl`, before the first
//! await; times are asked for before, the task is started after it.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use http::HeaderValue;

use super::{
    Ctl, Landed, RefreshError, Session, Snapshot, Status, Waiter, drive, flight::Flight, inside,
    snapshot::fingerprint,
};
use crate::{Client, auth::LostAnswer};

/// Why there should be a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Why {
    /// There is none to attach.
    Stale,
    /// A server has refused the one that was sent.
    Refused,
    /// It will expire soon; nobody waits.
    Early,
    /// Somebody wants one.
    Asked,
}

/// What a call that needs a new token does.
pub(in crate::auth) enum Join {
    /// There is a usable one already.
    Ready,
    /// Wait for the flight.
    Wait(Waiter),
    /// Nothing will be tried now.
    Failed(Arc<RefreshError>),
    /// Nobody is signed in.
    SignedOut,
    /// The call is part of the refresh itself.
    Inside,
}

/// A token as it was sent.
pub(in crate::auth) struct Sent {
    pub(in crate::auth) header: HeaderValue,
    /// The call waited for this token, which the server had just given.
    pub(in crate::auth) awaited: Option<Landed>,
}

/// Whose token a server has refused.
pub(in crate::auth) enum Refusal {
    /// Nothing of this session's, or of a session that is over; or one that
    /// was got for this very call, so that another would not help.
    PassOn,
    /// One that has been replaced since.
    Stale(Landed),
    /// The current one.
    Current(Join),
}

impl Session {
    /// Joins the flight that is under way, or starts one.
    pub(in crate::auth) fn join(self: &Arc<Self>, client: &Client, why: Why) -> Join {
        let times = self.times(client);
        let mut ctl = self.lock();
        let snapshot = self.current();
        let joined = self.join_locked(&mut ctl, &snapshot, times, why);
        drop(ctl);
        self.start(joined, client, why)
    }

    /// Tells whether a flight is under way: asked before the clocks are, for
    /// most calls near the expiry come then.
    pub(in crate::auth) fn is_refreshing(&self) -> bool {
        self.lock().flight.is_some()
    }

    /// Starts what is due in the background: a refresh before the token
    /// expires, or a look into the store. The caller goes on.
    pub(in crate::auth) fn hasten(self: &Arc<Self>, client: &Client) {
        if inside::is_inside(self.id) {
            return;
        }
        let (wall, now) = self.times(client);
        let mut ctl = self.lock();
        let snapshot = self.current();
        if ctl.flight.is_some() {
            return;
        }
        if self.begins_early(&ctl, &snapshot, (wall, now)) {
            let flight = Flight::new(snapshot.generation, false);
            ctl.flight = Some(Arc::clone(&flight));
            drop(ctl);
            drive::launch(Arc::clone(self), flight, client, Why::Early);
        } else if snapshot.is_look_due(wall) && !ctl.looking {
            ctl.looking = true;
            drop(ctl);
            self.look_again(client);
        }
    }

    fn begins_early(
        &self,
        ctl: &Ctl,
        snapshot: &Snapshot,
        (wall, now): (SystemTime, Instant),
    ) -> bool {
        let Some(held) = snapshot.held().filter(|held| held.is_due(wall)) else {
            return false;
        };
        let cooling = ctl.cooldown.as_ref();
        // Who may not ask again lets the token live as long as it does.
        let spent =
            self.options.lost_answer == LostAnswer::GiveUp && ctl.ambiguous == Some(held.key);
        !snapshot.rejected && !spent && cooling.is_none_or(|it| it.holds(held.key, now).is_none())
    }

    /// Decides what to make of a refused header, and joins.
    pub(in crate::auth) fn refused(self: &Arc<Self>, sent: &Sent, client: &Client) -> Refusal {
        let mark = fingerprint(&self.keys, sent.header.as_bytes());
        let times = self.times(client);
        let mut ctl = self.lock();
        let snapshot = self.current();
        let landed = Landed {
            generation: snapshot.generation,
            version: snapshot.version,
            minted: false,
        };
        if snapshot.held().is_some_and(|held| held.mark == mark) {
            let awaited = sent
                .awaited
                .is_some_and(|awaited| awaited.version == landed.version);
            if awaited {
                return Refusal::PassOn;
            }
            let mut rejected = (*snapshot).clone();
            if !rejected.rejected {
                rejected.rejected = true;
                self.publish(&mut ctl, rejected.clone());
            }
            if inside::is_inside(self.id) {
                return Refusal::PassOn;
            }
            let joined = self.join_locked(&mut ctl, &rejected, times, Why::Refused);
            drop(ctl);
            return Refusal::Current(self.start(joined, client, Why::Refused));
        }
        if ctl.past.contains(mark) {
            self.tally.add(&self.tally.stale_hits);
            // No version: the current token is attached if it is fresh, as on
            // any other call.
            return Refusal::Stale(Landed {
                version: 0,
                ..landed
            });
        }
        Refusal::PassOn
    }

    /// `Err` holds a flight that has to be started outside of the lock.
    fn join_locked(
        &self,
        ctl: &mut Ctl,
        snapshot: &Snapshot,
        (wall, now): (SystemTime, Instant),
        why: Why,
    ) -> Result<Join, Arc<Flight>> {
        // Refresh race: the token may have come while the call got here.
        if why == Why::Stale && snapshot.is_usable(wall) {
            return Ok(Join::Ready);
        }
        match &snapshot.status {
            Status::Dead(error) => return Ok(Join::Failed(Arc::clone(error))),
            Status::Empty => return Ok(Join::SignedOut),
            Status::Unloaded | Status::Live(_) => {}
        }
        if inside::is_inside(self.id) {
            return Ok(Join::Inside);
        }
        if let Some(flight) = &ctl.flight {
            self.tally.add(&self.tally.coalesced);
            return Ok(Join::Wait(flight.wait()));
        }
        let key = snapshot.held().map_or(0, |held| held.key);
        let cooling = ctl.cooldown.as_ref().filter(|_| why != Why::Asked);
        if let Some(error) = cooling.and_then(|it| it.holds(key, now)) {
            self.tally.add(&self.tally.cooled);
            return Ok(Join::Failed(Arc::clone(error)));
        }
        let first = matches!(snapshot.status, Status::Unloaded);
        let flight = Flight::new(snapshot.generation, first);
        ctl.flight = Some(Arc::clone(&flight));
        Err(flight)
    }

    fn start(
        self: &Arc<Self>,
        joined: Result<Join, Arc<Flight>>,
        client: &Client,
        why: Why,
    ) -> Join {
        match joined {
            Ok(join) => join,
            Err(flight) => {
                let waiter = flight.wait();
                drive::launch(Arc::clone(self), flight, client, why);
                Join::Wait(waiter)
            }
        }
    }
}
