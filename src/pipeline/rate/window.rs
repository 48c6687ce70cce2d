//! A window of time, and the bytes that moved in it.

use std::time::Duration;

use crate::{
    config::MinRate,
    error::{Error, ErrorKind, Result},
};

/// Bytes and the time they took, up to a window's length.
pub(super) struct Window {
    pub(super) limit: MinRate,
    /// `upload` or `download`, for the message.
    what: &'static str,
    pub(super) bytes: u64,
    pub(super) passed: Duration,
}

impl Window {
    pub(super) fn new(limit: MinRate, what: &'static str) -> Self {
        Self {
            limit,
            what,
            bytes: 0,
            passed: Duration::ZERO,
        }
    }

    pub(super) fn left(&self) -> Duration {
        self.limit.window.saturating_sub(self.passed)
    }

    /// Judges a window that is over, and starts the next one.
    pub(super) fn judge(&mut self) -> Result<()> {
        if !self.left().is_zero() {
            return Ok(());
        }
        let second = Duration::from_secs(1).as_nanos();
        let passed = self.passed.as_nanos().max(1);
        let enough = u128::from(self.limit.bytes_per_second) * passed;
        let sent = u128::from(self.bytes) * second;
        if sent < enough {
            return Err(self.too_slow(sent / passed));
        }
        self.bytes = 0;
        self.passed = Duration::ZERO;
        Ok(())
    }

    #[cold]
    fn too_slow(&self, rate: u128) -> Error {
        let (what, passed) = (self.what, self.passed);
        let limit = self.limit.bytes_per_second;
        Error::new(
            ErrorKind::Timeout,
            format!(
                "the {what} came to {rate} bytes per second over {passed:?}, the limit is {limit}"
            ),
        )
        .with_hint(format!(
            "lower `min_{what}_rate`, or take it off with `without_min_{what}_rate`"
        ))
    }
}
