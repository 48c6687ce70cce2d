//! Holds answers to `min_download_rate`.
//!
//! Time counts while somebody waits for a frame, so that a reader that is slow
//! itself, or is slowed down, is no fault of the server's.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http_body::Body as HttpBody;

use super::window::Window;
use crate::{
    body::{Body, BodyError},
    config::MinRate,
    error::Error,
    pipeline::{Run, piece::Step},
    runtime::{BoxFuture, Runtime},
};

/// Times the body of an answer, if the call has a limit.
pub(in crate::pipeline) fn download(run: &Run<'_>, body: Body) -> Body {
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
