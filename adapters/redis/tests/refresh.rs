//! Token refresh with the token in Redis: both engines.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test shows its report, and needs a runtime for it"
)]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use redis::aio::ConnectionManagerConfig;

use tokio::runtime::Runtime;
use tollgate::{Offload, auth::conformance::RefreshSuite};
use tollgate_redis::{RedisStore, SealKey};
use tollgate_redis_kit::Server;
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

/// Longer than a machine with much to do holds anybody up.
const PATIENT: Duration = Duration::from_secs(20);

/// Keys that nothing else uses.
fn fresh() -> impl Fn() -> String + Send + Sync + 'static {
    let count = AtomicU64::new(0);
    move || format!("session-{}", count.fetch_add(1, Ordering::Relaxed))
}

fn run(suite: RefreshSuite) {
    let report = suite.run();
    println!("{report}");
    report.assert_passed();
}

/// Each engine over the client that fits it.
fn in_both_engines(suite: RefreshSuite) -> RefreshSuite {
    let runtime = Runtime::new().expect("a runtime starts");
    suite
        .adapter(
            ReqwestAdapter::new().expect("reqwest starts"),
            move |future| runtime.block_on(future),
        )
        .blocking_adapter(UreqAdapter::new())
}

#[test]
fn a_store_over_tokio_conforms() {
    let Some(server) = Server::start() else {
        return;
    };
    let (url, key) = (server.url(), fresh());
    run(in_both_engines(RefreshSuite::new()).store(move || {
        let key = key();
        let builder = || RedisStore::builder(&key).url(&url).deadline(PATIENT);
        let store = || builder().build().unwrap();
        (store(), store())
    }));
}

#[test]
fn a_store_with_seals_over_a_connection_of_the_users_conforms() {
    let Some(server) = Server::start() else {
        return;
    };
    let (client, key) = (redis::Client::open(server.url()).unwrap(), fresh());
    let runtime = Runtime::new().expect("a runtime starts");
    let limits = ConnectionManagerConfig::new()
        .set_response_timeout(None)
        .set_connection_timeout(None);
    let connection = runtime.block_on(client.get_connection_manager_with_config(limits));
    let connection = connection.expect("the server is there");
    let suite = RefreshSuite::new().store(move || {
        let key = key();
        let store = || {
            let builder = RedisStore::builder(&key).connection(connection.clone());
            let builder = builder.deadline(PATIENT);
            builder.sealed_with(SealKey::new([1; 32])).build().unwrap()
        };
        (store(), store())
    });
    run(
        suite.adapter(Offload::new(UreqAdapter::new()), move |future| {
            runtime.block_on(future);
        }),
    );
}

#[test]
fn a_store_without_tokio_conforms() {
    let Some(server) = Server::start() else {
        return;
    };
    let (url, key) = (server.url(), fresh());
    run(in_both_engines(RefreshSuite::new()).store(move || {
        let key = key();
        let builder = || RedisStore::builder(&key).url(&url).deadline(PATIENT);
        let store = || builder().build_blocking().unwrap();
        (store(), store())
    }));
}
