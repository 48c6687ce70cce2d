//! Callers come and go; the refresh does not care.

use std::{thread, time::Duration};

use super::{Case, Needs, cases};
use crate::{
    CancelHandle,
    adapter::conformance::{Lane, Verdict, ensure, same},
    auth::conformance::kit::bench::{Bench, World, eventually, fails, good, held, joined},
};

cases! {
    a_leader_that_leaves_stops_no_refresh:
        "the call that started a refresh is gone, and the token is stored all the same";
    who_waits_outlives_the_leader: "those who wait get the token though the first one has left";
    who_times_out_fails_alone: "a call whose time is up fails, and no other";
    who_joins_later_waits_for_the_same: "a call that comes during a refresh starts no second one";
}

/// Waits until so many calls wait for a refresh that another one has started.
fn waiting<E: Lane>(world: &World<'_, E>, calls: u64) -> Verdict {
    let pair = &world.user.pair;
    eventually("the calls wait", || pair.counters().coalesced == calls)
}

/// Cases 39 and 40, bug 7.
fn a_leader_that_leaves_stops_no_refresh<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let old = world.stored()?;
    let handle = CancelHandle::new();
    thread::scope(|scope| {
        let hold = world.server.hold_refreshes();
        let leader = scope.spawn(|| world.leave(world.user.call("/leader"), &handle));
        let led = held(&hold, 1);
        handle.cancel();
        led.and(joined(leader))
    })?;
    let pair = &world.user.pair;
    eventually("the refresh", || pair.counters().refreshed == 1)?;
    ensure(world.stored()? != old, "the new token is not in the store")?;
    world.user.ok("/me")?;
    world.called(2)?;
    world.asked(1)
}

/// Case 39, bugs 7 and 8.
fn who_waits_outlives_the_leader<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let handle = CancelHandle::new();
    let results = thread::scope(|scope| {
        let hold = world.server.hold_refreshes();
        let leader = scope.spawn(|| world.leave(world.user.call("/leader"), &handle));
        let led = held(&hold, 1);
        let others = scope.spawn(|| world.user.get_all(4));
        let waited = waiting(&world, 4);
        handle.cancel();
        let left = joined(leader);
        drop(hold);
        let results = joined(others);
        led.and(waited).and(left).map(|()| results)
    })?;
    for result in results {
        good(result)?;
    }
    world.asked(1)
}

/// Case 41, bugs 8 and 9.
fn who_times_out_fails_alone<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let limit = Duration::from_millis(100);
    let (patient, hasty) = world.while_held(world.user.call("/patient"), |_| {
        let hasty = world.user.call("/hasty").deadline(limit);
        let error = fails(world.user.send(hasty))?;
        Ok(error.is_timeout())
    })?;
    good(patient)?;
    same("the hasty one has timed out", hasty, true)?;
    world.asked(1)
}

/// Case 12, bug 1.
fn who_joins_later_waits_for_the_same<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    thread::scope(|scope| {
        let (first, others) = world.while_held(world.user.call("/first"), |_| {
            let others = scope.spawn(|| world.user.all_ok(3));
            waiting(&world, 3)?;
            Ok(others)
        })?;
        good(first)?;
        joined(others)
    })?;
    world.asked(1)
}
