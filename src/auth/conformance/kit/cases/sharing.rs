//! Several sessions over one store, and both engines over one session.

use std::{thread, time::Duration};

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{Failure, Lane, Verdict, ensure, same},
    auth::conformance::kit::bench::{Bench, World, eventually, good, held, joined, refused},
};

/// How long a session that has to wait for another is watched.
const MOMENT: Duration = Duration::from_millis(100);

cases! {
    sessions_over_one_store_share_one_refresh:
        "of two sessions that are refused at once one refreshes, and the other adopts";
    what_another_session_stored_is_adopted:
        "a session that is refused takes the newer token that is in the store";
    a_sign_in_elsewhere_is_not_overwritten:
        "what a refresh brings does not replace who has signed in in another process";
    a_sign_out_elsewhere_is_not_undone:
        "what a refresh brings does not undo the sign-out of another process";
    both_engines_share_one_session [Needs::Twin]:
        "an async and a blocking client with one session share its refresh";
}

/// Case 54, bugs 3 and 20.
fn sessions_over_one_store_share_one_refresh<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let other = world.other_session()?;
    other.ok("/loads")?;
    world.server.expire_all();
    let (first, second) = thread::scope(|scope| {
        let calls = world.server.hold_calls();
        let refreshes = world.server.hold_refreshes();
        let first = scope.spawn(|| world.user.get("/first"));
        let second = scope.spawn(|| other.get("/second"));
        let both = held(&calls, 2);
        drop(calls);
        // The first refresh lasts until the other session wants one as well,
        // and has had the time to ask for it.
        let apart = both.and_then(|()| {
            held(&refreshes, 1)?;
            eventually("both sessions refresh", || {
                let (user, other) = (world.user.pair.status(), other.pair.status());
                user.is_refreshing() && other.is_refreshing()
            })?;
            ensure(
                !refreshes.wait_for(2, MOMENT),
                "both sessions ask for a refresh",
            )
        });
        drop(refreshes);
        let results = (joined(first), joined(second));
        apart.map(|()| results)
    })?;
    good(first)?;
    good(second)?;
    let adopted = world.user.pair.counters().adopted + other.pair.counters().adopted;
    same("adopted tokens", adopted, 1)?;
    world.asked(1)
}

/// Case 14, bugs 20 and 21.
fn what_another_session_stored_is_adopted<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let other = world.other_session()?;
    other.ok("/loads")?;
    world.server.expire_all();
    world.user.ok("/refreshes")?;
    other.ok("/adopts")?;
    same("adopted tokens", other.pair.counters().adopted, 1)?;
    world.asked(1)?;
    // It goes on with the refresh token of the store, not with its own.
    world.server.expire_all();
    other.ok("/refreshes")?;
    world.user.ok("/adopts")?;
    world.asked(2)
}

/// Ends when the refresh is over, whatever came of it.
fn settled<E: Lane>(world: &World<'_, E>) -> Verdict {
    let pair = &world.user.pair;
    eventually("the refresh ends", || !pair.status().is_refreshing())
}

/// Case 56, bug 23.
fn a_sign_in_elsewhere_is_not_overwritten<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let other = world.other_session()?;
    world.server.expire_all();
    let (result, bob) = world.while_held(world.user.call("/as-ada"), |_| {
        let bob = world.server.sign_in("bob");
        other.sign_in(bob.clone())?;
        Ok(bob)
    })?;
    // Whatever becomes of it, it is not let through as Bob.
    drop(result);
    settled(&world)?;
    let stored = world.stored()?;
    let stored = stored.ok_or_else(|| Failure::new("the store is empty"))?;
    ensure(
        stored.access_token() == bob.access_token(),
        "the store holds somebody else's token",
    )?;
    let calls = world.server.api_calls();
    let sent = calls.iter().any(|call| call.user() == Some("bob"));
    ensure(!sent, "a call of Ada's was sent as Bob")?;
    other.ok("/as-bob").map(drop)
}

/// Case 62, bug 10.
fn a_sign_out_elsewhere_is_not_undone<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let other = world.other_session()?;
    other.ok("/loads")?;
    world.server.expire_all();
    let (result, ()) = world.while_held(world.user.call("/me"), |_| other.sign_out())?;
    drop(result);
    settled(&world)?;
    ensure(world.stored()?.is_none(), "the store holds a token")?;
    refused(other.get("/me"), 401).map(drop)
}

/// Case 70.
fn both_engines_share_one_session<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let results = thread::scope(|scope| {
        let hold = world.server.hold_calls();
        let one = scope.spawn(|| world.user.get("/one"));
        let other = scope.spawn(|| world.twin("/other"));
        let both = held(&hold, 2);
        drop(hold);
        let results = [joined(one), joined(other)];
        both.map(|()| results)
    })?;
    for result in results {
        good(result)?;
    }
    world.asked(1)?;
    world.server.expire_all();
    good(world.twin("/other"))?;
    world.user.ok("/one")?;
    world.asked(2)
}
