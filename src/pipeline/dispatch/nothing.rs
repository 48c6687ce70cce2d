//! A stream that is declared to be empty: read before it is sent.
//!
//! The clients below us do not ask for bytes that are not to come, so that a
//! body which has some after all would be lost without a word.

use std::{future::poll_fn, pin::Pin};

use http::header::CONTENT_LENGTH;

use crate::{
    adapter::AdapterError,
    body::{Body, BodyError},
    error::{Error, ErrorKind, Result},
    pipeline::{
        failure,
        watch::{Limits, Watched, watched},
    },
    request::Request,
};

/// Tells whether nobody would read the body.
pub(super) fn is_declared(request: &Request) -> bool {
    let (body, headers) = (request.body(), request.headers());
    let in_header = || headers.get(CONTENT_LENGTH).is_some_and(|it| it == "0");
    body.as_bytes().is_none() && (body.is_empty() || (body.length().is_none() && in_header()))
}

/// Reads a body that has to have no bytes.
pub(super) fn confirm(limits: Limits<'_>, body: Body) -> Watched<'_, Result<()>> {
    let body = body.with_length(0).held();
    watched(limits, "the request's body", Box::pin(read(body, limits)))
}

async fn read(mut body: Body, limits: Limits<'_>) -> Result<()> {
    while let Some(frame) =
        poll_fn(|context| http_body::Body::poll_frame(Pin::new(&mut body), context)).await
    {
        frame.map_err(|error| broken(&limits, error))?;
        limits.check()?;
    }
    Ok(())
}

fn broken(limits: &Limits<'_>, error: BodyError) -> Error {
    let ours = error.downcast_ref::<Error>();
    let kind = ours.map_or(ErrorKind::InvalidRequest, Error::kind);
    let error = AdapterError::request_body(kind).with_source(error);
    failure::of_answer(limits, error)
}
