//! The wall clock, read once per tick.
//!
//! A call that attaches a token which expires asks for the time, and the exact
//! one is a good part of what attaching costs. Linux tells the number of its
//! last tick for a fifth of that, so a thread keeps what it has read until the
//! next one: 1 to 10 milliseconds, as the kernel was built. Ticks go on after a
//! sleep of the machine and after the clock was set, so both are seen with the
//! next one. Elsewhere the exact clock is read each time.

#[cfg(target_os = "linux")]
use std::cell::Cell;
use std::time::SystemTime;

#[cfg(target_os = "linux")]
thread_local! {
    /// A tick, and what the wall clock said in it.
    static LAST: Cell<(u64, SystemTime)> = const { Cell::new((0, SystemTime::UNIX_EPOCH)) };
}

/// Returns the wall clock, at most one tick late.
#[cfg(target_os = "linux")]
#[inline]
pub(super) fn now() -> SystemTime {
    let tick = coarsetime::Instant::now_without_cache_update().as_ticks();
    LAST.try_with(|last| match last.get() {
        (known, wall) if known == tick => wall,
        _ => {
            let wall = exact();
            last.set((tick, wall));
            wall
        }
    })
    .unwrap_or_else(|_| exact())
}

/// Returns the wall clock.
#[cfg(not(target_os = "linux"))]
pub(super) fn now() -> SystemTime {
    exact()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
fn exact() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Many times a tick, so that a busy machine does not matter.
    const LATE: Duration = Duration::from_millis(500);

    #[test]
    fn the_wall_clock_goes_on_and_is_never_ahead() {
        let first = now();
        let mut last = first;
        for _ in 0..5_000_000 {
            let before = exact();
            let wall = now();
            assert!(wall >= last, "it went back");
            assert!(wall <= exact(), "it is ahead");
            // Of what it was when it was asked for: the thread may stop behind.
            let late = before.duration_since(wall).unwrap_or_default();
            assert!(late < LATE, "it is {late:?} late");
            last = wall;
            if wall.duration_since(first).unwrap() > Duration::from_millis(25) {
                return;
            }
        }
        panic!("it stands still");
    }
}
