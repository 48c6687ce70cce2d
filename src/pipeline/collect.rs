//! Reads a response's body into memory, or wraps it for the caller, under the
//! same limits; they count what the adapter has decoded.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};

use super::{
    failure,
    watch::{Limits, Span, Watched, cancelled, watched},
};
use crate::{
    adapter::{AdapterError, REDIRECT_PATIENCE},
    body::{Body, BodyError},
    cancel::{CancelHandle, Cancelled},
    error::{Error, ErrorKind, Result},
    runtime::{BoxFuture, Runtime},
};

/// The most that is reserved on the word of a `Content-Length`.
const RESERVE_BYTES: u64 = 1024 * 1024;

pub(super) fn too_large(limit: u64, actual: u64, exact: bool) -> Error {
    let more = if exact { "" } else { "at least " };
    Error::new(
        ErrorKind::ResponseTooLarge,
        format!("the response has {more}{actual} bytes, the limit is {limit}"),
    )
    .with_hint("raise `max_response_bytes`, or take it off with `without_max_response_bytes`")
}

/// Fails if a length that is known is over the limit.
pub(super) fn check_length(length: u64, max: Option<u64>) -> Result<()> {
    match max {
        Some(max) if length > max => Err(too_large(max, length, true)),
        _ => Ok(()),
    }
}

/// A body that was read to its end.
pub(super) struct Collected {
    pub(super) bytes: Bytes,
    pub(super) trailers: Option<Box<HeaderMap>>,
}

/// Reads a body to its end.
pub(super) fn collect(
    body: Body,
    limits: Limits<'_>,
    max: Option<u64>,
) -> Watched<'_, Result<Collected>> {
    watched(limits, "the body", Box::pin(read(body, limits, max)))
}

async fn read(mut body: Body, limits: Limits<'_>, max: Option<u64>) -> Result<Collected> {
    if let Some(length) = body.length() {
        check_length(length, max)?;
    }
    let reserve = body.length().unwrap_or_default().min(RESERVE_BYTES);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut total = 0_u64;
    let mut trailers = None;
    while let Some(frame) = next(&mut body, &limits).await? {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers = frame.into_trailers().ok().map(Box::new);
                continue;
            }
        };
        total += data.len() as u64;
        if let Some(max) = max.filter(|max| total > *max) {
            return Err(too_large(max, total, false));
        }
        // A blocking body is ready at every poll, however slow it is.
        limits.check()?;
        if first.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve(
                usize::try_from(reserve)
                    .unwrap_or_default()
                    .max(first.len() * 2),
            );
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&data);
    }
    let bytes = if all.is_empty() { first } else { all.freeze() };
    Ok(Collected { bytes, trailers })
}

async fn next(body: &mut Body, limits: &Limits<'_>) -> Result<Option<Frame<Bytes>>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
    let frame = frame.await.transpose();
    frame.map_err(|error| failure::of_body(limits, error))
}

/// Reads and forgets the rest of a small body, so that the connection can be
/// used again; a large or slow one is dropped.
pub(super) async fn drain(body: Body, mut limits: Limits<'_>) {
    const LIMIT: u64 = 64 * 1024;
    if body.is_empty() {
        return;
    }
    let patience = limits.runtime.now().checked_add(REDIRECT_PATIENCE);
    limits.until = limits.until.into_iter().chain(patience).min();
    // What goes wrong here goes wrong for an answer that nobody wants.
    drop(collect(body, limits, Some(LIMIT)).await);
}

/// What holds for a body that the caller reads.
pub(super) struct StreamLimits {
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) cancel: Option<CancelHandle>,
    pub(super) until: Option<Instant>,
    /// What `until` is, for the message.
    pub(super) what: Span,
    pub(super) read_timeout: Option<Duration>,
    pub(super) max: Option<u64>,
}

/// Wraps a body for the caller, with the call's limits.
pub(super) fn guarded(body: Body, limits: StreamLimits) -> Body {
    let length = body.length();
    let guarded = Body::stream(Guarded {
        body,
        limits,
        total: 0,
        cancel: None,
        alarm: None,
        done: false,
    });
    match length {
        Some(length) => guarded.with_length(length),
        None => guarded,
    }
}

