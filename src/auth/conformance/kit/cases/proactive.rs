//! A token's time is up, or nearly.

use std::time::Duration;

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{Lane, Verdict, ensure, same},
    auth::conformance::{
        ExpiresIn, RefreshFault, StrictAuthServer,
        kit::{
            bench::{Bench, World, eventually},
            session::sent,
        },
    },
};

cases! {
    an_expired_token_is_not_sent: "a token whose time is up is refreshed before the call";
    calls_at_once_share_one_refresh_ahead: "16 calls with an expired token share one refresh";
    a_refresh_in_the_background_delays_nobody:
        "a token that will expire soon is sent while the next one is fetched";
    a_failure_in_the_background_harms_nobody:
        "a refresh ahead of time that fails is seen by no call, and not repeated at once";
    an_unknown_expiry_is_left_to_the_server: "a token without an expiry is refreshed when refused";
    a_short_life_makes_no_loop: "a token that lives shorter than the leeway is refreshed once";
    an_absurd_lifetime_loses_no_token: "an `expires_in` without sense leaves the expiry unknown";
}

const HOUR: Duration = Duration::from_secs(3600);

/// A world whose token is about to expire, which makes no call wait.
fn about_to_expire<E: Lane>(it: &Bench<E>) -> Verdict<World<'_, E>> {
    let world = it.set_up(StrictAuthServer::builder(), |pair| pair)?;
    world.sign_in_aged(HOUR, Duration::from_secs(90))?;
    Ok(world)
}

/// A world whose token has expired, by both clocks.
fn expired<E: Lane>(it: &Bench<E>, server: bool) -> Verdict<World<'_, E>> {
    let builder = match server {
        true => StrictAuthServer::builder().lifetime(Duration::from_secs(30)),
        false => StrictAuthServer::builder(),
    };
    let world = it.set_up(builder, |pair| pair)?;
    world.sign_in_aged(HOUR, Duration::ZERO)?;
    world.server.expire_all();
    Ok(world)
}

/// Case 18, bug 37.
fn an_expired_token_is_not_sent<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = expired(it, false)?;
    world.user.ok("/me")?;
    same("401s", world.server.report().unauthorized(), 0)?;
    world.called(1)?;
    world.asked(1)
}

/// Cases 12 and 18.
fn calls_at_once_share_one_refresh_ahead<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = expired(it, false)?;
    world.user.all_ok(16)?;
    same("401s", world.server.report().unauthorized(), 0)?;
    world.called(16)?;
    world.asked(1)
}

/// Case 19.
fn a_refresh_in_the_background_delays_nobody<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = about_to_expire(it)?;
    let (first, before) = world.while_held(world.user.call("/first"), |_| {
        // The refresh is held, and both calls come through.
        sent(&world.user.ok("/second")?)
    })?;
    same("the old token went out", sent(&first?)? == before, true)?;
    let pair = &world.user.pair;
    eventually("the refresh", || pair.counters().refreshed == 1)?;
    let after = sent(&world.user.ok("/third")?)?;
    ensure(after != before, "the new token is not used")?;
    same("calls that waited", pair.counters().coalesced, 0)?;
    world.called(3)?;
    world.asked(1)
}

/// Case 20, bug 26.
fn a_failure_in_the_background_harms_nobody<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = about_to_expire(it)?;
    // A long pause, so that a busy machine does not outlast it.
    let fault = RefreshFault::TooManyRequests(30);
    world.server.fail_refreshes([fault]);
    world.user.ok("/first")?;
    let pair = &world.user.pair;
    eventually("the failure", || pair.counters().failed == 1)?;
    world.user.all_ok(4)?;
    world.called(5)?;
    world.asked(1)
}

/// Case 22.
fn an_unknown_expiry_is_left_to_the_server<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.signed_in(StrictAuthServer::builder().expires_in(ExpiresIn::Omitted))?;
    world.user.ok("/me")?;
    same("expiry", world.user.pair.status().expires_at(), None)?;
    world.asked(0)?;
    world.server.expire_all();
    world.user.ok("/me")?;
    world.called(3)?;
    world.asked(1)
}

/// Bug 15.
fn a_short_life_makes_no_loop<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = expired(it, true)?;
    world.user.all_ok(16)?;
    world.user.ok("/later")?;
    world.called(17)?;
    world.asked(1)
}

/// Bug 16.
fn an_absurd_lifetime_loses_no_token<E: Lane>(it: &Bench<E>) -> Verdict {
    for absurd in ["-1", "1e300", "\"soon\"", "null"] {
        let absurd = ExpiresIn::Raw(absurd.to_owned());
        let world = it.signed_in(StrictAuthServer::builder().expires_in(absurd))?;
        world.server.expire_all();
        world.user.ok("/me")?;
        world.user.ok("/me")?;
        world.asked(1)?;
    }
    Ok(())
}
