//! Tells what would be lost if a session were read from its store again.

use std::time::Instant;

use super::Session;
use crate::auth::LostAnswer;

impl Session {
    /// Tells whether the store knows all that matters: no refresh and no look
    /// is under way, and nothing has still to be written.
    ///
    /// What is under way holds a reference to the session, too; the answer is
    /// right without counting them.
    pub(in crate::auth) fn is_settled(&self) -> bool {
        let live = self.peek(|snapshot| snapshot.held().is_some());
        let ctl = self.lock();
        // A store may not keep the mark of a lost answer, and then it would be
        // forgotten that the token must not be presented again.
        let spent = live && ctl.ambiguous.is_some();
        let spent = spent && self.options.lost_answer == LostAnswer::GiveUp;
        ctl.flight.is_none() && !ctl.looking && !ctl.unsaved && !ctl.unstored && !spent
    }

    /// Tells whether neither a pause after a failure nor the count of
    /// refreshes would be lost.
    pub(in crate::auth) fn is_rested(&self, now: Instant) -> bool {
        let ctl = self.lock();
        let paused = ctl.cooldown.as_ref().is_some_and(|it| !it.is_over(now));
        !paused && ctl.window.is_over(now)
    }
}
