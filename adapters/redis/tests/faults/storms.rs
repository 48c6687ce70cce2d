//! However many ask, a server that is down is not stormed.

use std::{thread, time::Duration};

use tollgate::{auth::TokenStore, runtime::block_on};
use tollgate_redis_kit::{Mode, Proxy, Server, until};

use crate::support::{assert_works, impatient, load, store, timed};

const CALLERS: usize = 16;

/// How long they ask.
const TIME: Duration = Duration::from_millis(800);

/// How many connections a store may try within that time.
const BOUND: usize = 40;

#[test]
fn a_server_that_is_down_sees_few_connections_of_many_callers() {
    let Some(server) = Server::start() else {
        return;
    };
    for mode in [Mode::HangUp, Mode::BlackHole, Mode::CutEach(0)] {
        let proxy = Proxy::start(server.port());
        let store = impatient(&proxy.url(), Duration::from_millis(200));
        load(&store);
        proxy.set(mode);
        let before = proxy.connections();
        let asked = thread::scope(|scope| {
            let callers = (0..CALLERS).map(|_| {
                scope.spawn(|| {
                    let (mut spent, mut asked) = (Duration::ZERO, 0);
                    while spent < TIME {
                        let (took, result) = timed(|| block_on(store.load()));
                        assert!(result.is_err());
                        spent += took;
                        asked += 1;
                    }
                    asked
                })
            });
            let callers: Vec<_> = callers.collect();
            let counts = callers.into_iter().map(|caller| caller.join().unwrap());
            counts.sum::<usize>()
        });
        let connections = proxy.connections() - before;
        println!("{mode:?}: {asked} operations, {connections} connections");
        assert!(connections <= BOUND, "{mode:?}: {connections} connections");
        proxy.set(Mode::Pass);
        until("the network to be back", || block_on(store.load()).is_ok());
        assert_works(&store);
    }
}

#[test]
fn a_store_that_nobody_asks_leaves_a_server_alone() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let store = store(&proxy.url());
    load(&store);
    let (connections, bytes) = (proxy.connections(), proxy.bytes_asked());
    crate::support::pass(Duration::from_millis(700));
    assert_eq!(proxy.connections(), connections);
    assert_eq!(proxy.bytes_asked(), bytes);
    drop(store);
    until("its connections to end", || proxy.open_connections() == 0);
}

#[test]
fn operations_at_once_share_one_connection() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let store = store(&proxy.url());
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                for _ in 0..20 {
                    load(&store);
                }
            });
        }
    });
    // One to ask by; one more at most to be told by.
    assert!(proxy.connections() <= 2, "{}", proxy.connections());
}
