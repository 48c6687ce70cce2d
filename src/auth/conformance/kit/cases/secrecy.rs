//! Tokens stand in no text.

use std::error::Error as _;

use super::{Case, Needs, cases};
use crate::{
    Error,
    adapter::conformance::{Lane, Verdict, ensure},
    auth::conformance::{
        ApiFault, RefreshFault,
        kit::bench::{Bench, World, fails},
    },
};

cases! {
    no_error_holds_a_token: "no error of a call that got no token holds one, however printed";
    no_event_holds_a_token: "neither events nor session, status or answers print a token";
}

/// Checks that a text holds none of the tokens that there were.
fn keeps_secrets<E: Lane>(world: &World<'_, E>, text: &str) -> Verdict {
    let tokens = world.store.tokens();
    ensure(!tokens.is_empty(), "no token was seen to search for")?;
    let found = tokens.iter().any(|token| text.contains(token.as_str()));
    // The text itself is not shown, for the same reason.
    ensure(!found, "a text holds a token")
}

/// Prints an error in each way.
fn printed(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?} {}", error.to_json());
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(" {cause} {cause:?}"));
        next = cause.source();
    }
    text
}

/// Case 72.
fn no_error_holds_a_token<E: Lane>(it: &Bench<E>) -> Verdict {
    for fault in [
        RefreshFault::ServerError,
        RefreshFault::OkHtml,
        RefreshFault::Truncated,
        RefreshFault::InvalidGrant,
        RefreshFault::InvalidClient,
        RefreshFault::Reset,
    ] {
        let world = it.world()?;
        world.server.expire_all();
        world.server.fail_refreshes([fault]);
        let error = fails(world.user.get("/me"))?;
        keeps_secrets(&world, &printed(&error))?;
    }
    let world = it.world()?;
    world.server.always_fail_calls(Some(ApiFault::Unauthorized));
    let error = fails(world.user.get("/me"))?;
    keeps_secrets(&world, &printed(&error))
}

/// Case 72.
fn no_event_holds_a_token<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let response = world.user.ok("/me")?;
    let faults = [RefreshFault::ServerError, RefreshFault::InvalidGrant];
    world.server.fail_refreshes(faults);
    for _ in 0..2 {
        world.server.expire_all();
        fails(world.user.get("/me"))?;
        let token = world.server.sign_in("ada");
        keeps_secrets(&world, &format!("{token:?}"))?;
        world.user.sign_in(token)?;
    }
    let user = &world.user;
    let stored = world.stored()?;
    let text = format!(
        "{response:?} {:?} {:?} {:?} {stored:?}",
        user.events(),
        user.pair,
        user.pair.status(),
    );
    ensure(!user.events().is_empty(), "there were no events")?;
    keeps_secrets(&world, &text)
}
