//! Holders that are too late: what their fences and owners allow.

use std::{collections::BTreeSet, sync::Mutex, thread, time::Duration};

use tollgate::{
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Server, until_within};

use crate::support::{
    LEASE, TTL, acquire, first, live, load, pass, save, store, swap, timed, token, until_heard,
};

const SHORT: Duration = Duration::from_millis(80);

/// A lease whose end is waited for, and how soon one goes on.
const OVER: Duration = Duration::from_millis(300);
const GOES_ON: Duration = Duration::from_millis(350);

fn pair(server: &Server) -> (RedisStore, RedisStore) {
    let (one, other) = (store(&server.url()), store(&server.url()));
    save(&one, <_>::default(), &first());
    (one, other)
}

fn is_held(server: &Server) -> bool {
    let mut connection = server.connection();
    redis::cmd("EXISTS")
        .arg(LEASE)
        .query(&mut connection)
        .unwrap()
}

/// The lease of `one`, whose time is over, and the lease of `other`, who has it
/// since.
fn overtaken(one: &RedisStore, other: &RedisStore) -> (Lease, Lease) {
    let late = acquire(one, SHORT);
    pass(SHORT * 2);
    let next = acquire(other, TTL);
    assert!(next.fence() > late.fence());
    (late, next)
}

/// The record of a refresh, after the first one.
fn answer(name: &str, fence: u64) -> Stored {
    let stamp = first().stamp().next();
    let token = tollgate::auth::Token::new(name).refresh(format!("{name}.r"));
    Stored::live(stamp, token).with_fence(fence)
}

#[test]
fn a_holder_whose_lease_is_over_but_whose_fence_is_the_highest_is_accepted() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    // Somebody has it since, and has stored nothing yet.
    let (late, next) = overtaken(&one, &other);
    let stored = answer("late", late.fence());
    save(&one, first().stamp(), &stored);
    assert_eq!(load(&other), stored);
    // The other's answer is the later one: it may overwrite.
    let Swap::Conflict(found) = swap(&other, first().stamp(), &answer("next", next.fence())) else {
        panic!("a record that was replaced was overwritten unseen");
    };
    let newer = Stored::live(found.stamp().next(), token(found.stamp().next()));
    save(&other, found.stamp(), &newer.with_fence(next.fence()));
}

#[test]
fn a_lower_fence_never_overwrites_a_higher_one_in_the_same_epoch() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    let (late, next) = overtaken(&one, &other);
    let stored = answer("next", next.fence());
    save(&other, first().stamp(), &stored);
    // By the stamp that it knew, and by the one that is there.
    for expected in [first().stamp(), stored.stamp()] {
        let new = live(expected.next()).with_fence(late.fence());
        assert_eq!(swap(&one, expected, &new), Swap::Conflict(stored.clone()));
    }
    assert_eq!(load(&one), stored);
    // A new sign-in is another matter.
    let stamp = stored.stamp().next_epoch();
    save(&one, stored.stamp(), &live(stamp));
    assert_eq!(load(&other), live(stamp));
}

#[test]
fn a_lease_is_given_for_any_time() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    let mut last = 0;
    for ttl in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let lease = acquire(&one, ttl);
        assert!(lease.fence() > last);
        last = lease.fence();
        block_on(one.release(lease)).unwrap();
    }
    drop(acquire(&other, TTL));
}

#[test]
fn who_has_lost_its_lease_does_not_give_back_its_successors() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    for by_drop in [false, true] {
        let (late, next) = overtaken(&one, &other);
        if by_drop {
            drop(late);
        } else {
            block_on(one.release(late)).unwrap();
        }
        // A release by drop goes out in the background, before this.
        load(&one);
        pass(Duration::from_millis(20));
        assert!(is_held(&server));
        block_on(other.release(next)).unwrap();
        assert!(!is_held(&server));
    }
}

/// Nor does its late write.
#[test]
fn a_late_write_does_not_take_the_successors_lease_away() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    let (late, next) = overtaken(&one, &other);
    save(&one, first().stamp(), &answer("late", late.fence()));
    assert!(is_held(&server));
    drop(late);
    drop(next);
}

#[test]
fn a_mark_is_gone_with_the_write_and_leaves_the_record_alone() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    let lease = acquire(&one, TTL);
    let mark = Presented::new(lease.fence(), std::time::UNIX_EPOCH);
    let swapped = block_on(one.present(first().stamp(), Some(mark))).unwrap();
    assert_eq!(swapped, Swap::Done);
    assert_eq!(load(&other), first().with_presented(mark));
    save(&one, first().stamp(), &answer("a", lease.fence()));
    assert_eq!(load(&other).presented(), None);
    let late = block_on(other.present(first().stamp(), Some(mark))).unwrap();
    assert!(matches!(late, Swap::Conflict(_)), "{late:?}");
    assert_eq!(load(&other).presented(), None);
}

