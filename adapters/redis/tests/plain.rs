//! A plain text that is shared with services without tollgate.
#![expect(clippy::unwrap_used, reason = "what is shared by tests is a test too")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use redis::{Commands, Connection};
use tollgate::{
    ErrorKind,
    auth::{Stamp, StoreSuite, Stored, Swap, Token, TokenStore, conformance::RefreshSuite},
    runtime::block_on,
};
use tollgate_redis::{PlainStore, RedisStore};
use tollgate_redis_kit::{Server, until};
use tollgate_ureq::UreqAdapter;

const TTL: Duration = Duration::from_secs(60);
/// Longer than a machine with much to do holds anybody up.
const PATIENT: Duration = Duration::from_secs(20);
const THEIRS: &str = r#"{"access_token":"a1","refresh_token":"r1","user":7}"#;

fn open(server: &Server) -> PlainStore {
    open_at(&server.url())
}

fn open_at(url: &str) -> PlainStore {
    let store = RedisStore::builder("k").url(url).deadline(PATIENT);
    PlainStore::over(&store.build().unwrap()).unwrap()
}

fn load(store: &PlainStore) -> Stored {
    block_on(store.load()).unwrap()
}

fn swap(store: &PlainStore, expected: Stamp, new: &Stored) -> Swap {
    block_on(store.compare_and_swap(expected, new.clone())).unwrap()
}

fn token(number: u64) -> Token {
    Token::new(format!("a{number}")).refresh(format!("r{number}"))
}

fn text(redis: &mut Connection) -> serde_json::Value {
    let text: String = redis.get("k").unwrap();
    serde_json::from_str(&text).unwrap()
}

fn fresh(url: String, blocking: bool) -> impl Fn() -> (PlainStore, PlainStore) + Send + Sync {
    let count = AtomicU64::new(0);
    move || {
        let key = format!("{blocking}-{}", count.fetch_add(1, Ordering::Relaxed));
        let store = || {
            let builder = RedisStore::builder(&key).url(&url).deadline(PATIENT);
            let store = if blocking {
                builder.build_blocking()
            } else {
                builder.build()
            };
            PlainStore::over(&store.unwrap()).unwrap()
        };
        (store(), store())
    }
}

#[test]
fn it_conforms_but_for_marks() {
    let Some(server) = Server::start() else {
        return;
    };
    for blocking in [false, true] {
        let report = StoreSuite::new(fresh(server.url(), blocking))
            .failing(|| RedisStore::plain_json("redis://:CANARY@127.0.0.1:1/", "k").unwrap())
            .without_marks("a plain text holds no mark")
            .run();
        println!("{report}");
        report.assert_passed();
    }
}

#[test]
fn sessions_over_it_conform() {
    let Some(server) = Server::start() else {
        return;
    };
    let report = RefreshSuite::new()
        .store(fresh(server.url(), false))
        .blocking_adapter(UreqAdapter::new())
        .run();
    println!("{report}");
    report.assert_passed();
}

#[test]
fn what_another_service_writes_is_adopted() {
    let Some(server) = Server::start() else {
        return;
    };
    let (store, mut redis) = (open(&server), server.connection());
    assert_eq!(load(&store), Stored::empty(Stamp::default()));
    let () = redis.set("k", THEIRS).unwrap();
    let first = Stored::live(Stamp::new(1, 1), token(1));
    assert_eq!(load(&store), first);
    assert_eq!(load(&store), first, "the same text is the same record");
    let () = redis.set("k", THEIRS.replace('1', "2")).unwrap();
    assert_eq!(load(&store), Stored::live(Stamp::new(1, 2), token(2)));
    let () = redis.del("k").unwrap();
    assert_eq!(load(&store), Stored::empty(Stamp::new(2, 3)));
    let () = redis.set("k", THEIRS).unwrap();
    assert_eq!(load(&store), Stored::live(Stamp::new(3, 4), token(1)));
    // Somebody who has not seen it all begins anew.
    assert_eq!(load(&open(&server)), first);
}

