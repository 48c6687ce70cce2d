//! A lease that ends before the refresh does: it is too short, or its holder
//! is stopped.
//!
//! The lease saves work; what keeps the record right is the fence.

use std::time::Duration;

use tollgate::auth::conformance::{Hold, Report, Rotation};
use tollgate_redis_kit::until;

use crate::world::{Called, TIMEOUT, World};

const LEASE: Duration = Duration::from_millis(300);
/// A refresh that has to end before the lease does.
const SHORT: Duration = Duration::from_millis(250);
/// Who is too late.
const LATE: usize = 1;
/// Who comes after.
const NEXT: usize = 2;
const CALLS: usize = 20;

/// Two processes whose token has just expired; the late one's lease is short.
struct Two {
    world: World,
    before: Report,
}

impl Two {
    fn start(rotation: Rotation) -> Option<Self> {
        Self::start_with(rotation, TIMEOUT)
    }

    fn start_with(rotation: Rotation, timeout: Duration) -> Option<Self> {
        let world = World::start(2, rotation, |settings| {
            settings.short_lease = Some((LATE, LEASE));
            settings.first_timeout = timeout;
        })?;
        world.auth.expire_all();
        let before = world.auth.report();
        Some(Self { world, before })
    }

    fn call(&mut self, number: usize) {
        let order = format!("calls {CALLS} 4");
        self.world.processes.tell(number, &order);
    }

    /// The late one asks the server, which keeps the answer.
    fn asked(&mut self) -> Hold {
        let held = self.world.auth.hold_refreshes();
        self.call(LATE);
        until("the first request", || held.waiting() == 1);
        held
    }

    /// The other one gets the lease when it has ended, and asks too.
    fn next_asks(&mut self, held: &Hold) {
        self.next_is_leased();
        until("the second request", || held.waiting() == 2);
    }

    /// The late one is stopped before it has its answer, past its lease.
    fn stopped_in_flight(&mut self) {
        let held = self.asked();
        self.world.processes.signal(LATE, "-STOP");
        self.next_asks(&held);
    }

    /// The late one is stopped between two steps, past its lease.
    fn stopped_at(&mut self, point: &str) {
        let order = format!("halt {point}");
        self.world.processes.tell(LATE, &order);
        self.call(LATE);
        self.world.processes.take(LATE, "at");
        self.world.processes.signal(LATE, "-STOP");
    }

    /// The other one gets the lease when it has ended.
    fn next_is_leased(&mut self) {
        self.call(NEXT);
        self.world.until_refused(&self.before, 2);
        self.world.processes.take(NEXT, "leased");
    }

    fn goes_on(&mut self) {
        self.world.processes.tell(LATE, "resume");
        self.world.processes.signal(LATE, "-CONT");
    }

    fn refreshes(&self) -> u64 {
        self.world.auth.report().refresh_calls()
    }

    fn assert_all_ok(&mut self, refreshes: u64) {
        let called = self.world.called();
        assert_eq!((called.ok, called.over), (2 * CALLS, 0));
        assert_eq!(self.refreshes(), refreshes);
        self.world.assert_stored_is_current();
    }
}

fn all_over(called: Called) -> bool {
    (called.ok, called.over) == (0, CALLS)
}

#[test]
fn the_answer_of_the_highest_fence_is_stored_though_its_lease_is_over() {
    let Some(mut two) = Two::start(Rotation::Strict) else {
        return;
    };
    two.world.processes.tell(LATE, "halt answered");
    two.call(LATE);
    two.world.processes.take(LATE, "at");
    two.world.until_lease_is_over();
    two.world.processes.tell(LATE, "resume");
    assert_eq!(two.world.called_by(LATE).ok, CALLS);
    two.call(NEXT);
    assert_eq!(two.world.called_by(NEXT).ok, CALLS);
    assert_eq!(two.refreshes(), 1);
    two.world.assert_stored_is_current();
}

