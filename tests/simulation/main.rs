//! Random schedules of a session of token refresh, against a model.
//!
//! *In and out*: a seed in; nothing out, or the first law that was broken and
//! the steps that led there.
//!
//! One thread plays everybody: callers, the flights that the session spawns,
//! people who sign in and out, other processes with the same store. The seed
//! decides who goes on at each step, what fails, who goes away, when the
//! runtime is shut down and how the clocks run. Then the trouble ends: all
//! that is left has to come to its end, and a call has to succeed.
//!
//! `TOLLGATE_SCHEDULES` sets how many seeds are tried, `TOLLGATE_SEED` names
//! one to be tried alone, with its steps.
//!
//! *Not here*: the blocking engine; the session is the same object, and what
//! differs, the waiting, is covered by `tests/auth`. And what only threads
//! show: here nothing happens in the middle of a poll.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly and print their seeds, and what supports them does too"
)]

mod executor;
mod facts;
mod model;
mod operation;
mod schedule;
mod server;
mod shelf;
mod wire;
mod world;

use std::{
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use schedule::{Report, Seen, run};

/// How many seeds plain `cargo test` tries.
const SCHEDULES: u64 = 2_000;
const THREADS: u64 = 2;

/// Keeps the panics of schedules out of the output.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or(payload.downcast_ref::<String>().map(String::as_str));
            if text != Some("scripted") {
                loud(info);
            }
        }));
    });
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

/// Runs a seed once more, and fails with its steps.
fn explain(seed: u64) -> ! {
    let again = catch_unwind(AssertUnwindSafe(|| run(seed, true)));
    let (fault, trace) = match again {
        Ok(report) => (report.fault.unwrap_or_default(), report.trace),
        Err(_) => ("it panics".to_owned(), Vec::new()),
    };
    panic!(
        "seed {seed}: {fault}\n{}\nTOLLGATE_SEED={seed} runs it alone",
        trace.join("\n")
    );
}

/// Tries every second seed, say, and adds up what was seen.
fn try_seeds(seeds: impl Iterator<Item = u64>, stop: &AtomicBool) -> Result<Seen, u64> {
    let mut seen = Seen::default();
    for seed in seeds {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let report = catch_unwind(|| run(seed, false));
        match report {
            Ok(Report {
                fault: None,
                seen: more,
                ..
            }) => seen.add(&more),
            _ => {
                stop.store(true, Ordering::Relaxed);
                return Err(seed);
            }
        }
    }
    Ok(seen)
}

#[test]
fn every_schedule_keeps_the_invariants() {
    hush();
    if let Some(seed) = number("TOLLGATE_SEED") {
        let report = run(seed, true);
        println!("{}", report.trace.join("\n"));
        assert_eq!(report.fault, None, "seed {seed}");
        return;
    }
    let count = number("TOLLGATE_SCHEDULES").unwrap_or(SCHEDULES);
    println!("seeds 0 to {}", count.saturating_sub(1));
    let stop = AtomicBool::new(false);
    let results = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| {
                let seeds = (first..count).step_by(THREADS as usize);
                let stop = &stop;
                scope.spawn(move || try_seeds(seeds, stop))
            })
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.collect::<Vec<_>>()
    });
    let mut seen = Seen::default();
    for result in results {
        match result {
            Ok(more) => seen.add(&more),
            Err(seed) => explain(seed),
        }
    }
    println!("{seen:#?}");
    if count >= SCHEDULES {
        seen.assert_varied();
    }
}

/// Otherwise a seed would be of no use.
#[test]
fn a_seed_is_a_schedule() {
    hush();
    for seed in 0..50 {
        assert_eq!(run(seed, true).trace, run(seed, true).trace, "seed {seed}");
    }
}
