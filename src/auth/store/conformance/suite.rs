//! [`StoreSuite`]: runs the cases over a store.

use std::{fmt, future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, select},
};

use super::{
    bench::{Bench, Handle, Verdict},
    leases,
    report::{Entry, Outcome, StoreReport},
    writes,
};
use crate::{
    auth::TokenStore,
    runtime::{BoxFuture, Runtime, ThreadRuntime, block_on},
};

/// A case that takes longer hangs.
const CASE_LIMIT: Duration = Duration::from_secs(30);

/// The case over a store that cannot work.
const ERRORS: (&str, &str) = ("errors_hold_no_token", "an error holds no token");

struct Case {
    name: &'static str,
    law: &'static str,
    run: fn(Bench) -> BoxFuture<'static, Verdict>,
}

macro_rules! cases {
    ($($module:ident::$name:ident: $law:literal,)*) => {
        &[$(Case {
            name: stringify!($name),
            law: $law,
            run: |bench| Box::pin($module::$name(bench)),
        }),*]
    };
}

const CASES: &[Case] = cases! {
    writes::a_new_store_is_empty: "`load` of a new store gives an empty record of the first stamp",
    writes::what_was_written_is_read: "`load` gives what was written last, by whomever, all of it",
    writes::a_swap_over_another_stamp_writes_nothing:
        "`compare_and_swap` writes over the expected stamp only, and says what is there",
    writes::of_writers_at_once_one_wins: "two that expect the same stamp do not both succeed",
    writes::clear_ends_an_epoch_and_those_before:
        "`clear` takes the token out and begins a later epoch",
    writes::clear_leaves_a_later_epoch_alone: "`clear` leaves who signed in since alone",
    writes::a_mark_leaves_the_record_as_it_is:
        "`present` leaves stamp and token as they are, and writes over one stamp only",
    writes::a_mark_is_gone_with_the_next_write: "what `present` wrote is gone with the next write",
    writes::large_tokens_fit: "tokens of 16 KiB are kept",
    writes::any_text_fits: "a text is kept whatever it holds",
    leases::a_lease_is_given_to_one_at_a_time: "`acquire` waits while there is a lease",
    leases::a_fence_is_higher_than_those_before: "the fence grows with every lease",
    leases::a_lease_that_is_dropped_is_given_back: "a lease that is dropped is given back",
    leases::all_who_wait_get_a_lease: "each of those who wait gets a lease of its own",
    leases::who_stops_waiting_keeps_no_lease: "whoever gives up has no lease, and holds none up",
    leases::signing_in_and_out_waits_for_no_lease: "a write does not wait for a lease",
};

/// The cases, and the store that they are for.
///
/// Each case runs alone, over a fresh store. A panic is a failure of its case,
/// and so is taking more than 30 seconds.
///
/// ```
/// use std::sync::Arc;
/// use tollgate::auth::{MemoryStore, StoreSuite};
///
/// let no_leases = "it is not shared by processes";
/// let report = StoreSuite::new(|| {
///     let store = Arc::new(MemoryStore::empty());
///     (Arc::clone(&store), store)
/// })
/// .without_leases(no_leases)
/// .run();
/// println!("{report}");
/// report.assert_passed();
/// ```
#[must_use = "a suite does nothing until it runs"]
pub struct StoreSuite {
    fresh: Box<dyn Fn() -> Bench + Send + Sync>,
    failing: Option<Box<dyn Fn() -> Handle + Send + Sync>>,
    skips: Vec<(String, String)>,
    only: Vec<String>,
}

impl StoreSuite {
    /// Takes what makes an empty store, and gives two handles to it: two
    /// objects where two can share a store, else clones.
    pub fn new<S: TokenStore>(fresh: impl Fn() -> (S, S) + Send + Sync + 'static) -> Self {
        Self {
            fresh: Box::new(move || {
                let (first, second) = fresh();
                Bench {
                    first: Handle(Arc::new(first)),
                    second: Handle(Arc::new(second)),
                }
            }),
            failing: None,
            skips: Vec::new(),
            only: Vec::new(),
        }
    }

    /// Takes what makes a store that cannot work, such as one whose server is
    /// not there: its errors are searched for tokens.
    pub fn failing<S: TokenStore>(mut self, store: impl Fn() -> S + Send + Sync + 'static) -> Self {
        self.failing = Some(Box::new(move || Handle(Arc::new(store()))));
        self
    }

