//! A refresh fails, and the session is over or not.

use std::{thread, time::Duration};

use super::{Case, Needs, cases};
use crate::{
    Error, ErrorKind, Runtime,
    adapter::conformance::{Failure, Lane, Verdict, ensure, same},
    auth::{
        RefreshClass, RefreshError, SessionState,
        conformance::{
            RefreshFault, StrictAuthServer,
            kit::bench::{Bench, World, eventually, fails, held, joined},
        },
    },
    runtime::ThreadRuntime,
};

cases! {
    an_ended_session_is_told_once:
        "`invalid_grant` ends the session, once, and later calls fail without a byte sent";
    signing_in_again_is_enough: "after the end of a session a sign-in is all that it takes";
    waiters_share_one_failure: "calls that wait for a refresh that fails share its error";
    a_failure_is_not_tried_again_at_once: "the same failure is the answer for a time";
    a_new_sign_in_ends_the_pause: "the pause after a failure is that of one refresh token";
    a_busy_server_is_asked_again: "a 503 is tried again before any call fails";
    a_wish_to_wait_is_kept: "`Retry-After` of a 429 is kept, and told";
    a_hanging_refresh_ends_by_itself: "a refresh has a limit of its own, and the next one works";
    a_handler_that_panics_harms_nobody: "a panic in a handler of events concerns no call";
}

/// Finds out why there was no token.
fn cause(error: &Error) -> Verdict<&RefreshError> {
    let found = RefreshError::find_in(error);
    found.ok_or_else(|| Failure::new(format_args!("the error has no cause: {error}")))
}

/// Makes a call that fails for want of a token.
fn failing<E: Lane>(world: &World<'_, E>, class: RefreshClass) -> Verdict<Error> {
    let error = fails(world.user.get("/me"))?;
    same("the class", cause(&error)?.class(), class)?;
    Ok(error)
}

/// Case 30.
fn an_ended_session_is_told_once<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.revoke_family("ada");
    let results = thread::scope(|scope| {
        let hold = world.server.hold_calls();
        let calls = scope.spawn(|| world.user.get_all(8));
        let all = held(&hold, 8);
        drop(hold);
        let results = joined(calls);
        all.map(|()| results)
    })?;
    for result in results {
        same(
            "the error",
            fails(result)?.kind(),
            ErrorKind::SessionExpired,
        )?;
    }
    eventually("an event", || world.user.expiries() > 0)?;
    let state = world.user.pair.status().state();
    same("the state", state, SessionState::Dead)?;
    let before = world.server.report();
    let error = fails(world.user.get("/me"))?;
    same("the error", error.kind(), ErrorKind::SessionExpired)?;
    same("what the server sees", world.server.report(), before)?;
    same("refreshes", before.refresh_calls(), 1)?;
    same("ends of the session", world.user.expiries(), 1)
}

/// Bug 39.
fn signing_in_again_is_enough<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.revoke_family("ada");
    fails(world.user.get("/me"))?;
    world.sign_in("ada")?;
    world.user.ok("/me")?;
    world.server.expire_all();
    world.user.ok("/me")?;
    world.asked(2)
}

/// Case 27, bug 4.
fn waiters_share_one_failure<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    // A long pause: those who come after the failure share it too.
    let fault = RefreshFault::TooManyRequests(30);
    world.server.fail_refreshes([fault]);
    for result in world.user.get_all(16) {
        let error = fails(result)?;
        same("the error", error.kind(), ErrorKind::Auth)?;
        let cause = cause(&error)?;
        same("the class", cause.class(), RefreshClass::NotSent)?;
        ensure(cause.retry_after().is_some(), "it names no time to wait")?;
    }
    world.asked(1)
}

/// Case 28, bug 30.
fn a_failure_is_not_tried_again_at_once<E: Lane>(it: &Bench<E>) -> Verdict {
    // Where the machine stands still until the pause is over, nothing is shown.
    for _ in 0..5 {
        if fails_alike(it)? {
            return Ok(());
        }
    }
    let text = "each time the pause was over before the second call was";
    Err(Failure::new(text))
}

