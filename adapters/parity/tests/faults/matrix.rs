//! Every mode of the table on every lane, under a timeout and under a deadline;
//! those of bodies in a stream too.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    alone::{on_each_lane, sleep, tell},
    cell::{Flaw, Limit, Seen, play},
    lane::{LANES, Lane, lane},
    mode::{Mode, Outcome},
    modes::modes,
};

/// Modes at a time: most of them wait.
const HANDS: usize = 8;

/// Leads a line that tells of a flaw.
const FLAW: &str = "FLAW: ";

/// How often a cell may be late before that is a flaw.
const TRIES: usize = 10;

#[test]
fn every_fault_mode_ends_alike_and_in_time_on_every_lane() {
    let test = "matrix::every_fault_mode_ends_alike_and_in_time_on_every_lane";
    let told = on_each_lane(test, |name| {
        let lane = lane(name);
        for line in play_all(&*lane) {
            tell(&line);
        }
        lane.close();
    });
    let Some(told) = told else { return };
    let modes = modes();
    assert!(modes.len() >= 70, "{} modes", modes.len());
    println!("{}", table(&modes, &told));
    let flaws = flaws(&modes, &told);
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

/// Lists what is wrong on a lane, and what is not the same on all.
fn flaws(modes: &[Mode], told: &[Vec<String>]) -> Vec<String> {
    let mut flaws = Vec::new();
    for (lane, lines) in LANES.iter().zip(told) {
        assert_eq!(lines.len(), modes.len(), "{lane}");
        let wrong = lines.iter().filter_map(|line| line.strip_prefix(FLAW));
        flaws.extend(wrong.map(|flaw| format!("{lane}: {flaw}")));
    }
    if flaws.is_empty() {
        for (index, mode) in modes.iter().enumerate() {
            let mut seen = outcomes(told, index);
            seen.dedup();
            if seen.len() > 1 && mode.varies.is_none() {
                flaws.push(format!("{}: {}", mode.name, seen.join(" / ")));
            }
        }
    }
    flaws
}

fn outcomes(told: &[Vec<String>], index: usize) -> Vec<&str> {
    parts(told, index, 0)
}

/// Returns the outcomes of a mode on all lanes (0), its times (1), or how often
/// it was late (2).
fn parts(told: &[Vec<String>], index: usize, part: usize) -> Vec<&str> {
    let lines = told.iter().filter_map(|lines| lines.get(index));
    lines
        .filter_map(|line| line.split('\t').nth(part))
        .collect()
}

/// Plays all modes; returns a line for each.
fn play_all(lane: &dyn Lane) -> Vec<String> {
    let modes = modes();
    let next = AtomicUsize::new(0);
    let lines = Mutex::new(vec![String::new(); modes.len()]);
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                while let Some((index, mode)) = take(&modes, &next) {
                    let line = match play_both(mode, lane) {
                        Ok(line) => line,
                        Err(flaw) => format!("{FLAW}{flaw}"),
                    };
                    if let Some(slot) = lines.lock().unwrap().get_mut(index) {
                        *slot = line;
                    }
                }
            });
        }
    });
    lines.into_inner().unwrap()
}

fn take<'a>(modes: &'a [Mode], next: &AtomicUsize) -> Option<(usize, &'a Mode)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    modes.get(index).map(|mode| (index, mode))
}

/// A mode that hangs hangs under either limit; a body is the same in memory and
/// from the wire.
fn play_both(mode: &Mode, lane: &dyn Lane) -> Result<String, String> {
    let (seen, mut late) = play_in_time(mode, lane, Limit::Timeout)?;
    if mode.hangs() {
        late += play_in_time(mode, lane, Limit::Deadline)?.1;
    }
    if mode.streams {
        let (streamed, later) = play_in_time(mode, lane, Limit::OfStream)?;
        late += later;
        if streamed.outcome != seen.outcome {
            let (seen, streamed) = (say(&seen.outcome), say(&streamed.outcome));
            return Err(format!("{}: {seen}, and streamed {streamed}", mode.name));
        }
    }
    let took = seen.took.as_millis();
    Ok(format!("{}\t{took}\t{late}", say(&seen.outcome)))
}

/// Plays a mode until it is in time; also returns how often it was not.
fn play_in_time(mode: &Mode, lane: &dyn Lane, limit: Limit) -> Result<(Seen, usize), String> {
    /// What was late goes again by itself.
    static AGAIN: Mutex<()> = Mutex::new(());
    let mut turn = None;
    let mut late = Vec::new();
    for _ in 0..TRIES {
        match play(mode, lane, limit) {
            Ok(seen) => return Ok((seen, late.len())),
            Err(Flaw::Late(text)) => late.push(text),
            Err(Flaw::Wrong(text)) => {
                return Err(format!("{} ({limit:?}): {text}", mode.name));
            }
        }
        turn = turn.or_else(|| AGAIN.lock().ok());
        sleep(Duration::from_millis(200));
    }
    Err(format!("{} ({limit:?}) is late: {late:?}", mode.name))
}

fn say(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Fails(kind, code) => format!("{kind:?} {}", code.as_str()),
        Outcome::Refused(status) => format!("status {status}"),
        Outcome::Gives(status, body) => format!("{status}, {} bytes", body.len()),
        Outcome::TimesOut => "Timeout ETIMEDOUT".to_owned(),
    }
}

fn table(modes: &[Mode], told: &[Vec<String>]) -> String {
    let lanes = LANES.join(", ");
    let mut out = format!("| fault | outcome | ms on {lanes} | late |\n|---|---|---|---|\n");
    for (index, mode) in modes.iter().enumerate() {
        let mut seen = outcomes(told, index);
        seen.dedup();
        let (seen, times) = (seen.join(" / "), parts(told, index, 1).join(", "));
        let late = match late(told, index) {
            0 => String::new(),
            often => often.to_string(),
        };
        out.push_str(&format!("| {} | {seen} | {times} | {late} |\n", mode.name));
    }
    for mode in modes {
        if let Some(reason) = mode.varies {
            out.push_str(&format!("{}: {reason}\n", mode.name));
        }
    }
    let late: usize = (0..modes.len()).map(|index| late(told, index)).sum();
    let (modes, lanes) = (modes.len(), LANES.len());
    out.push_str(&format!(
        "{modes} modes on {lanes} lanes, {late} times late\n"
    ));
    out
}

/// How often a mode was late, on all lanes together.
fn late(told: &[Vec<String>], index: usize) -> usize {
    let often = parts(told, index, 2).into_iter();
    often.filter_map(|often| often.parse::<usize>().ok()).sum()
}
