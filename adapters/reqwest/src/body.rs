//! [`Received`]: the body of an answer, with errors of ours.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::response::Parts;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::runtime::Handle;
use tollgate::{AdapterError, Body, adapter::check_framing};

use crate::{
    error,
    home::Home,
    limits::Limits,
    upload::{Feed, Interest},
};

/// The body of an answer.
///
/// *Concurrency*: it holds the adapter's runtime alive if the call came from
/// outside tokio. Dropping it half-read closes the connection.
pub(crate) struct Received {
    body: Option<reqwest::Body>,
    /// Boxed: most calls have none.
    outside: Option<Box<Outside>>,
    /// In the rest of the request's body, where the answer came first.
    interest: Option<Interest>,
}

/// What a body needs whose call came from outside tokio.
pub(crate) struct Outside {
    pub(crate) handle: Handle,
    /// Alive for as long as the body is.
    pub(crate) _home: Arc<Home>,
    /// In the blocking engine.
    pub(crate) limits: Option<Limits>,
    /// The rest of the request's body, where the answer came first.
    pub(crate) feed: Option<Feed>,
}

/// Refuses an answer whose body has no certain end; one without a body may say
/// what it likes.
pub(crate) fn check(head: &Parts, body: &reqwest::Body) -> Result<(), AdapterError> {
    if body.size_hint().exact() == Some(0) {
        return Ok(());
    }
    check_framing(head)
}

type Step = Poll<Option<Result<Frame<Bytes>, AdapterError>>>;

/// Wraps a body; one that is known to be empty needs nothing more.
///
/// An upload that an empty answer overtook is given up with it.
pub(crate) fn receive(
    body: reqwest::Body,
    outside: Option<Outside>,
    interest: Option<Interest>,
) -> Body {
    // Not `is_end_stream`: the decoder's layer does not pass that on.
    if body.size_hint().exact() == Some(0) {
        return Body::empty();
    }
    Body::stream(Received {
        body: Some(body),
        outside: outside.map(Box::new),
        interest,
    })
}

fn poll_body(body: &mut reqwest::Body, context: &mut Context<'_>) -> Step {
    let frame = ready!(Pin::new(body).poll_frame(context));
    Poll::Ready(frame.map(|frame| frame.map_err(error::no_body)))
}

impl Outside {
    fn poll(&mut self, body: &mut reqwest::Body, context: &mut Context<'_>) -> Step {
        let _inside = self.handle.enter();
        if let Some(feed) = &mut self.feed {
            feed.poll(context);
        }
        let Some(limits) = &mut self.limits else {
            return poll_body(body, context);
        };
        if let Poll::Ready(error) = limits.poll(context) {
            return Poll::Ready(Some(Err(error)));
        }
        match poll_body(body, context) {
            Poll::Ready(frame) => {
                limits.chunk_is_there();
                Poll::Ready(frame)
            }
            Poll::Pending => limits.poll_chunk(context).map(|error| Some(Err(error))),
        }
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = AdapterError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Step {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(match &mut this.outside {
            Some(outside) => outside.poll(body, context),
            None => poll_body(body, context),
        });
        if !matches!(frame, Some(Ok(_))) {
            // Over: the connection, the runtime and the timers are let go.
            this.body = None;
            this.outside = None;
            this.interest = None;
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}
