//! Tells what the session is.

use std::sync::Arc;

use super::{Session, Status};
use crate::{
    Runtime,
    auth::{SessionState, SessionStatus},
    runtime::ThreadRuntime,
};

impl Session {
    pub(in crate::auth) fn status(&self) -> SessionStatus {
        // Before the first call there is no clock of a client's.
        let (wall, now) = match self.clock.get() {
            Some(clock) => (clock.wall(), clock.now()),
            None => (ThreadRuntime.wall(), ThreadRuntime.now()),
        };
        let ctl = self.lock();
        let snapshot = self.current();
        let state = match &snapshot.status {
            Status::Unloaded => SessionState::Unloaded,
            Status::Empty => SessionState::Empty,
            Status::Dead(_) => SessionState::Dead,
            Status::Live(_) if snapshot.rejected => SessionState::Rejected,
            Status::Live(held) if !held.is_fresh(wall) => SessionState::Expired,
            Status::Live(held) if held.is_due(wall) => SessionState::Advisory,
            Status::Live(_) => SessionState::Fresh,
        };
        let key = snapshot.held().map_or(0, |held| held.key);
        SessionStatus {
            state,
            refreshing: ctl.flight.is_some(),
            cooling: ctl.cooldown.as_ref().and_then(|it| it.left(key, now)),
            ended: match &snapshot.status {
                Status::Dead(error) => Some(Arc::clone(error)),
                _ => None,
            },
            expires_at: snapshot.held().and_then(|held| held.token.expiry()),
            epoch: snapshot.generation,
            version: snapshot.version,
        }
    }
}
