//! One attempt: the adapter, under the attempt's deadline, hop by hop.
//!
//! *In and out*: [`Request`] in; a [`Response`] whose body is in memory (or
//! wrapped, in stream mode) out, or the error with the request attached.
//!
//! ```text
//! … request interceptors ─▶ [adapter ⟲ redirects] ─▶ settle ─▶ …
//! ```
//!
//! *Not here*: the status policy, except to know whether a refused answer's
//! body has to be read for the error.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use http::{HeaderValue, Method, Uri, header};

use super::{
    Run, Transport,
    collect::{self, StreamLimits},
    guard, panicked,
    progress::{self, Fault},
    redirect, settle,
    watch::{Limits, Span, watched},
};
use crate::{
    adapter::{AdapterError, Attempt},
    body::Body,
    config::MAX_TRIPS,
    error::{Error, ErrorKind, Result},
    request::{Request, RequestHead},
    response::Response,
};

/// What holds for all hops of one attempt.
struct Trip {
    started: Instant,
    until: Option<Instant>,
    /// What `until` is, for the message.
    what: Span,
    redirects: Vec<Uri>,
    /// The origin of the call was left: its extensions stay behind.
    away: bool,
    /// The request still has its body, for a redirect that asks for it again.
    resends: bool,
    fault: Option<Fault>,
}

pub(super) async fn dispatch(run: &mut Run<'_>, mut request: Request) -> Result<Response> {
    let mut trip = Trip::start(run, &request);
    let result = hops(run, &mut trip, &mut request).await;
    result.map_err(|mut error| {
        error.set_extensions(std::mem::take(&mut request.0.extensions));
        error.set_head(head_of(request));
        error
    })
}

fn head_of(request: Request) -> RequestHead {
    let inner = *request.0;
    RequestHead {
        method: inner.method,
        uri: inner.uri,
        headers: inner.headers,
    }
}

impl Trip {
    fn start(run: &Run<'_>, request: &Request) -> Self {
        let engine = run.engine;
        let started = engine.runtime.now();
        let timeout = request.0.overrides.timeout.or(engine.config.timeout);
        let attempt = timeout.and_then(|timeout| started.checked_add(timeout));
        let (until, what) = match (attempt, run.call.deadline) {
            (Some(attempt), Some(call)) if call < attempt => (Some(call), run.span),
            (None, Some(call)) => (Some(call), run.span),
            (attempt, _) => (attempt, Span::Timeout(timeout.unwrap_or_default())),
        };
        Self {
            started,
            until,
            what,
            redirects: Vec::new(),
            away: false,
            resends: false,
            fault: None,
        }
    }
}

impl Run<'_> {
    fn attempt_limits<'a>(&'a self, trip: &Trip) -> Limits<'a> {
        Limits {
            runtime: &self.engine.runtime,
            cancel: self.call.cancel.as_ref(),
            until: trip.until,
            what: trip.what,
        }
    }
}

/// Sends, and follows redirects until an answer is no redirect.
///
/// What is large lives in the boxes of the adapter and of the body's reader,
/// not in this future: the allocator's fast path ends at about 1 KiB.
async fn hops(run: &mut Run<'_>, trip: &mut Trip, request: &mut Request) -> Result<Response> {
    if let Some(home) = run.home() {
        trip.away = guard::check(request, home)?;
    }
    let overrides = &request.0.overrides;
    let max = overrides
        .max_redirects
        .unwrap_or(run.engine.config.max_redirects);
    let engine = run.engine;
    loop {
        let outgoing = outgoing(run, trip, request, max > 0)?;
        let answer = match &engine.transport {
            Transport::Blocking(adapter) => shielded(|| adapter.send(outgoing))?,
            Transport::Async(adapter) => {
                let future = shielded(|| adapter.send(outgoing))?;
                watched(run.attempt_limits(trip), "the adapter", future).await?
            }
        };
        if let Some(error) = trip.fault.take().and_then(|fault| fault.take()) {
            return Err(error);
        }
        let answer = answer.map_err(|error| explain(&run.attempt_limits(trip), error))?;
        match arrive(run, trip, request, answer, max)? {
            Arrival::Complete(response) => return Ok(response),
            Arrival::Reading(mut unread) => {
                let body = std::mem::take(&mut unread.1);
                let max = run.body.max_response_bytes;
                let read = collect::collect(body, run.attempt_limits(trip), max).await;
                let (parts, _) = *unread;
                return match read.flatten() {
                    Ok(bytes) => Ok(respond(run, trip, request, parts, bytes.into())),
                    Err(error) => Err(with_answer(error, parts)),
                };
            }
            Arrival::Redirected(body) => {
                collect::drain(*body, run.attempt_limits(trip)).await;
            }
        }
    }
}

/// Calls the adapter; a panic in it is an error.
fn shielded<T>(call: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| panicked("the adapter", &*payload))
}

/// What an answer turned out to be.
enum Arrival {
    Complete(Response),
    /// The body is still on the wire.
    Reading(Box<(http::response::Parts, Body)>),
    /// The request has been made that of the next hop.
    Redirected(Box<Body>),
}

