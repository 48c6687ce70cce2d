//! A call is refused.

use std::thread;

use super::{Case, Needs, cases};
use crate::{
    ErrorKind,
    adapter::conformance::{Failure, Lane, Verdict, same},
    auth::{
        StepUp,
        conformance::{
            ApiFault,
            kit::bench::{Bench, eventually, fails, good, held, joined, refused},
        },
    },
};

cases! {
    a_refused_call_is_refreshed_and_replayed:
        "a 401 is followed by one refresh and a replay, and the caller sees the 200";
    calls_at_once_share_one_refresh: "64 calls that are refused at once share one refresh";
    a_straggler_is_replayed_without_a_refresh:
        "a refusal of a token that was replaced meanwhile is replayed at once";
    a_second_refusal_is_returned: "a replay that is refused is returned, and no session ends";
    a_forbidden_call_is_passed_on: "a 403 is passed on, without a refresh";
    a_missing_scope_is_a_step_up: "`insufficient_scope` names the scope, without a refresh";
    each_shape_of_a_refusal_is_understood:
        "a 401 is understood without a challenge, and with several";
}

/// Case 8.
fn a_refused_call_is_refreshed_and_replayed<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let response = world.user.ok("/me")?;
    same("attempts", response.attempts(), 2)?;
    world.called(2)?;
    world.asked(1)
}

/// Case 12, bug 1.
fn calls_at_once_share_one_refresh<E: Lane>(it: &Bench<E>) -> Verdict {
    const CALLS: usize = 64;
    let world = it.world()?;
    world.server.expire_all();
    let results = thread::scope(|scope| {
        let hold = world.server.hold_calls();
        let calls = scope.spawn(|| world.user.get_all(CALLS));
        // All of them are refused before the first one knows it.
        let all = held(&hold, CALLS);
        drop(hold);
        let results = joined(calls);
        all.map(|()| results)
    })?;
    for result in results {
        good(result)?;
    }
    world.called(2 * CALLS as u64)?;
    world.asked(1)?;
    let most = world.server.report().max_presentations();
    same("presentations of one refresh token", most, 1)
}

/// Case 13, bug 2.
fn a_straggler_is_replayed_without_a_refresh<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let results = thread::scope(|scope| {
        let hold = world.server.hold_calls();
        let calls = scope.spawn(|| world.user.get_all(2));
        let order = held(&hold, 2).and_then(|()| {
            hold.release(1);
            // The replay comes when the new token is there.
            eventually("a replay", || world.server.report().api_calls() == 3)
        });
        drop(hold);
        let results = joined(calls);
        order.map(|()| results)
    })?;
    for result in results {
        good(result)?;
    }
    same("stragglers", world.user.pair.counters().stale_hits, 1)?;
    world.called(4)?;
    world.asked(1)
}

/// Case 11, bug 31.
fn a_second_refusal_is_returned<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let refusal = ApiFault::Unauthorized;
    world.server.fail_calls([refusal.clone(), refusal]);
    refused(world.user.get("/me"), 401)?;
    world.called(2)?;
    world.asked(1)?;
    same("ends of the session", world.user.expiries(), 0)?;
    // The server has found its keys again, and the token is good.
    world.user.ok("/me")?;
    world.asked(1)
}

/// Case 9, bug 32.
fn a_forbidden_call_is_passed_on<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.fail_calls([ApiFault::Forbidden]);
    refused(world.user.get("/admin"), 403)?;
    world.called(1)?;
    world.asked(0)
}

/// Case 16, bug 33.
fn a_missing_scope_is_a_step_up<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let fault = ApiFault::InsufficientScope("write".to_owned());
    world.server.fail_calls([fault]);
    let error = fails(world.user.get("/notes"))?;
    same("the error", error.kind(), ErrorKind::Auth)?;
    match StepUp::find_in(&error) {
        Some(StepUp::Scope { required, .. }) => same("the scope", required, &["write"])?,
        other => return Err(Failure::new(format_args!("it asks for {other:?}"))),
    }
    world.called(1)?;
    world.asked(0)
}

/// Case 8.
fn each_shape_of_a_refusal_is_understood<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let shapes = [
        ApiFault::BareUnauthorized,
        ApiFault::ChallengesInOne,
        ApiFault::ChallengesInTwo,
    ];
    for (shape, refreshes) in shapes.into_iter().zip(1..) {
        world.server.fail_calls([shape.clone()]);
        let result = world.user.ok("/me").and_then(|_| world.asked(refreshes));
        result.map_err(|failure| failure.about(format_args!("{shape:?}")))?;
    }
    Ok(())
}