#[test]
fn another_service_finds_its_members_where_they_were() {
    let Some(server) = Server::start() else {
        return;
    };
    let (store, mut redis) = (open(&server), server.connection());
    let () = redis.set_ex("k", THEIRS, 1000).unwrap();
    let stamp = load(&store).stamp();
    let next = Stored::live(stamp.next(), token(2).scope("read")).with_fence(3);
    assert_eq!(swap(&store, stamp, &next), Swap::Done);
    let there = text(&mut redis);
    assert_eq!(there["access_token"], "a2");
    assert_eq!(there["refresh_token"], "r2");
    assert_eq!(there["user"], 7);
    let left: i64 = redis.ttl("k").unwrap();
    assert!((900..=1000).contains(&left), "{left}");
    // Another process of ours reads all of it.
    assert_eq!(load(&open(&server)), next);
    // Nothing of the old session is left to the next one.
    let other = Stored::live(next.stamp().next_epoch(), token(3));
    assert_eq!(swap(&store, next.stamp(), &other), Swap::Done);
    assert_eq!(text(&mut redis).get("user"), None);
}

#[test]
fn a_write_over_what_was_not_seen_is_refused() {
    let Some(server) = Server::start() else {
        return;
    };
    let (store, mut redis) = (open(&server), server.connection());
    let () = redis.set("k", THEIRS).unwrap();
    let stamp = load(&store).stamp();
    let () = redis.set("k", THEIRS.replace('1', "2")).unwrap();
    let mine = Stored::live(stamp.next(), token(9));
    let theirs = Stored::live(stamp.next(), token(2));
    let conflict = swap(&store, stamp, &mine);
    assert_eq!(conflict, Swap::Conflict(theirs.clone()));
    assert_eq!(text(&mut redis)["access_token"], "a2");
    // The same again, without a look in between.
    assert_eq!(swap(&store, stamp, &mine), Swap::Conflict(theirs));
}

#[test]
fn a_record_counts_as_long_as_its_tokens_are_those_of_the_text() {
    let Some(server) = Server::start() else {
        return;
    };
    let (store, mut redis) = (open(&server), server.connection());
    let time = std::time::SystemTime::UNIX_EPOCH + TTL;
    let mine = Stored::live(Stamp::new(4, 7), token(1).expires_at(time));
    assert_eq!(swap(&store, Stamp::default(), &mine), Swap::Done);
    // A service that keeps what it does not know, and refreshes.
    let mut there = text(&mut redis);
    there["access_token"] = "a2".into();
    let () = redis.set("k", there.to_string()).unwrap();
    let expected = Token::new("a2").refresh("r1");
    assert_eq!(load(&store), Stored::live(Stamp::new(4, 8), expected));
    // What was there before comes back: it is a change, and no step back.
    there["access_token"] = "a1".into();
    let () = redis.set("k", there.to_string()).unwrap();
    let back = load(&store);
    assert_eq!(back.stamp(), Stamp::new(4, 9));
    assert_eq!(back.token(), mine.token());
}

#[test]
fn signing_out_takes_all_tokens_out() {
    let Some(server) = Server::start() else {
        return;
    };
    let (store, mut redis) = (open(&server), server.connection());
    let () = redis.set("k", THEIRS).unwrap();
    let stamp = block_on(store.clear(1)).unwrap();
    assert_eq!(load(&open(&server)), Stored::empty(stamp));
    let there = text(&mut redis).to_string();
    assert!(!there.contains("a1") && !there.contains("r1"), "{there}");
}

