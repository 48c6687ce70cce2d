//! [`Attempt`]: what the core tells an adapter about the attempt.

use std::{
    fmt,
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{Either, select};
use http::{HeaderName, StatusCode, header::LOCATION, response::Parts};

use super::AdapterError;
use crate::{
    cancel::CancelHandle,
    runtime::{BoxFuture, Runtime},
};

/// How long the body of a redirect is waited for. A new connection is made
/// sooner than a server that stalls goes on.
pub(crate) const REDIRECT_PATIENCE: Duration = Duration::from_millis(250);

/// Tells whether an answer of this status is a redirect, if it has a `Location`.
pub(crate) fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The limits of one attempt, in the request's extensions.
///
/// An async adapter may ignore it: the core drops its future. A blocking
/// adapter honours it, in `send` and while its body is read.
///
/// ```
/// use tollgate::{Attempt, Body};
///
/// let request = http::Request::new(Body::empty());
/// let attempt = Attempt::of(&request);
/// assert_eq!(attempt.time_left(), None, "no client has set a limit");
/// assert!(!attempt.is_cancelled());
/// ```
#[derive(Clone)]
pub struct Attempt {
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) body_deadline: Option<Instant>,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) cancel: Option<CancelHandle>,
    pub(crate) stream: bool,
    /// Redirects are followed.
    pub(crate) follows: bool,
    /// That of the least rate of a download.
    pub(crate) window: Option<Duration>,
    /// Headers that are not to be added.
    pub(crate) without: Option<Arc<[HeaderName]>>,
    /// That of the least rate of an upload.
    pub(crate) upload: Option<Arc<dyn Pace>>,
}

/// Judges how fast the request's body is taken.
pub(crate) trait Pace: Send + Sync {
    /// Returns the time to the next look, or fails if too little was taken.
    fn look(&self) -> Result<Duration, AdapterError>;
}

impl Attempt {
    /// Returns the request's attempt, or one without limits.
    #[must_use]
    pub fn of<B>(request: &http::Request<B>) -> Self {
        match request.extensions().get::<Self>() {
            Some(attempt) => attempt.clone(),
            None => Self {
                runtime: Arc::new(crate::runtime::ThreadRuntime),
                deadline: None,
                body_deadline: None,
                read_timeout: None,
                cancel: None,
                stream: false,
                follows: false,
                window: None,
                without: None,
                upload: None,
            },
        }
    }

    /// Returns the source of time.
    #[must_use]
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.runtime
    }

    /// Returns when the attempt must be over, to the last byte of the body; to
    /// the head only where [`is_stream`](Self::is_stream).
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns when the body must be over: with the attempt, but where
    /// [`is_stream`](Self::is_stream) with the whole call.
    #[must_use]
    pub fn body_deadline(&self) -> Option<Instant> {
        self.body_deadline
    }

    /// Notes that the head of the answer is there, before its body is read.
    ///
    /// A redirect that is followed is read for the sake of its connection
    /// alone, and so its [`body_deadline`](Self::body_deadline) comes soon. A
    /// blocking adapter calls this, for the core cannot end its reads.
    pub fn answered(&mut self, head: &Parts) {
        if self.follows && redirects(head.status) && head.headers.contains_key(LOCATION) {
            let soon = self.runtime.now().checked_add(REDIRECT_PATIENCE);
            self.body_deadline = self.body_deadline.into_iter().chain(soon).min();
        }
    }

    /// Returns the time to the [`deadline`](Self::deadline), zero if it has
    /// passed, `None` if there is none.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(self.runtime.now()))
    }

    /// Returns the time for each chunk of a streamed body.
    #[must_use]
    pub fn read_timeout(&self) -> Option<Duration> {
        self.read_timeout
    }

    /// Returns how long one read of the body may wait for its first byte: the
    /// [`read_timeout`](Self::read_timeout) where [`is_stream`](Self::is_stream),
    /// or the window of `min_download_rate`, whichever is shorter.
    #[must_use]
    pub fn chunk_timeout(&self) -> Option<Duration> {
        let of_stream = self.read_timeout.filter(|_| self.stream);
        of_stream.into_iter().chain(self.window).min()
    }

    /// Looks whether the request's body is taken as fast as `min_upload_rate`
    /// asks for, and returns the time until it should be looked again; `None`
    /// where there is no such rate.
    ///
    /// A blocking adapter asks while it waits to write; the rate of an upload
    /// that stands still shows in nothing but the time. The core asks for async
    /// adapters.
    ///
    /// # Errors
    ///
    /// A timeout, to end the attempt with, if too little was taken.
    pub fn check_upload(&self) -> Result<Option<Duration>, AdapterError> {
        match &self.upload {
            Some(upload) => upload.look().map(Some),
            None => Ok(None),
        }
    }

    /// Returns the call's cancel handle.
    #[must_use]
    pub fn cancel(&self) -> Option<&CancelHandle> {
        self.cancel.as_ref()
    }

    /// Tells whether the call was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelHandle::is_cancelled)
    }

    /// Tells whether the call took this header off
    /// ([`without_header`](crate::client::Call::without_header)): an adapter
    /// that finds none in the request adds none of its own.
    ///
    /// ```
    /// use http::header::{ACCEPT, USER_AGENT};
    /// use tollgate::{AdapterError, Attempt, BlockingAdapter, Body, blocking::Client};
    ///
    /// struct Own;
    ///
    /// impl BlockingAdapter for Own {
    ///     fn send(
    ///         &self,
    ///         request: http::Request<Body>,
    ///     ) -> Result<http::Response<Body>, AdapterError> {
    ///         let attempt = Attempt::of(&request);
    ///         assert!(attempt.leaves_out(&ACCEPT) && !attempt.leaves_out(&USER_AGENT));
    ///         Ok(http::Response::new(Body::empty()))
    ///     }
    /// }
    ///
    /// Client::new(Own).get("http://h/").without_header("Accept").send()?;
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[must_use]
    pub fn leaves_out(&self, name: &HeaderName) -> bool {
        self.without
            .as_ref()
            .is_some_and(|names| names.contains(name))
    }

    /// Awaits `work`, for no longer than the attempt may last: what a blocking
    /// adapter does with a future.
    pub(crate) async fn limit<T>(&self, work: BoxFuture<'_, T>) -> Result<T, AdapterError> {
        let deadline: BoxFuture<'static, ()> = match self.time_left() {
            Some(left) => self.runtime.sleep(left),
            None => Box::pin(pending()),
        };
        let cancelled: BoxFuture<'static, ()> = match self.cancel().map(CancelHandle::cancelled) {
            Some(cancelled) => Box::pin(cancelled),
            None => Box::pin(pending()),
        };
        match select(work, select(deadline, cancelled)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right((Either::Left(_), _)) => Err(AdapterError::timeout()),
            Either::Right((Either::Right(_), _)) => Err(AdapterError::cancelled()),
        }
    }

    /// Tells whether the caller reads the body itself, as a stream.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.stream
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("time_left", &self.time_left())
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
