//! Counts the bytes that pass through a body, and tells the call's handlers.
//!
//! *In and out*: a body in, the same bytes out of a body that is watched; a
//! call without handlers gets its body back as it was.
//!
//! *Not here*: limits; a body is held to them before (requests) or behind
//! (answers) this one.
//!
//! *Concurrency*: a handler is called by whoever polls the body, with no lock
//! held. There is no timer: while no bytes move, no event comes.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::{Body as HttpBody, Frame};

use super::{
    Run, panicked,
    piece::{Step, poll_data},
};
use crate::{
    body::{Body, BodyError},
    error::{Error, Result},
    progress::{Handler, Progress},
    request::Request,
    runtime::Runtime,
};

/// A third of a second, rounded up, so that a second has three at most.
const INTERVAL: Duration = Duration::from_nanos(333_333_334);

/// axios: a rate is told after this time, and is that of so many events.
const RATE_AFTER: Duration = Duration::from_millis(250);
const RATE_EVENTS: usize = 50;

/// How much of an upload is handed over at once: one large piece would have
/// one event, at its end.
const SLICE_BYTES: usize = 64 * 1024;

/// The panic of an upload's handler, or why a slow upload has ended. The call
/// looks here, for an adapter may hide why a body failed.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<Error>>>);

impl Fault {
    pub(super) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn set(&self, error: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// Wraps what an adapter is about to take, if the call asks for events.
///
/// A body of no bytes stays as it is, for adapters frame it by its method; its
/// only event comes here, unless it is what a redirect has left of a body.
/// `fault` is what is there already.
pub(super) fn upload(
    run: &Run<'_>,
    request: &Request,
    (body, fault): (Body, Option<Fault>),
    redirected: bool,
) -> Result<(Body, Option<Fault>)> {
    let handler = run.wire.and_then(|wire| wire.on_upload_progress.as_ref());
    let Some(handler) = handler else {
        return Ok((body, fault));
    };
    let total = body.length().or_else(|| declared(&request.0.headers));
    let mut meter = Meter::new(run, handler, "the handler of `on_upload_progress`", total);
    if body.is_empty() {
        if !redirected {
            meter.end()?;
        }
        return Ok((body, fault));
    }
    let fault = fault.unwrap_or_default();
    meter.fault = Some(fault.clone());
    Ok((metered(body, meter, SLICE_BYTES), Some(fault)))
}

/// The length that the call promises for a stream.
fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Wraps the body of an answer, if the call asks for events.
pub(super) fn download(run: &Run<'_>, body: Body) -> Body {
    match received(run, body.length()) {
        Some(meter) => metered(body, meter, usize::MAX),
        None => body,
    }
}

/// Tells of an answer that is in memory already.
pub(super) fn downloaded(run: &Run<'_>, length: u64) -> Result<()> {
    let Some(mut meter) = received(run, Some(length)) else {
        return Ok(());
    };
    meter.add(length)?;
    meter.end()
}

fn received(run: &Run<'_>, total: Option<u64>) -> Option<Meter> {
    let handler = run.wire?.on_download_progress.as_ref()?;
    let name = "the handler of `on_download_progress`";
    Some(Meter::new(run, handler, name, total))
}

/// Counts the bytes of one body.
struct Meter {
    handler: Handler,
    /// What panics, for the message.
    name: &'static str,
    fault: Option<Fault>,
    runtime: Arc<dyn Runtime>,
    attempt: u32,
    total: Option<u64>,
    loaded: u64,
    /// What the last event said.
    told: u64,
    last: Option<Instant>,
    /// When the latest events were, and what they said; the start is the first.
    window: VecDeque<(Instant, u64)>,
    /// No more events.
    over: bool,
}

impl Meter {
    fn new(run: &Run<'_>, handler: &Handler, name: &'static str, total: Option<u64>) -> Self {
        Self {
            handler: handler.clone(),
            name,
            fault: None,
            runtime: Arc::clone(&run.engine.runtime),
            attempt: run.call.attempt,
            total,
            loaded: 0,
            told: 0,
            last: None,
            window: VecDeque::new(),
            over: false,
        }
    }

    /// Starts the clock of the rate, at the first call.
    fn begin(&mut self) {
        if self.window.is_empty() {
            self.window.push_back((self.runtime.now(), 0));
        }
    }

    fn add(&mut self, bytes: u64) -> Result<()> {
        if self.over || bytes == 0 {
            return Ok(());
        }
        let total = self.total.unwrap_or(u64::MAX);
        self.loaded = self.loaded.saturating_add(bytes).min(total);
        // The client below may not ask again once it has the whole length.
        let done = self.loaded == total;
        let now = self.runtime.now();
        let due = |last| now.saturating_duration_since(last) >= INTERVAL;
        if done || self.last.is_none_or(due) {
            return self.tell(now, done);
        }
        Ok(())
    }

    /// The body has ended; one that is shorter than it promised is not done.
    fn end(&mut self) -> Result<()> {
        let whole = self.total.is_none_or(|total| total == self.loaded);
        if self.over || !whole {
            return Ok(());
        }
        self.tell(self.runtime.now(), true)
    }

    fn tell(&mut self, now: Instant, done: bool) -> Result<()> {
        let progress = Progress {
            loaded: self.loaded,
            total: self.total,
            bytes: self.loaded - self.told,
            rate: self.rate(now),
            attempt: self.attempt,
            done,
        };
        self.told = self.loaded;
        self.last = Some(now);
        self.over = done;
        if self.window.len() == RATE_EVENTS {
            self.window.pop_front();
        }
        self.window.push_back((now, self.loaded));
        let handler = &self.handler;
        catch_unwind(AssertUnwindSafe(|| handler.call(progress))).map_err(|payload| {
            if let Some(fault) = &self.fault {
                fault.set(panicked(self.name, &*payload));
            }
            panicked(self.name, &*payload)
        })
    }

    fn rate(&self, now: Instant) -> Option<f64> {
        let (since, before) = *self.window.front()?;
        let passed = now.saturating_duration_since(since);
        let bytes = self.loaded - before;
        (passed >= RATE_AFTER && bytes > 0).then(|| bytes as f64 / passed.as_secs_f64())
    }
}

/// A body whose bytes are counted as they are taken.
struct Metered {
    body: Body,
    meter: Meter,
    slice: usize,
    /// What is left of a piece that was too large.
    rest: Bytes,
}

fn metered(body: Body, meter: Meter, slice: usize) -> Body {
    let length = body.length();
    let metered = Body::stream(Metered {
        body,
        meter,
        slice,
        rest: Bytes::new(),
    });
    match length {
        Some(length) => metered.with_length(length),
        None => metered,
    }
}

impl Metered {
    fn pass(&mut self) -> Step {
        let data = self.rest.split_to(self.rest.len().min(self.slice));
        match self.meter.add(data.len() as u64) {
            Ok(()) => Some(Ok(Frame::data(data))),
            Err(error) => self.fail(error.into()),
        }
    }

    fn fail(&mut self, error: BodyError) -> Step {
        self.meter.over = true;
        self.rest.clear();
        // Whoever feeds it learns that nobody reads any more.
        self.body = Body::empty();
        Some(Err(error))
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Step> {
        let this = &mut *self;
        this.meter.begin();
        if !this.rest.is_empty() {
            return Poll::Ready(this.pass());
        }
        Poll::Ready(match ready!(poll_data(&mut this.body, context)) {
            Ok(data) => {
                this.rest = data;
                this.pass()
            }
            Err(Some(Err(error))) => this.fail(error),
            Err(Some(trailers)) => Some(trailers),
            Err(None) => match this.meter.end() {
                Ok(()) => None,
                Err(error) => this.fail(error.into()),
            },
        })
    }
}
