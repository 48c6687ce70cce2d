//! Runs the request interceptors, last registered first by default.
//!
//! *In and out*: [`Request`] in; a request to send, or an early response, or
//! the error that nobody recovered.
//!
//! ```text
//! prepare ─▶ [request interceptors] ─▶ adapter ⟲ redirects ─▶ settle ─▶ …
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Run, panicked, watched};
use crate::{
    config::Order,
    error::{Error, Result},
    interceptor::{Chain, DynRequest, Hook, RequestFlow, Step},
    request::Request,
    response::Response,
};

/// Which interceptors take no part in this attempt.
#[derive(Default)]
pub(super) struct Skips {
    request: Vec<bool>,
    response: Vec<bool>,
}

impl Skips {
    pub(super) fn request(&self, at: usize) -> bool {
        self.request.get(at).copied().unwrap_or(false)
    }

    pub(super) fn response(&self, at: usize) -> bool {
        self.response.get(at).copied().unwrap_or(false)
    }
}

/// Asks all conditions, in the order of registration, before any hook runs.
///
/// A condition that panics fails the attempt: nothing is sent, and the error
/// goes to the response side.
pub(super) fn judge(chain: &Chain, request: &Request) -> Result<Skips> {
    if !chain.has_conditions {
        return Ok(Skips::default());
    }
    Ok(Skips {
        request: judge_side(&chain.request, request)?,
        response: judge_side(&chain.response, request)?,
    })
}

fn judge_side<H: ?Sized>(hooks: &[Hook<H>], request: &Request) -> Result<Vec<bool>> {
    hooks
        .iter()
        .map(|hook| {
            let Some(condition) = &hook.condition else {
                return Ok(false);
            };
            match catch_unwind(AssertUnwindSafe(|| condition(request))) {
                Ok(holds) => Ok(!holds),
                Err(payload) => {
                    let mut error = panicked("its condition", &*payload);
                    error.name_interceptor(&hook.named);
                    Err(error)
                }
            }
        })
        .collect()
}

/// How the request side ended well.
pub(super) enum Departure {
    Send(Request),
    Respond(Response),
}

pub(super) async fn run(run: &Run<'_>, skips: &Skips, request: Request) -> Result<Departure> {
    let hooks = &run.chain.request;
    let order = request.0.overrides.order.unwrap_or(run.engine.config.order);
    let mut state = Ok(request);
    for step in 0..hooks.len() {
        let at = match order {
            Order::Fifo => step,
            Order::Lifo => hooks.len() - 1 - step,
        };
        let Some(hook) = hooks.get(at).filter(|_| !skips.request(at)) else {
            continue;
        };
        state = match one(run, hook, state).await {
            Ok(RequestFlow::Continue(request)) => Ok(rebind(run, request)),
            Ok(RequestFlow::Respond(response)) => return Ok(Departure::Respond(response)),
            Err(error) => Err(error),
        };
    }
    state.map(Departure::Send)
}

/// Makes sure that a request of the interceptor's own making belongs to us.
fn rebind(run: &Run<'_>, mut request: Request) -> Request {
    let call = &mut request.0.call;
    if call.as_ref().is_none_or(|call| call.id != run.call.id) {
        *call = Some(run.call.clone());
    }
    request
}

async fn one(
    run: &Run<'_>,
    hook: &Hook<dyn DynRequest>,
    state: Result<Request>,
) -> Result<RequestFlow> {
    // A call that is over still tells its interceptors so, by their error half.
    let over = run.check().err();
    let known = over.as_ref().map(Error::kind);
    let state = match (state, over) {
        (Ok(_), Some(over)) => Err(run.adopt(over)),
        (state, _) => state,
    };
    let started = catch_unwind(AssertUnwindSafe(|| match state {
        Ok(request) => hook.hook.fulfilled(request),
        Err(error) => hook.hook.rejected(error),
    }));
    let outcome = match started {
        Err(payload) => Err(panicked("it", &*payload)),
        Ok(Step::Ready(result)) => result,
        Ok(Step::Later(future)) => flatten(watched(&run.limits(), "it", future).await),
        Ok(Step::Message(future)) => {
            flatten(watched(&run.limits(), "it", future).await).map(RequestFlow::Continue)
        }
    };
    outcome.map_err(|error| {
        let mut error = run.adopt(error);
        // Who only hears that the call is over has not failed.
        if known != Some(error.kind()) {
            error.name_interceptor(&hook.named);
        }
        error
    })
}

fn flatten<T>(result: Result<Result<T>>) -> Result<T> {
    result.and_then(std::convert::identity)
}
