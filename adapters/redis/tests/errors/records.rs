//! What is kept is no record, or is not for us.

use redis::Commands;
use tollgate::{
    ErrorKind,
    auth::{Stamp, TokenStore},
    runtime::block_on,
};
use tollgate_redis::{RedisStore, SealKey};
use tollgate_redis_kit::Server;

use crate::support::{ALL, RECORD, TTL, fails, live, open};

#[test]
fn a_name_that_something_else_uses_is_left_alone() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut redis = server.connection();
    let () = redis.set(RECORD, "CANARY").unwrap();
    fails(
        &server.url(),
        &ALL,
        ErrorKind::Decode,
        "something else is kept",
    );
    assert_eq!(redis.get::<_, String>(RECORD).unwrap(), "CANARY");
    let () = redis.del(RECORD).unwrap();
    let () = redis.lpush("{k}:l", "CANARY").unwrap();
    let store = open(&server.url());
    let swap = block_on(store.compare_and_swap(Stamp::default(), live()));
    assert_eq!(swap.unwrap_err().kind(), ErrorKind::Decode);
    let lease = block_on(store.acquire(TTL));
    assert_eq!(lease.unwrap_err().kind(), ErrorKind::Decode);
    assert!(!redis.exists::<_, bool>(RECORD).unwrap(), "half is written");
}

#[test]
fn a_record_of_a_newer_version_is_left_alone() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut redis = server.connection();
    let fields = [("schema", "2"), ("epoch", "CANARY"), ("what", "CANARY")];
    let () = redis.hset_multiple(RECORD, &fields).unwrap();
    fails(
        &server.url(),
        &ALL,
        ErrorKind::Unsupported,
        "the schema `2`",
    );
    assert_eq!(redis.hlen::<_, u64>(RECORD).unwrap(), 3);
}

#[test]
fn a_broken_record_is_told_with_its_key() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut redis = server.connection();
    let store = open(&server.url());
    let good = live().to_record();
    let good = good.expose();
    let other = good.replace("\"version\":1", "\"version\":2");
    let newer = good.replace("\"schema\":1", "\"schema\":2");
    for (field, value) in [
        ("schema", "CANARY"),
        ("epoch", "CANARY"),
        ("epoch", "-1"),
        ("epoch", "99999999999999999999"),
        ("epoch", "2"),
        ("version", ""),
        ("state", "CANARY"),
        ("cfence", "CANARY"),
        ("cfence", "7"),
        ("presented", "CANARY"),
        ("presented", "1 CANARY"),
        ("presented", "1 99999999999999999999"),
        ("record", "CANARY"),
        ("record", "{\"schema\":1,\"access\":\"CANARY\""),
        ("record", other.as_str()),
        ("record", newer.as_str()),
        ("record", ""),
    ] {
        let () = redis.del(RECORD).unwrap();
        block_on(store.compare_and_swap(Stamp::default(), live())).unwrap();
        let () = redis.hset(RECORD, field, value).unwrap();
        broken(&store, (field, value));
    }
    for field in ["epoch", "version", "state", "record"] {
        let () = redis.del(RECORD).unwrap();
        block_on(store.compare_and_swap(Stamp::default(), live())).unwrap();
        let () = redis.hdel(RECORD, field).unwrap();
        broken(&store, (field, "-"));
    }
}

fn broken(store: &RedisStore, what: (&str, &str)) {
    let error = block_on(store.load()).unwrap_err();
    let shown = format!("{error} {error:?} {}", error.to_json());
    let kinds = [ErrorKind::Decode, ErrorKind::Unsupported];
    assert!(kinds.contains(&error.kind()), "{what:?}: {shown}");
    assert!(shown.contains(RECORD), "{what:?}: {shown}");
    assert!(!shown.contains("CANARY"), "{what:?}: {shown}");
    // Whoever gets the lease with it gives it back.
    assert!(block_on(store.acquire(TTL)).is_err(), "{what:?}");
    // Nobody overwrites what he cannot read.
    let swap = block_on(store.compare_and_swap(Stamp::new(7, 7), live()));
    assert!(swap.is_err(), "{what:?}: {swap:?}");
}

#[test]
fn the_lease_of_a_broken_record_is_given_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut redis = server.connection();
    let () = redis.hset(RECORD, "state", "live").unwrap();
    let store = open(&server.url());
    for _ in 0..3 {
        let error = block_on(store.acquire(TTL)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
    }
}

#[test]
fn a_seal_that_does_not_open_is_told_with_the_remedy() {
    let Some(server) = Server::start() else {
        return;
    };
    let with = |key: u8| {
        let builder = RedisStore::builder("k").url(&server.url());
        builder.sealed_with([key; 32]).build().unwrap()
    };
    block_on(with(1).compare_and_swap(Stamp::default(), live())).unwrap();
    for (store, text) in [
        (with(2), "does not open"),
        (open(&server.url()), "is sealed"),
    ] {
        let error = block_on(store.load()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.hint().unwrap().contains("sealed_with"));
    }
    // The record of another session is not taken for this one's.
    let () = server.connection().copy_hash("{k}:t", "{other}:t");
    let builder = RedisStore::builder("other").url(&server.url());
    let other = builder.sealed_with(SealKey::new([1; 32])).build().unwrap();
    assert_eq!(
        block_on(other.load()).unwrap_err().kind(),
        ErrorKind::Decode
    );
    assert_eq!(block_on(with(1).load()).unwrap(), live());
}

/// Copies a hash under another name.
trait CopyHash {
    fn copy_hash(&mut self, from: &str, to: &str);
}

impl CopyHash for redis::Connection {
    fn copy_hash(&mut self, from: &str, to: &str) {
        let () = redis::cmd("COPY").arg(from).arg(to).query(self).unwrap();
    }
}

#[test]
fn nothing_of_a_sealed_token_is_in_redis() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut redis = server.connection();
    for sealed in [false, true] {
        let () = redis::cmd("FLUSHALL").query(&mut redis).unwrap();
        let mut builder = RedisStore::builder("k").url(&server.url());
        if sealed {
            builder = builder.sealed_with([1; 32]);
        }
        let store = builder.build().unwrap();
        block_on(store.compare_and_swap(Stamp::default(), live())).unwrap();
        let lease = block_on(store.acquire(TTL)).unwrap();
        let mut all = Vec::new();
        for key in redis.keys::<_, Vec<String>>("*").unwrap() {
            let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query(&mut redis).unwrap();
            let fields: Vec<Vec<u8>> = redis.hgetall(&key).unwrap_or_default();
            all.extend([key.into_bytes(), dump, fields.concat()].concat());
        }
        drop(lease);
        let found = all.windows(6).any(|part| part == b"CANARY");
        assert_eq!(found, !sealed);
    }
}
