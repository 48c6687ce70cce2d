//! Whoever has the lease is killed, at each point of its way: the crash table.

use std::time::{Duration, Instant};

use tollgate::{
    Runtime,
    auth::conformance::{Rotation, StrictAuthServer},
    runtime::ThreadRuntime,
};
use tollgate_redis_kit::{is_installed, until};

use crate::{
    child::Settings,
    world::{Called, World, size},
};

const PROCESSES: usize = 6;
const CALLS: usize = 40;
const LEASE: Duration = Duration::from_millis(800);
/// How much later than the end of the lease the others may go on.
const MARGIN: Duration = Duration::from_millis(100);
/// Where the holder is killed; `halt` is the gate, `None` is the server's.
#[derive(Clone, Copy)]
struct Point {
    name: &'static str,
    halt: Option<&'static str>,
    /// The server has rotated, and nobody has the new pair.
    loses: bool,
}

const POINTS: [Point; 5] = [
    Point::new("lease held, nothing written", Some("leased"), false),
    Point::new("lease held, before send", Some("marked"), false),
    Point::new("request in flight", None, true),
    Point::new("AS rotated, not stored", Some("answered"), true),
    Point::new("stored, lease not released", Some("stored"), false),
];

impl Point {
    const fn new(name: &'static str, halt: Option<&'static str>, loses: bool) -> Self {
        Self { name, halt, loses }
    }
}

/// What became of one fleet, or of several.
#[derive(Default)]
struct Outcome {
    refresh_calls: u64,
    called: Called,
    /// How many processes knew that a rotation was lost.
    told_why: usize,
    /// From the lease of the holder to the first of the others that goes on.
    resumed: Duration,
    /// To the last call.
    done: Duration,
}

impl Outcome {
    /// Keeps the worst of both.
    fn add(&mut self, other: &Self) {
        self.refresh_calls = self.refresh_calls.max(other.refresh_calls);
        self.called.ok += other.called.ok;
        self.called.over += other.called.over;
        self.told_why += other.told_why;
        self.resumed = self.resumed.max(other.resumed);
        self.done = self.done.max(other.done);
    }

    fn cell(&self) -> String {
        let calls = self.refresh_calls;
        let s = if calls == 1 { "" } else { "s" };
        let Called { ok, over, .. } = self.called;
        if over > 0 {
            let all = ok + over;
            return format!("{calls} call{s}, session lost ({over}/{all} are told so)");
        }
        let later = if self.resumed.is_zero() {
            String::new()
        } else {
            let (resumed, done) = (self.resumed.as_secs_f64(), self.done.as_secs_f64());
            format!(", +{resumed:.2} s, all after {done:.2} s")
        };
        format!("{calls} call{s}, {ok}/{ok} ok{later}")
    }
}

/// Only the lease of the holder has to end.
fn start(rotation: Rotation, holder: usize) -> Option<World> {
    World::start(PROCESSES, rotation, |settings| {
        settings.short_lease = Some((holder, LEASE));
    })
}

fn order() -> String {
    format!("calls {CALLS} 8")
}

/// Brings the holder to the point; returns when it got its lease.
fn bring(world: &mut World, holder: usize, point: Point) -> Instant {
    if let Some(gate) = point.halt {
        world.processes.tell(holder, &format!("halt {gate}"));
    }
    world.processes.tell(holder, &order());
    let leased = world.processes.take(holder, "leased").at;
    if point.halt.is_some() {
        world.processes.take(holder, "at");
    }
    leased
}

/// Kills the holder at the point, while all the others want a new token.
fn killed_at(point: Point, rotation: Rotation, holder: usize) -> Option<Outcome> {
    let mut world = start(rotation, holder)?;
    world.auth.expire_all();
    let before = world.auth.report();
    let hold = |auth: &StrictAuthServer| auth.hold_refreshes();
    let held = point.halt.is_none().then(|| hold(&world.auth));
    let leased = bring(&mut world, holder, point);
    if let Some(held) = &held {
        until("the server to have the request", || held.waiting() == 1);
    }
    let others = (1..=PROCESSES).filter(|number| *number != holder);
    for number in others.clone() {
        world.processes.tell(number, &order());
    }
    // Of a pair that is stored the others may have heard: not all are refused.
    if point.halt != Some("stored") {
        world.until_refused(&before, PROCESSES as u64);
    }
    world.processes.kill(holder);
    drop(held);

    let called = world.called();
    let done = ThreadRuntime.now();
    let resumed = others.clone().filter_map(|number| {
        let said = world.processes.find(number, "leased")?;
        Some(said.at - leased)
    });
    let resumed = resumed.min().unwrap_or_default();
    let told_why = if called.over > 0 {
        // It may be told after those who wait have been woken.
        let ends = others.map(|number| world.processes.take_one_of(number, &["lost", "expired"]));
        ends.filter(|said| said.text == "lost").count()
    } else {
        0
    };
    let report = world.auth.report();
    let outcome = Outcome {
        refresh_calls: report.refresh_calls(),
        called,
        told_why,
        resumed,
        done: done - leased,
    };
    check(&outcome, point, rotation);
    assert_eq!(world.stored().is_dead(), called.over > 0, "{}", point.name);
    assert_eq!(world.stored().presented(), None, "{}", point.name);
    Some(outcome)
}

