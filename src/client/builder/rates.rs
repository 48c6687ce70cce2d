//! How slow, and how fast, a client's bodies may be.

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
    /// A blocking adapter of your own that waits to write has to ask
    /// ([`Attempt::check_upload`](crate::Attempt::check_upload)); else it is
    /// noticed when the write goes on.
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

    /// Slows uploads down to so many bytes per second (axios: `maxRate`);
    /// default none, at least 1.
    ///
    /// Half a second's bytes go at once, also after a pause. It holds for each
    /// body on its own: calls at the same time do not share it. Time goes on
    /// while it waits: `timeout`, `deadline` and a cancel handle end it. What
    /// it waits counts for no [`min_upload_rate`](Self::min_upload_rate).
    #[doc(alias = "maxRate")]
    pub fn max_upload_rate(mut self, bytes_per_second: u64) -> Self {
        self.config.wire_mut().max_upload_rate = Some(bytes_per_second.max(1));
        self
    }

    /// Lets an upload be as fast as it is: the default.
    pub fn without_max_upload_rate(mut self) -> Self {
        self.config.wire_mut().max_upload_rate = None;
        self
    }

    /// Slows downloads down to so many bytes per second, after decoding
    /// (axios: `maxRate`); default none, at least 1. The rules are those of
    /// [`max_upload_rate`](Self::max_upload_rate).
    ///
    /// A stream waits as it is read, and its `read_timeout` is for the server
    /// alone.
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let client = Client::builder(MockAdapter::new())
    ///     .without_timeout()
    ///     .max_download_rate(1_000_000)
    ///     .build()?;
    /// assert_eq!(client.config().max_download_rate(), Some(1_000_000));
    /// let now = client.get("http://h/").without_max_download_rate();
    /// # let _ = now;
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "maxRate")]
    pub fn max_download_rate(mut self, bytes_per_second: u64) -> Self {
        self.config.wire_mut().max_download_rate = Some(bytes_per_second.max(1));
        self
    }

    /// Lets a download be as fast as it is: the default.
    pub fn without_max_download_rate(mut self) -> Self {
        self.config.wire_mut().max_download_rate = None;
        self
    }
}
