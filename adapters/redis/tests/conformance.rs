//! The suite that every store passes, over real servers.
#![expect(clippy::print_stdout, reason = "a test shows its report")]

use std::sync::atomic::{AtomicU64, Ordering};

use tollgate::auth::StoreSuite;
use tollgate_redis::RedisStore;
use tollgate_redis_kit::Server;

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
        let store = || RedisStore::open(&url, &key).unwrap();
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
    let open = |url: &str, key: &str| RedisStore::builder(key).url(url).build_blocking().unwrap();
    run(StoreSuite::new(move || {
        let key = key();
        (open(&url, &key), open(&url, &key))
    })
    .failing(move || open("redis://:CANARY@127.0.0.1:1/", "k")));
}

#[test]
fn a_store_with_seals_conforms() {
    let Some(server) = Server::start() else {
        return;
    };
    let (url, key) = (server.url(), fresh());
    run(StoreSuite::new(move || {
        let key = key();
        let store = || RedisStore::builder(&key).url(&url).sealed_with([7; 32]);
        (store().build().unwrap(), store().build_blocking().unwrap())
    }));
}
