//! How slow a client's bodies may be.

use std::time::Duration;

use super::{ClientBuilder, Defaults, defaults::on_both};
use crate::config::MinRate;

on_both! {
    /// Fails an upload that stalls: one that moves fewer bytes per second, on
    /// the average of a window; default none.
    ///
    /// Time counts from the first byte that the adapter takes to the last one,
    /// window after window; a body that is done within one is never too slow.
    /// The error is a [`Timeout`](crate::ErrorKind::Timeout) that names the
    /// limit and the actual rate. A window is at least 1 ms.
    ///
    /// In the blocking engine an adapter that is stuck in a write notices it
    /// only when the write goes on; `timeout` ends it before.
    pub fn min_upload_rate(mut self, bytes_per_second: u64, window: Duration) -> Self {
        let rate = MinRate::new(bytes_per_second, window);
        self.config.wire_mut().min_upload_rate = Some(rate);
        self
    }

    /// Lets an upload be as slow as it is: the default.
    pub fn without_min_upload_rate(mut self) -> Self {
        self.config.wire_mut().min_upload_rate = None;
        self
    }

    /// Fails a download that stalls: a body that brings fewer bytes per
    /// second, after decoding, on the average of a window; default none.
    ///
    /// Only time in which somebody waits for the body counts, so that a stream
    /// may be read as slowly as its reader likes. The error is a
    /// [`Timeout`](crate::ErrorKind::Timeout) that names the limit and the
    /// actual rate. A window is at least 1 ms.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let client = Client::builder(MockAdapter::new())
    ///     .without_timeout()
    ///     .min_download_rate(1000, Duration::from_secs(10))
    ///     .build()?;
    /// # let _ = client;
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn min_download_rate(mut self, bytes_per_second: u64, window: Duration) -> Self {
        let rate = MinRate::new(bytes_per_second, window);
        self.config.wire_mut().min_download_rate = Some(rate);
        self
    }

    /// Lets a download be as slow as it is: the default.
    pub fn without_min_download_rate(mut self) -> Self {
        self.config.wire_mut().min_download_rate = None;
        self
    }
}
