//! The server cannot be reached: every operation says so within its deadline,
//! and works as soon as it can be reached again.

use std::{thread, time::Duration};

use tollgate::{auth::TokenStore, runtime::block_on};
use tollgate_redis_kit::{Mode, Proxy, Server, until, until_within};

use crate::support::{
    ASKING, DEADLINE, LEASE, OPS, Op, TTL, acquire, assert_fails, assert_works, done, first,
    impatient, in_time, load, pass, punctual, run, save, size, soon, store, timed, usual,
};

const SHORT: Duration = Duration::from_millis(100);

/// How long a store may take to find out that the network is back.
const BACK: Duration = Duration::from_millis(1500);

#[test]
fn a_store_is_made_without_a_server_and_works_when_there_is_one() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        server.kill();
        // It is made the same way each time.
        let made = (0..3).map(|_| timed(|| usual(&server.url())));
        let (took, store) = made.min_by_key(|(took, _)| *took).unwrap();
        assert!(took < DEADLINE, "{took:?}");
        for op in [Op::Load, Op::Swap, Op::Acquire] {
            assert_fails(in_time(op, &store, None, DEADLINE), op, &["redis"]);
        }
        server.restart();
        assert_works(&store);
    });
}

#[test]
fn a_host_that_has_no_address_is_an_error_within_the_deadline() {
    punctual(|| {
        let store = impatient("redis://no-such-host.invalid:6379/", SHORT);
        for op in ASKING {
            let result = in_time(op, &store, None, SHORT);
            assert_fails(result, op, &["redis"]);
        }
    });
}

/// A server that is stopped, a network that swallows, one that refuses, and
/// one that hangs up; before the first connection, and after it.
#[test]
fn an_operation_ends_within_its_deadline_whatever_the_network_does() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let (proxy, clean) = (Proxy::start(server.port()), store(&server.url()));
        for mode in [Mode::BlackHole, Mode::Refuse, Mode::HangUp] {
            for warm in [true, false] {
                run(&server, &["FLUSHALL"]);
                proxy.set(Mode::Pass);
                let store = impatient(&proxy.url(), SHORT);
                save(&clean, <_>::default(), &first());
                let mut lease = warm.then(|| soon(|| block_on(store.acquire(TTL))));
                proxy.set(mode);
                for op in OPS {
                    let lease = lease.take_if(|_| op == Op::Release);
                    if op == Op::Release && lease.is_none() {
                        continue;
                    }
                    let result = in_time(op, &store, lease, SHORT);
                    assert_fails(result, (op, mode, warm), &["redis"]);
                }
                proxy.set(Mode::Pass);
                // A connection that was begun into the black hole is given up
                // first.
                let back = until_within(BACK, || block_on(store.load()).is_ok());
                assert!(back.is_some(), "{mode:?}, {warm}: not back within {BACK:?}");
            }
        }
    });
}

/// With the deadline that is the default.
#[test]
fn a_server_that_is_stopped_costs_the_deadline_and_no_more() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let store = usual(&server.url());
        save(&store, <_>::default(), &first());
        let time = size("TOLLGATE_REDIS_STOPPED_MS", 1_000);
        server.pause();
        let mut spent = 0;
        for op in [Op::Load, Op::Swap, Op::Acquire, Op::Changed]
            .into_iter()
            .cycle()
        {
            let (took, result) = timed(|| in_time(op, &store, None, DEADLINE));
            assert_fails(result, op, &["redis"]);
            spent += took.as_millis();
            if spent >= time as u128 {
                break;
            }
        }
        server.resume();
        // What was sent while it was stopped may be done now.
        pass(Duration::from_millis(20));
        run(&server, &["DEL", LEASE]);
        assert_works(&store);
    });
}

#[test]
fn a_server_that_pauses_its_clients_costs_the_deadline_and_no_more() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let store = impatient(&server.url(), SHORT);
        save(&store, <_>::default(), &first());
        // It takes no word to go on meanwhile.
        run(&server, &["CLIENT", "PAUSE", "2500"]);
        for op in [Op::Load, Op::Swap, Op::Acquire] {
            assert_fails(in_time(op, &store, None, SHORT), op, &["redis"]);
        }
        run(&server, &["DEL", LEASE]);
        assert_works(&store);
    });
}

/// Whoever asked for it has gone away; the others must not wait until its time
/// is over.
#[test]
fn a_lease_that_was_asked_for_of_a_stopped_server_is_in_nobodys_way() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let one = impatient(&server.url(), SHORT);
        save(&one, <_>::default(), &first());
        // The script is known.
        drop(acquire(&one, TTL));
        let mut own = server.connection();
        let mut is_free = || -> bool {
            let held: bool = redis::cmd("EXISTS").arg(LEASE).query(&mut own).unwrap();
            !held
        };
        // What gives it back may itself be too late, and is tried again later.
        let soon = (0..3).any(|_| {
            server.pause();
            for _ in 0..3 {
                in_time(Op::Acquire, &one, None, SHORT).unwrap_err();
            }
            server.resume();
            let soon = until_within(BACK, &mut is_free).is_some();
            until("it to be free", &mut is_free);
            soon
        });
        assert!(soon, "nobody has it, and it is not free within {BACK:?}");
    });
}

/// With somebody else's script that does not end.
#[test]
fn a_server_that_is_busy_costs_the_deadline_and_no_more() {
    punctual(|| {
        let builder = Server::builder().set("busy-reply-threshold", "20");
        let Some(server) = builder.start() else {
            return;
        };
        let store = impatient(&server.url(), SHORT);
        save(&store, <_>::default(), &first());
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut endless = redis::cmd("EVAL");
                endless.arg("while true do end").arg(0);
                endless.exec(&mut server.connection()).unwrap_err();
            });
            until("it to be busy", || {
                let asked = redis::cmd("PING").exec(&mut server.connection());
                asked.is_err_and(|error| error.code() == Some("BUSY"))
            });
            for op in ASKING {
                assert_fails(in_time(op, &store, None, SHORT), op, &["redis"]);
            }
            run(&server, &["SCRIPT", "KILL"]);
        });
        until("it to be back", || block_on(store.load()).is_ok());
        assert_works(&store);
    });
}

#[test]
fn the_newer_protocol_and_another_database_work_as_well() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = |what| format!("{}{what}", server.url());
    let (one, other) = (store(&url("3?protocol=resp3")), store(&url("3")));
    save(&one, <_>::default(), &first());
    assert_eq!(load(&other), first());
    assert_eq!(load(&store(&server.url())).token(), None);
    for op in OPS {
        done(op, &one, None);
    }
    assert_works(&one);
    assert_works(&other);
}

#[test]
fn a_slow_network_within_the_deadline_is_none_of_its_business() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    proxy.set(Mode::Delay(Duration::from_millis(30)));
    let store = store(&proxy.url());
    block_on(store.load()).unwrap();
    assert_works(&store);
}

#[test]
fn a_caller_that_goes_away_in_the_middle_leaves_the_store_in_order() {
    use futures::FutureExt;
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    save(&store, <_>::default(), &first());
    for op in OPS.into_iter().cycle().take(70) {
        // Polled once: it is under way.
        drop(Box::pin(op.run(&store, None)).now_or_never());
    }
    // What was begun is done, and all leases are given back.
    until("it to be quiet", || {
        let before = load(&store);
        pass(Duration::from_millis(50));
        before == load(&store)
    });
    assert_works(&store);
}
