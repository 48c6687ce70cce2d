//! What an answer of the adapter's becomes: the next hop, or a response.

use std::sync::Arc;

use http::Method;

use super::Trip;
use crate::{
    body::Body,
    config::MAX_TRIPS,
    error::{Error, Result},
    headers::mark,
    pipeline::{
        Run,
        collect::{self, StreamLimits},
        progress, rate, redirect, settle,
    },
    request::{Request, RequestHead},
    response::Response,
};

/// What an answer turned out to be.
pub(super) enum Arrival {
    Complete(Response),
    /// The body is still on the wire.
    Reading(Box<(http::response::Parts, Body)>),
    /// The request has been made that of the next hop.
    Redirected(Box<Body>),
}

pub(super) fn arrive(
    run: &mut Run<'_>,
    trip: &mut Trip,
    request: &mut Request,
    answer: http::Response<Body>,
    max_redirects: u32,
) -> Result<Arrival> {
    let (mut parts, body) = answer.into_parts();
    mark(run.secrets(), &mut parts.headers);
    if let Some(location) =
        redirect::target(parts.status, &parts.headers).filter(|_| max_redirects > 0)
    {
        if trip.redirects.len() >= max_redirects as usize {
            return Err(redirect::too_many(max_redirects));
        }
        if run.call.spent >= MAX_TRIPS {
            return Err(redirect::too_many(MAX_TRIPS));
        }
        run.call.spent += 1;
        let from = request.0.uri.clone();
        let allow = request.0.overrides.allow(run.config);
        trip.away |= redirect::follow(request, trip.resends, parts.status, location, allow)?;
        trip.redirects.push(from);
        if let Some(hook) = run.wire.and_then(|wire| wire.before_redirect.as_ref()) {
            redirect::ask(hook, request, &trip.redirects, &parts)?;
            mark(run.secrets(), &mut request.0.headers);
        }
        return Ok(Arrival::Redirected(Box::new(body)));
    }
    let body = rate::download(run, body);
    // A policy that panics is reported by `settle`.
    let accepted = settle::accepts(&run.policy, parts.status).unwrap_or(false);
    let body = if run.body.stream && accepted {
        let announced = announced(request, &body);
        if let Err(error) = collect::check_length(announced, run.body.max_response_bytes) {
            return Err(failed(run, trip, request, parts, error));
        }
        let body = streamed(run, request, progress::download(run, body));
        rate::slow_download(run, run.limits(), body)
    } else if let Some(length) = length_in_memory(request, &body) {
        let checked = collect::check_length(length, run.body.max_response_bytes);
        if let Err(error) = checked.and_then(|()| progress::downloaded(run, length)) {
            return Err(failed(run, trip, request, parts, error));
        }
        if length == 0 { Body::empty() } else { body }
    } else {
        let body = progress::download(run, body);
        let body = rate::slow_download(run, run.attempt_limits(trip), body);
        return Ok(Arrival::Reading(Box::new((parts, body))));
    };
    Ok(Arrival::Complete(respond(run, trip, request, parts, body)))
}

/// Returns the length of a body that need not be read.
fn length_in_memory(request: &Request, body: &Body) -> Option<u64> {
    if has_none(request) {
        return Some(0);
    }
    body.as_bytes().map(|bytes| bytes.len() as u64)
}

/// Returns how long a stream is at least, as far as it is known.
fn announced(request: &Request, body: &Body) -> u64 {
    let length = body.length().filter(|_| !has_none(request));
    length.unwrap_or_default()
}

/// Tells whether the `Content-Length` is that of an answer to GET.
fn has_none(request: &Request) -> bool {
    request.0.method == Method::HEAD
}

fn streamed(run: &Run<'_>, request: &Request, body: Body) -> Body {
    let engine = run.engine;
    let read_timeout = request.0.overrides.read_timeout;
    collect::guarded(
        body,
        StreamLimits {
            runtime: Arc::clone(&engine.runtime),
            cancel: run.call.cancel.clone(),
            until: run.call.deadline,
            what: run.span,
            read_timeout: read_timeout.or(run.config.read_timeout),
            max: run.body.max_response_bytes,
        },
    )
}

/// Attaches the answer whose body is not had, without it.
pub(super) fn failed(
    run: &Run<'_>,
    trip: &mut Trip,
    request: &mut Request,
    parts: http::response::Parts,
    error: Error,
) -> Error {
    let response = respond(run, trip, request, parts, Body::empty());
    settle::refuse(error, response)
}

/// Makes the response, and moves the request's head into it.
pub(super) fn respond(
    run: &Run<'_>,
    trip: &mut Trip,
    request: &mut Request,
    parts: http::response::Parts,
    body: Body,
) -> Response {
    trip.responded = true;
    let mut response = Response::from(http::Response::from_parts(parts, body));
    let inner = &mut *request.0;
    let extensions = response.extensions_mut();
    if extensions.is_empty() {
        *extensions = std::mem::take(&mut inner.extensions);
    } else {
        extensions.extend(std::mem::take(&mut inner.extensions));
    }
    let head = RequestHead {
        method: std::mem::take(&mut inner.method),
        uri: std::mem::take(&mut inner.uri),
        headers: std::mem::take(&mut inner.headers),
    };
    response.set_trip(head, std::mem::take(&mut trip.redirects), trip.elapsed(run));
    if let Some(call) = inner.call.take() {
        response.set_context(call);
    }
    response
}
