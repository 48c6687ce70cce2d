//! The suite that every store passes, over real servers.
#![expect(clippy::print_stdout, reason = "a test shows its report")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tollgate::auth::StoreSuite;
use tollgate_redis::RedisStore;
use tollgate_redis_kit::Server;

/// Longer than a machine with much to do holds anybody up.
const PATIENT: Duration = Duration::from_secs(20);

/// Keys that nothing else uses.
fn fresh() -> impl Fn() -> String + Send + Sync + 'static {
    let count = AtomicU64::new(0);
    move || format!("session-{}", count.fetch_add(1, Ordering::Relaxed))
}

fn run(suite: StoreSuite) {
    let report = suite.run();
    println!("{report}");
    report.assert_passed();
}

#[test]
fn a_store_over_tokio_conforms() {
    let Some(server) = Server::start() else {
        return;
    };
    let (url, key) = (server.url(), fresh());
    run(StoreSuite::new(move || {
        let key = key();
        let builder = || RedisStore::builder(&key).url(&url).deadline(PATIENT);
        let store = || builder().build().unwrap();
        (store(), store())
    })
    .failing(|| RedisStore::open("redis://:CANARY@127.0.0.1:1/", "k").unwrap()));
}

#[test]
fn a_store_without_tokio_conforms() {
    let Some(server) = Server::start() else {
        return;
    };
    let (url, key) = (server.url(), fresh());
    let builder = |url: &str, key: &str| RedisStore::builder(key).url(url);
    run(StoreSuite::new(move || {
        let key = key();
        let store = || builder(&url, &key).deadline(PATIENT).build_blocking();
        (store().unwrap(), store().unwrap())
    })
    .failing(move || {
        let builder = builder("redis://:CANARY@127.0.0.1:1/", "k");
        builder.build_blocking().unwrap()
    }));
}

#[test]
fn a_store_with_seals_conforms() {
    let Some(server) = Server::start() else {
        return;
    };
    let (url, key) = (server.url(), fresh());
    run(StoreSuite::new(move || {
        let key = key();
        let builder = || RedisStore::builder(&key).url(&url).deadline(PATIENT);
        let store = || builder().sealed_with([7; 32]);
        (store().build().unwrap(), store().build_blocking().unwrap())
    }));
}
