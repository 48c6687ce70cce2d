//! What one process does reaches the others.

use std::time::Duration;

use tollgate::auth::conformance::{ApiCall, Rotation};
use tollgate_redis_kit::{until, until_within};

use crate::world::World;

const PROCESSES: usize = 4;
/// Within which time the others know.
const SOON: Duration = Duration::from_secs(1);

fn start() -> Option<World> {
    World::start(PROCESSES, Rotation::Strict, |_| {})
}

/// Whether something holds for what each process has called, after so many
/// calls of all; each makes one after the other.
fn each_has_called(world: &World, after: usize, holds: impl Fn(&[ApiCall]) -> bool) -> bool {
    let calls = world.auth.api_calls();
    (1..=PROCESSES).all(|number| {
        let path = format!("/{number}/");
        let later = calls.iter().skip(after);
        let theirs = later.filter(|call| call.target().starts_with(&path));
        holds(&theirs.cloned().collect::<Vec<_>>())
    })
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
    for said in world.processes.ask_all("counters", "counters") {
        let expected = if said.number == 1 { [1, 0] } else { [0, 1] };
        assert_eq!(
            said.numbers()[..2],
            expected,
            "attempts and adoptions of {}",
            said.number
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
        let all = world.processes.ask_all("counters", "counters");
        let others = all.iter().filter(|said| said.number > 1);
        others.map(|said| said.numbers()[1]).eq([1; PROCESSES - 1])
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
        each_has_called(&world, sent_before, |calls| calls.len() >= 5)
    });
    world.processes.tell(1, "sign-out");
    world.processes.take(1, "signed-out");
    let seen = world.auth.api_calls().len();
    // The token is good still: who sends it does not know better.
    let is_without = |call: &ApiCall| call.user().is_none();
    let stopped = until_within(SOON, || {
        each_has_called(&world, seen, |calls| calls.last().is_some_and(is_without))
    });
    println!(
        "nobody sends the token any more after {:?}",
        stopped.unwrap()
    );

    let known = world.auth.api_calls().len();
    until("all to send more calls", || {
        each_has_called(&world, known, |calls| calls.len() >= 10)
    });
    let still = |calls: &[ApiCall]| calls.iter().all(is_without);
    assert!(each_has_called(&world, known, still));
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
    // What nobody writes again shows that all is lost.
    const OWN: &str = "of-this-test";
    let mut own = redis::cmd("SET");
    own.arg(OWN).arg("kept");
    own.exec(&mut world.redis.connection()).unwrap();
    world.processes.tell_all("stream");
    // It keeps nothing on disk.
    world.redis.restart();
    let mut kept = redis::cmd("EXISTS");
    let kept = kept.arg(OWN).query(&mut world.redis.connection());
    assert_eq!(kept, Ok(false), "it has forgotten");
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
