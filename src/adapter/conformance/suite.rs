//! [`Suite`]: runs the cases over an adapter.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    InProcess, Report,
    bench::{Bench, timed},
    cases::{self, Case, Needs},
    guarded::guarded,
    lane::{Driver, Lane},
    report::{Entry, Outcome},
    verdict::chain,
};
use crate::{
    adapter::{Adapter, BlockingAdapter},
    client::{Async, Blocking},
    runtime::BoxFuture,
};

/// A case that takes longer hangs: the limit of each call is far below.
const CASE_LIMIT: Duration = Duration::from_secs(60);

/// The cases, and the adapter that they are for.
///
/// Each case runs alone, in a thread of its own, against servers of its own,
/// through one client that all share. A panic is a failure of its case. The
/// whole takes 15 to 30 seconds.
///
/// ```
/// use tollgate::{MockAdapter, adapter::conformance::{InProcess, Suite}};
///
/// let servers = InProcess::new();
/// let mock = MockAdapter::new().handler(servers.handler());
/// let report = Suite::for_adapter(mock, |future| tollgate::runtime::block_on(future))
///     .in_process(&servers)
///     .only("json_arrives_as_its_bytes_and_its_type")
///     .run();
/// println!("{report}");
/// report.assert_passed();
/// ```
#[must_use = "a suite does nothing until it runs"]
pub struct Suite {
    driver: AnyDriver,
    in_process: Option<InProcess>,
    skips: Vec<(String, String)>,
    only: Vec<String>,
}

enum AnyDriver {
    Async(Driver<Async>),
    Blocking(Driver<Blocking>),
}

impl Suite {
    /// Takes an async adapter, and what drives its futures: it is called from
    /// threads of the suite's, several at once.
    ///
    /// With tokio, `move |future| runtime.block_on(future)`.
    pub fn for_adapter(
        adapter: impl Adapter,
        block_on: impl Fn(BoxFuture<'_, ()>) + Send + Sync + 'static,
    ) -> Self {
        Self::over(AnyDriver::Async(Driver::<Async>::new(
            Arc::new(adapter),
            Box::new(block_on),
        )))
    }

    /// Takes a blocking adapter.
    pub fn for_blocking_adapter(adapter: impl BlockingAdapter) -> Self {
        Self::over(AnyDriver::Blocking(Driver::<Blocking>::new(Arc::new(
            adapter,
        ))))
    }

    fn over(driver: AnyDriver) -> Self {
        Self {
            driver,
            in_process: None,
            skips: Vec::new(),
            only: Vec::new(),
        }
    }

    /// Leaves a case out, and prints why. An unknown name is a failure.
    pub fn skip(mut self, name: &str, reason: &str) -> Self {
        self.skips.push((name.to_owned(), reason.to_owned()));
        self
    }

    /// Runs no case but the named ones; may be called several times. An unknown
    /// name is a failure.
    pub fn only(mut self, name: &str) -> Self {
        self.only.push(name.to_owned());
        self
    }

    /// Serves an adapter without a wire, and leaves out what needs one.
    pub fn in_process(mut self, servers: &InProcess) -> Self {
        self.in_process = Some(servers.clone());
        self
    }

    /// Returns name and law of each case, in the order in which they run.
    pub fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
        let cases = cases::all::<Blocking>().into_iter();
        cases.map(|case| (case.name, case.law))
    }

    /// Runs the cases, one after the other.
    ///
    /// It blocks; call it outside of async code.
    pub fn run(self) -> Report {
        let mut report = Report {
            entries: Vec::new(),
        };
        let plan = Plan {
            has_wire: self.in_process.is_none(),
            skips: self.skips,
            only: self.only,
        };
        plan.check_names(&mut report);
        match self.driver {
            AnyDriver::Async(driver) => plan.run(driver, self.in_process, &mut report),
            AnyDriver::Blocking(driver) => plan.run(driver, self.in_process, &mut report),
        }
        report
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match self.driver {
            AnyDriver::Async(_) => "async",
            AnyDriver::Blocking(_) => "blocking",
        };
        f.debug_struct("Suite")
            .field("engine", &engine)
            .field("skips", &self.skips)
            .finish_non_exhaustive()
    }
}

/// Which cases run.
struct Plan {
    has_wire: bool,
    skips: Vec<(String, String)>,
    only: Vec<String>,
}

impl Plan {
    /// Fails names that no case has, so that a skip does not outlive its case.
    fn check_names(&self, report: &mut Report) {
        let skips = self.skips.iter().map(|(name, _)| name);
        for name in skips.chain(&self.only) {
            if !Suite::cases().any(|(known, _)| known == name) {
                report.entries.push(Entry {
                    name: name.clone(),
                    law: "a skip or a choice names a case",
                    outcome: Outcome::Failed("no case has this name".to_owned()),
                    elapsed: Duration::ZERO,
                });
            }
        }
    }

    fn run<E: Lane>(&self, driver: Driver<E>, in_process: Option<InProcess>, report: &mut Report) {
        let bench = match Bench::new(driver, in_process) {
            Ok(bench) => Arc::new(bench),
            Err(error) => {
                report.entries.push(Entry {
                    name: "client".to_owned(),
                    law: "a client can be built over the adapter",
                    outcome: Outcome::Failed(chain(&error)),
                    elapsed: Duration::ZERO,
                });
                return;
            }
        };
        for case in cases::all::<E>() {
            if !self.only.is_empty() && !self.only.iter().any(|name| name == case.name) {
                continue;
            }
            let (outcome, elapsed) = match self.reason_to_skip(&case) {
                Some(reason) => (Outcome::Skipped(reason), Duration::ZERO),
                None => timed(|| judge(&bench, &case)),
            };
            report.entries.push(Entry {
                name: case.name.to_owned(),
                law: case.law,
                outcome,
                elapsed,
            });
        }
    }

    fn reason_to_skip<E: Lane>(&self, case: &Case<E>) -> Option<String> {
        if let Some((_, reason)) = self.skips.iter().find(|(name, _)| name == case.name) {
            return Some(reason.clone());
        }
        match case.needs {
            Needs::Wire(reason) if !self.has_wire => Some(reason.to_owned()),
            Needs::FutureOnWire if !self.has_wire => Some("a mock has no connections".to_owned()),
            Needs::FutureOnWire if !E::IS_ASYNC => Some("only a future can be dropped".to_owned()),
            Needs::Nothing | Needs::Wire(_) | Needs::FutureOnWire => None,
        }
    }
}

fn judge<E: Lane>(bench: &Arc<Bench<E>>, case: &Case<E>) -> Outcome {
    let (run, own) = (case.run, Arc::clone(bench));
    guarded(
        case.name,
        CASE_LIMIT,
        move || run(&own),
        || bench.stop_servers(),
    )
}
