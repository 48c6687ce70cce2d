//! What a builder refuses, and what nothing shows.

use std::time::Duration;

use tollgate::ErrorKind;
use tollgate_redis::RedisStore;

use crate::support::{RECORD, TTL};

#[test]
fn settings_out_of_bounds_are_told_with_their_bounds() {
    let builder = || RedisStore::builder("k").url("redis://:CANARY@127.0.0.1/");
    let long = Duration::from_secs(90_000);
    for built in [
        builder().deadline(Duration::ZERO).build(),
        builder().deadline(long).build(),
        builder().poll_every(Duration::ZERO).build(),
        builder().poll_every(long).build(),
        builder().wait_for_replicas(0, TTL).build(),
        builder().wait_for_replicas(1, long).build(),
        RedisStore::builder("k").build(),
        RedisStore::builder("").url("redis://127.0.0.1/").build(),
        RedisStore::open("http://CANARY@h/", "k"),
        RedisStore::open("redis://CANARY@/%", "k"),
        RedisStore::builder("k").cluster::<[&str; 0]>([]).build(),
        RedisStore::builder("k").cluster(["CANARY"]).build(),
        RedisStore::builder("k").sentinel([""; 0], "m").build(),
        RedisStore::builder("k")
            .sentinel(["redis://h/"], "")
            .build(),
        RedisStore::builder("k")
            .cluster(["redis://h/"])
            .build_blocking(),
        RedisStore::open("CANARY", "k"),
    ] {
        let error = built.unwrap_err();
        let shown = format!("{error} {error:?} {}", error.to_json());
        assert_eq!(error.kind(), ErrorKind::Builder, "{shown}");
        assert!(error.hint().is_some(), "{shown}");
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}

#[test]
fn no_secret_is_shown_by_debug() {
    let builder = RedisStore::builder("k").url("redis://:CANARY@127.0.0.1/");
    let builder = builder.sealed_with(*b"CANARYCANARYCANARYCANARYCANARYCA");
    let shown = format!("{builder:?}");
    assert!(shown.contains("REDACTED") && !shown.contains("CANARY"));
    let store = builder.build().unwrap();
    let shown = format!("{store:?}");
    assert!(
        shown.contains(RECORD) && !shown.contains("CANARY"),
        "{shown}"
    );
}
