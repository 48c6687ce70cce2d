//! Somebody signs in or out while a token is refreshed.

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{Failure, Lane, Verdict, ensure, same},
    auth::{
        SessionState, Token,
        conformance::{
            RefreshFault,
            kit::bench::{Bench, World, eventually, fails, refused},
        },
    },
};

cases! {
    a_sign_out_during_a_refresh_lasts:
        "who signs out stays signed out, whatever a refresh brings afterwards";
    what_came_after_a_sign_out_is_revoked:
        "a token that comes when nobody is signed in any more is revoked";
    another_user_is_left_alone:
        "what a refresh of the last user brings does not touch the next one";
    a_refusal_is_that_of_its_user: "an `invalid_grant` of the last user does not end the next one";
    two_sessions_do_not_mix: "two sessions refresh on their own, and keep their own tokens";
}

/// Returns whose calls were let through.
fn users<E: Lane>(world: &World<'_, E>) -> Vec<String> {
    let calls = world.server.api_calls();
    let good = calls.iter().filter(|call| call.status() == 200);
    good.filter_map(|call| call.user().map(str::to_owned))
        .collect()
}

fn is_stored<E: Lane>(world: &World<'_, E>, token: &Token) -> Verdict {
    let stored = world.stored()?;
    let stored = stored.ok_or_else(|| Failure::new("the store is empty"))?;
    ensure(
        stored.access_token() == token.access_token(),
        "the store holds somebody else's token",
    )
}

/// Case 51, bug 10.
fn a_sign_out_during_a_refresh_lasts<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let (result, ()) = world.while_held(world.user.call("/me"), |_| world.user.sign_out())?;
    fails(result)?;
    let pair = &world.user.pair;
    eventually("the refresh ends", || !pair.status().is_refreshing())?;
    refused(world.user.get("/me"), 401)?;
    same("the state", pair.status().state(), SessionState::Empty)?;
    ensure(world.stored()?.is_none(), "the store holds a token")?;
    same("calls that were let through", users(&world).len(), 0)?;
    world.asked(1)
}

/// Case 51, bug 10.
fn what_came_after_a_sign_out_is_revoked<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let (result, ()) = world.while_held(world.user.call("/me"), |_| world.user.sign_out())?;
    fails(result)?;
    // That which was signed out, and that which came afterwards.
    eventually("both are revoked", || {
        world.server.report().revocations() == 2
    })
}

/// Case 51, bug 11.
fn another_user_is_left_alone<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let (result, bob) = world.while_held(world.user.call("/as-ada"), |_| world.sign_in("bob"))?;
    // A call of Ada's is not sent as Bob.
    fails(result)?;
    world.user.ok("/as-bob")?;
    same("who came through", users(&world), ["bob"])?;
    is_stored(&world, &bob)?;
    world.server.expire_all();
    world.user.ok("/as-bob")?;
    same("who came through", users(&world), ["bob", "bob"])?;
    world.asked(2)
}

/// Bug 11.
fn a_refusal_is_that_of_its_user<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    world.server.fail_refreshes([RefreshFault::InvalidGrant]);
    let (result, bob) = world.while_held(world.user.call("/as-ada"), |_| world.sign_in("bob"))?;
    fails(result)?;
    world.user.ok("/as-bob")?;
    is_stored(&world, &bob)?;
    world.server.expire_all();
    // This one waits for the flight before it, if that is not over yet.
    world.user.ok("/as-bob")?;
    same("ends of the session", world.user.expiries(), 0)?;
    same("who came through", users(&world), ["bob", "bob"])
}

/// Case 53, bug 43.
fn two_sessions_do_not_mix<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let bob = it.stranger(&world.server)?;
    bob.sign_in(world.server.sign_in("bob"))?;
    world.server.expire_all();
    let (result, response) = world.while_held(world.user.call("/as-ada"), |hold| {
        // Bob's refresh does not wait for Ada's.
        hold.release(2);
        bob.ok("/as-bob")
    })?;
    for (response, user) in [(result?, "ada"), (response, "bob")] {
        let answer: serde_json::Value = response.json()?;
        same("the user", answer.get("user"), Some(&user.into()))?;
    }
    world.called(4)?;
    world.asked(2)
}
