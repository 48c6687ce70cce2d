//! What one process does reaches the others.

use std::time::Duration;

use tollgate::auth::conformance::Rotation;
use tollgate_redis_kit::{until, until_within};

use crate::world::World;

const PROCESSES: usize = 4;
/// Within which time the others know.
const SOON: Duration = Duration::from_secs(1);

fn start() -> Option<World> {
    World::start(PROCESSES, Rotation::Strict, |_| {})
}

#[test]
fn a_pair_that_one_process_stored_is_adopted_without_a_refresh() {
    let Some(mut world) = start() else { return };
    world.auth.expire_all();
    world.processes.tell(1, "calls 1 1");
    assert_eq!(world.called_by(1).ok, 1);
    world.processes.tell_all("calls 10 5");
    assert_eq!(world.called().ok, PROCESSES * 10);
    assert_eq!(world.auth.report().refresh_calls(), 1);
    world.processes.tell_all("counters");
    for number in world.processes.alive() {
        let counters = world.processes.take(number, "counters").numbers();
        let expected = if number == 1 { [1, 0] } else { [0, 1] };
        assert_eq!(
            counters[..2],
            expected,
            "attempts and adoptions of {number}"
        );
    }
}

#[test]
fn a_pair_that_one_process_stored_is_used_by_all_within_a_second() {
    let Some(mut world) = start() else { return };
    world.auth.expire_all();
    world.processes.tell(1, "calls 1 1");
    assert_eq!(world.called_by(1).ok, 1);
    let before = world.auth.report();
    let all_know = until_within(SOON, || {
        world.processes.tell_all("counters");
        (2..=PROCESSES).all(|number| world.processes.take(number, "counters").numbers()[1] == 1)
    });
    println!(
        "the other processes have the new pair after {:?}",
        all_know.unwrap()
    );
    world.processes.tell_all("calls 10 5");
    assert_eq!(world.called().ok, PROCESSES * 10);
    let after = world.auth.report();
    assert_eq!(
        after.unauthorized(),
        before.unauthorized(),
        "nobody is refused"
    );
    assert_eq!(after.refresh_calls(), 1);
}

#[test]
fn after_a_sign_out_the_others_stop_sending_the_token_within_a_second() {
    let Some(mut world) = start() else { return };
    world.processes.tell_all("stream");
    let sent_before = world.auth.api_calls().len();
    until("all to send calls", || {
        world.auth.api_calls().len() > sent_before + PROCESSES * 5
    });
    world.processes.tell(1, "sign-out");
    world.processes.take(1, "signed-out");
    let seen = world.auth.api_calls().len();
    // The token is good still: who sends it does not know better.
    let stopped = until_within(SOON, || {
        let calls = world.auth.api_calls();
        let newest: Vec<_> = calls.iter().skip(seen).rev().take(PROCESSES * 3).collect();
        newest.len() == PROCESSES * 3 && newest.iter().all(|call| call.user().is_none())
    });
    println!(
        "nobody sends the token any more after {:?}",
        stopped.unwrap()
    );

    let known = world.auth.api_calls().len();
    until("all to send more calls", || {
        world.auth.api_calls().len() > known + PROCESSES * 10
    });
    let calls = world.auth.api_calls();
    let later = &calls[known..];
    for number in 1..=PROCESSES {
        let path = format!("/{number}/");
        let theirs: Vec<_> = later
            .iter()
            .filter(|call| call.target().starts_with(&path))
            .collect();
        assert!(!theirs.is_empty(), "process {number} makes no calls");
        assert!(theirs.iter().all(|call| call.user().is_none()), "{number}");
    }
    world.processes.tell_all("quiet");
    for number in world.processes.alive() {
        world.processes.take(number, "streamed");
    }
    assert_eq!(world.auth.report().refresh_calls(), 0);
}

#[test]
fn what_redis_has_lost_is_written_again_by_those_who_have_it() {
    let Some(mut world) = start() else { return };
    let signed_in = world.stored();
    world.processes.tell_all("stream");
    // It keeps nothing on disk.
    world.redis.restart();
    assert!(world.stored().token().is_none(), "it has forgotten");
    let written = until_within(Duration::from_secs(5), || world.stored().token().is_some());
    println!("the pair is stored again after {:?}", written.unwrap());
    assert_eq!(world.stored().token(), signed_in.token());

    world.auth.expire_all();
    until("the refresh", || world.auth.report().refreshes() == 1);
    world.processes.tell_all("calls 10 5");
    assert_eq!(world.called().ok, PROCESSES * 10);
    world.processes.tell_all("quiet");
    for number in world.processes.alive() {
        let streamed = world.processes.take(number, "streamed");
        assert_eq!(streamed.numbers()[1], 0, "{}", streamed.text);
    }
    let report = world.auth.report();
    assert_eq!((report.refresh_calls(), report.reuses()), (1, 0));
    world.assert_stored_is_current();
}