fn arrive(
    run: &mut Run<'_>,
    trip: &mut Trip,
    request: &mut Request,
    answer: http::Response<Body>,
    max_redirects: u32,
) -> Result<Arrival> {
    let (parts, body) = answer.into_parts();
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
        let allow = run.engine.config.allow;
        trip.away |= redirect::follow(request, trip.resends, parts.status, location, allow)?;
        trip.redirects.push(from);
        return Ok(Arrival::Redirected(Box::new(body)));
    }
    // A policy that panics is reported by `settle`.
    let accepted = settle::accepts(&run.policy, parts.status).unwrap_or(false);
    let body = if run.body.stream && accepted {
        streamed(run, request, progress::download(run, request, body))
    } else if let Some(length) = length_in_memory(request, &body) {
        let checked = collect::check_length(length, run.body.max_response_bytes);
        if let Err(error) = checked.and_then(|()| progress::downloaded(run, request, length)) {
            return Err(with_answer(error, parts));
        }
        if length == 0 { Body::empty() } else { body }
    } else {
        let body = progress::download(run, request, body);
        return Ok(Arrival::Reading(Box::new((parts, body))));
    };
    Ok(Arrival::Complete(respond(run, trip, request, parts, body)))
}

/// Returns the length of a body that need not be read.
fn length_in_memory(request: &Request, body: &Body) -> Option<u64> {
    if request.0.method == Method::HEAD {
        // Its `Content-Length` is that of an answer to GET.
        return Some(0);
    }
    body.as_bytes().map(|bytes| bytes.len() as u64)
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
            read_timeout: read_timeout.or(engine.config.read_timeout),
            max: run.body.max_response_bytes,
        },
    )
}

/// Builds what the adapter gets; the request keeps its head for later, and its
/// body if it may be redirected.
fn outgoing(
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
        .or(run.engine.config.max_request_bytes);
    if let Some(limit) = limit {
        body = limited(body, limit)?;
    }
    body = body.held();
    let redirected = !trip.redirects.is_empty();
    (body, trip.fault) = progress::upload(run, request, body, redirected)?;
    let inner = &mut *request.0;
    if body.is_empty() && matches!(inner.method, Method::POST | Method::PUT | Method::PATCH) {
        inner
            .headers
            .entry(header::CONTENT_LENGTH)
            .or_insert(HeaderValue::from_static("0"));
    }
    let stream = inner.overrides.stream;
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
        read_timeout: inner
            .overrides
            .read_timeout
            .or(run.engine.config.read_timeout),
        cancel: run.call.cancel.clone(),
        stream,
    });
    Ok(outgoing)
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

/// Gives an adapter's error the core's words, where the core knows better.
fn explain(limits: &Limits<'_>, error: AdapterError) -> Error {
    match (error.kind(), limits.cancel) {
        // One wording, whoever noticed it first.
        (ErrorKind::Cancelled, Some(cancel)) => super::watch::cancelled(cancel),
        (ErrorKind::Timeout, _) if limits.check().is_err() => limits.timed_out().with_source(error),
        _ => from_adapter(error),
    }
}

/// A request's body may have failed with an error of ours inside.
fn from_adapter(error: AdapterError) -> Error {
    let inner = std::error::Error::source(&error).and_then(Error::find_in);
    let of_body = |inner: &&Error| {
        matches!(
            inner.kind(),
            ErrorKind::RequestTooLarge | ErrorKind::InvalidRequest
        )
    };
    match inner.filter(of_body) {
        Some(inner) => inner.copy(),
        None => error.into(),
    }
}

/// Makes the response, and moves the request's head into it.
fn respond(
    run: &Run<'_>,
    trip: &mut Trip,
    request: &mut Request,
    parts: http::response::Parts,
    body: Body,
) -> Response {
    let now = run.engine.runtime.now();
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
    let elapsed = now.saturating_duration_since(trip.started);
    response.set_trip(head, std::mem::take(&mut trip.redirects), elapsed);
    if let Some(call) = inner.call.take() {
        response.set_context(call);
    }
    response
}

/// Reads the body of an interceptor's answer, unless it is to stay a stream.
pub(super) async fn buffer(run: &Run<'_>, mut response: Response) -> Result<Response> {
    let accepted = || settle::accepts(&run.policy, response.status()).unwrap_or(false);
    if response.body().as_bytes().is_some() || (run.body.stream && accepted()) {
        return Ok(response);
    }
    let body = response.take_body();
    let read = collect::collect(body, run.limits(), run.body.max_response_bytes).await;
    match read.flatten() {
        Ok(bytes) => {
            response.set_body(bytes);
            Ok(response)
        }
        Err(mut error) => {
            error.set_response(response);
            Err(error)
        }
    }
}

/// Gives an error of the body the head of the answer it belongs to.
fn with_answer(mut error: Error, parts: http::response::Parts) -> Error {
    error.set_response(Response::from(http::Response::from_parts(
        parts,
        Body::empty(),
    )));
    error
}
