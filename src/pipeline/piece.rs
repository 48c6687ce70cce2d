//! The next piece of a body, for the bodies here that wrap another.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use crate::{
    body::{Body, BodyError},
    error::Result,
};

/// What a poll of a body brings.
pub(super) type Step = Option<Result<Frame<Bytes>, BodyError>>;

/// Asks for data; an `Err` is what has come in its place.
pub(super) fn poll_data(
    body: &mut Body,
    context: &mut Context<'_>,
) -> Poll<std::result::Result<Bytes, Step>> {
    let frame = ready!(Pin::new(body).poll_frame(context));
    Poll::Ready(match frame.map(|frame| frame.map(Frame::into_data)) {
        Some(Ok(Ok(data))) => Ok(data),
        Some(Ok(Err(trailers))) => Err(Some(Ok(trailers))),
        Some(Err(error)) => Err(Some(Err(error))),
        None => Err(None),
    })
}