#[test]
fn one_session_of_ours_refreshes_at_a_time() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = (open(&server), open(&server));
    let first = block_on(one.acquire(TTL)).unwrap();
    let record = Stored::live(Stamp::new(1, 1), token(1)).with_fence(first.fence());
    let waiting = std::thread::spawn(move || {
        let lease = block_on(two.acquire(TTL)).unwrap();
        (lease.is_withheld(), lease.record().cloned())
    });
    until("the other to wait", || {
        let channels: Vec<String> = redis::cmd("PUBSUB")
            .arg("CHANNELS")
            .query(&mut server.connection())
            .unwrap();
        channels == ["{k}:e"]
    });
    assert_eq!(swap(&one, Stamp::default(), &record), Swap::Done);
    assert_eq!(waiting.join().unwrap(), (true, Some(record)));
    let next = block_on(one.acquire(TTL)).unwrap();
    assert!(next.fence() > first.fence());
}

#[test]
fn a_change_by_another_service_is_found() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = RedisStore::builder("k").url(&server.url());
    let store = store
        .poll_every(Duration::from_millis(10))
        .deadline(PATIENT);
    let store = PlainStore::over(&store.build().unwrap()).unwrap();
    let seen = load(&store).stamp();
    let waiting = std::thread::spawn(move || block_on(store.changed(seen)).unwrap());
    let () = server.connection().set("k", THEIRS).unwrap();
    let found = waiting.join().unwrap();
    assert_eq!(found.token(), Some(&token(1)));
}

#[test]
fn what_is_no_pair_of_tokens_is_refused_or_nobody() {
    let Some(server) = Server::start() else {
        return;
    };
    let (store, mut redis) = (open(&server), server.connection());
    for wrong in [
        "CANARY",
        "[\"CANARY\"]",
        "\"CANARY\"",
        "{\"access_token\":7}",
        "{\"access_token\":\"CANARY\",\"refresh_token\":{}}",
        "{\"access_token\":\"CANARY\"",
    ] {
        let () = redis.set("k", wrong).unwrap();
        let error = block_on(store.load()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::Decode, "{wrong}: {shown}");
        assert!(!shown.contains("CANARY"), "{shown}");
    }
    for nobody in [
        "",
        "null",
        "{}",
        "{\"access_token\":null}",
        "{\"access_token\":\"\"}",
    ] {
        let () = redis.set("k", nobody).unwrap();
        assert_eq!(load(&store).token(), None, "{nobody}");
    }
    let () = redis.del("k").unwrap();
    let () = redis.hset("k", "a", "b").unwrap();
    let error = block_on(store.load()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[test]
fn the_rights_that_an_error_names_are_enough() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut redis = server.connection();
    let mut user = |rights: &[&str]| {
        let mut command = redis::cmd("ACL");
        command.arg(&["SETUSER", "u", "on", ">p"]).arg(rights);
        command.exec(&mut redis).unwrap();
    };
    user(&[]);
    let url = format!("redis://u:p@127.0.0.1:{}/", server.port());
    let store = open_at(&url);
    let error = block_on(store.load()).unwrap_err();
    assert!(error.to_string().contains("`k`"), "{error}");
    let hint = error.hint().unwrap();
    let rights: Vec<&str> = hint.split('`').nth(1).unwrap().split(' ').collect();
    user(&rights);
    let lease = block_on(store.acquire(TTL)).unwrap();
    let record = Stored::live(Stamp::new(1, 1), token(1)).with_fence(lease.fence());
    assert_eq!(swap(&store, Stamp::default(), &record), Swap::Done);
    assert_eq!(load(&store), record);
    block_on(store.release(block_on(store.acquire(TTL)).unwrap())).unwrap();
}

#[test]
fn it_is_not_sealed_and_shows_no_secret() {
    let sealed = RedisStore::builder("k").url("redis://:CANARY@127.0.0.1/");
    let sealed = sealed.sealed_with([1; 32]).build().unwrap();
    let error = PlainStore::over(&sealed).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Builder);
    let store = RedisStore::plain_json("redis://:CANARY@127.0.0.1/", "k").unwrap();
    let shown = format!("{store:?}");
    assert!(
        shown.contains("\"k\"") && !shown.contains("CANARY"),
        "{shown}"
    );
}
