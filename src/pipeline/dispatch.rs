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
    guard, panicked, redirect, settle,
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
async fn hops(run: &mut Run<'_>, trip: &mut Trip, request: &mut Request) -> Result<Response> {
    let engine = run.engine;
    let config = &engine.config;
    let max = request
        .0
        .overrides
        .max_redirects
        .unwrap_or(config.max_redirects);
    if let Some(home) = &run.home {
        trip.away = guard::check(request, &home.uri)?;
    }
    let mut followed = 0;
    loop {
        let again = if max > 0 {
            request.0.body.try_clone()
        } else {
            None
        };
        let outgoing = outgoing(run, trip, request)?;
        let answer = send(run, trip, outgoing).await?;
        let Some(location) =
            redirect::target(answer.status(), answer.headers()).filter(|_| max > 0)
        else {
            return finish(run, trip, request, answer).await;
        };
        if followed == max {
            return Err(redirect::too_many(max));
        }
        if run.call.spent >= MAX_TRIPS {
            return Err(redirect::too_many(MAX_TRIPS));
        }
        followed += 1;
        run.call.spent += 1;
        let from = request.0.uri.clone();
        let status = answer.status();
        trip.away |= redirect::follow(request, again, status, location, config.allow)?;
        trip.redirects.push(from);
        collect::drain(answer.into_body(), &run.attempt_limits(trip)).await;
    }
}

/// Builds what the adapter gets; the request keeps its head for later.
fn outgoing(run: &Run<'_>, trip: &Trip, request: &mut Request) -> Result<http::Request<Body>> {
    let inner = &mut *request.0;
    let mut body = std::mem::take(&mut inner.body);
    let limit = inner
        .overrides
        .max_request_bytes
        .or(run.engine.config.max_request_bytes);
    if let Some(limit) = limit {
        body = limited(body, limit)?;
    }
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

async fn send(
    run: &Run<'_>,
    trip: &Trip,
    outgoing: http::Request<Body>,
) -> Result<http::Response<Body>> {
    let limits = run.attempt_limits(trip);
    limits.check()?;
    let answer: Result<http::Response<Body>, AdapterError> = match &run.engine.transport {
        Transport::Async(adapter) => {
            watched(&limits, "the adapter", adapter.send(outgoing)).await?
        }
        Transport::Blocking(adapter) => catch_unwind(AssertUnwindSafe(|| adapter.send(outgoing)))
            .map_err(|payload| panicked("the adapter", &*payload))?,
    };
    answer.map_err(|error| match (error.kind(), &limits.cancel) {
        // One wording, whoever noticed it first.
        (ErrorKind::Cancelled, Some(cancel)) => super::watch::cancelled(cancel),
        (ErrorKind::Timeout, _) if limits.check().is_err() => limits.timed_out().with_source(error),
        _ => from_adapter(error),
    })
}

/// A request's body may have failed with an error of ours inside.
fn from_adapter(error: AdapterError) -> Error {
    let mut next = std::error::Error::source(&error);
    while let Some(source) = next {
        if let Some(inner) = source.downcast_ref::<Error>() {
            if inner.kind() == ErrorKind::RequestTooLarge {
                return Error::new(inner.kind(), inner.text().to_owned())
                    .with_hint("raise `max_request_bytes`");
            }
        }
        next = source.source();
    }
    error.into()
}

/// Reads the body, or wraps it, and makes the response.
async fn finish(
    run: &Run<'_>,
    trip: &mut Trip,
    request: &mut Request,
    answer: http::Response<Body>,
) -> Result<Response> {
    let engine = run.engine;
    let overrides = &request.0.overrides;
    let max = overrides
        .max_response_bytes
        .or(engine.config.max_response_bytes);
    let limits = run.attempt_limits(trip);
    let (parts, body) = answer.into_parts();
    // A policy that panics is reported by `settle`.
    let accepted = settle::accepts(&run.policy, parts.status).unwrap_or(false);
    let mut elapsed = None;
    let body = if overrides.stream && accepted {
        elapsed = Some(engine.runtime.now().saturating_duration_since(trip.started));
        collect::guarded(
            body,
            StreamLimits {
                runtime: Arc::clone(&engine.runtime),
                cancel: run.call.cancel.clone(),
                until: run.call.deadline,
                read_timeout: overrides.read_timeout.or(engine.config.read_timeout),
                max,
            },
        )
    } else if request.0.method == Method::HEAD {
        // Its `Content-Length` is that of an answer to GET.
        Body::empty()
    } else {
        match collect::collect(body, &limits, max).await {
            Ok(bytes) => bytes.into(),
            Err(error) => return Err(with_answer(error, parts)),
        }
    };
    let elapsed =
        elapsed.unwrap_or_else(|| engine.runtime.now().saturating_duration_since(trip.started));
    let mut response = Response::from(http::Response::from_parts(parts, body));
    let inner = &mut *request.0;
    let extensions = response.extensions_mut();
    if extensions.is_empty() {
        *extensions = std::mem::take(&mut inner.extensions);
    } else {
        extensions.extend(std::mem::take(&mut inner.extensions));
    }
    let head = RequestHead {
        method: inner.method.clone(),
        uri: inner.uri.clone(),
        headers: std::mem::take(&mut inner.headers),
    };
    response.set_trip(head, std::mem::take(&mut trip.redirects), elapsed);
    if let Some(call) = inner.call.take() {
        response.set_context(call);
    }
    Ok(response)
}

/// Reads the body of an interceptor's answer, unless it is to stay a stream.
pub(super) async fn buffer(run: &Run<'_>, mut response: Response) -> Result<Response> {
    let accepted = || settle::accepts(&run.policy, response.status()).unwrap_or(false);
    if response.body().as_bytes().is_some() || (run.early.stream && accepted()) {
        return Ok(response);
    }
    let body = response.take_body();
    match collect::collect(body, &run.limits(), run.early.max_response_bytes).await {
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
