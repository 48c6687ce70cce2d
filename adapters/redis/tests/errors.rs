//! What goes wrong with a server, and how it is told: with a kind and a
//! remedy, in time, without a secret.
#![expect(clippy::unwrap_used, reason = "what is shared by tests is a test too")]

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use redis::Commands;
use tollgate::{
    Error, ErrorKind,
    auth::{Presented, Stamp, Stored, Token, TokenStore},
    runtime::{Runtime, ThreadRuntime, block_on},
};
use tollgate_redis::{RedisStore, SealKey};
use tollgate_redis_kit::Server;

const RECORD: &str = "{k}:t";
const TTL: Duration = Duration::from_secs(60);
/// For a server that answers, on a machine that has much to do.
const AMPLE: Duration = Duration::from_secs(2);
/// For one that does not.
const SHORT: Duration = Duration::from_millis(200);

fn open(url: &str) -> RedisStore {
    RedisStore::open(url, "k").unwrap()
}

fn live() -> Stored {
    let token = Token::new("CANARY-access").refresh("CANARY-refresh");
    Stored::live(Stamp::new(1, 1), token)
}

/// The same over tokio and without it.
fn both(url: &str, deadline: Duration) -> [RedisStore; 2] {
    let builder = || RedisStore::builder("k").url(url).deadline(deadline);
    [
        builder().build().unwrap(),
        builder().build_blocking().unwrap(),
    ]
}

/// What each operation says that fails.
fn failures(store: &RedisStore) -> Vec<(&'static str, Error)> {
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

const ALL: [&str; 6] = [
    "load",
    "compare_and_swap",
    "clear",
    "acquire",
    "present",
    "changed",
];
const WRITES: [&str; 4] = ["compare_and_swap", "clear", "acquire", "present"];

/// Each of the operations fails with a kind and a text, a hint, and no secret.
fn fails(url: &str, operations: &[&str], kind: ErrorKind, text: &str) {
    for store in both(url, AMPLE) {
        fails_over(&store, operations, kind, text);
    }
}

fn fails_over(store: &RedisStore, operations: &[&str], kind: ErrorKind, text: &str) {
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

#[test]
fn a_missing_password_and_a_wrong_one_are_told_apart_from_an_outage() {
    let Some(server) = Server::builder().password("CANARY-right").start() else {
        return;
    };
    let at = format!("127.0.0.1:{}", server.port());
    let missing = format!("redis://{at}/");
    fails(&missing, &ALL, ErrorKind::Auth, "lets nobody in");
    let wrong = format!("redis://:CANARY-wrong@{at}/");
    fails(&wrong, &ALL, ErrorKind::Auth, "lets nobody in");
    assert!(block_on(open(&server.url()).load()).is_ok());
}

#[test]
fn a_user_without_rights_is_told_which_are_needed() {
    let Some(server) = Server::start() else {
        return;
    };
    let users = [
        ("nothing", vec![]),
        // The hash may be read, and the scripts may run; they may not write.
        ("reader", vec!["~*", "+hmget", "+evalsha", "+eval"]),
    ];
    for (name, rights) in users {
        let () = redis::cmd("ACL")
            .arg(&["SETUSER", name, "on", ">CANARY"])
            .arg(rights)
            .query(&mut server.connection())
            .unwrap();
    }
    let url = |name: &str| format!("redis://{name}:CANARY@127.0.0.1:{}/", server.port());
    fails(&url("nothing"), &ALL, ErrorKind::Auth, "`NOPERM`");
    fails(&url("reader"), &WRITES, ErrorKind::Auth, "`NOPERM`");
}

#[test]
fn the_rights_that_the_hint_names_are_enough() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&format!("redis://u:p@127.0.0.1:{}/", server.port()));
    let error = {
        let () = redis::cmd("ACL")
            .arg(&["SETUSER", "u", "on", ">p"])
            .query(&mut server.connection())
            .unwrap();
        block_on(store.load()).unwrap_err()
    };
    let hint = error.hint().unwrap();
    let (_, rights) = hint.split_once('`').unwrap();
    let (rights, _) = rights.split_once('`').unwrap();
    let () = redis::cmd("ACL")
        .arg(&["SETUSER", "u"])
        .arg(rights.split(' ').collect::<Vec<_>>())
        .query(&mut server.connection())
        .unwrap();
    // But for `changed`, which waits.
    let swap = block_on(store.compare_and_swap(Stamp::default(), live()));
    swap.unwrap();
    assert_eq!(block_on(store.load()).unwrap(), live());
    let lease = block_on(store.acquire(TTL)).unwrap();
    block_on(store.present(live().stamp(), None)).unwrap();
    block_on(store.release(lease)).unwrap();
    block_on(store.clear(1)).unwrap();
    block_on(store.changed(Stamp::default())).unwrap();
    let denied: u64 = {
        let log: Vec<redis::Value> = redis::cmd("ACL")
            .arg("LOG")
            .query(&mut server.connection())
            .unwrap();
        log.len() as u64
    };
    assert_eq!(denied, 1, "the first look alone");
}

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
fn without_memory_nothing_is_written_and_reading_goes_on() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server.url());
    let set = |memory: &str| {
        let () = redis::cmd("CONFIG")
            .arg(&["SET", "maxmemory", memory])
            .query(&mut server.connection())
            .unwrap();
    };
    set("1");
    fails(&server.url(), &WRITES, ErrorKind::Auth, "`OOM`");
    assert!(!server.connection().exists::<_, bool>(RECORD).unwrap());
    set("0");
    assert!(failures(&store).is_empty());
}

