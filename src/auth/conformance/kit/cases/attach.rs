//! Where a token goes, and where it does not.

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{Failure, Lane, Verdict, same},
    auth::{
        SkipAuth,
        conformance::{
            ApiFault, StrictAuthServer,
            kit::{
                bench::{Bench, World, refused},
                session::sent,
            },
        },
    },
};

cases! {
    one_header_is_attached: "a call carries the token, once";
    a_header_of_the_callers_is_left_alone:
        "a call that brings its own token is neither changed nor refreshed";
    an_opted_out_call_is_sent_bare: "a call that opts out has no token, and starts no refresh";
    with_nobody_signed_in_a_call_is_sent_bare: "without a session nothing is sent or refreshed";
    a_foreign_origin_gets_no_token: "a call to an origin that is not named has no token";
    a_redirect_takes_no_token_along: "a token stays behind where a redirect leaves the origin";
    a_foreign_refusal_is_passed_on: "a 401 of another origin is returned, without a refresh";
}

/// Checks who the last call came from.
fn last_user<E: Lane>(world: &World<'_, E>, expected: Option<&str>) -> Verdict {
    let calls = world.server.api_calls();
    let last = calls.last().ok_or_else(|| Failure::new("no call came"))?;
    same("whose token came", last.user(), expected)
}

/// Checks that the foreign origin was called, and saw nothing.
fn foreign_saw_nothing<E: Lane>(world: &World<'_, E>) -> Verdict {
    let report = world.server.report();
    same("calls at the other origin", report.foreign_calls(), 1)?;
    same("tokens at the other origin", report.foreign_tokens(), 0)?;
    world.asked(0)
}

/// Case 1.
fn one_header_is_attached<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.set_up(StrictAuthServer::builder(), |pair| pair)?;
    let token = world.sign_in("ada")?;
    let response = world.user.ok("/me")?;
    let expected = format!("Bearer {}", token.access_token().expose());
    // A text of our own: the values are secrets.
    same(
        "the header is the token's",
        sent(&response)? == expected,
        true,
    )?;
    last_user(&world, Some("ada"))?;
    world.asked(0)
}

/// Case 1.
fn a_header_of_the_callers_is_left_alone<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let call = world.user.call("/me").bearer_auth("of-my-own");
    refused(world.user.send(call), 401)?;
    last_user(&world, None)?;
    world.called(1)?;
    world.asked(0)
}

/// Case 3.
fn an_opted_out_call_is_sent_bare<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let call = world.user.call("/me").extension(SkipAuth);
    refused(world.user.send(call), 401)?;
    last_user(&world, None)?;
    world.called(1)?;
    world.asked(0)
}

/// Case 6.
fn with_nobody_signed_in_a_call_is_sent_bare<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.set_up(StrictAuthServer::builder(), |pair| pair)?;
    refused(world.user.get("/me"), 401)?;
    last_user(&world, None)?;
    world.called(1)?;
    world.asked(0)
}

/// Case 4.
fn a_foreign_origin_gets_no_token<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let url = format!("{}/200", world.server.foreign_url());
    world.user.send(world.user.client.get(url))?;
    foreign_saw_nothing(&world)
}

/// Case 5, bug 36.
fn a_redirect_takes_no_token_along<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.fail_calls([ApiFault::Foreign(200)]);
    world.user.ok("/away")?;
    last_user(&world, Some("ada"))?;
    foreign_saw_nothing(&world)
}

/// Case 5, bug 36.
fn a_foreign_refusal_is_passed_on<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.fail_calls([ApiFault::Foreign(401)]);
    refused(world.user.get("/away"), 401)?;
    foreign_saw_nothing(&world)
}
