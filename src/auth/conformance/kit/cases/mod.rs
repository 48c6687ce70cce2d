//! The scenarios, one function each, in the order in which they run.
//!
//! Cases and bugs are those of the acceptance list that token refresh was
//! built against; a number stands for what many users have run into.

mod attach;
mod failure;
mod faults;
mod identity;
mod lifetime;
mod proactive;
mod reactive;
mod replay;
mod rotation;
mod secrecy;
mod sharing;
mod store;

use super::bench::Bench;
use crate::adapter::conformance::{Lane, Verdict, cases};

/// One scenario.
pub(super) struct Case<E: Lane> {
    pub(super) name: &'static str,
    pub(super) law: &'static str,
    pub(super) needs: Needs,
    pub(super) run: fn(&Bench<E>) -> Verdict,
}

/// What a scenario cannot do without.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// An adapter of the other engine.
    Twin,
}

/// Returns all cases.
pub(super) fn all<E: Lane>() -> Vec<Case<E>> {
    let mut all = Vec::new();
    all.extend(attach::cases());
    all.extend(reactive::cases());
    all.extend(proactive::cases());
    all.extend(failure::cases());
    all.extend(faults::cases());
    all.extend(rotation::cases());
    all.extend(lifetime::cases());
    all.extend(identity::cases());
    all.extend(store::cases());
    all.extend(sharing::cases());
    all.extend(replay::cases());
    all.extend(secrecy::cases());
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Blocking;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all::<Blocking>().iter().map(|case| case.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn laws_are_sentences_without_a_full_stop() {
        for case in all::<Blocking>() {
            assert!(
                case.law.contains(' ') && !case.law.ends_with('.'),
                "{}",
                case.law
            );
        }
    }
}
