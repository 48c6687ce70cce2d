//! The marks of a call that a new token was got for.

use super::session::Landed;
use crate::Request;

/// Defines a mark: the sessions that have set it, and with which token. One
/// call may pass several pairs.
macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(super) struct $name(Vec<(u64, Landed)>);

        impl $name {
            pub(super) fn of(&self, session: u64) -> Option<Landed> {
                let found = self.0.iter().find(|(id, _)| *id == session);
                found.map(|(_, landed)| *landed)
            }

            pub(super) fn mark(request: &mut Request, session: u64, landed: Landed) {
                let extensions = request.extensions_mut();
                let mut marks = extensions.remove::<Self>().unwrap_or_default();
                marks.0.push((session, landed));
                extensions.insert(marks);
            }
        }
    )*};
}

marks! {
    /// Which sessions have replayed the call; put on its original request, so
    /// that it lasts for all later attempts.
    Replayed;
    /// Which sessions have replayed the call for a nonce; put there too.
    Nonced;
    /// Which tokens an attempt waited for; put on the request of the attempt.
    Awaited;
}
