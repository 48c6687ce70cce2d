//! The lanes, and what many tests ask of a server.

use std::fmt::Debug;

use proptest::test_runner::{Config, TestRunner};
use tollgate::{
    Offload,
    adapter::conformance::{Received, Server},
};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

/// What the four lanes are made of.
pub(crate) struct Adapters {
    pub(crate) reqwest: ReqwestAdapter,
    pub(crate) ureq: UreqAdapter,
}

impl Adapters {
    /// As they are by default.
    pub(crate) fn plain() -> Self {
        Self {
            reqwest: ReqwestAdapter::new().unwrap(),
            ureq: UreqAdapter::new(),
        }
    }

    pub(crate) fn offloaded(&self) -> Offload<UreqAdapter> {
        Offload::new(self.ureq.clone())
    }
}

/// Plays a law on the four lanes, one after the other.
macro_rules! on_every_lane {
    ($adapters:expr, |$lane:ident| $play:expr) => {{
        let adapters = $adapters;
        {
            let $lane = &tollgate_parity::ReqwestAsync::over(adapters.reqwest.clone()).unwrap();
            $play;
        }
        {
            let $lane = &tollgate_parity::ReqwestBlocking::over(adapters.reqwest.clone());
            $play;
        }
        {
            let $lane = &tollgate_parity::UreqOffload::over(adapters.offloaded()).unwrap();
            $play;
        }
        {
            let $lane = &tollgate_parity::UreqBlocking::over(adapters.ureq.clone());
            $play;
        }
    }};
}
pub(crate) use on_every_lane;

/// How many cases make one of so many shares of `TOLLGATE_ADDRESSES`, which
/// is 50 000 at first.
pub(crate) fn amount(share: u32) -> u32 {
    let whole = std::env::var("TOLLGATE_ADDRESSES").map_or(50_000, |text| text.parse().unwrap());
    (whole / share).max(1)
}

/// Runs this many cases; what fails is printed in its smallest form.
pub(crate) fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    })
}

/// Tells whether a server got these bytes, wherever in a request.
pub(crate) fn got(server: &Server, bytes: &str) -> bool {
    let bytes = bytes.as_bytes();
    let mut connections = server.bytes().into_iter();
    connections.any(|all| all.windows(bytes.len()).any(|part| part == bytes))
}

/// Reads the same of each request.
pub(crate) fn each<T: Debug>(server: &Server, read: impl Fn(&Received) -> T) -> Vec<T> {
    server.requests().iter().map(read).collect()
}

/// Returns the value of a header of each request.
pub(crate) fn headers(server: &Server, name: &str) -> Vec<Option<String>> {
    each(server, |request| request.header(name).map(str::to_owned))
}
