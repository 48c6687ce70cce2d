//! A call that hangs can be cancelled or dropped, wherever it hangs, and leaves
//! nothing behind.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tollgate::{CancelHandle, ErrorCode, ErrorKind};

use crate::{
    alone::{self, now, on_each_lane, sleep, tell, until},
    cell::{Flaw, GRACE, Stage, Verdict, outcome_of, wrong},
    lane::{LANES, Lane, lane},
    mode::{Mode, Outcome, Place},
    modes::modes,
};

/// How often a lane ends a call, all places taken together; `FAULTS_CANCELS`
/// says how often each place does.
const ENDS: usize = 500;

/// Calls at a time.
const HANDS: usize = 16;

/// How often a cancel may be late before that is a flaw.
const TRIES: usize = 4;

#[test]
fn a_call_that_hangs_anywhere_ends_when_it_is_cancelled_or_dropped() {
    let test = "cancels::a_call_that_hangs_anywhere_ends_when_it_is_cancelled_or_dropped";
    let told = on_each_lane(test, |name| {
        let lane = lane(name);
        let modes: Vec<_> = modes().into_iter().filter(Mode::hangs).collect();
        assert!(modes.len() >= 20, "{} modes", modes.len());
        let ways = 1 + usize::from(lane.can_drop());
        let rounds = rounds(modes.len() * ways);
        let flaws = end_all(&modes, &*lane, rounds);
        lane.close();
        assert!(flaws.is_empty(), "{}", flaws.join("\n"));
        let ends = modes.len() * ways * rounds as usize;
        tell(&format!("{} places, {ends} calls ended", modes.len()));
    });
    for (lane, lines) in LANES.iter().zip(told.unwrap_or_default()) {
        println!("{lane}: {}", lines.join(", "));
    }
}

/// How often all of them are ended, where a round ends so many calls.
fn rounds(of: usize) -> u32 {
    let wanted = std::env::var(alone::ROUNDS).ok();
    let enough = ENDS.div_ceil(of) as u32;
    wanted.and_then(|text| text.parse().ok()).unwrap_or(enough)
}

fn end_all(modes: &[Mode], lane: &dyn Lane, rounds: u32) -> Vec<String> {
    let work = (0..rounds).flat_map(|round| modes.iter().map(move |mode| (round, mode)));
    let work = Mutex::new(work);
    let flaws = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                loop {
                    let Some((round, mode)) = work.lock().unwrap().next() else {
                        break;
                    };
                    if let Err(flaw) = end(mode, lane, round) {
                        flaws.lock().unwrap().push(flaw);
                    }
                }
            });
        }
    });
    flaws.into_inner().unwrap()
}

/// Ends a call in both ways, at a moment that differs from round to round.
fn end(mode: &Mode, lane: &dyn Lane, round: u32) -> Result<(), String> {
    let after = Duration::from_millis(u64::from(round) * 17 % 90);
    for way in [cancel, drop_midway] {
        let mut late = Vec::new();
        while late.len() < TRIES {
            match way(mode, lane, after) {
                Ok(()) => break,
                Err(Flaw::Late(text)) => late.push(text),
                Err(Flaw::Wrong(text)) => return Err(format!("{}: {text}", mode.name)),
            }
        }
        if late.len() == TRIES {
            return Err(format!("{} is late: {late:?}", mode.name));
        }
    }
    Ok(())
}

/// Waits until the call has a connection, where it gets one, or has ended.
fn under_way(mode: &Mode, stage: &Stage, ended: &AtomicBool) {
    let connects = matches!(mode.place, Place::Server(_));
    until("the server accepts", || {
        !connects || stage.server.connections() > 0 || ended.load(Ordering::Relaxed)
    });
}

fn cancel(mode: &Mode, lane: &dyn Lane, after: Duration) -> Verdict {
    let stage = Stage::set(mode);
    let handle = CancelHandle::new();
    let mut ask = stage.ask(mode);
    ask.cancel = Some(handle.clone());
    let done = AtomicBool::new(false);
    let (result, cancelled, ended) = thread::scope(|scope| {
        let other = scope.spawn(|| {
            under_way(mode, &stage, &done);
            sleep(after);
            let at = now();
            handle.cancel();
            at
        });
        let result = lane.send(&ask);
        done.store(true, Ordering::Relaxed);
        let ended = now();
        (result, other.join().unwrap(), ended)
    });
    let outcome = outcome_of(result)?;
    if outcome != Outcome::Fails(ErrorKind::Cancelled, ErrorCode::Cancelled) {
        return wrong(format!("{outcome:?}"));
    }
    stage.leave(lane, mode.connection)?;
    let took = ended.saturating_duration_since(cancelled);
    if took > GRACE {
        return Err(Flaw::Late(format!("cancelled after {took:?}")));
    }
    Ok(())
}

fn drop_midway(mode: &Mode, lane: &dyn Lane, after: Duration) -> Verdict {
    if !lane.can_drop() {
        return Ok(());
    }
    let stage = Stage::set(mode);
    let handle = CancelHandle::new();
    let done = AtomicBool::new(false);
    let dropped = thread::scope(|scope| {
        scope.spawn(|| {
            under_way(mode, &stage, &done);
            sleep(after);
            handle.cancel();
        });
        let dropped = lane.drop_midway(&stage.ask(mode), &handle);
        done.store(true, Ordering::Relaxed);
        dropped
    });
    if !dropped {
        return wrong("the call ended by itself");
    }
    stage.leave(lane, mode.connection)
}
