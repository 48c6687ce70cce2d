//! [`Progress`]: how far a body has come, as a call's handlers are told.
//!
//! *In and out*: a snapshot of numbers. *Not here*: who counts the bytes and
//! when an event is due; that is `pipeline/progress.rs`.

use std::{fmt, sync::Arc, time::Duration};

/// One event of [`Call::on_upload_progress`](crate::Call::on_upload_progress)
/// or [`Call::on_download_progress`](crate::Call::on_download_progress)
/// (axios: `AxiosProgressEvent`).
///
/// | axios | here |
/// |---|---|
/// | `loaded`, `total`, `progress`, `bytes`, `rate`, `estimated` | the same names |
/// | `lengthComputable` | `total().is_some()` |
/// | `upload`, `download` | each has a handler of its own |
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use tollgate::{Client, MockAdapter, Progress};
///
/// let events: Arc<Mutex<Vec<Progress>>> = Arc::default();
/// let told = Arc::clone(&events);
/// # tollgate::runtime::block_on(async {
/// Client::new(MockAdapter::new().reply(200, "hello"))
///     .get("http://h/")
///     .on_download_progress(move |progress| told.lock().unwrap().push(progress))
///     .await
///     .unwrap();
/// # });
/// let last = events.lock().unwrap()[0];
/// assert_eq!((last.loaded(), last.total()), (5, Some(5)));
/// assert_eq!(last.progress(), Some(1.0));
/// assert!(last.is_done());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub(crate) loaded: u64,
    pub(crate) total: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) rate: Option<f64>,
    pub(crate) attempt: u32,
    pub(crate) done: bool,
}

impl Progress {
    /// Returns the bytes so far, in this attempt; at most [`total`](Self::total).
    #[must_use]
    pub fn loaded(&self) -> u64 {
        self.loaded
    }

    /// Returns the bytes in all, where they are known beforehand.
    ///
    /// They are not for a stream without a length, for an answer in chunks and
    /// for one that is decoded.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the part that is done, from 0 to 1, where the total is known;
    /// 1 for a body of no bytes.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        let total = self.total?;
        Some(match total {
            0 => 1.0,
            total => self.loaded as f64 / total as f64,
        })
    }

    /// Returns the bytes since the event before.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the bytes per second, over the last 50 events.
    ///
    /// None in the first 250 ms of a body, as in axios.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Returns the time that the rest takes at this rate, where both the total
    /// and the rate are known.
    #[must_use]
    pub fn estimated(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.loaded);
        Duration::try_from_secs_f64(left as f64 / self.rate?).ok()
    }

    /// Returns the number of the attempt, from 1; a replay counts its bytes
    /// anew.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Tells whether this is the last event: the body has come to its end.
    ///
    /// A body that breaks, or that nobody reads to its end, has no such event.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }
}

/// What a call tells its events to; clones share it.
#[derive(Clone)]
pub(crate) struct Handler(Arc<dyn Fn(Progress) + Send + Sync>);

impl Handler {
    pub(crate) fn new(handler: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(handler))
    }

    pub(crate) fn call(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(loaded: u64, total: Option<u64>, rate: Option<f64>) -> Progress {
        Progress {
            loaded,
            total,
            bytes: 0,
            rate,
            attempt: 1,
            done: false,
        }
    }

    #[test]
    fn the_part_needs_a_total() {
        assert_eq!(at(1, Some(4), None).progress(), Some(0.25));
        assert_eq!(at(0, Some(0), None).progress(), Some(1.0));
        assert_eq!(at(1, None, None).progress(), None);
    }

    #[test]
    fn the_estimate_needs_a_total_and_a_rate() {
        let second = Duration::from_secs(1);
        assert_eq!(at(1, Some(4), Some(2.0)).estimated(), Some(second * 3 / 2));
        assert_eq!(at(4, Some(4), Some(2.0)).estimated(), Some(Duration::ZERO));
        assert_eq!(at(1, None, Some(2.0)).estimated(), None);
        assert_eq!(at(1, Some(4), None).estimated(), None);
        assert_eq!(at(0, Some(u64::MAX), Some(1e-9)).estimated(), None);
    }
}
