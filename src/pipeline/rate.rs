//! Holds bodies to `min_upload_rate` and `min_download_rate`.
//!
//! *In and out*: a body in, the same bytes out of a body that is timed; a call
//! without a limit gets its body back as it was.
//!
//! A download is timed while somebody waits for it, so that a reader that is
//! slow itself is no fault of the server's. An upload is timed from its first
//! byte to its last one; a watch beside the adapter notices that it stands
//! still, for then nobody polls the body. A blocking adapter cannot be watched:
//! there, its body looks at the clock whenever it is polled.
//!
//! *Concurrency*: the lock is held for a few instructions, by the adapter's
//! task and the call's.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use super::Run;
use crate::{
    adapter::AdapterError,
    body::{Body, BodyError},
    config::MinRate,
    error::{Error, ErrorKind, Result},
    runtime::{BoxFuture, Runtime},
};

/// How much of an upload is handed over at once.
const SLICE_BYTES: usize = 64 * 1024;

type Step = Option<Result<Frame<Bytes>, BodyError>>;

/// Bytes and the time they took, up to a window's length.
struct Window {
    limit: MinRate,
    /// `upload` or `download`, for the message.
    what: &'static str,
    bytes: u64,
    passed: Duration,
}

impl Window {
    fn new(limit: MinRate, what: &'static str) -> Self {
        Self {
            limit,
            what,
            bytes: 0,
            passed: Duration::ZERO,
        }
    }

    fn left(&self) -> Duration {
        self.limit.window.saturating_sub(self.passed)
    }

