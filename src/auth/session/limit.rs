//! What keeps a failing server from being asked again and again: the cooldown
//! after a failure, and the window of refreshes.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::auth::{RefreshClass, RefreshError};

/// The first pause after a failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, and the one after a mistake in the set-up.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How many refreshes may start within [`WINDOW`].
const WINDOW_REFRESHES: usize = 5;
const WINDOW: Duration = Duration::from_secs(30);

/// The time after a failed refresh, in which the same failure is the answer.
///
/// It belongs to a refresh token: another one is not held up.
#[derive(Debug)]
pub(super) struct Cooldown {
    key: u64,
    until: Instant,
    strikes: u32,
    error: Arc<RefreshError>,
}

impl Cooldown {
    /// Begins or prolongs the cooldown of the token `key`; some failures hold
    /// nobody up.
    ///
    /// `share` (0 to 1) shortens the pause by up to a fifth, so that many
    /// processes do not come back at once; a server's `Retry-After` is kept.
    pub(super) fn after(
        error: RefreshError,
        key: u64,
        before: Option<&Self>,
        now: Instant,
        share: f64,
    ) -> (Arc<RefreshError>, Option<Self>) {
        let strikes = before
            .filter(|before| before.key == key && !before.is_forgotten(now))
            .map_or(0, |before| before.strikes);
        let pause = match error.class() {
            RefreshClass::Interrupted | RefreshClass::Superseded | RefreshClass::Rejected => {
                return (Arc::new(error), None);
            }
            RefreshClass::Excessive => Duration::ZERO,
            RefreshClass::Config => LONGEST_PAUSE,
            _ => FIRST_PAUSE
                .saturating_mul(1_u32.checked_shl(strikes).unwrap_or(u32::MAX))
                .min(LONGEST_PAUSE)
                .mul_f64(1.0 - share.clamp(0.0, 1.0) / 5.0),
        };
        let pause = pause.max(error.retry_after().unwrap_or_default());
        let error = Arc::new(error.with_retry_after(pause));
        let cooldown = now.checked_add(pause).map(|until| Self {
            key,
            until,
            strikes: strikes.saturating_add(1),
            error: Arc::clone(&error),
        });
        (error, cooldown)
    }

    /// Tells whether the last failure is so old that it says nothing any more.
    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.until) > LONGEST_PAUSE
    }

    /// Tells whether the pause is over.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// Returns how long the token `key` has to wait, and why.
    pub(super) fn left(&self, key: u64, now: Instant) -> Option<(Duration, Arc<RefreshError>)> {
        let error = self.holds(key, now)?;
        Some((self.until.saturating_duration_since(now), Arc::clone(error)))
    }

    /// Returns the failure, while the token `key` has to wait.
    pub(super) fn holds(&self, key: u64, now: Instant) -> Option<&Arc<RefreshError>> {
        (self.key == key && now < self.until).then_some(&self.error)
    }
}

/// When the last refreshes started.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Instant>);

impl Window {
    /// Counts a refresh, or says how long there may be none.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        while let Some(first) = self.0.front() {
            let age = now.saturating_duration_since(*first);
            if age < WINDOW {
                if self.0.len() < WINDOW_REFRESHES {
                    break;
                }
                return Err(WINDOW - age);
            }
            self.0.pop_front();
        }
        self.0.push_back(now);
        Ok(())
    }

    /// Notes that the last refresh has asked again: it counts from then on.
    pub(super) fn again(&mut self, now: Instant) {
        if let Some(last) = self.0.back_mut() {
            *last = now;
        }
    }

    /// Tells whether no refresh counts any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let last = self.0.back();
        last.is_none_or(|last| now.saturating_duration_since(*last) >= WINDOW)
    }
}

/// What a refused refresh fails with.
pub(super) fn excessive(wait: Duration) -> RefreshError {
    RefreshError::new(
        RefreshClass::Excessive,
        format!(
            "the token was refreshed {WINDOW_REFRESHES} times within {} s, which is the limit",
            WINDOW.as_secs()
        ),
    )
    .with_retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{ManualRuntime, Runtime};

    fn lost() -> RefreshError {
        RefreshError::new(RefreshClass::Ambiguous, "lost")
    }

    #[test]
    fn pauses_double_up_to_thirty_seconds() {
        let mut now = ManualRuntime::new().now();
        let mut last: Option<Cooldown> = None;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let (error, next) = Cooldown::after(lost(), 1, last.as_ref(), now, 0.0);
            let pause = error.retry_after().unwrap();
            pauses.push(pause.as_secs());
            now += pause;
            last = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        let (error, other) = Cooldown::after(lost(), 2, last.as_ref(), now, 1.0);
        assert_eq!(error.retry_after(), Some(Duration::from_millis(800)));
        let other = other.unwrap();
        assert!(other.holds(1, now).is_none());
        assert!(other.holds(2, now).is_some());
        now += Duration::from_secs(60);
        let (error, _) = Cooldown::after(lost(), 1, last.as_ref(), now, 0.0);
        assert_eq!(error.retry_after(), Some(FIRST_PAUSE), "forgotten");
    }

    #[test]
    fn the_servers_wish_is_kept() {
        let now = ManualRuntime::new().now();
        let wish = Duration::from_secs(120);
        let error = lost().with_retry_after(wish);
        let cooldown = Cooldown::after(error, 1, None, now, 1.0).1.unwrap();
        assert!(cooldown.holds(1, now + Duration::from_secs(119)).is_some());
        assert!(cooldown.holds(1, now + wish).is_none());
    }

    #[test]
    fn a_panic_holds_nobody_up() {
        let now = ManualRuntime::new().now();
        let error = RefreshError::new(RefreshClass::Interrupted, "it panicked");
        assert!(Cooldown::after(error, 1, None, now, 0.0).1.is_none());
    }

    #[test]
    fn five_refreshes_fit_into_thirty_seconds() {
        let start = ManualRuntime::new().now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = Window::default();
        for second in 0..5 {
            assert_eq!(window.admit(at(second)), Ok(()));
        }
        assert_eq!(window.admit(at(5)), Err(Duration::from_secs(25)));
        assert_eq!(window.admit(at(29)), Err(Duration::from_secs(1)));
        assert_eq!(window.admit(at(30)), Ok(()));
        assert!(window.admit(at(30)).is_err());
    }

    #[test]
    fn a_refresh_that_asks_again_counts_from_then_on() {
        let start = ManualRuntime::new().now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = Window::default();
        window.admit(at(0)).unwrap();
        window.again(at(10));
        for seconds in 11..15 {
            window.admit(at(seconds)).unwrap();
        }
        assert_eq!(window.admit(at(31)), Err(Duration::from_secs(9)));
        window.admit(at(40)).unwrap();
    }
}
