//! Slows bodies down to `max_upload_rate` and `max_download_rate`.
//!
//! A bucket holds as much time as bytes may use up at once: half a second's,
//! as in axios. A piece costs the time that it takes at the rate; while there
//! is not so much, the body waits. The call may end meanwhile: its time and
//! its handle are looked at, for a blocking adapter that waits for us cannot.
//!
//! *Concurrency*: no lock; whoever polls the body owns the bucket.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use super::{SLICE_BYTES, upload::Upload};
use crate::{
    body::{Body, BodyError},
    cancel::{CancelHandle, Cancelled},
    error::Error,
    pipeline::{
        Run,
        piece::{Step, poll_data},
        progress::Fault,
        watch::{Limits, Span, cancelled},
    },
    runtime::{BoxFuture, Runtime},
};

/// How much may go at once after a pause: axios's window.
const BURST: Duration = Duration::from_millis(500);

const SECOND_NANOS: u128 = 1_000_000_000;

/// Time that bytes may use up.
struct Bucket {
    bytes_per_second: u64,
    credit: Duration,
    most: Duration,
    /// The last look at the clock.
    seen: Option<Instant>,
}

impl Bucket {
    fn new(bytes_per_second: u64) -> Self {
        let mut bucket = Self {
            bytes_per_second,
            credit: Duration::ZERO,
            most: BURST,
            seen: None,
        };
        // At less than two bytes a second one costs more than the burst.
        bucket.most = bucket.most.max(bucket.cost(1));
        bucket.credit = bucket.most;
        bucket
    }

    /// Returns how much may go at once.
    fn slice(&self) -> usize {
        let half = usize::try_from(self.bytes_per_second / 2).unwrap_or(usize::MAX);
        half.clamp(1, SLICE_BYTES)
    }

    fn cost(&self, bytes: usize) -> Duration {
        let nanos = (bytes as u128 * SECOND_NANOS).div_ceil(u128::from(self.bytes_per_second));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Takes what so many bytes cost, or returns the time until it is there.
    fn take(&mut self, bytes: usize, now: Instant) -> Result<(), Duration> {
        let since = self.seen.replace(now).unwrap_or(now);
        let credit = self.credit + now.saturating_duration_since(since);
        self.credit = credit.min(self.most);
        let cost = self.cost(bytes);
        match self.credit.checked_sub(cost) {
            Some(rest) => {
                self.credit = rest;
                Ok(())
            }
            None => Err(cost - self.credit),
        }
    }
}

/// Slows down what an adapter is about to take, if the call says so.
pub(in crate::pipeline) fn slow_upload(
    run: &Run<'_>,
    limits: Limits<'_>,
    body: Body,
    upload: Option<&Upload>,
) -> (Body, Option<Fault>) {
    let rate = run.wire.and_then(|wire| wire.max_upload_rate);
    let Some(rate) = rate.filter(|_| !body.is_empty()) else {
        return (body, None);
    };
    let fault = Fault::default();
    let mut slowed = Slowed::new(rate, limits, body);
    slowed.upload = upload.cloned();
    slowed.fault = Some(fault.clone());
    (slowed.into_body(), Some(fault))
}

/// Slows down the body of an answer, if the call says so; one that is in
/// memory has come already.
pub(in crate::pipeline) fn slow_download(run: &Run<'_>, limits: Limits<'_>, body: Body) -> Body {
    let rate = run.wire.and_then(|wire| wire.max_download_rate);
    match rate.filter(|_| body.as_bytes().is_none()) {
        Some(rate) => Slowed::new(rate, limits, body).into_body(),
        None => body,
    }
}

struct Slowed {
    body: Body,
    bucket: Bucket,
    runtime: Arc<dyn Runtime>,
    until: Option<Instant>,
    /// What `until` is, for the message.
    what: Span,
    cancel: Option<CancelHandle>,
    /// What is left of a piece that was too large.
    rest: Bytes,
    alarm: Option<BoxFuture<'static, ()>>,
    waiting: Option<Cancelled>,
    /// The clock that stands while this waits.
    upload: Option<Upload>,
    /// Where the call looks, for an adapter may hide why a body failed.
    fault: Option<Fault>,
}

impl Slowed {
    fn new(bytes_per_second: u64, limits: Limits<'_>, body: Body) -> Self {
        Self {
            body,
            bucket: Bucket::new(bytes_per_second),
            runtime: Arc::clone(limits.runtime),
            until: limits.until,
            what: limits.what,
            cancel: limits.cancel.cloned(),
            rest: Bytes::new(),
            alarm: None,
            waiting: None,
            upload: None,
            fault: None,
        }
    }