#[test]
fn a_replica_is_told_from_the_master() {
    let Some(master) = Server::start() else {
        return;
    };
    let replica = Server::builder().replica_of(&master).start().unwrap();
    for store in both(&replica.url(), SHORT * 2) {
        fails_over(&store, &WRITES, ErrorKind::Transport, "a read-only replica");
    }
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

#[test]
fn nobody_there_is_told_within_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("redis://:CANARY@127.0.0.1:{port}/");
    let began = ThreadRuntime.now();
    for store in both(&url, SHORT) {
        fails_over(
            &store,
            &ALL,
            ErrorKind::Connect,
            "nothing takes connections",
        );
    }
    let took = ThreadRuntime.now() - began;
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn silence_is_told_within_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("redis://:CANARY@127.0.0.1:{port}/");
    let began = ThreadRuntime.now();
    for store in both(&url, SHORT) {
        fails_over(&store, &ALL, ErrorKind::Timeout, "within 200");
    }
    let took = ThreadRuntime.now() - began;
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn somebody_else_at_the_address_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                drop(stream.read(&mut [0; 512]));
                drop(stream.write_all(b"HTTP/1.1 400 CANARY\r\n\r\n"));
            });
        }
    });
    let url = format!("redis://127.0.0.1:{port}/");
    for (name, error) in both(&url, SHORT * 2).iter().flat_map(failures) {
        let shown = format!("{error} {error:?} {}", error.to_json());
        assert_eq!(error.kind(), ErrorKind::Transport, "{name}: {shown}");
        assert!(!shown.contains("CANARY"), "{name}: {shown}");
    }
}

#[test]
fn many_that_fail_make_few_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            // Every second one is closed at once, the others at a command.
            if number % 2 == 0 {
                thread::spawn(move || {
                    drop(stream.read(&mut [0; 512]));
                    drop(stream.write_all(b"+OK\r\n+OK\r\n"));
                    drop(stream.read(&mut [0; 512]));
                });
            }
        }
    });
    let url = format!("redis://127.0.0.1:{port}/");
    for store in both(&url, SHORT) {
        made.store(0, Ordering::SeqCst);
        let began = ThreadRuntime.now();
        for _ in 0..5 {
            let all = (0..40).map(|_| store.load());
            let answers = block_on(futures::future::join_all(all));
            assert!(answers.iter().all(Result::is_err));
        }
        let (took, made) = (ThreadRuntime.now() - began, made.load(Ordering::SeqCst));
        // One in 25 ms, once there are pauses; and one for each listener.
        let most = took.as_millis() / 15 + 5;
        assert!((made as u128) < most, "{made} connections in {took:?}");
    }
}

#[test]
fn a_server_that_quotes_what_it_was_sent_is_not_quoted() {
    let renamed = Server::builder().set("rename-command", "EVALSHA \"\"");
    let Some(server) = renamed.start() else {
        return;
    };
    fails_without_hint(&open(&server.url()));
}

fn fails_without_hint(store: &RedisStore) {
    let failures = failures(store);
    assert_eq!(failures.len(), 4);
    for (name, error) in failures {
        let shown = format!("{error} {error:?} {}", error.to_json());
        assert!(error.to_string().contains("`ERR`"), "{name}: {shown}");
        assert!(!shown.contains("CANARY"), "{name}: {shown}");
    }
}

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

#[cfg(not(any(feature = "tls", feature = "blocking-tls")))]
#[test]
fn an_address_with_tls_is_told_which_feature_it_needs() {
    for url in ["rediss://:CANARY@127.0.0.1/", "valkeys://127.0.0.1/"] {
        let error = RedisStore::open(url, "k").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Builder);
        assert!(error.hint().unwrap().contains("feature `tls`"));
        assert!(!format!("{error:?}").contains("CANARY"));
    }
}

/// `rustls` panics where nobody has said which cryptography it is to use.
#[cfg(any(feature = "tls", feature = "blocking-tls"))]
#[test]
fn a_server_without_tls_is_an_error_of_the_connection() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url().replace("redis:", "rediss:");
    for store in both(&url, SHORT) {
        let error = block_on(store.load()).unwrap_err();
        let kinds = [ErrorKind::Tls, ErrorKind::Timeout, ErrorKind::Transport];
        assert!(kinds.contains(&error.kind()), "{error:?}");
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
