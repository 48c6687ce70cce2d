//! [`Report`]: how each case of a run ended.

use std::{fmt, time::Duration};

/// The outcome of [`Suite::run`](super::Suite::run); it prints as a table.
#[derive(Clone, Debug)]
#[must_use = "a report says whether the adapter passed; see `assert_passed`"]
pub struct Report {
    pub(super) entries: Vec<Entry>,
}

/// How one case ended.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) name: String,
    pub(crate) law: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) elapsed: Duration,
}

/// Passed, skipped with a reason, or failed with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The law holds.
    Passed,
    /// The case did not run, and why.
    Skipped(String),
    /// The law does not hold, and what was seen instead.
    Failed(String),
}

impl Entry {
    /// Returns the name of the case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the case asks for, in one sentence.
    #[must_use]
    pub fn law(&self) -> &str {
        self.law
    }

    /// Returns how the case ended.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Its name and the reason, if the case did not run.
    pub(crate) fn skipped(&self) -> Option<(&str, &str)> {
        match &self.outcome {
            Outcome::Skipped(reason) => Some((&self.name, reason)),
            Outcome::Passed | Outcome::Failed(_) => None,
        }
    }

    /// Its name and what was seen, if the case failed.
    pub(crate) fn failed(&self) -> Option<(&str, &str)> {
        match &self.outcome {
            Outcome::Failed(text) => Some((&self.name, text)),
            Outcome::Passed | Outcome::Skipped(_) => None,
        }
    }

    /// Returns how long the case took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

impl Report {
    /// Returns the cases, in the order in which they ran.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Returns the cases that did not run, with the reasons.
    pub fn skipped(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(Entry::skipped)
    }

    /// Returns the cases that failed, with what was seen.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(Entry::failed)
    }

    /// Tells whether no case failed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// Ends a test if a case failed.
    ///
    /// # Panics
    ///
    /// With the whole table, if a case failed.
    #[track_caller]
    #[expect(clippy::panic, reason = "it is there to end a test")]
    pub fn assert_passed(&self) {
        if !self.has_passed() {
            panic!("the adapter does not conform\n{self}");
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries.iter().map(|entry| entry.name.len()).max();
        let width = width.unwrap_or_default();
        for entry in &self.entries {
            let name = &entry.name;
            let time = entry.elapsed.as_millis();
            match &entry.outcome {
                Outcome::Passed => writeln!(f, "passed   {name:width$} {time:5} ms")?,
                Outcome::Skipped(reason) => writeln!(f, "skipped  {name:width$}  {reason}")?,
                Outcome::Failed(text) => {
                    writeln!(f, "FAILED   {name:width$} {time:5} ms")?;
                    writeln!(f, "           law: {}", entry.law)?;
                    writeln!(f, "           saw: {text}")?;
                }
            }
        }
        let total: Duration = self.entries.iter().map(Entry::elapsed).sum();
        let (skipped, failed) = (self.skipped().count(), self.failed().count());
        write!(
            f,
            "{} passed, {skipped} skipped, {failed} failed in {:.1} s",
            self.entries.len() - skipped - failed,
            total.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: impl IntoIterator<Item = Outcome>) -> Report {
        let entries = outcomes.into_iter().map(|outcome| Entry {
            name: "a_case".to_owned(),
            law: "something holds",
            outcome,
            elapsed: Duration::from_millis(7),
        });
        Report {
            entries: entries.collect(),
        }
    }

    #[test]
    fn the_table_names_law_and_sight_of_a_failure() {
        let report = report([
            Outcome::Passed,
            Outcome::Skipped("no wire".to_owned()),
            Outcome::Failed("it does not".to_owned()),
        ]);
        assert_eq!(
            report.to_string(),
            "passed   a_case     7 ms\n\
             skipped  a_case  no wire\n\
             FAILED   a_case     7 ms\n           \
             law: something holds\n           \
             saw: it does not\n\
             1 passed, 1 skipped, 1 failed in 0.0 s"
        );
        assert!(!report.has_passed());
    }

    #[test]
    fn a_skip_is_no_failure() {
        report([Outcome::Skipped(String::new())]).assert_passed();
    }

    #[test]
    #[should_panic = "the adapter does not conform"]
    fn a_failure_ends_the_test() {
        report([Outcome::Failed(String::new())]).assert_passed();
    }
}
