//! [`Figures`]: what a run measured, as one table.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The samples of a run, by subject and number of interceptors.
#[derive(Debug, Default)]
pub struct Figures {
    samples: RefCell<BTreeMap<(String, usize), Vec<f64>>>,
}

impl Figures {
    /// Notes how long a number of calls took.
    pub fn note(&self, subject: &str, interceptors: usize, calls: u64, time: Duration) {
        // The first samples of a warm-up are too short to mean anything.
        if calls < 100 {
            return;
        }
        let nanoseconds = time.as_secs_f64() * 1e9;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
        let each = nanoseconds / calls as f64;
        self.samples
            .borrow_mut()
            .entry((subject.to_owned(), interceptors))
            .or_default()
            .push(each);
    }

    /// Returns the time of one call in nanoseconds: the fastest decile, which
    /// hardly moves when other programs use the machine.
    #[must_use]
    pub fn time(&self, subject: &str, interceptors: usize) -> Option<f64> {
        let samples = self.samples.borrow();
        let mut sorted = samples.get(&(subject.to_owned(), interceptors))?.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 10).copied()
    }

    /// Returns one line: the times for each number of interceptors, what one
    /// interceptor adds, and how many times as long as `baseline` a call takes
    /// that has the fewest.
    #[must_use]
    pub fn line(&self, subject: &str, numbers: &[usize], baseline: Option<f64>) -> Option<String> {
        use std::fmt::Write as _;

        let (first, last) = (*numbers.first()?, *numbers.last()?);
        let mut line = format!("{subject:<34}");
        for number in numbers {
            write!(line, " {:>8.0}", self.time(subject, *number)?).ok()?;
        }
        let (least, most) = (self.time(subject, first)?, self.time(subject, last)?);
        #[expect(clippy::cast_precision_loss, reason = "a handful of interceptors")]
        let added = (most - least) / (last - first).max(1) as f64;
        write!(line, " {added:>9.1}").ok()?;
        if let Some(baseline) = baseline {
            write!(line, " {:>9.0} {:>8.2}", least - baseline, least / baseline).ok()?;
        }
        Some(line)
    }
}

/// Makes a number of calls, notes how long they took and returns it, as
/// criterion's `iter_custom` wants it.
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
pub fn measure(
    figures: &Figures,
    subject: &str,
    interceptors: usize,
    calls: u64,
    call: &mut dyn FnMut(),
) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    let time = start.elapsed();
    figures.note(subject, interceptors, calls, time);
    time
}
