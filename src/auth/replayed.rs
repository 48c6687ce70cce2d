//! The marks of a call that a new token was got for.

use super::session::Landed;
use crate::Request;

/// In the extensions of a call: which sessions have replayed it, and with
/// which token. One call may pass several pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Replayed(Marks);

/// In the extensions of an attempt: which tokens it waited for.
#[derive(Clone, Debug, Default)]
pub(super) struct Awaited(Marks);

/// In the extensions of a call: which sessions have replayed it for a nonce.
#[derive(Clone, Debug, Default)]
pub(super) struct Nonced(Marks);

type Marks = Vec<(u64, Landed)>;

fn of(marks: &Marks, session: u64) -> Option<Landed> {
    let found = marks.iter().find(|(id, _)| *id == session);
    found.map(|(_, landed)| *landed)
}

impl Replayed {
    pub(super) fn of(&self, session: u64) -> Option<Landed> {
        of(&self.0, session)
    }

    /// Marks the call's original request; it lasts for all later attempts.
    pub(super) fn mark(request: &mut Request, session: u64, landed: Landed) {
        let extensions = request.extensions_mut();
        let mut marks = extensions.remove::<Self>().unwrap_or_default();
        marks.0.push((session, landed));
        extensions.insert(marks);
    }
}

impl Awaited {
    pub(super) fn of(&self, session: u64) -> Option<Landed> {
        of(&self.0, session)
    }

    /// Marks the request of this attempt.
    pub(super) fn mark(request: &mut Request, session: u64, landed: Landed) {
        let extensions = request.extensions_mut();
        let mut marks = extensions.remove::<Self>().unwrap_or_default();
        marks.0.push((session, landed));
        extensions.insert(marks);
    }
}

impl Nonced {
    pub(super) fn of(&self, session: u64) -> Option<Landed> {
        of(&self.0, session)
    }

    /// Marks the call's original request.
    pub(super) fn mark(request: &mut Request, session: u64, landed: Landed) {
        let extensions = request.extensions_mut();
        let mut marks = extensions.remove::<Self>().unwrap_or_default();
        marks.0.push((session, landed));
        extensions.insert(marks);
    }
}
