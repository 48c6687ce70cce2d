//! Answers of the token endpoint that are lost, or make no sense.

use std::time::Duration;

use super::{Case, Needs, cases};
use crate::{
    ErrorKind,
    adapter::conformance::{Failure, Lane, Verdict, ensure, same},
    auth::{
        RefreshClass, RefreshError,
        conformance::{
            RefreshFault, Rotation, StrictAuthServer,
            kit::bench::{Bench, fails},
        },
    },
};

cases! {
    a_page_of_a_proxy_keeps_the_token: "a 400 or 502 with a page is no word on the refresh token";
    garbage_keeps_the_token: "a 200 without a token is no word on the refresh token";
    a_reset_keeps_the_token: "a connection that is reset leaves the refresh token as it was";
    a_mistake_of_the_set_up_keeps_the_session: "`invalid_client` ends no session";
    a_slow_answer_is_an_answer: "an answer in small pieces is read to its end";
    a_lost_answer_is_recovered_in_a_grace:
        "an answer that is lost after the rotation is had again where the server has a grace";
    a_lost_rotation_is_told: "on a strict server it ends the session, with the reason";
}

/// Checks that a fault fails a call, in one class, and that the refresh token
/// is as good as before for the next run of the process.
fn keeps_the_token<E: Lane>(it: &Bench<E>, fault: &RefreshFault, class: RefreshClass) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    world.server.fail_refreshes([fault.clone()]);
    let error = fails(world.user.get("/me"))?;
    same("the error", error.kind(), ErrorKind::Auth)?;
    let found = RefreshError::find_in(&error).map(RefreshError::class);
    same("the class", found, Some(class))?;
    same("ends of the session", world.user.expiries(), 0)?;
    world.other_session()?.ok("/me")?;
    world.asked(2)
}

fn all_keep_the_token<E: Lane>(
    it: &Bench<E>,
    faults: &[RefreshFault],
    class: RefreshClass,
) -> Verdict {
    faults.iter().try_for_each(|fault| {
        let kept = keeps_the_token(it, fault, class);
        kept.map_err(|failure| failure.about(format_args!("{fault:?}")))
    })
}

/// Bug 28.
fn a_page_of_a_proxy_keeps_the_token<E: Lane>(it: &Bench<E>) -> Verdict {
    let pages = [RefreshFault::BadRequestHtml, RefreshFault::BadGateway];
    all_keep_the_token(it, &pages, RefreshClass::Ambiguous)
}

/// Case 27, bug 28.
fn garbage_keeps_the_token<E: Lane>(it: &Bench<E>) -> Verdict {
    let garbage = [RefreshFault::OkHtml, RefreshFault::OkEmpty];
    all_keep_the_token(it, &garbage, RefreshClass::Ambiguous)
}

/// Bug 27.
fn a_reset_keeps_the_token<E: Lane>(it: &Bench<E>) -> Verdict {
    all_keep_the_token(it, &[RefreshFault::Reset], RefreshClass::Ambiguous)
}

/// Case 32.
fn a_mistake_of_the_set_up_keeps_the_session<E: Lane>(it: &Bench<E>) -> Verdict {
    all_keep_the_token(it, &[RefreshFault::InvalidClient], RefreshClass::Config)
}

/// Case 41.
fn a_slow_answer_is_an_answer<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let pause = Duration::from_millis(5);
    world.server.fail_refreshes([RefreshFault::SlowDrip(pause)]);
    world.user.ok("/me")?;
    world.asked(1)
}

/// Case 55, bug 7.
fn a_lost_answer_is_recovered_in_a_grace<E: Lane>(it: &Bench<E>) -> Verdict {
    for fault in [RefreshFault::DieAfterRotate, RefreshFault::Truncated] {
        let server = StrictAuthServer::builder().rotation(Rotation::Grace(1));
        let world = it.set_up(server, |pair| pair.refresh_attempts(2))?;
        world.sign_in("ada")?;
        world.server.expire_all();
        world.server.fail_refreshes([fault]);
        world.user.ok("/me")?;
        same("recovered", world.user.pair.counters().recovered, 1)?;
        let most = world.server.report().max_presentations();
        same("presentations of one refresh token", most, 2)?;
        world.asked(2)?;
    }
    Ok(())
}

/// Case 55, bug 19.
fn a_lost_rotation_is_told<E: Lane>(it: &Bench<E>) -> Verdict {
    let server = StrictAuthServer::builder();
    let world = it.set_up(server, |pair| pair.refresh_attempts(2))?;
    world.sign_in("ada")?;
    world.server.expire_all();
    world.server.fail_refreshes([RefreshFault::DieAfterRotate]);
    let error = fails(world.user.get("/me"))?;
    same("the error", error.kind(), ErrorKind::SessionExpired)?;
    let cause = RefreshError::find_in(&error).ok_or_else(|| Failure::new("it has no cause"))?;
    ensure(cause.is_rotation_lost(), "it does not tell the reason")?;
    let report = world.server.report();
    same("refreshes", report.refresh_calls(), 2)
}
