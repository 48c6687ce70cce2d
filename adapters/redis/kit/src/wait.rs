//! Waiting for a condition, with a bound.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Waits until `reached` is true, for at most 10 seconds; panics with `what`
/// after that.
pub fn until(what: &str, reached: impl FnMut() -> bool) {
    assert!(
        until_within(Duration::from_secs(10), reached).is_some(),
        "waited 10 s for: {what}"
    );
}

/// Waits until `reached` is true, for at most `limit`; returns how long it
/// took, or `None`.
///
/// The last look comes after the limit: whoever looks may have been held up
/// for longer than that.
#[expect(
    clippy::disallowed_methods,
    reason = "the servers are other processes, which live in real time"
)]
pub fn until_within(limit: Duration, mut reached: impl FnMut() -> bool) -> Option<Duration> {
    let start = Instant::now();
    loop {
        let is_last = start.elapsed() > limit;
        if reached() {
            return Some(start.elapsed());
        }
        if is_last {
            return None;
        }
        thread::sleep(Duration::from_millis(3));
    }
}
