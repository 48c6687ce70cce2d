//! What is stored, and when.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{Case, Needs, cases};
use crate::{
    ErrorKind,
    adapter::conformance::{Lane, Verdict, ensure, same},
    auth::{
        AuthEvent, RefreshClass, RefreshError,
        conformance::kit::bench::{Bench, eventually, fails},
    },
};

cases! {
    a_token_is_stored_before_it_is_used: "no replay is sent before the new token is stored";
    a_store_that_takes_nothing_costs_no_token:
        "where the store cannot be written, the refresh token is not spent";
    a_store_that_fails_too_late_loses_no_token:
        "a token that could not be stored is used all the same, told of and stored later";
    the_next_run_goes_on: "another process goes on where this one has stopped";
}

/// Case 45.
fn a_token_is_stored_before_it_is_used<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let calls = Arc::new(AtomicU64::new(0));
    let (seen, server) = (Arc::clone(&calls), Arc::downgrade(&world.server));
    world.store.when_written(move || {
        let calls = server.upgrade().map_or(0, |it| it.report().api_calls());
        seen.store(calls, Ordering::SeqCst);
    });
    world.user.ok("/me")?;
    let calls = calls.load(Ordering::SeqCst);
    same("calls when the write was over", calls, 1)?;
    world.called(2)
}

/// Case 47, bug 18.
fn a_store_that_takes_nothing_costs_no_token<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    world.store.refuse_writes(true);
    let error = fails(world.user.get("/me"))?;
    same("the error", error.kind(), ErrorKind::Auth)?;
    let class = RefreshError::find_in(&error).map(RefreshError::class);
    same("the class", class, Some(RefreshClass::Store))?;
    world.asked(0)?;
    world.store.refuse_writes(false);
    world.other_session()?.ok("/me")?;
    world.asked(1)
}

/// Bug 17.
fn a_store_that_fails_too_late_loses_no_token<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let old = world.stored()?;
    world.store.refuse_swaps(true);
    world.user.ok("/me")?;
    world.user.ok("/me")?;
    let user = &world.user;
    let told = |event: &AuthEvent| matches!(event, AuthEvent::PersistFailed { .. });
    eventually("an event", || user.events().iter().any(told))?;
    same("is the old one stored", world.stored()? == old, true)?;
    world.store.refuse_swaps(false);
    eventually("a write", || world.stored().is_ok_and(|now| now != old))?;
    world.other_session()?.ok("/me")?;
    world.asked(1)
}

/// Case 44, bug 14.
fn the_next_run_goes_on<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    world.user.ok("/me")?;
    let next = world.other_session()?;
    next.ok("/me")?;
    world.called(3)?;
    world.asked(1)?;
    world.server.expire_all();
    next.ok("/me")?;
    let most = world.server.report().max_presentations();
    ensure(most == 1, "a refresh token was presented twice")?;
    world.asked(2)
}
