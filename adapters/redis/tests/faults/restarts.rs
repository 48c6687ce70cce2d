//! Redis is killed in the middle of the work, and comes back.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use tollgate::{
    auth::{Stamp, Stored, Swap, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Server, until};

use crate::support::{assert_clean, first, live, load, pass, save, size, store, usual, wait};

/// Writes until it is told to stop; `told` is the last stamp that was
/// acknowledged.
fn work(store: &RedisStore, stop: &AtomicBool, told: &Mutex<Stamp>) {
    let mut stamp = load(store).stamp();
    while !stop.load(SeqCst) {
        let new = live(stamp.next());
        match block_on(store.compare_and_swap(stamp, new)) {
            Ok(Swap::Done) => {
                stamp = stamp.next();
                *told.lock().unwrap() = stamp;
            }
            // A write without an answer was done, or not.
            Ok(Swap::Conflict(found)) => {
                assert_eq!(found, live(stamp.next()));
                stamp = found.stamp();
                *told.lock().unwrap() = stamp;
            }
            Err(error) => assert_clean(&error),
        }
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_over_kills_with_a_log() {
    let Some(server) = Server::builder().append_only().start() else {
        return;
    };
    let restarts = size("TOLLGATE_REDIS_RESTARTS", 10);
    let writer = usual(&server.url());
    save(&writer, <_>::default(), &first());
    let (stop, told) = (AtomicBool::new(false), Mutex::new(Stamp::new(1, 1)));
    thread::scope(|scope| {
        scope.spawn(|| work(&writer, &stop, &told));
        for _ in 0..restarts {
            let before = *told.lock().unwrap();
            until("some writes", || {
                told.lock().unwrap().version > before.version + 5
            });
            pass(Duration::from_micros(fastrand::u64(..5_000)));
            server.kill();
            let told = *told.lock().unwrap();
            server.restart();
            let found = load(&store(&server.url()));
            assert_eq!(found, live(found.stamp()), "it is whole");
            assert!(found.stamp() >= told, "told {told:?}, found {found:?}");
        }
        stop.store(true, SeqCst);
    });
    println!("{restarts} restarts, at {:?}", load(&writer).stamp());
}

/// The fences, too: no lease has a fence that was given before.
#[test]
fn fences_grow_over_kills_with_a_log() {
    let Some(server) = Server::builder().append_only().start() else {
        return;
    };
    let store = store(&server.url());
    let mut last = 0;
    for _ in 0..size("TOLLGATE_REDIS_RESTARTS", 3) {
        let lease = block_on(store.acquire(Duration::from_millis(200))).unwrap();
        assert!(lease.fence() > last, "{lease:?} after {last}");
        last = lease.fence();
        server.restart();
    }
}

/// As an empty record, by whoever watches the store and by whoever writes.
#[test]
fn a_restart_without_a_log_is_seen_and_the_record_can_be_written_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    let kept = live(Stamp::new(3, 9)).with_fence(4);
    save(&store, <_>::default(), &kept);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            loop {
                // Who waits tries again after a pause.
                match wait(store.changed(kept.stamp())) {
                    Ok(found) => break found,
                    Err(error) => assert_clean(&error),
                }
                pass(Duration::from_millis(20));
            }
        });
        pass(Duration::from_millis(50));
        server.restart();
        assert_eq!(watcher.join().unwrap(), Stored::empty(Stamp::default()));
    });
    save(&store, <_>::default(), &kept);
    assert_eq!(load(&store), kept);
}
