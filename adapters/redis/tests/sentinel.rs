//! A master that Sentinels name, and what becomes of a store when another one
//! takes its place.
#![cfg(feature = "sentinel")]
#![expect(
    clippy::unwrap_used,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use tollgate::{
    Result,
    auth::{Stamp, Stored, Swap, Token, TokenStore},
    runtime::{Runtime, ThreadRuntime, block_on},
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{MASTER, Sentinels, Server, until, until_within};

const PASSWORD: &str = "PASSWORD-x9Q";

fn live(stamp: Stamp) -> Stored {
    Stored::live(stamp, Token::new("a").refresh("r"))
}

fn store(sentinels: &Sentinels) -> RedisStore {
    let builder = RedisStore::builder("ada").sentinel(sentinels.urls(), MASTER);
    builder.build().unwrap()
}

/// What comes within three seconds, and is no error.
fn soon<T>(waited: impl Future<Output = Result<T>>) -> Option<T> {
    let limit = ThreadRuntime.sleep(Duration::from_secs(3));
    match block_on(select(pin!(waited), limit)) {
        Either::Left((result, _)) => result.ok(),
        Either::Right(_) => None,
    }
}

/// Writes a record, or finds it written.
fn write(store: &RedisStore, expected: Stamp, record: &Stored) {
    until("the write to be taken", || {
        let swap = store.compare_and_swap(expected, record.clone());
        matches!(block_on(swap), Ok(Swap::Done))
    });
}

fn load(store: &RedisStore) -> Stored {
    let mut found = None;
    until("an answer", || {
        found = block_on(store.load()).ok();
        found.is_some()
    });
    found.unwrap()
}

/// A read and a write, within the deadline of each.
fn serves(store: &RedisStore) -> bool {
    let Ok(found) = block_on(store.load()) else {
        return false;
    };
    let stamp = found.stamp();
    let new = live(stamp.next());
    matches!(block_on(store.compare_and_swap(stamp, new)), Ok(Swap::Done))
}

#[test]
fn after_a_failover_the_store_serves_within_five_seconds() {
    let Some(master) = Server::start() else {
        return;
    };
    let replica = Server::builder().replica_of(&master).start().unwrap();
    let sentinels = Sentinels::start(&master, &[&replica], 3).unwrap();
    let store = store(&sentinels);
    let stamp = Stamp::new(1, 1);
    write(&store, Stamp::default(), &live(stamp));
    until("the replica to have it", || {
        let mut connection = replica.connection();
        redis::cmd("EXISTS")
            .arg("{ada}:t")
            .query(&mut connection)
            .unwrap()
    });
    master.kill();
    sentinels.hurry();
    let took = until_within(Duration::from_secs(5), || serves(&store));
    assert!(took.is_some(), "no service within 5 s");
    println!("served again after {took:?}");
    // The one that is asked may hear of it from another.
    until("the failover", || {
        sentinels.master_port() == Some(replica.port())
    });
    let found = load(&store);
    assert!(found.stamp() > stamp, "{found:?}");
}

/// It is not killed: it becomes a replica, which takes no writes. Both have a
/// password, and the Sentinels have none.
#[test]
fn a_master_that_becomes_a_replica_is_left_for_the_next_one() {
    let builder = || Server::builder().password(PASSWORD);
    let Some(master) = builder().start() else {
        return;
    };
    let replica = builder().replica_of(&master).start().unwrap();
    let sentinels = Sentinels::start(&master, &[&replica], 1).unwrap();
    let builder = RedisStore::builder("ada").sentinel(sentinels.urls(), MASTER);
    let store = builder.master_login(None, PASSWORD).build().unwrap();
    until("it to serve", || serves(&store));
    let before = load(&store).stamp();
    let first = sentinels.servers().first().unwrap();
    // It is asked for once, and given up where it takes longer than this.
    for words in [
        ["SET", MASTER, "failover-timeout", "30000"].as_slice(),
        &["FAILOVER", MASTER],
    ] {
        let mut asked = redis::cmd("SENTINEL");
        asked.arg(words).exec(&mut first.connection()).unwrap();
    }
    until("the failover", || {
        sentinels.master_port() == Some(replica.port())
    });
    let took = until_within(Duration::from_secs(5), || serves(&store));
    assert!(took.is_some(), "no service within 5 s");
    println!("served again after {took:?}");
    let found = load(&store).stamp();
    assert!(found > before, "{found:?}");
}

/// The replica had not caught up: what was written last is gone, and whoever
/// watches is told of the lower stamp.
#[test]
fn a_write_that_a_failover_has_lost_is_seen_and_can_be_made_again() {
    let Some(master) = Server::start() else {
        return;
    };
    let replica = Server::builder().replica_of(&master).start().unwrap();
    let sentinels = Sentinels::start(&master, &[&replica], 3).unwrap();
    let store = store(&sentinels);
    let (first, second) = (live(Stamp::new(1, 1)), live(Stamp::new(1, 2)));
    write(&store, Stamp::default(), &first);
    let direct = RedisStore::open(&replica.url(), "ada").unwrap();
    until("the replica to have it", || load(&direct) == first);
    // The second write does not get there: the line is cut, and the replica
    // is not there to notice.
    replica.pause();
    let mut cut = redis::cmd("CLIENT");
    cut.arg(&["KILL", "TYPE", "replica"]);
    cut.exec(&mut master.connection()).unwrap();
    write(&store, first.stamp(), &second);
    master.kill();
    replica.resume();
    sentinels.hurry();
    let mut found = None;
    let took = until_within(Duration::from_secs(20), || {
        found = soon(store.changed(second.stamp()));
        found.is_some()
    });
    println!("seen after {took:?}");
    assert_eq!(found, Some(first.clone()));
    write(&store, first.stamp(), &second);
    assert_eq!(load(&store), second);
}
