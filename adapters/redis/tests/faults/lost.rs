//! What Redis forgets: scripts, records, leases, all of it.

use std::time::Duration;

use tollgate::{
    auth::{Stamp, Stored, Swap, TokenStore},
    runtime::block_on,
};
use tollgate_redis_kit::{Server, until};

use crate::support::{
    ASKING, LEASE, OPS, TOKENS, TTL, acquire, assert_works, done, first, impatient, in_time, live,
    load, punctual, run, save, store, swap,
};

const SHORT: Duration = Duration::from_millis(150);

#[test]
fn scripts_may_be_forgotten_between_any_two_operations() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    for before in OPS {
        for op in OPS {
            run(&server, &["FLUSHALL"]);
            save(&store, <_>::default(), &first());
            block_on(before.run(&store, None)).unwrap();
            run(&server, &["DEL", TOKENS, LEASE]);
            save(&store, <_>::default(), &first());
            let held = acquire(&store, TTL);
            let lease = (op == crate::support::Op::Release).then_some(held);
            run(&server, &["SCRIPT", "FLUSH"]);
            done(op, &store, lease);
        }
    }
    assert_works(&store);
}

/// By `DEL`, by an eviction, by a time to live that ran out, by `FLUSHALL`.
#[test]
fn a_record_that_is_gone_is_an_empty_one() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    for words in [
        ["DEL", TOKENS].as_slice(),
        &["UNLINK", TOKENS],
        &["PEXPIRE", TOKENS, "0"],
        &["FLUSHALL"],
        &["FLUSHDB"],
    ] {
        save(&store, <_>::default(), &first());
        run(&server, words);
        assert_eq!(load(&store), Stored::empty(Stamp::default()), "{words:?}");
        // Who knows a later record finds out.
        let Swap::Conflict(found) = swap(&store, first().stamp(), &live(Stamp::new(1, 2))) else {
            panic!("a record that is not there was replaced");
        };
        assert_eq!(found, Stored::empty(Stamp::default()));
        // And may write it again, as it was.
        save(&store, Stamp::default(), &live(Stamp::new(1, 2)));
        assert_eq!(load(&store), live(Stamp::new(1, 2)));
        run(&server, &["FLUSHALL"]);
    }
}

#[test]
fn a_record_stays_until_it_is_taken_out() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    save(&store, <_>::default(), &first());
    drop(acquire(&store, TTL));
    let mut connection = server.connection();
    let left: i64 = redis::cmd("PTTL")
        .arg(TOKENS)
        .query(&mut connection)
        .unwrap();
    assert_eq!(left, -1, "it has a time to live of {left} ms");
}

#[test]
fn a_lease_that_is_forgotten_costs_nobody_anything() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = (store(&server.url()), store(&server.url()));
    save(&one, <_>::default(), &first());
    let lost = acquire(&one, TTL);
    run(&server, &["DEL", LEASE]);
    let lease = acquire(&other, TTL);
    assert!(lease.fence() > lost.fence());
    block_on(one.release(lost)).unwrap();
    let mut connection = server.connection();
    let held: bool = redis::cmd("EXISTS")
        .arg(LEASE)
        .query(&mut connection)
        .unwrap();
    assert!(held, "a lease that was lost took another's along");
    block_on(other.release(lease)).unwrap();
}

/// The counter of fences is lost with the record; the fence of a record that
/// is written again brings it back.
#[test]
fn fences_go_on_from_the_record_that_is_written_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    save(&store, <_>::default(), &first().with_fence(7));
    let lease = acquire(&store, TTL);
    assert!(lease.fence() > 7, "{lease:?}");
    drop(lease);
    run(&server, &["FLUSHALL"]);
    save(&store, <_>::default(), &first().with_fence(12));
    let lease = acquire(&store, TTL);
    assert!(lease.fence() > 12, "{lease:?}");
}

/// After all was lost, fences are given again: it is the owner that tells two
/// leases apart.
#[test]
fn a_lease_from_before_a_loss_gives_back_none_from_after_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    let before = acquire(&store, TTL);
    run(&server, &["FLUSHALL"]);
    let after = acquire(&store, TTL);
    assert_eq!(before.fence(), after.fence());
    block_on(store.release(before)).unwrap();
    let mut connection = server.connection();
    let exists = |connection: &mut redis::Connection| -> bool {
        redis::cmd("EXISTS").arg(LEASE).query(connection).unwrap()
    };
    assert!(exists(&mut connection), "the later lease was given back");
    block_on(store.release(after)).unwrap();
    assert!(!exists(&mut connection));
}

#[test]
fn a_connection_that_is_ended_by_the_server_is_made_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    save(&store, <_>::default(), &first());
    for op in OPS {
        run(&server, &["DEL", TOKENS, LEASE]);
        save(&store, <_>::default(), &first());
        run(&server, &["CLIENT", "KILL", "TYPE", "normal"]);
        done(op, &store, None);
    }
    run(&server, &["DEL", LEASE]);
    assert_works(&store);
}

#[test]
fn connections_of_which_none_is_left_are_no_panic() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let store = impatient(&server.url(), SHORT);
        load(&store);
        let mut own = server.connection();
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxclients").arg(1);
        set.exec(&mut own).unwrap();
        redis::cmd("CLIENT")
            .arg(&["KILL", "SKIPME", "yes"])
            .exec(&mut own)
            .unwrap();
        for op in ASKING {
            assert!(in_time(op, &store, None, SHORT).is_err(), "{op:?}");
        }
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxclients").arg(100);
        set.exec(&mut own).unwrap();
        // A connection that was begun before is refused still.
        until("it to be back", || block_on(store.load()).is_ok());
        assert_works(&store);
    });
}
