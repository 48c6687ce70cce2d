//! Holds requests to `min_upload_rate`.
//!
//! An upload is timed from its first byte to its last one; a watch beside the
//! adapter notices that it stands still, for then nobody polls the body. A
//! blocking adapter looks by itself while it waits (`Attempt::check_upload`).
//! While the call slows the upload down itself, the clock stands.
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

use super::{SLICE_BYTES, window::Window};
use crate::{
    adapter::{AdapterError, Pace},
    body::{Body, BodyError},
    error::{Error, Result},
    pipeline::{
        Run,
        piece::{Step, poll_data},
    },
    runtime::{BoxFuture, Runtime},
};

/// How an upload goes: shared by its body and the watch beside the adapter.
#[derive(Clone)]
pub(in crate::pipeline) struct Upload(Arc<Shared>);

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

/// Prepares to time what an adapter is about to take, if the call has a limit.
pub(in crate::pipeline) fn upload(run: &Run<'_>, body: &Body) -> Option<Upload> {
    let limit = run.wire?.min_upload_rate.filter(|_| !body.is_empty())?;
    Some(Upload(Arc::new(Shared {
        runtime: Arc::clone(&run.engine.runtime),
        state: Mutex::new(State {
            window: Window::new(limit, "upload"),
            since: None,
            fault: None,
        }),
    })))
}

impl Shared {
    fn with<T>(&self, ask: impl FnOnce(&mut State) -> T) -> T {
        let state = self.state.lock();
        ask(&mut state.unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges a window that is over; returns the time to the next look.
    fn look(&self) -> Result<Duration> {
        let now = self.runtime.now();
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
}

impl Upload {
    /// Times a body as it is taken.
    pub(in crate::pipeline) fn time(&self, body: Body) -> Body {
        let length = body.length();
        let taken = Body::stream(Taken {
            body,
            rest: Bytes::new(),
            left: length,
            upload: self.clone(),
        });
        match length {
            Some(length) => taken.with_length(length),
            None => taken,
        }
    }

    /// Stops the clock until the body is asked for again: it is we who wait.
    pub(super) fn hold(&self) {
        let now = self.0.runtime.now();
        self.0.with(|state| {
            if let Some(since) = state.since.take() {
                state.window.passed += now.saturating_duration_since(since);
            }
        });
    }

    /// Returns why the upload was stopped.
    pub(in crate::pipeline) fn fault(&self) -> Option<Error> {
        self.0.with(|state| state.fault.take())
    }

    /// For a blocking adapter, which looks by itself.
    pub(in crate::pipeline) fn pace(&self) -> Arc<dyn Pace> {
        Arc::clone(&self.0) as _
    }

    /// Ends the wait for an adapter that does not take enough of the body.
    pub(in crate::pipeline) fn beside<'a, T: 'a>(
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
                    match self.0.watch() {
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

impl Pace for Shared {
    fn look(&self) -> Result<Duration, AdapterError> {
        self.watch().map_err(|_| AdapterError::timeout())
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
        self.upload.0.with(|state| state.window.bytes += taken);
        if self.left == Some(0) {
            self.over();
        }
        Some(Ok(Frame::data(data)))
    }

    /// The rest is the server's time to answer.
    fn over(&self) {
        self.upload.0.with(|state| state.since = None);
    }
}

impl HttpBody for Taken {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Step> {
        let this = &mut *self;
        if this.left != Some(0)
            && let Err(error) = this.upload.0.look()
        {
            this.body = Body::empty();
            this.rest.clear();
            return Poll::Ready(Some(Err(error.into())));
        }
        if !this.rest.is_empty() {
            return Poll::Ready(this.pass());
        }
        Poll::Ready(match ready!(poll_data(&mut this.body, context)) {
            Ok(data) => {
                this.rest = data;
                this.pass()
            }
            Err(other) => {
                if other.is_none() {
                    this.over();
                }
                other
            }
        })
    }
}
