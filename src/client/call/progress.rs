//! The handlers of a [`Call`] for its progress.

use super::Call;
use crate::{
    config::Setting,
    progress::{Handler, Progress},
};

/// Progress, as in axios: at most three events a second, and a last one.
///
/// The first bytes are told at once. While none move there is no event: no
/// timer runs.
impl<E> Call<E> {
    /// Tells `handler` how much of the request's body the adapter has taken
    /// (axios: `onUploadProgress`); replaces an earlier handler, the client's too.
    ///
    /// Each attempt, and each redirect that sends the body again, counts from
    /// 0. The total is that of `Content-Length`; a body that makes its bytes
    /// as it goes has none. A body without bytes has one event, the last
    /// (axios: none). An interceptor's early answer has no adapter, and so no
    /// event.
    ///
    /// The handler is called where the bytes are moved: on the calling thread
    /// in the blocking engine, in a task of the HTTP client's in the async
    /// one. It must not block. A panic in it fails the call with
    /// [`ErrorKind::Interceptor`](crate::ErrorKind::Interceptor).
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let percent = Arc::new(Mutex::new(0.0));
    /// let shown = Arc::clone(&percent);
    /// Client::new(MockAdapter::new())
    ///     .put("http://h/file")
    ///     .body(vec![0; 1_000_000])
    ///     .on_upload_progress(move |event| {
    ///         *shown.lock().unwrap() = event.progress().unwrap_or_default() * 100.0;
    ///     })
    ///     .send()
    ///     .unwrap();
    /// assert_eq!(*percent.lock().unwrap(), 100.0);
    /// ```
    #[doc(alias = "onUploadProgress")]
    pub fn on_upload_progress(
        mut self,
        handler: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Self {
        self.wire().on_upload_progress = Setting::Set(Handler::new(handler));
        self
    }

    /// Tells nobody of the upload, the client's handler neither.
    pub fn without_on_upload_progress(mut self) -> Self {
        self.wire().on_upload_progress = Setting::Unset;
        self
    }

    /// Tells `handler` how much of the answer's body has come (axios:
    /// `onDownloadProgress`); replaces an earlier handler, the client's too.
    ///
    /// It counts what the adapter has decoded. The total is that of
    /// `Content-Length`, and unknown where the answer comes in chunks or
    /// compressed (axios counts the compressed bytes). Answers of every status
    /// are told of, but for redirects that are followed; an interceptor's
    /// early answer is not. With [`stream`](Self::stream) the events come as
    /// the caller reads.
    ///
    /// The handler is called on the thread that reads, and must not block. A
    /// panic in it ends the body with
    /// [`ErrorKind::Interceptor`](crate::ErrorKind::Interceptor).
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let mock = MockAdapter::new().reply(200, "hello");
    /// Client::new(mock)
    ///     .get("http://h/file")
    ///     .on_download_progress(|event| match event.total() {
    ///         Some(total) => println!("{} of {total} bytes", event.loaded()),
    ///         None => println!("{} bytes", event.loaded()),
    ///     })
    ///     .send()
    ///     .unwrap();
    /// ```
    #[doc(alias = "onDownloadProgress")]
    pub fn on_download_progress(
        mut self,
        handler: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Self {
        self.wire().on_download_progress = Setting::Set(Handler::new(handler));
        self
    }

    /// Tells nobody of the download, the client's handler neither.
    pub fn without_on_download_progress(mut self) -> Self {
        self.wire().on_download_progress = Setting::Unset;
        self
    }
}