#[test]
fn after_a_lease_shorter_than_the_refresh_the_higher_fence_is_stored() {
    let Some(mut two) = Two::start(Rotation::Grace(1)) else {
        return;
    };
    let held = two.asked();
    two.next_asks(&held);
    // Either may be the first to have its answer.
    drop(held);
    two.assert_all_ok(2);
    let fences = [LATE, NEXT].map(|number| {
        let said = two.world.processes.find(number, "stored");
        said.map(|said| said.numbers()[0] as u64)
    });
    let highest = fences.into_iter().flatten().max();
    assert_eq!(Some(two.world.stored().fence()), highest);
    assert_eq!(fences[1], highest, "the second one has asked later");
}

/// As in the table of leases: a strict server takes the second request for a
/// theft. Nobody is left with tokens that are of no use.
#[test]
fn a_lease_shorter_than_the_refresh_ends_the_session_at_a_strict_server() {
    let Some(mut two) = Two::start(Rotation::Strict) else {
        return;
    };
    let held = two.asked();
    two.next_asks(&held);
    drop(held);
    for number in [LATE, NEXT] {
        assert!(two.world.called_by(number).over > 0, "process {number}");
    }
    assert!(two.world.stored().is_dead());
}

#[test]
fn a_late_answer_of_a_stopped_holder_does_not_overwrite_a_later_one() {
    let Some(mut two) = Two::start(Rotation::Grace(1)) else {
        return;
    };
    two.stopped_in_flight();
    assert_eq!(two.world.called_by(NEXT).ok, CALLS);
    let stored = two.world.stored();

    two.world.processes.signal(LATE, "-CONT");
    assert_eq!(two.world.called_by(LATE).ok, CALLS);
    let conflict = two.world.processes.take(LATE, "conflict").numbers();
    let [mine, theirs] = conflict[..] else {
        panic!("a conflict has two fences");
    };
    assert!(mine < theirs);
    assert_eq!(two.world.stored(), stored);
    assert_eq!(two.refreshes(), 2);
    two.world.assert_stored_is_current();
}

/// The window that no client can close.
#[test]
fn a_late_answer_of_a_revoked_session_does_not_raise_it_from_the_dead() {
    let Some(mut two) = Two::start(Rotation::Strict) else {
        return;
    };
    two.stopped_in_flight();
    assert!(all_over(two.world.called_by(NEXT)));
    two.world.processes.take(NEXT, "lost");
    let stored = two.world.stored();
    assert!(stored.is_dead());

    two.world.processes.signal(LATE, "-CONT");
    assert!(all_over(two.world.called_by(LATE)));
    assert_eq!(two.world.stored(), stored);
}

#[test]
fn a_holder_stopped_before_its_mark_adopts_what_was_stored_meanwhile() {
    let Some(mut two) = Two::start(Rotation::Strict) else {
        return;
    };
    two.stopped_at("leased");
    two.next_is_leased();
    assert_eq!(two.world.called_by(NEXT).ok, CALLS);
    // The calls of the other one are counted with those of both.
    two.call(NEXT);
    two.goes_on();
    two.assert_all_ok(1);
}

#[test]
fn a_holder_stopped_after_its_answer_stores_it_if_nobody_came_later() {
    let Some(mut two) = Two::start(Rotation::Strict) else {
        return;
    };
    two.stopped_at("answered");
    two.world.until_lease_is_over();
    two.goes_on();
    assert_eq!(two.world.called_by(LATE).ok, CALLS);
    two.call(LATE);
    two.call(NEXT);
    two.assert_all_ok(1);
}

/// It has the lease and has marked the token as spent, and sleeps: whoever
/// comes later refreshes, and what the sleeper would send is spent.
#[test]
fn a_holder_stopped_before_it_sends_does_not_send_after_its_time() {
    let Some(mut two) = Two::start_with(Rotation::Strict, SHORT) else {
        return;
    };
    two.stopped_at("marked");
    two.next_is_leased();
    assert_eq!(two.world.called_by(NEXT).ok, CALLS);
    two.goes_on();
    // Those that waited for it may fail; nobody is signed out.
    let late = two.world.called_by(LATE);
    assert_eq!((late.ok + late.failed, late.over), (CALLS, 0));
    until("the late one to have the new pair", || {
        two.world.processes.tell(LATE, "counters");
        two.world.processes.take(LATE, "counters").numbers()[1] > 0
    });
    two.call(LATE);
    two.call(NEXT);
    two.assert_all_ok(1);
}
