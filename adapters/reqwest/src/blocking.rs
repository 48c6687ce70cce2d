//! Blocking calls: reqwest's futures, polled on the calling thread.
//!
//! The sockets live on the adapter's runtime ([`Home`](crate::home::Home));
//! the calling thread waits for the answer, for the attempt's limits and, if
//! the request's body is a stream, for that: whichever is ready first.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
};

use tollgate::{AdapterError, Attempt, BlockingAdapter, Body, runtime::block_on};

use crate::{
    ReqwestAdapter,
    body::{Outside, check, receive},
    convert,
    limits::Limits,
};

/// Uses the default runtime: time from the system and a thread for each task.
///
/// A task of a blocking client may block (a token refresh does), so it must
/// not run on the one thread that serves the sockets; and the limits hold even
/// where a runtime that was given is not driven.
impl BlockingAdapter for ReqwestAdapter {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let attempt = Attempt::of(&request);
        if attempt.is_cancelled() {
            return Err(AdapterError::cancelled());
        }
        let mut limits = Limits::of(&attempt);
        let mut outgoing = convert::request(request)?;
        let mut feed = outgoing.upload.take().map(|upload| {
            let (feed, fed) = upload.split();
            *outgoing.request.body_mut() = Some(reqwest::Body::wrap(fed));
            feed
        });
        let handle = self.home.handle()?;
        let inside = handle.enter();
        let mut answer = pin!(self.client.execute(outgoing.request));
        let answer = block_on(poll_fn(|context| {
            if let Poll::Ready(error) = limits.poll(context) {
                return Poll::Ready(Err(error));
            }
            if let Some(feed) = &mut feed {
                feed.poll(context);
            }
            let answer = ready!(answer.as_mut().poll(context));
            let secure = outgoing.secure;
            Poll::Ready(answer.map_err(|error| self.no_answer(error, secure)))
        }))?;
        drop(inside);
        limits.head_is_there();
        let (parts, body) = convert::response(answer, self.max_head_bytes)?;
        check(&parts, &body)?;
        let outside = Outside {
            handle: handle.clone(),
            _home: Arc::clone(&self.home),
            limits: Some(limits),
            feed,
        };
        Ok(http::Response::from_parts(
            parts,
            receive(body, Some(outside), None),
        ))
    }
}