/// Fails twice within the pause that is told, which has to be one refresh;
/// `false` if the pause may have been over.
fn fails_alike<E: Lane>(it: &Bench<E>) -> Verdict<bool> {
    let world = it.world()?;
    world.server.expire_all();
    world.server.fail_refreshes([RefreshFault::ServerError]);
    let began = ThreadRuntime.now();
    let error = failing(&world, RefreshClass::Ambiguous)?;
    let again = world.user.get("/me");
    let took = ThreadRuntime.now().saturating_duration_since(began);
    let pause = cause(&error)?.retry_after();
    let pause = pause.ok_or_else(|| Failure::new("it names no time to wait"))?;
    if took >= pause {
        return Ok(false);
    }
    let class = cause(&fails(again)?)?.class();
    same("the class", class, RefreshClass::Ambiguous)?;
    same("shared failures", world.user.pair.counters().cooled, 1)?;
    world.asked(1)?;
    Ok(true)
}

/// Case 29.
fn a_new_sign_in_ends_the_pause<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.fail_refreshes([RefreshFault::ServerError]);
    world.server.expire_all();
    failing(&world, RefreshClass::Ambiguous)?;
    world.sign_in("ada")?;
    world.server.expire_all();
    world.user.ok("/me")?;
    world.asked(2)
}

/// Case 35, bug 27.
fn a_busy_server_is_asked_again<E: Lane>(it: &Bench<E>) -> Verdict {
    let server = StrictAuthServer::builder();
    let world = it.set_up(server, |pair| pair.refresh_attempts(2))?;
    world.sign_in("ada")?;
    world.server.expire_all();
    world.server.fail_refreshes([RefreshFault::Unavailable]);
    world.user.ok("/me")?;
    same("failures", world.user.pair.counters().failed, 0)?;
    world.asked(2)
}

/// Case 34, bug 29.
fn a_wish_to_wait_is_kept<E: Lane>(it: &Bench<E>) -> Verdict {
    const WISH: Duration = Duration::from_secs(40);
    let world = it.world()?;
    world.server.expire_all();
    let fault = RefreshFault::TooManyRequests(40);
    world.server.fail_refreshes([fault]);
    for _ in 0..3 {
        let error = failing(&world, RefreshClass::NotSent)?;
        let wait = cause(&error)?.retry_after();
        same("the time to wait", wait, Some(WISH))?;
    }
    world.asked(1)
}

/// Bug 9.
fn a_hanging_refresh_ends_by_itself<E: Lane>(it: &Bench<E>) -> Verdict {
    // Where the machine stands still for as long, there is nothing that hangs.
    for limit in [Duration::from_millis(400), Duration::from_secs(4)] {
        if hangs_for(it, limit)? {
            return Ok(());
        }
    }
    Err(Failure::new("no refresh came"))
}

/// Has a refresh hang that has a limit, which has to end it; `false` if it was
/// reached before the refresh has come to the server.
fn hangs_for<E: Lane>(it: &Bench<E>, limit: Duration) -> Verdict<bool> {
    let server = StrictAuthServer::builder();
    let world = it.set_up(server, |pair| pair.refresh_timeout(limit))?;
    world.sign_in("ada")?;
    world.server.expire_all();
    world.server.fail_refreshes([RefreshFault::Hang]);
    let error = fails(world.user.get("/me"))?;
    if world.server.report().refresh_calls() == 0 {
        return Ok(false);
    }
    let class = cause(&error)?.class();
    same("the class", class, RefreshClass::Ambiguous)?;
    same("ends of the session", world.user.expiries(), 0)?;
    // Another session over the same store, which is in no pause.
    world.other_session()?.ok("/me")?;
    world.asked(2)?;
    Ok(true)
}

/// Case 38.
fn a_handler_that_panics_harms_nobody<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let pair = &world.user.pair;
    pair.on_event(|_| std::panic::resume_unwind(Box::new("by order")));
    for _ in 0..2 {
        world.server.expire_all();
        world.user.ok("/me")?;
    }
    ensure(pair.counters().panics > 0, "no panic was counted")?;
    world.asked(2)
}
