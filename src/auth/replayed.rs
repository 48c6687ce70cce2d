//! The mark of a call that was replayed with a new token.

use super::session::Landed;
use crate::Request;

/// In the extensions of a call: which sessions have replayed it, and with
/// which token. One call may pass several pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Replayed(Vec<(u64, Landed)>);

impl Replayed {
    pub(super) fn of(&self, session: u64) -> Option<Landed> {
        let found = self.0.iter().find(|(id, _)| *id == session);
        found.map(|(_, landed)| *landed)
    }

    /// Marks the call's original request; it lasts for all later attempts.
    pub(super) fn mark(request: &mut Request, session: u64, landed: Landed) {
        let mut replayed = request
            .extensions_mut()
            .remove::<Self>()
            .unwrap_or_default();
        replayed.0.push((session, landed));
        request.extensions_mut().insert(replayed);
    }
}
