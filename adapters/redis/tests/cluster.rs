//! All operations over a cluster of three nodes.
#![cfg(feature = "cluster")]
#![expect(
    clippy::unwrap_used,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

use std::{collections::BTreeSet, thread, time::Duration};

use tollgate::{
    auth::{Presented, Stamp, Stored, Swap, Token, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Cluster, Server, until_within};

const TTL: Duration = Duration::from_secs(60);

fn store(cluster: &Cluster, key: &str) -> RedisStore {
    let builder = RedisStore::builder(key).cluster(cluster.urls());
    // The first operation learns the slots.
    let builder = builder.deadline(Duration::from_secs(20));
    builder.build().unwrap()
}

fn live(stamp: Stamp) -> Stored {
    Stored::live(stamp, Token::new("a").refresh("r"))
}

/// A whole session: in, refreshed, watched, out.
async fn session(store: &RedisStore, other: &RedisStore) {
    let first = live(Stamp::new(1, 1));
    let swap = store.compare_and_swap(Stamp::default(), first.clone());
    assert_eq!(swap.await.unwrap(), Swap::Done);
    assert_eq!(other.load().await.unwrap(), first);
    let lease = other.acquire(TTL).await.unwrap();
    let mark = Presented::new(lease.fence(), std::time::UNIX_EPOCH);
    let presented = other.present(first.stamp(), Some(mark)).await.unwrap();
    assert_eq!(presented, Swap::Done);
    let second = live(Stamp::new(1, 2)).with_fence(lease.fence());
    let swap = other.compare_and_swap(first.stamp(), second.clone());
    assert_eq!(swap.await.unwrap(), Swap::Done);
    other.release(lease).await.unwrap();
    assert_eq!(store.changed(first.stamp()).await.unwrap(), second);
    let cleared = store.clear(1).await.unwrap();
    assert_eq!(cleared, Stamp::new(2, 3));
    assert_eq!(
        other.changed(second.stamp()).await.unwrap(),
        Stored::empty(cleared)
    );
}

#[test]
fn every_operation_works_whichever_node_has_the_key() {
    let Some(cluster) = Cluster::start(3) else {
        return;
    };
    let mut nodes = BTreeSet::new();
    for user in (0..64).map(|number| format!("user-{number}")) {
        if nodes.insert(cluster.node_of(&user).map(Server::port)) {
            block_on(session(&store(&cluster, &user), &store(&cluster, &user)));
        }
    }
    assert_eq!(nodes.len(), 3, "not every node had a key");
}

#[test]
fn a_change_is_heard_through_another_node_within_a_second() {
    let Some(cluster) = Cluster::start(3) else {
        return;
    };
    let (one, other) = (store(&cluster, "ada"), store(&cluster, "ada"));
    let mut stamp = Stamp::default();
    // A machine with much to do may hold one of three up.
    let soon = (0..3).any(|_| {
        let record = live(stamp.next_epoch());
        let swap = one.compare_and_swap(stamp, record.clone());
        assert_eq!(block_on(swap).unwrap(), Swap::Done);
        assert_eq!(block_on(other.load()).unwrap(), record);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| block_on(other.changed(record.stamp())).unwrap());
            stamp = block_on(one.clear(record.stamp().epoch)).unwrap();
            let heard = until_within(Duration::from_secs(1), || waiting.is_finished());
            assert_eq!(waiting.join().unwrap().token(), None);
            heard.is_some()
        })
    });
    assert!(soon, "not heard within a second");
}

/// A slot moves while the store is at work. Redis runs no script over keys of
/// which one is there already and another one is not (`TRYAGAIN`): reads go on,
/// and writes do when the slot has moved.
#[test]
fn a_key_that_moves_to_another_node_is_followed() {
    let Some(cluster) = Cluster::start(3) else {
        return;
    };
    let store = store(&cluster, "ada");
    let first = live(Stamp::new(1, 1));
    let swap = store.compare_and_swap(Stamp::default(), first.clone());
    assert_eq!(block_on(swap).unwrap(), Swap::Done);
    let from = cluster.node_of("ada").unwrap();
    let mut others = cluster.nodes().iter();
    let to = others.find(|node| node.port() != from.port()).unwrap();
    let slot = ask(from, &["KEYSLOT", "ada"]);
    let (from_id, to_id) = (ask(from, &["MYID"]), ask(to, &["MYID"]));
    ask(to, &["SETSLOT", &slot, "IMPORTING", &from_id]);
    ask(from, &["SETSLOT", &slot, "MIGRATING", &to_id]);
    assert_eq!(block_on(store.load()).unwrap(), first);
    let mut moved = redis::cmd("MIGRATE");
    moved.arg("127.0.0.1").arg(to.port()).arg("{ada}:t");
    moved
        .arg(0)
        .arg(10_000)
        .exec(&mut from.connection())
        .unwrap();
    assert_eq!(block_on(store.load()).unwrap(), first);
    for node in [to, from] {
        ask(node, &["SETSLOT", &slot, "NODE", &to_id]);
    }
    let second = live(Stamp::new(1, 2));
    let swap = store.compare_and_swap(first.stamp(), second.clone());
    assert_eq!(block_on(swap).unwrap(), Swap::Done);
    assert_eq!(block_on(store.load()).unwrap(), second);
}

fn ask(node: &Server, words: &[&str]) -> String {
    let mut command = redis::cmd("CLUSTER");
    command.arg(words);
    let answer: redis::Value = command.query(&mut node.connection()).unwrap();
    match answer {
        redis::Value::Int(number) => number.to_string(),
        redis::Value::BulkString(text) => String::from_utf8(text).unwrap(),
        _ => String::new(),
    }
}