    fn into_body(self) -> Body {
        match self.body.length() {
            Some(length) => Body::stream(self).with_length(length),
            None => Body::stream(self),
        }
    }

    /// Tells whether the call has ended while this waits.
    fn ended(&mut self, now: Instant, context: &mut Context<'_>) -> Option<Error> {
        if let Some(handle) = &self.cancel {
            let waiting = self.waiting.get_or_insert_with(|| handle.cancelled());
            if Pin::new(waiting).poll(context).is_ready() {
                return Some(cancelled(handle));
            }
        }
        let over = self.until.is_some_and(|until| now >= until);
        over.then(|| self.what.passed())
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Step {
        if let Some(fault) = &self.fault {
            fault.set(error.copy());
        }
        self.alarm = None;
        self.waiting = None;
        self.rest.clear();
        // Whoever feeds it learns that nobody reads any more.
        self.body = Body::empty();
        Some(Err(error.into()))
    }

    fn pass(&mut self, length: usize) -> Step {
        self.alarm = None;
        self.waiting = None;
        Some(Ok(Frame::data(self.rest.split_to(length))))
    }
}

impl HttpBody for Slowed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Step> {
        let this = &mut *self;
        if this.rest.is_empty() {
            match ready!(poll_data(&mut this.body, context)) {
                Ok(data) => this.rest = data,
                Err(other) => return Poll::Ready(other),
            }
        }
        let length = this.rest.len().min(this.bucket.slice());
        loop {
            let now = this.runtime.now();
            let Err(wait) = this.bucket.take(length, now) else {
                return Poll::Ready(this.pass(length));
            };
            if let Some(error) = this.ended(now, context) {
                return Poll::Ready(this.fail(error));
            }
            if let Some(upload) = &this.upload {
                upload.hold();
            }
            let left = this.until.map(|until| until.saturating_duration_since(now));
            let wait = left.map_or(wait, |left| left.min(wait));
            let runtime = &this.runtime;
            let alarm = this.alarm.get_or_insert_with(|| runtime.sleep(wait));
            ready!(alarm.as_mut().poll(context));
            this.alarm = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::ManualRuntime;

    #[test]
    fn half_a_second_goes_at_once_and_the_rest_at_the_rate() {
        let start = ManualRuntime::new().now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut bucket = Bucket::new(1000);
        assert_eq!(bucket.slice(), 500);
        assert_eq!(bucket.take(500, start), Ok(()));
        assert_eq!(bucket.take(100, start), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(100, at(40)), Err(Duration::from_millis(60)));
        assert_eq!(bucket.take(100, at(100)), Ok(()));
        // A pause earns no more than half a second's.
        assert_eq!(bucket.take(500, at(60_000)), Ok(()));
        assert_eq!(bucket.take(1, at(60_000)), Err(Duration::from_millis(1)));
    }

    #[test]
    fn every_rate_lets_a_slice_through() {
        for rate in [1, 2, 3, 1000, 131_072, 1 << 40, u64::MAX] {
            let mut bucket = Bucket::new(rate);
            let slice = bucket.slice();
            assert!(bucket.cost(slice) <= bucket.most, "{rate}");
            assert_eq!(bucket.take(slice, ManualRuntime::new().now()), Ok(()));
        }
    }
}
