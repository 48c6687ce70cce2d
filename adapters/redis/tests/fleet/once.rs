//! Many processes whose token expires at once.

use tollgate::auth::conformance::Rotation;
use tollgate_redis_kit::is_installed;

use crate::{
    child::Settings,
    world::{Called, World, size},
};

const PROCESSES: usize = 16;
const CALLS: usize = 100;

/// How often a round may be repeated in which the machine has held Redis up for
/// longer than the deadline, which is the default here.
const REPEATS: usize = 2;

/// Case 54. The server ends the session where a refresh token comes twice.
#[test]
fn sixteen_processes_refresh_once_and_all_their_calls_succeed() {
    let rounds = size("TOLLGATE_ROUNDS", 3);
    for round in 0..rounds {
        let mut told = Vec::new();
        while let Some(called) = kept_waiting(round) {
            told.push(called);
            assert!(told.len() <= REPEATS, "{told:?}");
        }
        if !is_installed() {
            return;
        }
    }
    let all = PROCESSES * CALLS;
    println!(
        "{PROCESSES} processes, {rounds} expiries: {rounds} refreshes, {all} of {all} calls each"
    );
}

/// Plays a round with new processes: what they know is no help. What came of it
/// is returned where Redis gave somebody no answer in time.
fn kept_waiting(round: usize) -> Option<Called> {
    let by_default = |settings: &mut Settings| settings.deadline = None;
    let mut world = World::start(PROCESSES, Rotation::Strict, by_default)?;
    let before = world.auth.report();
    world.auth.expire_all();
    // In every second round the answer waits until as many calls as there are
    // processes were refused: a new pair that comes sooner spares some.
    let held = (round % 2 == 1).then(|| world.auth.hold_refreshes());
    world.processes.tell_all(&format!("calls {CALLS} 50"));
    if held.is_some() {
        world.until_refused(&before, PROCESSES as u64);
    }
    drop(held);
    let called = world.called();
    let after = world.auth.report();
    assert_eq!(called.over, 0);
    assert!(after.refresh_calls() <= 1, "{after:?}");
    assert!(after.max_presentations() <= 1, "{after:?}");
    if called.kept_waiting {
        return Some(called);
    }
    assert_eq!((called.ok, after.refresh_calls()), (PROCESSES * CALLS, 1));
    assert_eq!(after.max_presentations(), 1);
    world.assert_stored_is_current();
    None
}
