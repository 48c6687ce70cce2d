//! What the store does with what the scripts say, over a real server.
#![expect(clippy::unwrap_used, reason = "what is shared by tests is a test too")]

use std::time::{Duration, SystemTime};

use futures::FutureExt;
use redis::Commands;
use tollgate::{
    auth::{Lease, Presented, Stamp, Stored, Swap, Token, TokenStore},
    runtime::{Runtime, ThreadRuntime, block_on},
};
use tollgate_redis::{RedisStore, RedisStoreBuilder, SealKey};
use tollgate_redis_kit::{Server, until};

const TTL: Duration = Duration::from_secs(60);
/// Longer than a machine with much to do holds anybody up.
const PATIENT: Duration = Duration::from_secs(20);
const LEASE: &str = "{k}:l";

fn open(server: &Server) -> RedisStore {
    builder(server).build().unwrap()
}

fn builder(server: &Server) -> RedisStoreBuilder {
    at(&server.url(), "k")
}

fn at(url: &str, key: &str) -> RedisStoreBuilder {
    RedisStore::builder(key).url(url).deadline(PATIENT)
}

fn live(version: u64, fence: u64) -> Stored {
    let token = Token::new(format!("a{version}")).refresh(format!("r{version}"));
    Stored::live(Stamp::new(1, version), token).with_fence(fence)
}

fn write(store: &RedisStore, version: u64, fence: u64) -> Swap {
    let expected = match version {
        1 => Stamp::default(),
        _ => Stamp::new(1, version - 1),
    };
    block_on(store.compare_and_swap(expected, live(version, fence))).unwrap()
}

fn acquire(store: &RedisStore, ttl: Duration) -> Lease {
    block_on(store.acquire(ttl)).unwrap()
}

fn is_leased(server: &Server) -> bool {
    server.connection().exists(LEASE).unwrap()
}

#[test]
fn a_write_under_a_lease_gives_it_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server);
    let lease = acquire(&store, TTL);
    assert_eq!(lease.record(), Some(&Stored::empty(Stamp::default())));
    assert!(is_leased(&server));
    assert_eq!(write(&store, 1, lease.fence()), Swap::Done);
    assert!(!is_leased(&server));
    // It is no longer the lease's to give back.
    let next = acquire(&open(&server), TTL);
    block_on(store.release(lease)).unwrap();
    assert!(is_leased(&server));
    drop(next);
}

#[test]
fn the_record_comes_with_the_lease() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server);
    write(&store, 1, 0);
    let mark = Presented::new(3, SystemTime::UNIX_EPOCH + Duration::from_millis(5));
    block_on(store.present(Stamp::new(1, 1), Some(mark))).unwrap();
    let lease = acquire(&store, TTL);
    assert_eq!(lease.record(), Some(&live(1, 0).with_presented(mark)));
    assert!(!lease.is_contended() && !lease.is_withheld());
}

#[test]
fn whoever_waited_gets_the_new_record_without_a_lease() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = (open(&server), open(&server));
    let lease = acquire(&one, TTL);
    let mut waiting = two.acquire(TTL);
    assert!((&mut waiting).now_or_never().is_none());
    // It has asked: two scripts of its are known.
    until("the other to wait", || {
        (&mut waiting).now_or_never().is_none() && is_subscribed(&server)
    });
    write(&one, 1, lease.fence());
    let other = block_on(waiting).unwrap();
    assert!(other.is_withheld() && other.is_contended());
    assert_eq!(other.record(), Some(&live(1, lease.fence())));
    assert!(!is_leased(&server));
}

fn is_subscribed(server: &Server) -> bool {
    channels(server) == ["{k}:e"]
}

#[test]
fn a_lease_that_ran_out_goes_to_the_next_and_the_late_answer_counts() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, two) = (open(&server), open(&server));
    write(&one, 1, 0);
    // A longer one where the other comes too late to meet it.
    let met = [30, 300, 3_000].into_iter().find_map(|millis| {
        let late = acquire(&one, Duration::from_millis(millis));
        let next = acquire(&two, TTL);
        next.is_contended().then_some((late, next))
    });
    let (late, next) = met.unwrap();
    assert!(next.fence() > late.fence());
    // The answer of whoever was late is stored, as nobody has a later one.
    assert_eq!(write(&one, 2, late.fence()), Swap::Done);
    assert!(is_leased(&server), "the lease is the successor's");
    block_on(one.release(late)).unwrap();
    assert!(is_leased(&server), "the lease is the successor's");
    let there = live(3, next.fence());
    assert_eq!(write(&two, 3, next.fence()), Swap::Done);
    // Now somebody has.
    let mut lower = live(4, 1);
    assert_eq!(write(&one, 4, 1), Swap::Conflict(there.clone()));
    lower = lower.with_fence(next.fence());
    let swap = block_on(one.compare_and_swap(there.stamp(), lower)).unwrap();
    assert_eq!(swap, Swap::Done);
}