/// What the table promises.
fn check(outcome: &Outcome, point: Point, rotation: Rotation) {
    let name = point.name;
    let expected = if point.loses { 2 } else { 1 };
    assert_eq!(outcome.refresh_calls, expected, "{name}");
    let all = (PROCESSES - 1) * CALLS;
    let Called {
        ok, over, failed, ..
    } = outcome.called;
    assert_eq!(failed, 0, "{name}");
    if point.loses && rotation == Rotation::Strict {
        assert_eq!((ok, over), (0, all), "{name}");
        assert_eq!(outcome.told_why, 1, "{name}: who finds it, tells why");
    } else {
        assert_eq!((ok, over), (all, 0), "{name}");
    }
}

/// The first row: nobody is killed.
fn nobody_killed(rotation: Rotation, holder: usize) -> Option<Outcome> {
    let mut world = start(rotation, holder)?;
    world.auth.expire_all();
    world.processes.tell_all(&order());
    let called = world.called();
    let all = PROCESSES * CALLS;
    assert_eq!((called.ok, called.over), (all, 0));
    let refresh_calls = world.auth.report().refresh_calls();
    assert_eq!(refresh_calls, 1);
    Some(Outcome {
        refresh_calls,
        called,
        ..Outcome::default()
    })
}

/// Where the others go on too late, the machine may have been busy: not
/// three times in a row.
fn in_time(trial: impl Fn() -> Option<Outcome>) -> Option<Outcome> {
    for _ in 0..3 {
        let outcome = trial()?;
        let resumed = outcome.resumed;
        if resumed <= LEASE + MARGIN {
            return Some(outcome);
        }
        println!("they go on after {resumed:?}, and try again");
    }
    panic!("they go on later than {MARGIN:?} after the lease");
}

fn repeated(repeats: usize, trial: impl Fn(usize) -> Option<Outcome>) -> Outcome {
    let mut worst = Outcome::default();
    for outcome in (0..repeats).map_while(|number| in_time(|| trial(number))) {
        worst.add(&outcome);
    }
    worst
}

/// Case 55.
#[test]
fn a_killed_holder_costs_one_refresh_more_at_most_and_what_is_lost_is_told() {
    if !is_installed() {
        return;
    }
    let repeats = size("TOLLGATE_CRASHES", 1);
    println!("{PROCESSES} processes × {CALLS} calls × {repeats} expiries; lease {LEASE:?}");
    println!("| kill -9 at | grace AS | strict AS |\n|---|---|---|");
    let row = |name: &str, trial: &dyn Fn(Rotation, usize) -> Option<Outcome>| {
        let cell = |rotation, first| {
            // A blocking one and an async one in turns.
            let holder = |number| 1 + (number + first) % 2;
            repeated(repeats, |number| trial(rotation, holder(number))).cell()
        };
        let (grace, strict) = (cell(Rotation::Grace(1), 0), cell(Rotation::Strict, 1));
        println!("| {name} | {grace} | {strict} |");
    };
    row("none", &nobody_killed);
    for point in POINTS {
        row(point.name, &|rotation, holder| {
            killed_at(point, rotation, holder)
        });
    }
}

/// With the lease that a session asks for, not a shorter one.
#[test]
fn the_others_wait_for_the_lease_of_a_killed_holder_for_as_long_as_it_lasts() {
    let shorter = |settings: &mut Settings| {
        settings.first_timeout = Duration::from_secs(3);
        settings.refresh_timeout = Duration::from_secs(3);
    };
    let Some(mut world) = World::start(3, Rotation::Strict, shorter) else {
        return;
    };
    world.auth.expire_all();
    let leased = bring(&mut world, 1, POINTS[0]);
    world.processes.kill(1);
    world.processes.tell_all(&order());
    let called = world.called();
    println!("after {:?}: {called:?}", ThreadRuntime.now() - leased);
    assert_eq!((called.ok, called.failed), (2 * CALLS, 0));
    assert_eq!(world.auth.report().refresh_calls(), 1);
}
