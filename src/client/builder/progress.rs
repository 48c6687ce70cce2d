//! Who hears of the bodies of a client's calls.

use super::{ClientBuilder, Defaults, defaults::on_both};
use crate::progress::{Handler, Progress};

on_both! {
    /// Tells `handler` of the uploads of all calls that have no handler of
    /// their own (axios: `onUploadProgress`); see
    /// [`Call::on_upload_progress`](crate::client::Call::on_upload_progress).
    ///
    /// Calls that run at the same time tell it at the same time, each its own
    /// numbers.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let sent = Arc::new(AtomicU64::new(0));
    /// let count = Arc::clone(&sent);
    /// let client = Client::builder(MockAdapter::new())
    ///     .on_upload_progress(move |event| {
    ///         count.fetch_add(event.bytes(), Ordering::Relaxed);
    ///     })
    ///     .build()?;
    /// client.put("http://h/a").body("tea").send()?;
    /// client.put("http://h/b").body("milk").send()?;
    /// client.put("http://h/c").body("sugar").without_on_upload_progress().send()?;
    /// assert_eq!(sent.load(Ordering::Relaxed), 7);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "onUploadProgress")]
    pub fn on_upload_progress(
        mut self,
        handler: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Self {
        self.config.wire_mut().on_upload_progress = Some(Handler::new(handler));
        self
    }

    /// Tells nobody of uploads: the default.
    pub fn without_on_upload_progress(mut self) -> Self {
        self.config.wire_mut().on_upload_progress = None;
        self
    }

    /// Tells `handler` of the downloads of all calls that have no handler of
    /// their own (axios: `onDownloadProgress`); see
    /// [`Call::on_download_progress`](crate::client::Call::on_download_progress).
    #[doc(alias = "onDownloadProgress")]
    pub fn on_download_progress(
        mut self,
        handler: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Self {
        self.config.wire_mut().on_download_progress = Some(Handler::new(handler));
        self
    }

    /// Tells nobody of downloads: the default.
    pub fn without_on_download_progress(mut self) -> Self {
        self.config.wire_mut().on_download_progress = None;
        self
    }
}
