//! Many processes whose token expires at once.

use tollgate::auth::conformance::Rotation;

use crate::world::{World, size};

const PROCESSES: usize = 16;
const CALLS: usize = 100;

/// Case 54. The server ends the session where a refresh token comes twice.
#[test]
fn sixteen_processes_refresh_once_and_all_their_calls_succeed() {
    let rounds = size("TOLLGATE_ROUNDS", 3);
    for round in 0..rounds {
        // New ones each time: what they know is no help.
        let Some(mut world) = World::start(PROCESSES, Rotation::Strict, |_| {}) else {
            return;
        };
        let before = world.auth.report();
        world.auth.expire_all();
        // In every second round the answer waits until as many calls as there
        // are processes were refused: a new pair that comes sooner spares some.
        let held = (round % 2 == 1).then(|| world.auth.hold_refreshes());
        world.processes.tell_all(&format!("calls {CALLS} 50"));
        if held.is_some() {
            world.until_refused(&before, PROCESSES as u64);
        }
        drop(held);
        let called = world.called();
        let after = world.auth.report();
        assert_eq!((called.ok, called.over), (PROCESSES * CALLS, 0));
        assert_eq!(after.refresh_calls(), 1);
        assert_eq!(after.max_presentations(), 1);
        world.assert_stored_is_current();
    }
    let all = PROCESSES * CALLS;
    println!(
        "{PROCESSES} processes, {rounds} expiries: {rounds} refreshes, {all} of {all} calls each"
    );
}
