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

mod arrive;
mod nothing;
mod outgoing;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use arrive::{Arrival, arrive, failed, respond};
use http::Uri;
use outgoing::outgoing;

use super::{
    Run, Transport, collect, failure, guard, panicked,
    progress::Fault,
    rate, settle, transform,
    watch::{Limits, Span, watched},
};
use crate::{
    error::Result,
    headers::mark,
    request::{Request, RequestHead},
    response::{Elapsed, Response},
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
    upload: Option<rate::Upload>,
    /// The response has what the request knew.
    responded: bool,
}

pub(super) async fn dispatch(run: &mut Run<'_>, mut request: Request) -> Result<Response> {
    let mut trip = Trip::start(run, &request);
    run.call.started.get_or_insert(trip.started);
    let result = hops(run, &mut trip, &mut request).await;
    result.map_err(|mut error| {
        if !trip.responded {
            error.set_elapsed(trip.elapsed(run));
            error.set_redirects(std::mem::take(&mut trip.redirects));
            error.set_extensions(std::mem::take(&mut request.0.extensions));
            error.set_head(head_of(request));
        }
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
        let timeout = request.0.overrides.timeout.or(run.config.timeout);
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
            upload: None,
            responded: false,
        }
    }

    /// How long the attempt and the call have taken so far.
    fn elapsed(&self, run: &Run<'_>) -> Elapsed {
        let now = run.engine.runtime.now();
        let started = run.call.started.unwrap_or(self.started);
        Elapsed {
            attempt: now.saturating_duration_since(self.started),
            call: now.saturating_duration_since(started),
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
    transform::request(run, request)?;
    mark(run.secrets(), &mut request.0.headers);
    if let Some(home) = run.home() {
        trip.away = guard::check(request, home)?;
    }
    if nothing::is_declared(request) {
        let body = std::mem::take(&mut request.0.body);
        nothing::confirm(run.attempt_limits(trip), body)
            .await
            .flatten()?;
    }
    let overrides = &request.0.overrides;
    let max = overrides.max_redirects.unwrap_or(run.config.max_redirects);
    let transport = run.transport;
    loop {
        let outgoing = outgoing(run, trip, request, max > 0)?;
        let answer = match transport {
            Transport::Blocking(adapter) => shielded(|| adapter.send(outgoing))?,
            Transport::Async(adapter) => {
                let mut future = shielded(|| adapter.send(outgoing))?;
                if let Some(upload) = &trip.upload {
                    future = upload.clone().beside(future);
                }
                watched(run.attempt_limits(trip), "the adapter", future).await?
            }
        };
        if let Some(error) = trip.fault.take().and_then(|fault| fault.take()) {
            return Err(error);
        }
        if let Some(error) = trip.upload.take().and_then(|upload| upload.fault()) {
            return Err(error);
        }
        let answer =
            answer.map_err(|error| failure::of_answer(&run.attempt_limits(trip), error))?;
        match arrive(run, trip, request, answer, max)? {
            Arrival::Complete(response) => return transform::response(run, response),
            Arrival::Reading(mut unread) => {
                let body = std::mem::take(&mut unread.1);
                let max = run.body.max_response_bytes;
                let read = collect::collect(body, run.attempt_limits(trip), max).await;
                let (parts, _) = *unread;
                return match read.flatten() {
                    Ok(read) => {
                        let mut response = respond(run, trip, request, parts, read.bytes.into());
                        response.set_trailers(read.trailers);
                        transform::response(run, response)
                    }
                    Err(error) => Err(failed(run, trip, request, parts, error)),
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

/// Reads the body of an interceptor's answer, unless it is to stay a stream.
pub(super) async fn buffer(run: &Run<'_>, mut response: Response) -> Result<Response> {
    let accepted = || settle::accepts(&run.policy, response.status()).unwrap_or(false);
    if response.body().as_bytes().is_some() || (run.body.stream && accepted()) {
        return Ok(response);
    }
    let body = response.take_body();
    let read = collect::collect(body, run.limits(), run.body.max_response_bytes).await;
    match read.flatten() {
        Ok(read) => {
            response.set_body(read.bytes);
            response.set_trailers(read.trailers);
            Ok(response)
        }
        Err(mut error) => {
            error.set_response(response);
            Err(error)
        }
    }
}
