//! What another process writes is heard of, by a message or without one.

use std::{thread, time::Duration};

use tollgate::{
    auth::{Stamp, Stored, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Mode, Proxy, Server};

use crate::support::{first, live, load, pass, run, save, store, timed, usual, wait};

/// How long it may take until another process knows.
const BOUND: Duration = Duration::from_secs(1);

/// How long it takes to hear of what is done, and what is heard.
fn heard(store: &RedisStore, seen: Stamp, act: impl FnOnce()) -> (Duration, Stored) {
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(store.changed(seen)).unwrap());
        pass(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        act();
        timed(|| waiting.join().unwrap())
    })
}

/// One trial of three takes less than that: a machine with much to do may hold
/// one up.
fn within(bound: Duration, mut trial: impl FnMut() -> Duration) {
    let soon = (0..3).any(|_| trial() < bound);
    assert!(soon, "not within {bound:?}");
}

#[test]
fn a_write_and_a_sign_out_are_heard_within_a_second() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = (store(&server.url()), store(&server.url()));
    assert!(one.is_watchable());
    let mut stamp = Stamp::default();
    within(BOUND, || {
        let new = live(stamp.next_epoch());
        let (took, found) = heard(&other, stamp, || {
            save(&one, stamp, &new);
        });
        assert_eq!(found, new);
        let (later, found) = heard(&other, new.stamp(), || {
            block_on(one.clear(new.stamp().epoch)).unwrap();
        });
        stamp = new.stamp().next_epoch();
        assert_eq!(found, Stored::empty(stamp));
        took.max(later)
    });
}

/// What was written before one began to wait is found at once.
#[test]
fn a_record_that_has_changed_already_is_returned_at_once() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    save(&store, <_>::default(), &first());
    for seen in [Stamp::default(), Stamp::new(0, 5), Stamp::new(7, 7)] {
        within(BOUND / 2, || {
            let (took, found) = timed(|| wait(store.changed(seen)).unwrap());
            assert_eq!(found, first());
            took
        });
    }
}

#[test]
fn a_change_is_heard_also_where_the_message_is_lost() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = (store(&server.url()), store(&server.url()));
    save(&one, <_>::default(), &first());
    let mut stamp = first().stamp();
    // The subscription is ended, just before the write and long before it.
    for pause in [0, 50] {
        within(BOUND, || {
            let (took, found) = heard(&other, stamp, || {
                run(&server, &["CLIENT", "KILL", "TYPE", "pubsub"]);
                pass(Duration::from_millis(pause));
                save(&one, stamp, &live(stamp.next()));
            });
            stamp = stamp.next();
            assert_eq!(found, live(stamp));
            took
        });
    }
    // A write past the store says nothing at all.
    within(BOUND, || {
        let (took, found) = heard(&other, stamp, || {
            run(&server, &["DEL", crate::support::TOKENS]);
        });
        assert_eq!(found, Stored::empty(Stamp::default()));
        save(&one, Stamp::default(), &live(stamp));
        took
    });
}

/// What is swallowed is asked for again.
#[test]
fn a_watch_outlives_a_network_that_goes_away() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let (one, other) = (store(&server.url()), usual(&proxy.url()));
    save(&one, <_>::default(), &first());
    let mut stamp = first().stamp();
    for mode in [Mode::BlackHole, Mode::HangUp, Mode::Refuse] {
        within(BOUND * 2, || {
            assert_eq!(load(&other).stamp(), stamp);
            let new = live(stamp.next());
            let (took, found) = heard_in_the_end(
                &other,
                stamp,
                || {
                    proxy.set(mode);
                    save(&one, stamp, &new);
                    pass(Duration::from_millis(300));
                },
                || proxy.set(Mode::Pass),
            );
            stamp = stamp.next();
            assert_eq!(found, new, "{mode:?}");
            took
        });
    }
}

/// How long it takes after the network is back, and what is heard.
fn heard_in_the_end(
    store: &RedisStore,
    seen: Stamp,
    act: impl FnOnce(),
    bring_back: impl FnOnce(),
) -> (Duration, Stored) {
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            loop {
                match wait(store.changed(seen)) {
                    Ok(found) => break found,
                    Err(error) => crate::support::assert_clean(&error),
                }
                pass(Duration::from_millis(20));
            }
        });
        pass(Duration::from_millis(50));
        act();
        assert!(!waiting.is_finished());
        bring_back();
        timed(|| waiting.join().unwrap())
    })
}
