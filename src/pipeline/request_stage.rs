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
    error::{Error, ErrorKind, Result},
    interceptor::{Chain, DynRequest, Hook, RequestFlow, Step},
    request::Request,
    response::Response,
};

/// Which interceptors take no part in this attempt.
pub(super) struct Skips {
    request: Vec<bool>,
    response: Vec<bool>,
}

impl Run<'_> {
    fn skips_request(&self, at: usize) -> bool {
        let skips = self.skips.as_deref();
        skips.is_some_and(|skips| skips.request.get(at) == Some(&true))
    }

    pub(super) fn skips_response(&self, at: usize) -> bool {
        let skips = self.skips.as_deref();
        skips.is_some_and(|skips| skips.response.get(at) == Some(&true))
    }
}

/// Asks all conditions, in the order of registration, before any hook runs.
///
/// One that panics does not hold, and fails the attempt: nothing is sent, and
/// the first such error goes to the response side.
pub(super) fn judge(chain: &Chain, request: &Request) -> (Option<Box<Skips>>, Result<()>) {
    if !chain.has_conditions {
        return (None, Ok(()));
    }
    let mut asked = Ok(());
    let skips = Skips {
        request: judge_side(&chain.request, request, &mut asked),
        response: judge_side(&chain.response, request, &mut asked),
    };
    (Some(Box::new(skips)), asked)
}

fn judge_side<H: ?Sized>(
    hooks: &[Hook<H>],
    request: &Request,
    asked: &mut Result<()>,
) -> Vec<bool> {
    let skip = |hook: &Hook<H>| {
        let Some(condition) = &hook.condition else {
            return false;
        };
        match catch_unwind(AssertUnwindSafe(|| condition(request))) {
            Ok(holds) => !holds,
            Err(payload) => {
                if asked.is_ok() {
                    let mut error = panicked("its condition", &*payload);
                    error.name_interceptor(&hook.named);
                    *asked = Err(error);
                }
                true
            }
        }
    };
    hooks.iter().map(skip).collect()
}

/// How the request side ended well.
pub(super) enum Departure {
    Send(Request),
    Respond(Response),
}

pub(super) async fn run(run: &Run<'_>, request: Request) -> Result<Departure> {
    let hooks = &run.chain.request;
    let order = request.0.overrides.order.unwrap_or(run.config.order);
    let mut state = Ok(request);
    for step in 0..hooks.len() {
        let at = match order {
            Order::Fifo => step,
            Order::Lifo => hooks.len() - 1 - step,
        };
        let Some(hook) = hooks.get(at).filter(|_| !run.skips_request(at)) else {
            continue;
        };
        let (state_now, over) = run.tell(state);
        let outcome = match start(hook, state_now) {
            Step::Ready(result) => result,
            Step::Later(future) => watched(run.limits(), "it", future).await.flatten(),
            Step::Message(future) => watched(run.limits(), "it", future)
                .await
                .flatten()
                .map(RequestFlow::Continue),
        };
        state = match outcome {
            Ok(RequestFlow::Continue(request)) => Ok(rebind(run, request)),
            Ok(RequestFlow::Respond(response)) => return Ok(Departure::Respond(response)),
            Err(error) => Err(name(run, hook, error, over)),
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

/// Calls the hook; a panic in it is an error.
fn start(hook: &Hook<dyn DynRequest>, state: Result<Request>) -> Step<'_, Request, RequestFlow> {
    catch_unwind(AssertUnwindSafe(|| match state {
        Ok(request) => hook.hook.fulfilled(request),
        Err(error) => hook.hook.rejected(error),
    }))
    .unwrap_or_else(|payload| Step::Ready(Err(panicked("it", &*payload))))
}

/// Names the interceptor; who only hears that the call is over has not failed.
#[cold]
fn name(
    run: &Run<'_>,
    hook: &Hook<dyn DynRequest>,
    error: Error,
    over: Option<ErrorKind>,
) -> Error {
    let mut error = run.adopt(error);
    if over != Some(error.kind()) {
        error.name_interceptor(&hook.named);
    }
    error
}
