//! An operation that asks more than once, or waits for its turn, has one
//! deadline for all of it.

use std::{thread, time::Duration};

use tollgate::{
    auth::{Stamp, TokenStore},
    runtime::block_on,
};
use tollgate_redis::{PlainStore, RedisStore, Unavailable};
use tollgate_redis_kit::{Mode, Proxy, Server, until};

use crate::support::{
    KEY, Op, assert_fails, first, impatient, in_time, joined, pass, punctual, run, save, second,
    soon, store,
};

const LIMIT: Duration = Duration::from_secs(1);

/// How long each answer takes: there is time for one, and not for two.
const SLOW: Duration = Duration::from_millis(700);

/// The same with some time to spare.
const LONG: Duration = Duration::from_millis(2_500);
const SLOWER: Duration = Duration::from_millis(1_300);

/// How long nobody asks a Redis that has failed, and a little more.
const REST: Duration = Duration::from_millis(1100);

fn plain(url: &str, deadline: Duration) -> PlainStore {
    PlainStore::over(&impatient(url, deadline)).unwrap()
}

/// A sign-out of a plain text reads it, and writes it.
#[test]
fn a_second_question_has_what_the_first_left() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let proxy = Proxy::start(server.port());
        let store = plain(&proxy.url(), LONG);
        save(&store, Stamp::default(), &first());
        proxy.set(Mode::Delay(SLOWER));
        in_time(Op::Load, &store, None, LONG).unwrap();
        assert_fails(
            in_time(Op::Clear, &store, None, LONG),
            Op::Clear,
            &["redis"],
        );
    });
}

/// Only one asks for a plain text at a time.
#[test]
fn who_waits_for_a_turn_does_not_begin_anew_when_it_comes() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let proxy = Proxy::start(server.port());
        let store = plain(&proxy.url(), LIMIT);
        save(&store, Stamp::default(), &first());
        proxy.set(Mode::BlackHole);
        thread::scope(|scope| {
            let ops = [Op::Load, Op::Load, Op::Swap, Op::Clear];
            let callers = ops.map(|op| {
                let store = &store;
                let caller = scope.spawn(move || {
                    assert_fails(in_time(op, store, None, LIMIT), op, &["redis"]);
                });
                pass(LIMIT / 5);
                caller
            });
            callers.into_iter().for_each(joined);
        });
    });
}

/// Without Redis something was written: when Redis is back, an operation
/// writes it before it does its own.
#[test]
fn what_was_written_meanwhile_is_pushed_in_the_time_of_the_operation() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let clean = store(&server.url());
        for op in [Op::Load, Op::Swap, Op::Clear] {
            run(&server, &["FLUSHALL"]);
            save(&clean, Stamp::default(), &first());
            let proxy = Proxy::start(server.port());
            let builder = RedisStore::builder(KEY).url(&proxy.url()).deadline(LIMIT);
            let local = crate::line::build(builder.when_unavailable(Unavailable::LocalOnly));
            assert_eq!(soon(|| block_on(local.load())), first());
            proxy.set(Mode::HangUp);
            save(&local, first().stamp(), &second());
            proxy.set(Mode::Pass);
            // The connection, which both have, is there again.
            let other = local.for_key("other").unwrap();
            until("it to be back", || block_on(other.load()).is_ok());
            pass(REST);
            proxy.set(Mode::Delay(SLOW));
            in_time(op, &local, None, LIMIT).unwrap();
        }
    });
}
