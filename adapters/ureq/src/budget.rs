//! [`Budget`]: what is left of a time limit of ureq's.

use std::time::Duration;

use ureq::{
    Error, Timeout,
    unversioned::transport::{NextTimeout, time::Duration as Limit},
};

/// A limit that was set on ureq itself, for connecting by default.
///
/// It is spent by the waits that ended without result: no clock is read.
pub(crate) struct Budget {
    left: Option<Duration>,
    reason: Timeout,
}

impl Budget {
    pub(crate) fn of(timeout: NextTimeout) -> Self {
        let left = match timeout.after {
            Limit::Exact(left) => Some(left),
            Limit::NotHappening => None,
        };
        Self {
            left,
            reason: timeout.reason,
        }
    }

    /// The part of another that one connection attempt gets.
    pub(crate) fn for_connect(left: Option<Duration>) -> Self {
        Self {
            left,
            reason: Timeout::Connect,
        }
    }

    /// Returns what is left, `None` where there is no limit.
    pub(crate) fn left(&self) -> Result<Option<Duration>, Error> {
        match self.left {
            Some(Duration::ZERO) => Err(Error::Timeout(self.reason)),
            left => Ok(left),
        }
    }

    pub(crate) fn spend(&mut self, waited: Duration) {
        self.left = self.left.map(|left| left.saturating_sub(waited));
    }
}