#[test]
fn a_lease_that_is_dropped_is_given_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server);
    drop(acquire(&store, TTL));
    until("the lease to be free", || !is_leased(&server));
    block_on(store.release(acquire(&store, TTL))).unwrap();
    assert!(!is_leased(&server));
}

#[test]
fn who_goes_away_while_asking_keeps_no_lease() {
    let Some(server) = Server::start() else {
        return;
    };
    let stores = [builder(&server).build(), builder(&server).build_blocking()];
    for store in stores.map(Result::unwrap) {
        for _ in 0..50 {
            drop(store.acquire(TTL).now_or_never());
        }
        let lease = acquire(&store, TTL);
        assert!(lease.fence() > 1, "some were given");
        drop(lease);
        until("the lease to be free", || !is_leased(&server));
    }
}

#[test]
fn what_was_written_already_is_written() {
    let Some(server) = Server::start() else {
        return;
    };
    for keys in [0, 1] {
        let mut builder = at(&server.url(), &format!("k{keys}"));
        if keys == 1 {
            builder = builder.sealed_with(SealKey::new([1; 32]));
        }
        let store = builder.build().unwrap();
        let time = ThreadRuntime.wall() + Duration::from_nanos(1_234_567);
        let token = Token::new("a").expires_in(Duration::from_secs(9), time);
        let record = Stored::live(Stamp::new(1, 1), token);
        for _ in 0..2 {
            let swap = store.compare_and_swap(Stamp::default(), record.clone());
            assert_eq!(block_on(swap).unwrap(), Swap::Done);
        }
        let other = Stored::live(Stamp::new(1, 1), Token::new("b"));
        let swap = block_on(store.compare_and_swap(Stamp::default(), other)).unwrap();
        assert!(matches!(swap, Swap::Conflict(_)), "{swap:?}");
    }
}

#[test]
fn a_write_is_done_if_nobody_waits_for_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server);
    let swap = store.compare_and_swap(Stamp::default(), live(1, 0));
    drop(swap.now_or_never());
    drop(store);
    let store = open(&server);
    until("the write", || {
        block_on(store.load()).unwrap() == live(1, 0)
    });
}

#[test]
fn the_thread_ends_with_the_last_handle() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server);
    let lease = acquire(&store, TTL);
    let other = store.clone();
    assert!(other.changed(Stamp::default()).now_or_never().is_none());
    until("a subscription", || is_subscribed(&server));
    drop((store, other));
    assert!(is_leased(&server), "a lease is a handle");
    drop(lease);
    until("the connections to end", || clients(&server) == 1);
    assert!(!is_leased(&server));
}

#[test]
fn the_threads_end_with_the_last_handle_without_tokio() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = builder(&server).build_blocking().unwrap();
    let lease = acquire(&store, TTL);
    assert!(store.changed(Stamp::default()).now_or_never().is_none());
    until("a subscription", || is_subscribed(&server));
    drop(store);
    drop(lease);
    until("the connections to end", || clients(&server) == 1);
    assert!(!is_leased(&server));
}

#[test]
fn stores_for_other_keys_share_a_connection_and_nothing_else() {
    let Some(server) = Server::start() else {
        return;
    };
    let builder = || at(&server.url(), "first");
    for first in [builder().build(), builder().build_blocking()] {
        let first = first.unwrap();
        let mut stores = vec![first.clone()];
        for number in 0..20 {
            stores.push(first.for_key(format!("{number}")).unwrap());
        }
        assert!(first.for_key("").is_err());
        drop(first);
        let stamps: Vec<Stamp> = stores
            .iter()
            .map(|store| block_on(store.load()).unwrap().stamp())
            .collect();
        let mut changes: Vec<_> = stores
            .iter()
            .zip(&stamps)
            .map(|(store, stamp)| store.changed(*stamp))
            .collect();
        until("all subscriptions", || {
            let waiting = changes.iter_mut().map(|it| it.now_or_never().is_none());
            let waiting = waiting.filter(|waits| *waits).count();
            waiting == stores.len() && channels(&server).len() == stores.len()
        });
        // One of ours, closed a moment ago, may still be counted.
        until("one to ask, one to listen, ours", || clients(&server) == 3);
        for ((store, stamp), changed) in stores.iter().zip(&stamps).zip(changes) {
            let lease = acquire(store, TTL);
            let cleared = block_on(store.clear(stamp.epoch)).unwrap();
            assert_eq!(block_on(changed).unwrap(), Stored::empty(cleared));
            drop(lease);
        }
        drop(stores);
        until("the connections to end", || clients(&server) == 1);
    }
}

