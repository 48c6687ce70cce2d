//! Token refresh over reqwest: both engines, several stores and refreshers.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test shows its report, and needs a runtime for it"
)]

use std::{
    env, fs, process,
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::runtime::Runtime;
use tollgate::auth::{FileStore, JsonRefresh, conformance::RefreshSuite};
use tollgate_reqwest::ReqwestAdapter;

/// Runs the suite in both engines.
fn run(suite: RefreshSuite) {
    let runtime = Runtime::new().expect("a runtime starts");
    let adapter = || ReqwestAdapter::new().expect("reqwest starts");
    let report = suite
        .adapter(adapter(), move |future| runtime.block_on(future))
        .blocking_adapter(adapter())
        .run();
    println!("{report}");
    report.assert_passed();
}

#[test]
fn a_store_in_memory_conforms() {
    run(RefreshSuite::new());
}

#[test]
fn a_store_in_a_file_conforms() {
    let folder = env::temp_dir().join(format!("tollgate-reqwest-refresh-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (files, path) = (AtomicU64::new(0), folder.clone());
    run(RefreshSuite::new().store(move || {
        let number = files.fetch_add(1, Ordering::Relaxed);
        let path = path.join(format!("{number}.json"));
        (FileStore::new(&path), FileStore::new(&path))
    }));
    // A session may still give its lease back; what is left does no harm.
    drop(fs::remove_dir_all(folder));
}

#[test]
fn a_refresher_in_json_conforms() {
    let suite = RefreshSuite::new().without_revocation("it has no way to revoke a token");
    run(suite.refresher(|server| JsonRefresh::new(server.json_refresh_url())));
}
