//! How slow, and how fast, a call's bodies may be.

use std::time::Duration;

use super::Call;
use crate::config::{MinRate, Setting};

impl<E> Call<E> {
    /// Fails an upload that stalls; see
    /// [`ClientBuilder::min_upload_rate`](crate::ClientBuilder::min_upload_rate).
    pub fn min_upload_rate(mut self, bytes_per_second: u64, window: Duration) -> Self {
        let rate = MinRate::new(bytes_per_second, window);
        self.wire().min_upload_rate = Setting::Set(rate);
        self
    }

    /// Lets an upload be as slow as it is.
    pub fn without_min_upload_rate(mut self) -> Self {
        self.wire().min_upload_rate = Setting::Unset;
        self
    }

    /// Fails a download that stalls; see
    /// [`ClientBuilder::min_download_rate`](crate::ClientBuilder::min_download_rate).
    pub fn min_download_rate(mut self, bytes_per_second: u64, window: Duration) -> Self {
        let rate = MinRate::new(bytes_per_second, window);
        self.wire().min_download_rate = Setting::Set(rate);
        self
    }

    /// Lets a download be as slow as it is.
    pub fn without_min_download_rate(mut self) -> Self {
        self.wire().min_download_rate = Setting::Unset;
        self
    }

    /// Slows an upload down; see
    /// [`ClientBuilder::max_upload_rate`](crate::ClientBuilder::max_upload_rate).
    #[doc(alias = "maxRate")]
    pub fn max_upload_rate(mut self, bytes_per_second: u64) -> Self {
        self.wire().max_upload_rate = Setting::Set(bytes_per_second.max(1));
        self
    }

    /// Lets an upload be as fast as it is.
    pub fn without_max_upload_rate(mut self) -> Self {
        self.wire().max_upload_rate = Setting::Unset;
        self
    }

    /// Slows a download down; see
    /// [`ClientBuilder::max_download_rate`](crate::ClientBuilder::max_download_rate).
    #[doc(alias = "maxRate")]
    pub fn max_download_rate(mut self, bytes_per_second: u64) -> Self {
        self.wire().max_download_rate = Setting::Set(bytes_per_second.max(1));
        self
    }

    /// Lets a download be as fast as it is.
    pub fn without_max_download_rate(mut self) -> Self {
        self.wire().max_download_rate = Setting::Unset;
        self
    }
}
