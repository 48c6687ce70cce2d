//! Runs the response interceptors, first registered first.
//!
//! *In and out*: a settled response or an error in; the call's result, or the
//! request of the next attempt, out.
//!
//! ```text
//! … ─▶ adapter ⟲ redirects ─▶ settle ─▶ [response interceptors] ─▶ caller
//! ```
//!
//! *Order*: an interceptor before the one that replays sees every attempt, one
//! after it sees the call once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Run, panicked, watched};
use crate::{
    config::MAX_TRIPS,
    error::{Error, Result},
    interceptor::{DynResponse, Hook, NotReplayed, Replay, ResponseFlow, Step},
    request::Request,
    response::Response,
};

/// How the response side ended.
pub(super) enum Verdict {
    Done(Result<Response>),
    Replay(Request),
}

pub(super) async fn run(run: &mut Run<'_>, outcome: Result<Response>) -> Verdict {
    let chain = run.chain;
    let mut state = outcome.map_err(|error| run.adopt(error));
    for (at, hook) in chain.response.iter().enumerate() {
        if run.skips_response(at) {
            continue;
        }
        let (state_now, over) = run.tell(state);
        let failed_before = state_now.is_err();
        let outcome = match start(hook, state_now) {
            Step::Ready(result) => result,
            Step::Later(future) => watched(run.limits(), "it", future).await.flatten(),
            Step::Message(future) => watched(run.limits(), "it", future)
                .await
                .flatten()
                .map(ResponseFlow::Continue),
        };
        state = match outcome {
            Ok(ResponseFlow::Continue(response)) => Ok(run.claim(response)),
            Ok(ResponseFlow::Replay(replay)) => match next_attempt(run, hook, replay).await {
                Ok(request) => return Verdict::Replay(request),
                Err(instead) => instead,
            },
            // Who only hears that the call is over has not failed.
            Err(error) if over == Some(error.kind()) => Err(run.adopt(error)),
            Err(error) => {
                let mut error = own(run, hook, error);
                if !failed_before {
                    error.name_interceptor(&hook.named);
                }
                Err(error)
            }
        };
    }
    if state.is_ok()
        && let Err(stopped) = run.limits().check_cancelled()
    {
        state = Err(run.adopt(stopped));
    }
    // The call is over: nobody can replay it, so its request is let go.
    match &mut state {
        Ok(response) => response.finish(),
        Err(error) => error.finish(),
    }
    Verdict::Done(state)
}

/// Calls the hook; a panic in it is an error.
fn start(
    hook: &Hook<dyn DynResponse>,
    state: Result<Response>,
) -> Step<'_, Response, ResponseFlow> {
    catch_unwind(AssertUnwindSafe(|| match state {
        Ok(response) => hook.hook.fulfilled(response),
        Err(error) => hook.hook.rejected(error),
    }))
    .unwrap_or_else(|payload| Step::Ready(Err(panicked("it", &*payload))))
}

/// Makes the request of the next attempt, or says what the chain goes on with.
async fn next_attempt(
    run: &mut Run<'_>,
    hook: &Hook<dyn DynResponse>,
    replay: Replay,
) -> Result<Request, Result<Response>> {
    let wish = *replay.0;
    let request = match repeat(run) {
        Ok(request) => request,
        Err(reason) => return Err(instead(run, hook, wish.instead, reason)),
    };
    // The first answer's connection is given back before any wait.
    drop(wish.instead);
    if let Some(wait) = wish.after {
        let sleep = run.engine.runtime.sleep(wait);
        if let Err(stopped) = watched(run.limits(), "the wait", sleep).await {
            return Err(Err(run.adopt(stopped)));
        }
    }
    let Some(change) = wish.change else {
        return Ok(request);
    };
    let mut request = request;
    let changed = catch_unwind(AssertUnwindSafe(|| {
        change(&mut request);
        request
    }));
    match changed {
        Err(payload) => {
            let mut error = run.adopt(panicked("the change of a replay", &*payload));
            error.name_interceptor(&hook.named);
            Err(Err(error))
        }
        Ok(request) => {
            run.change_original(&request);
            Ok(request)
        }
    }
}

/// Copies the original request, or says why it cannot.
fn repeat(run: &Run<'_>) -> Result<Request, String> {
    let limit = run.max_attempts;
    if run.call.attempt >= limit {
        return Err(format!(
            "not replayed: {} attempts were made, the limit is {limit}; raise `max_attempts`, or \
             replay less often",
            run.call.attempt
        ));
    }
    if run.call.spent >= MAX_TRIPS {
        return Err(format!(
            "not replayed: the call has cost {} requests, the limit is {MAX_TRIPS}",
            run.call.spent
        ));
    }
    let Some(original) = &run.call.original else {
        return Err("not replayed: the request could not be prepared".to_owned());
    };
    original.request().ok_or_else(|| {
        "not replayed: the body is a stream and can be sent once; use `Body::factory`".to_owned()
    })
}

/// What the chain goes on with where there is no next attempt, as ours: what
/// was to be replayed may stem from a sub-request.
fn instead(
    run: &Run<'_>,
    hook: &Hook<dyn DynResponse>,
    outcome: Result<Response>,
    reason: String,
) -> Result<Response> {
    match outcome {
        Err(error) => Err(own(run, hook, error).with_note(reason)),
        Ok(response) => {
            let mut response = run.claim(response);
            response.extensions_mut().insert(NotReplayed::new(reason));
            Ok(response)
        }
    }
}

/// Makes an error part of this call; names the hook that made it, if one did.
fn own(run: &Run<'_>, hook: &Hook<dyn DynResponse>, error: Error) -> Error {
    let foreign = error.context().is_none_or(|call| call.id != run.call.id);
    let mut error = run.adopt(error);
    if foreign {
        error.name_interceptor(&hook.named);
    }
    error
}
