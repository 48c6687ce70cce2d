//! [`Turns`]: measures what is compared, each a little at a time.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// One thing that is measured: it makes a number of calls and returns how long
/// they took.
type Subject<'a> = Box<dyn FnMut(u32) -> Duration + 'a>;

/// What is compared, in the order of the table.
#[derive(Default)]
pub(crate) struct Turns<'a> {
    subjects: Vec<(String, Subject<'a>)>,
}

/// What a call takes, in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) least: f64,
    pub(crate) median: f64,
}

impl<'a> Turns<'a> {
    /// Adds what is called again and again.
    pub(crate) fn call(&mut self, name: &str, mut call: impl FnMut() + 'a) {
        call();
        self.subject(name, move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                call();
            }
            start.elapsed()
        });
    }

    /// Adds what is called by several threads at once.
    pub(crate) fn shared(&mut self, name: &str, threads: usize, call: impl Fn() + Sync + 'a) {
        call();
        self.subject(name, move |calls| {
            let barrier = Barrier::new(threads);
            let one = || {
                barrier.wait();
                let start = Instant::now();
                for _ in 0..calls {
                    call();
                }
                start.elapsed()
            };
            let times: Vec<Duration> = thread::scope(|scope| {
                let all: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
                all.into_iter().map(|it| it.join().unwrap()).collect()
            });
            times.into_iter().max().unwrap()
        });
    }

    /// Adds what measures itself.
    pub(crate) fn subject(&mut self, name: &str, subject: impl FnMut(u32) -> Duration + 'a) {
        self.subjects.push((name.to_owned(), Box::new(subject)));
    }

    /// Lets each make `calls` calls, one after the other, for some rounds.
    pub(crate) fn run(mut self, rounds: usize, calls: u32) -> Vec<(String, Cost)> {
        let count = self.subjects.len();
        let mut samples = vec![Vec::with_capacity(rounds); count];
        for round in 0..rounds {
            for step in 0..count {
                // Nobody always comes after the same one.
                let at = (round + step) % count;
                let time = (self.subjects[at].1)(calls);
                samples[at].push(time.as_secs_f64() * 1e9 / f64::from(calls));
            }
        }
        let costs = samples.into_iter().map(|mut samples: Vec<f64>| {
            samples.sort_by(f64::total_cmp);
            Cost {
                least: samples[0],
                median: samples[samples.len() / 2],
            }
        });
        let names = self.subjects.into_iter().map(|(name, _)| name);
        names.zip(costs).collect()
    }
}

/// Prints a table, in which the subject `floor` is what the others are
/// compared with.
pub(crate) fn print(title: &str, costs: &[(String, Cost)], floor: usize) {
    let (base, floor) = &costs[floor];
    println!("\n{title}");
    println!(
        "{:<44} {:>9} {:>9} {:>9} {:>7}",
        "", "least", "median", "over", "times"
    );
    for (name, cost) in costs {
        let (over, times) = (cost.least - floor.least, cost.least / floor.least);
        println!(
            "{name:<44} {:>9.0} {:>9.0} {over:>+9.0} {times:>7.2}",
            cost.least, cost.median
        );
    }
    println!("over, times: the least, beside `{base}`");
}
