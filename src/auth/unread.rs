//! An answer that the caller was to read as a stream, while a refresh is waited
//! for: its connection may be the last that there is.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use crate::{Body, BodyError, Response};

/// A refusal says little. What is longer keeps its connection.
const LIMIT: usize = 64 * 1024;

/// Reads the answer's body into memory while `work` is under way, at most so
/// far; what was read comes first when the body is read after it.
pub(super) async fn meanwhile<T>(response: &mut Response, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if response.body().as_bytes().is_some() {
        return work.await;
    }
    let mut unread = Unread::of(response.take_body());
    let output = poll_fn(|context| {
        // First, for a blocking body holds this thread up.
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(output);
        }
        unread.read(context);
        work.as_mut().poll(context)
    })
    .await;
    response.set_body(unread.into_body());
    output
}

/// A body of which the beginning was read.
struct Unread {
    read: VecDeque<Result<Frame<Bytes>, BodyError>>,
    bytes: usize,
    /// `None` when it has ended: then its connection is free.
    rest: Option<Body>,
    length: Option<u64>,
}

impl Unread {
    fn of(body: Body) -> Self {
        Self {
            read: VecDeque::new(),
            bytes: 0,
            length: body.length(),
            rest: Some(body),
        }
    }

    fn read(&mut self, context: &mut Context<'_>) {
        while let Some(rest) = self.rest.as_mut().filter(|_| self.bytes < LIMIT) {
            match Pin::new(rest).poll_frame(context) {
                Poll::Pending => return,
                Poll::Ready(None) => self.rest = None,
                Poll::Ready(Some(frame)) => {
                    let data = frame.as_ref().ok().and_then(Frame::data_ref);
                    self.bytes += data.map_or(0, Bytes::len);
                    if frame.is_err() {
                        self.rest = None;
                    }
                    self.read.push_back(frame);
                }
            }
        }
    }

    fn into_body(mut self) -> Body {
        if self.read.is_empty()
            && let Some(rest) = self.rest.take()
        {
            return rest;
        }
        let length = mem::take(&mut self.length);
        let body = Body::stream(self);
        match length {
            Some(length) => body.with_length(length),
            None => body,
        }
    }
}

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(frame) = self.read.pop_front() {
            return Poll::Ready(Some(frame));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }
}
