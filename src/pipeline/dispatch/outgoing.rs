//! What the adapter gets.

use std::sync::Arc;

use http::{HeaderValue, Method, header};

use super::Trip;
use crate::{
    adapter::Attempt,
    body::Body,
    error::{Error, ErrorKind, Result},
    pipeline::{Run, progress, rate},
    request::Request,
};

/// Builds what the adapter gets; the request keeps its head for later, and its
/// body if it may be redirected.
pub(super) fn outgoing(
    run: &Run<'_>,
    trip: &mut Trip,
    request: &mut Request,
    may_redirect: bool,
) -> Result<http::Request<Body>> {
    run.attempt_limits(trip).check()?;
    let inner = &mut *request.0;
    if let Some(form) = inner.body.form() {
        form.check()?;
    }
    let mut body = std::mem::take(&mut inner.body);
    trip.resends = false;
    if let Some(copy) = body.try_clone().filter(|_| may_redirect) {
        inner.body = copy;
        trip.resends = true;
    }
    let limit = inner
        .overrides
        .max_request_bytes
        .or(run.config.max_request_bytes);
    if let Some(limit) = limit {
        body = limited(body, limit)?;
    }
    body = body.held();
    if run.wire.is_some() {
        body = wired(run, trip, request, body)?;
    }
    let inner = &mut *request.0;
    if body.is_empty() && matches!(inner.method, Method::POST | Method::PUT | Method::PATCH) {
        inner
            .headers
            .entry(header::CONTENT_LENGTH)
            .or_insert(HeaderValue::from_static("0"));
    }
    let stream = run.body.stream;
    let mut outgoing = http::Request::new(body);
    *outgoing.method_mut() = inner.method.clone();
    *outgoing.uri_mut() = inner.uri.clone();
    *outgoing.headers_mut() = inner.headers.clone();
    if !trip.away {
        *outgoing.extensions_mut() = inner.extensions.clone();
    }
    outgoing.extensions_mut().insert(Attempt {
        runtime: Arc::clone(&run.engine.runtime),
        deadline: trip.until,
        body_deadline: if stream {
            run.call.deadline
        } else {
            trip.until
        },
        read_timeout: inner.overrides.read_timeout.or(run.config.read_timeout),
        cancel: run.call.cancel.clone(),
        stream,
        follows: may_redirect,
        window: run
            .wire
            .and_then(|wire| wire.min_download_rate)
            .map(|rate| rate.window),
        without: run.wire.and_then(|wire| wire.without.clone()),
        upload: trip.upload.as_ref().map(rate::Upload::pace),
    });
    Ok(outgoing)
}

/// Puts around a body what few calls ask for: see `rate` for the order.
fn wired(run: &Run<'_>, trip: &mut Trip, request: &Request, body: Body) -> Result<Body> {
    trip.upload = rate::upload(run, &body);
    let slowed = rate::slow_upload(run, run.attempt_limits(trip), body, trip.upload.as_ref());
    let redirected = !trip.redirects.is_empty();
    let (body, fault) = progress::upload(run, request, slowed, redirected)?;
    trip.fault = fault;
    Ok(match &trip.upload {
        Some(upload) => upload.time(body),
        None => body,
    })
}

/// Holds a body to `max_request_bytes`, before or while it is sent.
fn limited(body: Body, limit: u64) -> Result<Body> {
    let too_large = move |actual: u64, more: &str| {
        Error::new(
            ErrorKind::RequestTooLarge,
            format!("the request has {more}{actual} bytes, the limit is {limit}"),
        )
        .with_hint("raise `max_request_bytes`")
    };
    match body.length() {
        Some(length) if length > limit => Err(too_large(length, "")),
        Some(_) => Ok(body),
        None => {
            let mut total = 0_u64;
            Ok(body.inspect(move |data| {
                total += data.len() as u64;
                if total > limit {
                    return Err(too_large(total, "at least ").into());
                }
                Ok(())
            }))
        }
    }
}