    /// Judges a window that is over, and starts the next one.
    fn judge(&mut self) -> Result<()> {
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

/// Times the body of an answer, if the call has a limit.
pub(super) fn download(run: &Run<'_>, body: Body) -> Body {
    let limit = run.wire.and_then(|wire| wire.min_download_rate);
    match limit.filter(|_| body.as_bytes().is_none()) {
        Some(limit) => timed(body, limit, Arc::clone(&run.engine.runtime)),
        None => body,
    }
}

#[cold]
fn timed(body: Body, limit: MinRate, runtime: Arc<dyn Runtime>) -> Body {
    let length = body.length();
    let timed = Body::stream(Download {
        body,
        window: Window::new(limit, "download"),
        runtime,
        since: None,
        alarm: None,
    });
    match length {
        Some(length) => timed.with_length(length),
        None => timed,
    }
}

/// The body of an answer while somebody waits for it.
struct Download {
    body: Body,
    window: Window,
    runtime: Arc<dyn Runtime>,
    /// Since when the next frame is awaited.
    since: Option<Instant>,
    alarm: Option<BoxFuture<'static, ()>>,
}

impl Download {
    /// Adds the time since the last look, while the wait goes on or ends.
    fn look(&mut self, waits: bool) {
        let now = self.runtime.now();
        if let Some(since) = self.since {
            self.window.passed += now.saturating_duration_since(since);
        }
        self.since = waits.then_some(now);
    }

    fn fail(&mut self, error: Error) -> Step {
        // Whoever feeds it learns that nobody reads any more.
        self.body = Body::empty();
        Some(Err(error.into()))
    }

    fn pass(&mut self, frame: Step) -> Step {
        self.alarm = None;
        self.look(false);
        match &frame {
            None => return frame,
            Some(Ok(frame)) => {
                let data = frame.data_ref().map_or(0, Bytes::len);
                self.window.bytes += data as u64;
            }
            // A blocking adapter ends its read with the window.
            Some(Err(_)) => {}
        }
        match self.window.judge() {
            Ok(()) => frame,
            Err(error) => self.fail(error),
        }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Step> {
        let this = &mut *self;
        if this.since.is_none() {
            this.look(true);
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            return Poll::Ready(this.pass(frame));
        }
        loop {
            if this.alarm.is_none() {
                this.look(true);
                if let Err(error) = this.window.judge() {
                    return Poll::Ready(this.fail(error));
                }
                this.alarm = Some(this.runtime.sleep(this.window.left()));
            }
            if let Some(alarm) = &mut this.alarm {
                ready!(alarm.as_mut().poll(context));
            }
            this.alarm = None;
        }
    }
}

/// How an upload goes: shared by its body and the watch beside the adapter.
#[derive(Clone)]
pub(super) struct Upload(Arc<Shared>);

struct Shared {
    runtime: Arc<dyn Runtime>,
    state: Mutex<State>,
}

struct State {
    window: Window,
    /// Since when the window runs: from the first poll to the last byte.
    since: Option<Instant>,
    fault: Option<Error>,
}

/// Times what an adapter is about to take, if the call has a limit.
pub(super) fn upload(run: &Run<'_>, body: Body) -> (Body, Option<Upload>) {
    let limit = run.wire.and_then(|wire| wire.min_upload_rate);
    let Some(limit) = limit.filter(|_| !body.is_empty()) else {
        return (body, None);
    };
    let upload = Upload(Arc::new(Shared {
        runtime: Arc::clone(&run.engine.runtime),
        state: Mutex::new(State {
            window: Window::new(limit, "upload"),
            since: None,
            fault: None,
        }),
    }));
    let length = body.length();
    let taken = Body::stream(Taken {
        body,
        rest: Bytes::new(),
        left: length,
        upload: upload.clone(),
    });
    let taken = match length {
        Some(length) => taken.with_length(length),
        None => taken,
    };
    (taken, Some(upload))
}

impl Upload {
    fn with<T>(&self, ask: impl FnOnce(&mut State) -> T) -> T {
        let state = self.0.state.lock();
        ask(&mut state.unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns why the upload was stopped.
    pub(super) fn fault(&self) -> Option<Error> {
        self.with(|state| state.fault.take())
    }

    /// Judges a window that is over; returns the time to the next look.
    fn look(&self) -> Result<Duration> {
        let now = self.0.runtime.now();
        self.with(|state| {
            if let Some(since) = state.since.replace(now) {
                state.window.passed += now.saturating_duration_since(since);
            }
            state.window.judge().inspect_err(|error| {
                state.fault = Some(error.copy());
            })?;
            Ok(state.window.left())
        })
    }

    /// Returns the time to the next look; at an upload that has not begun, or
    /// is over, only the time can show that.
    fn watch(&self) -> Result<Duration> {
        match self.with(|state| state.since.is_some()) {
            true => self.look(),
            false => Ok(self.with(|state| state.window.limit.window)),
        }
    }

    /// Ends the wait for an adapter that does not take enough of the body.
    pub(super) fn beside<'a, T: 'a>(
        self,
        mut future: BoxFuture<'a, Result<T, AdapterError>>,
    ) -> BoxFuture<'a, Result<T, AdapterError>> {
        let mut alarm: Option<BoxFuture<'static, ()>> = None;
        Box::pin(std::future::poll_fn(move |context| {
            if let Poll::Ready(answer) = future.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            loop {
                if alarm.is_none() {
                    match self.watch() {
                        Ok(wait) => alarm = Some(self.0.runtime.sleep(wait)),
                        Err(_) => return Poll::Ready(Err(AdapterError::timeout())),
                    }
                }
                if let Some(alarm) = &mut alarm {
                    ready!(alarm.as_mut().poll(context));
                }
                alarm = None;
            }
        }))
    }
}

/// The body of a request, in pieces that are counted as they are taken.
struct Taken {
    body: Body,
    /// What is left of a piece that was too large.
    rest: Bytes,
    /// What is to come, where that is known.
    left: Option<u64>,
    upload: Upload,
}

impl Taken {
    fn pass(&mut self) -> Step {
        let data = self.rest.split_to(self.rest.len().min(SLICE_BYTES));
        let taken = data.len() as u64;
        self.left = self.left.map(|left| left.saturating_sub(taken));
        self.upload.with(|state| state.window.bytes += taken);
        if self.left == Some(0) {
            self.over();
        }
        Some(Ok(Frame::data(data)))
    }

    /// The rest is the server's time to answer.
    fn over(&self) {
        self.upload.with(|state| state.since = None);
    }
}

impl HttpBody for Taken {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Step> {
        let this = &mut *self;
        if this.left != Some(0)
            && let Err(error) = this.upload.look()
        {
            this.body = Body::empty();
            this.rest.clear();
            return Poll::Ready(Some(Err(error.into())));
        }
        if !this.rest.is_empty() {
            return Poll::Ready(this.pass());
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        Poll::Ready(match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                this.rest = data;
                this.pass()
            }
            Some(Ok(Err(trailers))) => Some(Ok(trailers)),
            Some(Err(error)) => Some(Err(error)),
            None => {
                this.over();
                None
            }
        })
    }
}
