//! While Redis is away, and with replicas.
#![expect(clippy::unwrap_used, reason = "what is shared by tests is a test too")]

use std::time::Duration;

use tollgate::{
    ErrorKind,
    auth::{Stamp, Stored, Swap, Token, TokenStore},
    runtime::{Runtime, ThreadRuntime, block_on},
};
use tollgate_redis::{PlainStore, RedisStore, RedisStoreBuilder, Unavailable};
use tollgate_redis_kit::{Server, until};

const TTL: Duration = Duration::from_secs(60);

fn builder(server: &Server) -> RedisStoreBuilder {
    RedisStore::builder("k")
        .url(&server.url())
        .deadline(Duration::from_millis(200))
}

fn local(server: &Server) -> RedisStore {
    let builder = builder(server).when_unavailable(Unavailable::LocalOnly);
    builder.build().unwrap()
}

fn closed(server: &Server) -> RedisStore {
    builder(server).build().unwrap()
}

fn live(epoch: u64, version: u64, name: &str) -> Stored {
    Stored::live(Stamp::new(epoch, version), Token::new(name).refresh("r"))
}

fn load(store: &RedisStore) -> Stored {
    block_on(store.load()).unwrap()
}

/// Writes to a Redis that is there: a deadline that is too short is met later.
fn write(store: &RedisStore, expected: Stamp, new: &Stored) {
    until("a write", || {
        let swap = store.compare_and_swap(expected, new.clone());
        block_on(swap).is_ok_and(|swap| swap == Swap::Done)
    });
}

fn swap(store: &RedisStore, expected: Stamp, new: &Stored) -> Swap {
    block_on(store.compare_and_swap(expected, new.clone())).unwrap()
}

/// A store that has written its first record, and a Redis that is away since.
fn left_alone(server: &Server) -> (RedisStore, Stored) {
    let (local, first) = (local(server), live(1, 1, "a1"));
    write(&local, Stamp::default(), &first);
    server.kill();
    (local, first)
}

/// Another one writes as soon as it can.
fn written_by_another(server: &Server, expected: Stamp, record: &Stored) {
    until("the other to write", || {
        let swap = closed(server);
        let swap = block_on(swap.compare_and_swap(expected, record.clone()));
        swap.is_ok_and(|swap| swap == Swap::Done)
    });
}

/// Waits until a store has given what it kept to Redis.
fn given(store: &RedisStore, server: &Server, record: &Stored) {
    until("what was kept to be written", || {
        let there = block_on(closed(server).load());
        load(store) == *record && there.is_ok_and(|there| there == *record)
    });
}

#[test]
fn without_redis_a_store_fails_or_goes_on_as_asked() {
    let Some(server) = Server::start() else {
        return;
    };
    let first = live(1, 1, "a1");
    let (closed, local, late) = (closed(&server), local(&server), local(&server));
    write(&local, Stamp::default(), &first);
    until("it to be read", || {
        block_on(closed.load()).is_ok_and(|stored| stored == first)
    });
    server.kill();
    for store in [&closed, &late] {
        until("a connection to be refused", || {
            let error = block_on(store.load()).unwrap_err();
            error.kind() == ErrorKind::Connect
        });
    }
    assert_eq!(load(&local), first);
    let lease = block_on(local.acquire(TTL)).unwrap();
    assert_eq!((lease.fence(), lease.record()), (0, Some(&first)));
    let present = block_on(local.present(first.stamp(), None)).unwrap();
    assert_eq!(present, Swap::Done);
    let second = live(1, 2, "a2");
    assert_eq!(swap(&local, first.stamp(), &second), Swap::Done);
    let conflict = swap(&local, first.stamp(), &live(1, 2, "b"));
    assert_eq!(conflict, Swap::Conflict(second.clone()));
    let soon = (0..3).any(|_| {
        let began = ThreadRuntime.now();
        for _ in 0..20 {
            assert_eq!(load(&local), second);
        }
        ThreadRuntime.now() - began < Duration::from_secs(2)
    });
    assert!(soon, "not one waits for each");
}

#[test]
fn what_was_written_meanwhile_is_given_to_a_redis_that_lost_all() {
    let Some(server) = Server::start() else {
        return;
    };
    let (local, first) = left_alone(&server);
    let second = live(1, 2, "a2");
    swap(&local, first.stamp(), &second);
    server.restart();
    given(&local, &server, &second);
}

#[test]
fn what_was_written_meanwhile_is_given_to_a_redis_that_kept_what_it_had() {
    let Some(server) = Server::builder().append_only().start() else {
        return;
    };
    let (local, first) = left_alone(&server);
    let second = live(1, 2, "a2");
    swap(&local, first.stamp(), &second);
    let stamp = block_on(local.clear(1)).unwrap();
    server.restart();
    given(&local, &server, &Stored::empty(stamp));
}

#[test]
fn what_others_wrote_since_stays() {
    let Some(server) = Server::builder().append_only().start() else {
        return;
    };
    let (local, first) = left_alone(&server);
    swap(&local, first.stamp(), &live(1, 2, "a2"));
    server.restart();
    let theirs = live(1, 2, "b2");
    written_by_another(&server, first.stamp(), &theirs);
    given(&local, &server, &theirs);
}

#[test]
fn a_sign_out_meanwhile_ends_what_others_refreshed_since() {
    let Some(server) = Server::builder().append_only().start() else {
        return;
    };
    let (local, first) = left_alone(&server);
    block_on(local.clear(1)).unwrap();
    server.restart();
    written_by_another(&server, first.stamp(), &live(1, 2, "b2"));
    given(&local, &server, &Stored::empty(Stamp::new(2, 3)));
}

#[test]
fn a_plain_text_is_not_kept_meanwhile() {
    let local = RedisStore::builder("k").url("redis://127.0.0.1/");
    let local = local.when_unavailable(Unavailable::LocalOnly);
    let error = PlainStore::over(&local.build().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Builder);
}

#[test]
fn a_write_that_replicas_have_is_told_from_one_that_they_have_not() {
    let Some(master) = Server::start() else {
        return;
    };
    let patient = |count| {
        // Where one has it and two are to, the one has time for it.
        let limit = Duration::from_millis(if count == 1 { 300 } else { 3_000 });
        let builder = || {
            builder(&master)
                .deadline(TTL)
                .wait_for_replicas(count, limit)
        };
        [
            builder().build().unwrap(),
            builder().build_blocking().unwrap(),
        ]
    };
    let first = live(1, 1, "a1");
    for store in patient(1) {
        for _ in 0..2 {
            let swap = store.compare_and_swap(Stamp::default(), first.clone());
            let error = block_on(swap).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert!(error.to_string().contains("`0` of `1`"), "{error}");
        }
    }
    let _replica = Server::builder().replica_of(&master).start().unwrap();
    for store in patient(1) {
        // It was written, and soon they have it.
        until("the replica to have it", || {
            let swap = store.compare_and_swap(Stamp::default(), first.clone());
            block_on(swap).is_ok_and(|swap| swap == Swap::Done)
        });
        let conflict = swap(&store, Stamp::default(), &live(1, 1, "b1"));
        assert_eq!(conflict, Swap::Conflict(first.clone()));
    }
    for store in patient(2) {
        let error = block_on(store.clear(1)).unwrap_err();
        assert!(error.to_string().contains("`1` of `2`"), "{error}");
    }
}
