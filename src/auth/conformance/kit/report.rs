//! [`RefreshReport`]: how each scenario of a run ended.

use std::{fmt, time::Duration};

use crate::adapter::conformance::{Entry, Outcome};

/// The outcome of [`RefreshSuite::run`](super::RefreshSuite::run); it prints as
/// a table.
///
/// ```
/// use tollgate::auth::conformance::RefreshSuite;
///
/// // Nothing was given to be judged, which is a failure.
/// let report = RefreshSuite::new().run();
/// assert!(!report.has_passed());
/// assert!(report.to_string().contains("no adapter was given"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a report says whether all passed; see `assert_passed`"]
pub struct RefreshReport {
    pub(super) entries: Vec<(&'static str, Entry)>,
}

impl RefreshReport {
    /// Returns the scenarios in the order in which they ran, each with its
    /// engine: `async` or `blocking`, or nothing for a mistake of the set-up.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(lane, entry)| (*lane, entry))
    }

    /// Returns the names of the scenarios that passed, once for each engine.
    pub fn passed(&self) -> impl Iterator<Item = &str> {
        self.entries()
            .filter(|(_, entry)| matches!(entry.outcome(), Outcome::Passed))
            .map(|(_, entry)| entry.name())
    }

    /// Returns the scenarios that did not run, with the reasons.
    pub fn skipped(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries().filter_map(|(_, entry)| entry.skipped())
    }

    /// Returns the scenarios that failed, with what was seen.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries().filter_map(|(_, entry)| entry.failed())
    }

    /// Tells whether no scenario failed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// Ends a test if a scenario failed.
    ///
    /// # Panics
    ///
    /// With the whole table, if a scenario failed.
    #[track_caller]
    #[expect(clippy::panic, reason = "it is there to end a test")]
    pub fn assert_passed(&self) {
        if !self.has_passed() {
            panic!("token refresh does not conform\n{self}");
        }
    }
}

impl fmt::Display for RefreshReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries().map(|(_, entry)| entry.name().len()).max();
        let width = width.unwrap_or_default();
        for (lane, entry) in self.entries() {
            let name = entry.name();
            let time = entry.elapsed().as_millis();
            match entry.outcome() {
                Outcome::Passed => writeln!(f, "passed   {lane:8}  {name:width$} {time:5} ms")?,
                Outcome::Skipped(reason) => {
                    writeln!(f, "skipped  {lane:8}  {name:width$}  {reason}")?;
                }
                Outcome::Failed(text) => {
                    writeln!(f, "FAILED   {lane:8}  {name:width$} {time:5} ms")?;
                    writeln!(f, "           law: {}", entry.law())?;
                    writeln!(f, "           saw: {text}")?;
                }
            }
        }
        let total: Duration = self.entries().map(|(_, entry)| entry.elapsed()).sum();
        write!(
            f,
            "{} passed, {} skipped, {} failed in {:.1} s",
            self.passed().count(),
            self.skipped().count(),
            self.failed().count(),
            total.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: impl IntoIterator<Item = (&'static str, Outcome)>) -> RefreshReport {
        let entries = outcomes.into_iter().map(|(lane, outcome)| {
            let entry = Entry {
                name: "a_case".to_owned(),
                law: "something holds",
                outcome,
                elapsed: Duration::from_millis(7),
            };
            (lane, entry)
        });
        RefreshReport {
            entries: entries.collect(),
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_engine() {
        let report = report([
            ("async", Outcome::Passed),
            ("blocking", Outcome::Skipped("no leases".to_owned())),
            ("blocking", Outcome::Failed("it does not".to_owned())),
        ]);
        assert_eq!(
            report.to_string(),
            "passed   async     a_case     7 ms\n\
             skipped  blocking  a_case  no leases\n\
             FAILED   blocking  a_case     7 ms\n           \
             law: something holds\n           \
             saw: it does not\n\
             1 passed, 1 skipped, 1 failed in 0.0 s"
        );
        assert!(!report.has_passed());
    }

    #[test]
    fn a_skip_is_no_failure() {
        report([("async", Outcome::Skipped(String::new()))]).assert_passed();
    }

    #[test]
    #[should_panic = "token refresh does not conform"]
    fn a_failure_ends_the_test() {
        report([("async", Outcome::Failed(String::new()))]).assert_passed();
    }
}
