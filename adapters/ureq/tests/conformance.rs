//! The ureq adapter passes the suite in both engines.
#![expect(clippy::print_stdout, reason = "a test shows its report")]

use tokio::runtime::Runtime;
use tollgate::{Offload, adapter::conformance::Suite};
use tollgate_ureq::UreqAdapter;

#[test]
fn it_conforms_in_the_blocking_engine() {
    run(Suite::for_blocking_adapter(UreqAdapter::new()));
}

#[test]
fn it_conforms_in_the_async_engine() {
    let runtime = Runtime::new().unwrap();
    let adapter = Offload::new(UreqAdapter::new());
    run(Suite::for_adapter(adapter, move |future| {
        runtime.block_on(future);
    }));
}

fn run(mut suite: Suite) {
    if !cfg!(feature = "gzip") {
        for case in [
            "gzip_is_decoded",
            "a_broken_gzip_is_a_decode_error",
            "the_limit_counts_decoded_bytes",
            "a_decoded_download_has_no_total",
        ] {
            suite = suite.skip(case, "the feature `gzip` is off");
        }
    }
    let report = suite.run();
    println!("{report}");
    report.assert_passed();
}
