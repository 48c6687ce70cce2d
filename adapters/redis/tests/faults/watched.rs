//! What another process writes is heard of, by a message or without one.

use std::{thread, time::Duration};

use tollgate::{
    auth::{Stamp, Stored, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Mode, Proxy, Server};

use crate::support::{first, live, load, pass, run, save, store, timed, wait};

/// How long it may take until another process knows.
const BOUND: Duration = Duration::from_secs(1);

fn heard(store: &RedisStore, seen: Stamp, act: impl FnOnce()) -> Stored {
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(store.changed(seen)).unwrap());
        pass(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        act();
        let (took, found) = timed(|| waiting.join().unwrap());
        assert!(took < BOUND, "{took:?}");
        found
    })
}

#[test]
fn a_write_and_a_sign_out_are_heard_within_a_second() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = (store(&server.url()), store(&server.url()));
    assert!(one.is_watchable());
    save(&one, <_>::default(), &first());
    let new = live(first().stamp().next());
    let found = heard(&other, first().stamp(), || {
        save(&one, first().stamp(), &new);
    });
    assert_eq!(found, new);
    let found = heard(&other, new.stamp(), || {
        block_on(one.clear(1)).unwrap();
    });
    assert_eq!(found, Stored::empty(new.stamp().next_epoch()));
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
        let (took, found) = timed(|| wait(store.changed(seen)).unwrap());
        assert_eq!(found, first());
        assert!(took < BOUND / 2, "{took:?}");
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
        let found = heard(&other, stamp, || {
            run(&server, &["CLIENT", "KILL", "TYPE", "pubsub"]);
            pass(Duration::from_millis(pause));
            save(&one, stamp, &live(stamp.next()));
        });
        stamp = stamp.next();
        assert_eq!(found, live(stamp));
    }
    // A write past the store says nothing at all.
    let found = heard(&other, stamp, || {
        run(&server, &["DEL", crate::support::TOKENS]);
    });
    assert_eq!(found, Stored::empty(Stamp::default()));
}

/// What is swallowed is asked for again.
#[test]
fn a_watch_outlives_a_network_that_goes_away() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let (one, other) = (store(&server.url()), store(&proxy.url()));
    save(&one, <_>::default(), &first());
    let mut stamp = first().stamp();
    for mode in [Mode::BlackHole, Mode::HangUp, Mode::Refuse] {
        assert_eq!(load(&other).stamp(), stamp);
        let found = thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                loop {
                    match wait(other.changed(stamp)) {
                        Ok(found) => break found,
                        Err(error) => crate::support::assert_clean(&error),
                    }
                    pass(Duration::from_millis(20));
                }
            });
            pass(Duration::from_millis(50));
            proxy.set(mode);
            save(&one, stamp, &live(stamp.next()));
            pass(Duration::from_millis(300));
            assert!(!waiting.is_finished());
            proxy.set(Mode::Pass);
            let (took, found) = timed(|| waiting.join().unwrap());
            assert!(took < BOUND * 2, "{mode:?}: {took:?}");
            found
        });
        stamp = stamp.next();
        assert_eq!(found, live(stamp));
    }
}
