//! What the tests ask, and what they expect of an error.

use std::time::{Duration, SystemTime};

use tollgate::{
    Error, ErrorKind,
    auth::{Presented, Stamp, Stored, Token, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;

pub(crate) const RECORD: &str = "{k}:t";

pub(crate) const TTL: Duration = Duration::from_secs(60);

/// For a server that answers, on a machine that has much to do.
pub(crate) const AMPLE: Duration = Duration::from_secs(20);

/// For one that does not.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

pub(crate) fn open(url: &str) -> RedisStore {
    let builder = RedisStore::builder("k").url(url);
    builder.deadline(AMPLE).build().unwrap()
}

pub(crate) fn live() -> Stored {
    let token = Token::new("CANARY-access").refresh("CANARY-refresh");
    Stored::live(Stamp::new(1, 1), token)
}

/// The same over tokio and without it.
pub(crate) fn both(url: &str, deadline: Duration) -> [RedisStore; 2] {
    let builder = || RedisStore::builder("k").url(url).deadline(deadline);
    [
        builder().build().unwrap(),
        builder().build_blocking().unwrap(),
    ]
}

/// Waits until an operation fails in this way: the first has no time to find
/// that out on a machine with much to do, and the later ones know.
pub(crate) fn until_known(store: &RedisStore, kind: ErrorKind) {
    tollgate_redis_kit::until("the failure to be known", || {
        block_on(store.load()).is_err_and(|error| error.kind() == kind)
    });
}

/// What each operation says that fails.
pub(crate) fn failures(store: &RedisStore) -> Vec<(&'static str, Error)> {
    let stamp = Stamp::default();
    let mark = Presented::new(1, SystemTime::UNIX_EPOCH);
    let all = [
        ("load", block_on(store.load()).err()),
        (
            "compare_and_swap",
            block_on(store.compare_and_swap(stamp, live())).err(),
        ),
        ("clear", block_on(store.clear(1)).err()),
        ("acquire", block_on(store.acquire(TTL)).err()),
        ("present", block_on(store.present(stamp, Some(mark))).err()),
        ("changed", block_on(store.changed(Stamp::new(9, 9))).err()),
    ];
    let failed = all.into_iter();
    failed
        .filter_map(|(name, error)| Some((name, error?)))
        .collect()
}

pub(crate) const ALL: [&str; 6] = [
    "load",
    "compare_and_swap",
    "clear",
    "acquire",
    "present",
    "changed",
];

pub(crate) const WRITES: [&str; 4] = ["compare_and_swap", "clear", "acquire", "present"];

/// Each of the operations fails with a kind and a text, a hint, and no secret.
pub(crate) fn fails(url: &str, operations: &[&str], kind: ErrorKind, text: &str) {
    for store in both(url, AMPLE) {
        fails_over(&store, operations, kind, text);
    }
}

pub(crate) fn fails_over(store: &RedisStore, operations: &[&str], kind: ErrorKind, text: &str) {
    let failures = failures(store);
    let names: Vec<_> = failures.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, operations);
    for (name, error) in failures {
        let shown = format!("{error} {error:?} {}", error.to_json());
        assert_eq!(error.kind(), kind, "{name}: {shown}");
        assert!(error.to_string().contains(text), "{name}: {shown}");
        assert!(error.hint().is_some(), "{name}: {shown}");
        assert!(!shown.contains("CANARY"), "{name}: {shown}");
    }
}
