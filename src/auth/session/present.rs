//! Presents the refresh token: the mark in the store before, the tries, and
//! what a lost answer means.
//!
//! ```text
//! mark ─▶ ask ─┬─▶ token
//!              ├─ not sent: pause, ask again ─ the mark is taken back
//!              ├─ answer lost: once more, unless a lost one was told to be the end
//!              └─ refused, set up wrongly
//! ```

use std::time::Duration;

use super::{
    Session,
    drive::{Pilot, Underway, answered, own_client},
    limit,
    look::View,
    superseded,
    timer::Timer,
};
use crate::{
    Client,
    auth::{AuthEvent, LostAnswer, Presented, RefreshClass, RefreshError, Stored, Swap, Token},
};

/// The pause before the second try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What came of the mark.
pub(super) enum Marked {
    /// It is written: ask.
    Done,
    /// Another record is there.
    Moved(Stored),
    /// The answer to an earlier refresh was lost, and that is the end.
    Lost(RefreshError),
}

impl Pilot {
    /// Writes down that the refresh token is spent.
    pub(super) async fn mark(
        &self,
        client: &Client,
        view: &View,
        underway: &mut Underway,
    ) -> Result<Marked, RefreshError> {
        let session = &self.session;
        if view.presented.is_some() && underway.mark.is_none() {
            // Who has left the mark is gone, or its lease is over.
            session.lock().ambiguous = Some(view.held.key);
        }
        if session.gives_up(view) {
            return Ok(Marked::Lost(RefreshError::new(
                RefreshClass::Rejected,
                "the refresh token is not tried a second time",
            )));
        }
        let at = session.clock(client).wall();
        let presented = Presented::new(view.fence, at);
        let marking = session.store.present(view.expected, Some(presented));
        match answered(underway.timer.before(marking).await, "be written")? {
            Swap::Done => {
                underway.mark = Some(view.expected);
                Ok(Marked::Done)
            }
            Swap::Conflict(other) => Ok(Marked::Moved(other)),
        }
    }

    /// Asks the refresher, within the window and the flight's time.
    pub(super) async fn ask(
        &self,
        client: &Client,
        view: &View,
        timer: &mut Timer,
    ) -> Result<Token, RefreshError> {
        let session = &self.session;
        let now = session.clock(client).now();
        let admitted = session.lock().window.admit(now);
        admitted.map_err(limit::excessive)?;
        let own = own_client(client, session.options.refresh_timeout)?;
        session.tell(&AuthEvent::Refreshing {});
        let mut tries = 1;
        loop {
            if session.peek(|snapshot| snapshot.generation) != self.flight.generation {
                // Nobody is signed in any more whose token this is.
                return Err(superseded());
            }
            if timer.left().is_zero() {
                // It was held up, perhaps past its lease: whoever came later
                // has spent the token.
                return Err(RefreshError::new(
                    RefreshClass::NotSent,
                    "the time for a refresh was over before it was sent",
                ));
            }
            session.tally.add(&session.tally.attempts);
            self.flight.spend(view.held.key);
            let asking = session.refresher.refresh(&own, &view.held.token);
            let error = match timer.before(asking).await {
                Some(Ok(token)) => return Ok(token.or_keep(&view.held.token)),
                Some(Err(error)) => error,
                None => return Err(late(session.options.refresh_timeout)),
            };
            let again = self.again(view, &error, tries);
            if error.class() != RefreshClass::Ambiguous {
                self.flight.spend(0);
            }
            let pause = session.pause(tries, error.retry_after());
            if !again || pause >= timer.left() {
                return Err(error);
            }
            tries += 1;
            if timer.before(client.runtime().sleep(pause)).await.is_none() {
                return Err(error);
            }
            let now = session.clock(client).now();
            session.lock().window.again(now);
        }
    }

    /// Tells whether a failure is tried again in this flight.
    fn again(&self, view: &View, error: &RefreshError, tries: u32) -> bool {
        let session = &self.session;
        let left = tries < session.options.attempts;
        match error.class() {
            RefreshClass::NotSent => left,
            RefreshClass::Ambiguous => {
                let before = session.lock().ambiguous.replace(view.held.key);
                left && before != Some(view.held.key)
                    && session.options.lost_answer == LostAnswer::RetryOnce
            }
            _ => false,
        }
    }
}

impl Session {
    fn gives_up(&self, view: &View) -> bool {
        self.options.lost_answer == LostAnswer::GiveUp
            && self.lock().ambiguous == Some(view.held.key)
    }

    /// The pause after the try number `tries`, of which up to a half is left
    /// out at random; a server's `Retry-After` is kept.
    fn pause(&self, tries: u32, wish: Option<Duration>) -> Duration {
        let share = self.lock().random.f64();
        FIRST_PAUSE
            .saturating_mul(1_u32.checked_shl(tries - 1).unwrap_or(u32::MAX))
            .mul_f64(1.0 - share / 2.0)
            .max(wish.unwrap_or_default())
    }
}

fn late(timeout: Duration) -> RefreshError {
    RefreshError::new(
        RefreshClass::Ambiguous,
        format!("no new token came within {timeout:?}"),
    )
}