fn channels(server: &Server) -> Vec<String> {
    redis::cmd("PUBSUB")
        .arg("CHANNELS")
        .query(&mut server.connection())
        .unwrap()
}

/// How many connections there are, with that which asks.
fn clients(server: &Server) -> usize {
    server.info("connected_clients").unwrap().parse().unwrap()
}

#[cfg(unix)]
#[test]
fn a_socket_of_the_system_is_an_address() {
    let folder = tollgate_redis_kit::Folder::new();
    let path = folder.path().join("redis.sock");
    let builder = Server::builder().set("unixsocket", &path.display().to_string());
    let Some(_server) = builder.start() else {
        return;
    };
    let url = format!("redis+unix://{}", path.display());
    let builder = || at(&url, "k");
    for (version, store) in (1..).zip([builder().build(), builder().build_blocking()]) {
        assert_eq!(write(&store.unwrap(), version, 0), Swap::Done);
    }
}

/// The runtime of the caller has one thread, and the store needs none of it.
#[tokio::test(flavor = "current_thread")]
async fn a_runtime_of_the_callers_is_not_needed_and_not_held_up() {
    let Some(server) = Server::start() else {
        return;
    };
    for store in [builder(&server).build(), builder(&server).build_blocking()] {
        let (one, two) = (store.unwrap(), open(&server));
        let lease = one.acquire(TTL).await.unwrap();
        let waiting = two.acquire(TTL);
        let release = async {
            one.load().await.unwrap();
            one.release(lease).await.unwrap();
        };
        let (other, ()) = futures::future::join(waiting, release).await;
        two.release(other.unwrap()).await.unwrap();
    }
}

#[test]
fn scripts_that_are_forgotten_are_sent_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server);
    for version in 1..4 {
        let () = redis::cmd("SCRIPT")
            .arg("FLUSH")
            .query(&mut server.connection())
            .unwrap();
        assert_eq!(write(&store, version, 0), Swap::Done);
        drop(acquire(&store, TTL));
    }
}

#[test]
fn a_change_is_told_and_one_that_was_not_told_is_found() {
    let Some(server) = Server::start() else {
        return;
    };
    for poll in [Duration::from_secs(3600), Duration::from_millis(10)] {
        let store = builder(&server).poll_every(poll).build().unwrap();
        let stamp = block_on(store.load()).unwrap().stamp();
        let mut changed = store.changed(stamp);
        until("a subscription", || {
            (&mut changed).now_or_never().is_none() && is_subscribed(&server)
        });
        let mut redis = server.connection();
        if poll > TTL {
            let cleared = block_on(open(&server).clear(stamp.epoch)).unwrap();
            let stored = block_on(changed).unwrap();
            assert_eq!(stored, Stored::empty(cleared));
        } else {
            // As where the server has lost all.
            let () = redis::cmd("FLUSHALL").query(&mut redis).unwrap();
            let stored = block_on(changed).unwrap();
            assert_eq!(stored, Stored::empty(Stamp::default()));
        }
    }
}

#[test]
fn all_is_asked_for_in_four_round_trips() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server);
    write(&store, 1, 0);
    drop(acquire(&store, TTL));
    block_on(store.present(Stamp::new(1, 1), None)).unwrap();
    until("the lease to be free", || !is_leased(&server));
    let asked = || -> u64 {
        let text: String = redis::cmd("INFO")
            .arg("commandstats")
            .query(&mut server.connection())
            .unwrap();
        let calls = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let count = line.and_then(|line| line.split(['=', ',']).nth(1));
            count.map_or(0, |count| count.parse::<u64>().unwrap())
        };
        calls("cmdstat_evalsha:") + calls("cmdstat_eval:")
    };
    let before = asked();
    let lease = acquire(&store, TTL);
    let stamp = lease.record().unwrap().stamp();
    let mark = Presented::new(lease.fence(), SystemTime::UNIX_EPOCH);
    block_on(store.present(stamp, Some(mark))).unwrap();
    write(&store, 2, lease.fence());
    block_on(store.release(lease)).unwrap();
    assert_eq!(asked() - before, 3, "acquire, present, commit");
    assert!(!is_leased(&server));
}