struct Guarded {
    body: Body,
    limits: StreamLimits,
    total: u64,
    cancel: Option<Cancelled>,
    /// Runs while the next chunk is awaited.
    alarm: Option<BoxFuture<'static, ()>>,
    done: bool,
}

impl Guarded {
    fn count(&mut self, data: &Bytes) -> Result<()> {
        self.total += data.len() as u64;
        match self.limits.max {
            Some(max) if self.total > max => Err(too_large(max, self.total, false)),
            _ => Ok(()),
        }
    }

    fn stopped(&mut self, context: &mut Context<'_>) -> Option<Error> {
        let handle = self.limits.cancel.clone()?;
        let waiting = self.cancel.get_or_insert_with(|| handle.cancelled());
        Pin::new(waiting)
            .poll(context)
            .is_ready()
            .then(|| cancelled(&handle))
    }

    /// A blocking body is ready at every poll, however slow it is.
    fn overdue(&self) -> Option<Error> {
        let until = self.limits.until?;
        (self.limits.runtime.now() >= until).then(|| self.limits.what.passed())
    }

    /// Says why the adapter's body ended, as if it had been stopped from here.
    #[cold]
    fn explained(&self, error: BodyError) -> Error {
        let error = failure::from_body(error);
        match failure::of_cancel(self.limits.cancel.as_ref(), error) {
            error if error.is_timeout() => self.overdue().unwrap_or(error),
            error => error,
        }
    }

    fn timed_out(&mut self, context: &mut Context<'_>) -> Option<Error> {
        let now = self.limits.runtime.now();
        let left = self
            .limits
            .until
            .map(|until| until.saturating_duration_since(now));
        let read = self.limits.read_timeout;
        let wait = [left, read].into_iter().flatten().min()?;
        let runtime = Arc::clone(&self.limits.runtime);
        let alarm = self.alarm.get_or_insert_with(|| runtime.sleep(wait));
        let over = alarm.as_mut().poll(context).is_ready();
        over.then(|| match (self.overdue(), read) {
            (None, Some(read)) => AdapterError::read_timeout(read).into(),
            (late, _) => late.unwrap_or_else(|| self.limits.what.passed()),
        })
    }
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        let error = match this.stopped(context).or_else(|| this.overdue()) {
            Some(error) => error,
            None => match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(None) => {
                    this.done = true;
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Err(error))) => this.explained(error),
                Poll::Ready(Some(Ok(frame))) => {
                    this.alarm = None;
                    match frame.data_ref().cloned() {
                        None => return Poll::Ready(Some(Ok(frame))),
                        Some(data) => match this.count(&data) {
                            Ok(()) => return Poll::Ready(Some(Ok(frame))),
                            Err(error) => error,
                        },
                    }
                }
                Poll::Pending => match this.timed_out(context) {
                    None => return Poll::Pending,
                    Some(error) => error,
                },
            },
        };
        this.done = true;
        // Whoever feeds it learns that nobody reads any more.
        this.body = Body::empty();
        Poll::Ready(Some(Err(error.into())))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::*;
    use crate::{
        adapter::{MockAdapter, MockReply},
        blocking::Client,
        runtime::ManualRuntime,
    };

    /// Each read takes a second and never waits.
    struct Slow(ManualRuntime);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.advance(Duration::from_secs(1));
            buffer[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn a_stream_that_is_always_ready_ends_by_the_deadline() {
        let runtime = ManualRuntime::new();
        let body = Body::from_reader(Slow(runtime.clone()));
        let mock = MockAdapter::new().then(MockReply::status(200, body));
        let client = Client::builder(mock).runtime(runtime).build().unwrap();
        let call = client.get("http://h/").stream();
        let response = call.deadline(Duration::from_secs(3)).send().unwrap();
        let mut text = String::new();
        let error = response
            .into_body()
            .into_reader()
            .read_to_string(&mut text)
            .unwrap_err();
        assert!(Error::from(error).is_timeout());
        assert_eq!(text, "xxx");
    }
}