/// Signing out waits for no lease, and ends it: who signs in refreshes at
/// once.
#[test]
fn the_next_epoch_waits_for_nobodys_lease() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    let held = acquire(&one, TTL);
    let cleared = block_on(other.clear(1)).unwrap();
    assert_eq!(cleared, Stamp::new(2, 2));
    let next = acquire(&other, TTL);
    assert!(!next.is_contended(), "it has waited");
    assert!(next.fence() > held.fence());
    // The answer of the session that is over comes too late.
    let late = swap(&one, first().stamp(), &answer("late", held.fence()));
    assert_eq!(late, Swap::Conflict(Stored::empty(cleared)));
}

#[test]
fn who_waits_goes_on_when_the_lease_is_given_back() {
    let soon = (0..3).any(|_| {
        let Some(server) = Server::start() else {
            return true;
        };
        let (one, other) = pair(&server);
        let held = acquire(&one, TTL);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| acquire(&other, TTL));
            until_heard(&server);
            assert!(!waiting.is_finished());
            let (took, lease) = timed(|| {
                block_on(one.release(held)).unwrap();
                waiting.join().unwrap()
            });
            assert!(lease.is_contended());
            took < GOES_ON
        })
    });
    assert!(soon, "not within {GOES_ON:?}");
}

#[test]
fn who_waits_goes_on_when_the_lease_is_over() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    let soon = (0..5).any(|_| {
        let (waited, (since, next)) = timed(|| {
            let held = acquire(&one, OVER);
            let (since, next) = timed(|| acquire(&other, TTL));
            drop(held);
            (since, next)
        });
        // Redis counts whole milliseconds, of another clock.
        let least = OVER - Duration::from_millis(10);
        assert!(waited > least, "{waited:?}");
        let has_waited = next.is_contended();
        block_on(other.release(next)).unwrap();
        has_waited && since < OVER + GOES_ON
    });
    assert!(soon, "not within {GOES_ON:?}");
}

/// Who waits for a lease gets the record that was stored meanwhile.
#[test]
fn who_waits_gets_the_record_that_was_stored_instead_of_the_lease() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = pair(&server);
    let held = acquire(&one, TTL);
    let stored = answer("a", held.fence());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| acquire(&other, TTL));
        until_heard(&server);
        assert!(!waiting.is_finished());
        save(&one, first().stamp(), &stored);
        let given = waiting.join().unwrap();
        assert!(given.is_contended());
        if given.is_withheld() {
            assert_eq!(given.record(), Some(&stored));
        }
        // With its commit the holder has given it back.
        let free = until_within(Duration::from_secs(1), || {
            given.is_withheld() != is_held(&server)
        });
        assert!(free.is_some());
    });
}

/// Eight processes: each write is over the record before, under a fence of
/// its own, and none is lost.
#[test]
fn leases_of_many_stores_exclude_each_other() {
    let Some(server) = Server::start() else {
        return;
    };
    const STORES: u64 = 8;
    const ROUNDS: u64 = 12;
    save(&store(&server.url()), <_>::default(), &first());
    let fences = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for _ in 0..STORES {
            scope.spawn(|| {
                let store = store(&server.url());
                let mut done = 0;
                while done < ROUNDS {
                    let lease = acquire(&store, TTL);
                    if lease.is_withheld() {
                        continue;
                    }
                    assert!(fences.lock().unwrap().insert(lease.fence()));
                    let stored = lease.record().cloned().unwrap_or_else(|| load(&store));
                    assert_eq!(stored.presented(), None, "somebody else is at it");
                    let stamp = stored.stamp();
                    let mark = Presented::new(lease.fence(), std::time::UNIX_EPOCH);
                    block_on(store.present(stamp, Some(mark))).unwrap();
                    let new = live(stamp.next()).with_fence(lease.fence());
                    save(&store, stamp, &new);
                    block_on(store.release(lease)).unwrap();
                    done += 1;
                }
            });
        }
    });
    let stored = load(&store(&server.url()));
    assert_eq!(stored.stamp().version, 1 + STORES * ROUNDS);
    assert_eq!(fences.lock().unwrap().last(), Some(&stored.fence()));
}
