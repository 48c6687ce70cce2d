//! What a replay sends.

use std::{
    io::Cursor,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Case, Needs, cases};
use crate::{
    Body, Request,
    adapter::conformance::{Failure, Lane, Verdict, ensure, same},
    auth::{
        ReplayAfterRefusal,
        conformance::kit::bench::{Bench, World, good, refused},
    },
};

cases! {
    a_body_is_replayed_byte_by_byte: "a POST is replayed with the same method, target and bytes";
    a_made_body_is_made_again: "a body that is made for each attempt is made once more";
    a_body_that_is_gone_is_not_replayed:
        "a call whose body can be sent once is refreshed, and its 401 returned with a note";
    a_call_may_refuse_its_replay: "a call that must not be replayed is refreshed all the same";
    a_refresh_passes_no_interceptor: "the call to the token endpoint passes none of the client's";
}

/// More than one packet, and no text.
fn bytes() -> Vec<u8> {
    (0..=255).cycle().take(100_000).collect()
}

/// Checks that two calls came that are alike.
fn twice<E: Lane>(world: &World<'_, E>) -> Verdict {
    let calls = world.server.api_calls();
    let [first, second] = calls.as_slice() else {
        return Err(Failure::new(format_args!("{} calls came", calls.len())));
    };
    same("the first method", first.method(), "POST")?;
    same("the second method", second.method(), "POST")?;
    same("the target", second.target(), first.target())?;
    ensure(*first.body() == bytes(), "the first body is another")?;
    ensure(*second.body() == bytes(), "the second body is another")?;
    let statuses = [first.status(), second.status()];
    same("the statuses", statuses, [401, 200])?;
    world.asked(1)
}

/// Case 63, bug 34.
fn a_body_is_replayed_byte_by_byte<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let call = world.user.client.post(world.user.url("/notes?a=b%20c"));
    good(world.user.send(call.body(bytes())))?;
    twice(&world)
}

/// Case 65.
fn a_made_body_is_made_again<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let made = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&made);
    let body = Body::factory(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Body::from_reader(Cursor::new(bytes()))
    });
    let call = world.user.client.post(world.user.url("/notes"));
    good(world.user.send(call.body(body)))?;
    same("bodies", made.load(Ordering::SeqCst), 2)?;
    twice(&world)
}

/// Checks that a 401 came back with a note, and that the next call is good.
fn refreshed_only<E: Lane>(
    world: &World<'_, E>,
    result: crate::Result<crate::Response>,
) -> Verdict {
    let error = refused(result, 401)?;
    let noted = error.notes().any(|note| note.contains("not replayed"));
    ensure(noted, "no note says why it was not replayed")?;
    world.called(1)?;
    world.asked(1)?;
    world.user.ok("/next")?;
    world.called(2)?;
    world.asked(1)
}

/// Case 64, bug 35.
fn a_body_that_is_gone_is_not_replayed<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let body = Body::from_reader(Cursor::new(bytes()));
    let call = world.user.client.post(world.user.url("/upload"));
    let result = world.user.send(call.body(body));
    refreshed_only(&world, result)
}

/// Case 64.
fn a_call_may_refuse_its_replay<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    world.server.expire_all();
    let call = world.user.call("/me").extension(ReplayAfterRefusal::Never);
    let result = world.user.send(call);
    refreshed_only(&world, result)
}

/// Case 68, bugs 5 and 6.
fn a_refresh_passes_no_interceptor<E: Lane>(it: &Bench<E>) -> Verdict {
    let world = it.world()?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let watch = move |request: Request| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(request.uri().path().to_owned());
        Ok(request)
    };
    world.user.client.interceptors.request.use_sync(watch);
    world.server.expire_all();
    world.user.ok("/me")?;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    same("what passed", seen.as_slice(), ["/api/me", "/api/me"])?;
    world.asked(1)
}