    /// Leaves a case out, and prints why. An unknown name is a failure.
    pub fn skip(mut self, name: &str, reason: &str) -> Self {
        self.skips.push((name.to_owned(), reason.to_owned()));
        self
    }

    /// Leaves out what is about leases: for a store that gives none.
    pub fn without_leases(self, reason: &str) -> Self {
        [
            "a_lease_is_given_to_one_at_a_time",
            "a_fence_is_higher_than_those_before",
            "a_lease_that_is_dropped_is_given_back",
            "all_who_wait_get_a_lease",
            "who_stops_waiting_keeps_no_lease",
        ]
        .into_iter()
        .fold(self, |suite, name| suite.skip(name, reason))
    }

    /// Leaves out what is about [`present`](TokenStore::present): for a store
    /// that ends with its process.
    pub fn without_marks(self, reason: &str) -> Self {
        [
            "a_mark_leaves_the_record_as_it_is",
            "a_mark_is_gone_with_the_next_write",
        ]
        .into_iter()
        .fold(self, |suite, name| suite.skip(name, reason))
    }

    /// Runs no case but the named ones; may be called several times. An
    /// unknown name is a failure.
    pub fn only(mut self, name: &str) -> Self {
        self.only.push(name.to_owned());
        self
    }

    /// Returns name and law of each case, in the order in which they run.
    pub fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
        CASES
            .iter()
            .map(|case| (case.name, case.law))
            .chain([ERRORS])
    }

    /// Runs the cases, one after the other.
    ///
    /// It blocks; call it outside of async code. For a store that needs a
    /// runtime around it, see [`check`](Self::check).
    pub fn run(self) -> StoreReport {
        block_on(self.check())
    }

    /// Runs the cases in the runtime of the caller.
    pub async fn check(self) -> StoreReport {
        let mut entries = Vec::new();
        let named = self.skips.iter().map(|(name, _)| name).chain(&self.only);
        for name in named.filter(|name| Self::cases().all(|case| case.0 != **name)) {
            entries.push(Entry {
                name: name.clone(),
                law: "a case that is named exists",
                outcome: Outcome::Failed("no case has this name".to_owned()),
            });
        }
        for case in CASES.iter().filter(|case| self.is_asked_for(case.name)) {
            let outcome = match self.reason_to_skip(case.name) {
                Some(reason) => Outcome::Skipped(reason),
                None => judged(async { (case.run)((self.fresh)()).await }).await,
            };
            entries.push(Entry {
                name: case.name.to_owned(),
                law: case.law,
                outcome,
            });
        }
        if self.is_asked_for(ERRORS.0) {
            entries.push(Entry {
                name: ERRORS.0.to_owned(),
                law: ERRORS.1,
                outcome: self.check_errors().await,
            });
        }
        StoreReport { entries }
    }

    async fn check_errors(&self) -> Outcome {
        if let Some(reason) = self.reason_to_skip(ERRORS.0) {
            return Outcome::Skipped(reason);
        }
        let Some(failing) = &self.failing else {
            return Outcome::Skipped("no store was given that cannot work".to_owned());
        };
        judged(async { writes::errors_hold_no_token(&*failing().0).await }).await
    }

    fn is_asked_for(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    fn reason_to_skip(&self, name: &str) -> Option<String> {
        let skip = self.skips.iter().find(|(skipped, _)| skipped == name);
        skip.map(|(_, reason)| reason.clone())
    }
}

/// Runs one case, at most for a time.
async fn judged(case: impl Future<Output = Verdict>) -> Outcome {
    let case = pin!(AssertUnwindSafe(case).catch_unwind());
    match select(case, ThreadRuntime.sleep(CASE_LIMIT)).await {
        Either::Left((Ok(Ok(())), _)) => Outcome::Passed,
        Either::Left((Ok(Err(text)), _)) => Outcome::Failed(text),
        Either::Left((Err(panic), _)) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned());
            Outcome::Failed(format!("panicked: {}", text.unwrap_or_default()))
        }
        Either::Right(_) => Outcome::Failed(format!("it took more than {CASE_LIMIT:?}")),
    }
}

impl fmt::Debug for StoreSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSuite")
            .field("skips", &self.skips)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}
