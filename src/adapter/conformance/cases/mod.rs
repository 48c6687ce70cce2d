//! The cases, one function each, in the order in which they run.

mod adapter_alone;
mod answers;
mod cancel;
mod downloads;
mod faults;
mod forms;
mod limits;
mod origins;
mod progress;
mod redirects;
mod requests;
mod reuse;
mod streams;
mod uploads;

use super::{bench::Bench, lane::Lane, verdict::Verdict};

/// One clause of the contract.
pub(super) struct Case<E: Lane> {
    pub(super) name: &'static str,
    pub(super) law: &'static str,
    pub(super) needs: Needs,
    pub(super) run: fn(&Bench<E>) -> Verdict,
}

/// What a case cannot do without; the text is the reason for a skip.
#[derive(Clone, Copy)]
pub(super) enum Needs {
    Nothing,
    Wire(&'static str),
    /// A future to drop, and a connection to look at.
    FutureOnWire,
}

/// Lists the cases of a file: `name: "law";` or `name [needs]: "law";`.
macro_rules! cases {
    ($($name:ident $([$needs:expr])? : $law:literal;)*) => {
        pub(super) fn cases<E: Lane>() -> Vec<Case<E>> {
            vec![$(Case {
                name: stringify!($name),
                law: $law,
                needs: cases!(@needs $($needs)?),
                run: $name::<E>,
            }),*]
        }
    };
    (@needs) => { Needs::Nothing };
    (@needs $needs:expr) => { $needs };
}
pub(crate) use cases;

/// Returns all cases.
pub(super) fn all<E: Lane>() -> Vec<Case<E>> {
    let mut all = Vec::new();
    all.extend(adapter_alone::cases());
    all.extend(requests::cases());
    all.extend(forms::cases());
    all.extend(answers::cases());
    all.extend(redirects::cases());
    all.extend(origins::cases());
    all.extend(faults::cases());
    all.extend(limits::cases());
    all.extend(uploads::cases());
    all.extend(downloads::cases());
    all.extend(streams::cases());
    all.extend(progress::cases());
    all.extend(cancel::cases());
    all.extend(reuse::cases());
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
