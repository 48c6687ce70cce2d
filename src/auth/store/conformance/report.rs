//! [`StoreReport`]: how each case of a run ended.

use std::fmt;

/// The outcome of [`StoreSuite::run`](super::StoreSuite::run); it prints as a
/// table.
///
/// ```
/// use std::sync::Arc;
/// use tollgate::auth::{MemoryStore, StoreSuite};
///
/// let report = StoreSuite::new(|| {
///     let store = Arc::new(MemoryStore::empty());
///     (Arc::clone(&store), store)
/// })
/// .only("a_new_store_is_empty")
/// .run();
/// assert!(report.has_passed());
/// assert!(report.to_string().starts_with("passed   a_new_store_is_empty"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a report says whether the store passed; see `assert_passed`"]
pub struct StoreReport {
    pub(super) entries: Vec<Entry>,
}

/// How one case ended.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) law: &'static str,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

impl StoreReport {
    /// Returns the names of the cases that passed, in the order of the run.
    pub fn passed(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter(|entry| matches!(entry.outcome, Outcome::Passed))
            .map(|entry| entry.name.as_str())
    }

    /// Returns the cases that did not run, with the reasons.
    pub fn skipped(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.outcome {
                Outcome::Skipped(reason) => Some((entry.name.as_str(), reason.as_str())),
                Outcome::Passed | Outcome::Failed(_) => None,
            })
    }

    /// Returns the cases that failed, with what was seen.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.outcome {
                Outcome::Failed(text) => Some((entry.name.as_str(), text.as_str())),
                Outcome::Passed | Outcome::Skipped(_) => None,
            })
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
            panic!("the store does not conform\n{self}");
        }
    }
}

impl fmt::Display for StoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries.iter().map(|entry| entry.name.len()).max();
        let width = width.unwrap_or_default();
        for Entry { name, law, outcome } in &self.entries {
            match outcome {
                Outcome::Passed => writeln!(f, "passed   {name}")?,
                Outcome::Skipped(reason) => writeln!(f, "skipped  {name:width$}  {reason}")?,
                Outcome::Failed(text) => {
                    writeln!(f, "FAILED   {name}")?;
                    writeln!(f, "           law: {law}")?;
                    writeln!(f, "           saw: {text}")?;
                }
            }
        }
        write!(
            f,
            "{} passed, {} skipped, {} failed",
            self.passed().count(),
            self.skipped().count(),
            self.failed().count()
        )
    }
}
