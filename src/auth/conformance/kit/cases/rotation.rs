//! Which refresh token is presented next.

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{Failure, Lane, Verdict, ensure, same},
    auth::{
        Token,
        conformance::{Rotation, StrictAuthServer, kit::bench::Bench},
    },
};

cases! {
    the_new_refresh_token_is_presented_next: "the next refresh spends what the last one gave";
    the_new_refresh_token_is_stored: "the store holds what the last refresh gave";
    an_omitted_refresh_token_is_kept: "an answer without a refresh token keeps the old one";
    a_repeated_refresh_token_is_kept: "a server that does not rotate is served as well";
}

/// Case 44, bug 14.
fn the_new_refresh_token_is_presented_next<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    for refreshes in 1..=3 {
        world.server.expire_all();
        world.user.ok("/me")?;
        world.asked(refreshes)?;
    }
    let most = world.server.report().max_presentations();
    same("presentations of one refresh token", most, 1)
}

/// Case 44.
fn the_new_refresh_token_is_stored<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.set_up(StrictAuthServer::builder(), |pair| pair)?;
    let first = world.sign_in("ada")?;
    world.server.expire_all();
    world.user.ok("/me")?;
    let stored = world.stored()?;
    let stored = stored.ok_or_else(|| Failure::new("the store is empty"))?;
    let fresh = stored.access_token() != first.access_token();
    ensure(fresh, "the store holds the old access token")?;
    let spends = |token: &Token| token.refresh_token().cloned();
    ensure(spends(&stored).is_some(), "the store has no refresh token")?;
    ensure(
        spends(&stored) != spends(&first),
        "the store holds the old refresh token",
    )
}

/// Refreshes twice on a server that goes on with one refresh token.
fn one_for_ever<E: Lane>(it: &Bench<E>, rotation: Rotation) -> Verdict {
    let server = StrictAuthServer::builder().rotation(rotation);
    let world = it.signed_in(server)?;
    for refreshes in 1..=2 {
        world.server.expire_all();
        world.user.ok("/me")?;
        world.asked(refreshes)?;
    }
    let most = world.server.report().max_presentations();
    same("presentations of the refresh token", most, 2)
}

/// Case 44, bug 13.
fn an_omitted_refresh_token_is_kept<E: Lane>(it: &Bench<E>) -> Verdict {
    one_for_ever(it, Rotation::Omitted)
}

/// Case 44.
fn a_repeated_refresh_token_is_kept<E: Lane>(it: &Bench<E>) -> Verdict {
    one_for_ever(it, Rotation::None)
}
