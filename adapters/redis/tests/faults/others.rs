//! The same faults under what is built upon the store: a plain text that is
//! shared with other services, and a store that goes on without Redis.

use std::{thread, time::Duration};

use tollgate::{
    auth::{Stamp, Stored, Swap, TokenStore},
    runtime::block_on,
};
use tollgate_redis::{PlainStore, RedisStore, Unavailable};
use tollgate_redis_kit::{Mode, Proxy, Server, until};

use crate::support::{
    ASKING, KEY, LEASE, OPS, Op, TTL, acquire, assert_fails, assert_works, first, impatient,
    in_time, joined, live, load, pass, punctual, run, save, second, size, soon, store, swap,
};

const SHORT: Duration = Duration::from_millis(150);

/// Longer than any answer.
const LONGEST: usize = 4096;

const LONG: Duration = Duration::from_secs(10);

fn plain(url: &str, deadline: Duration) -> PlainStore {
    PlainStore::over(&impatient(url, deadline)).unwrap()
}

/// The text is one that another service can read; nothing if nobody is signed
/// in.
fn text(server: &Server) -> Option<serde_json::Value> {
    let mut asked = redis::cmd("GET");
    let text: Option<String> = asked.arg(KEY).query(&mut server.connection()).unwrap();
    text.map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn a_plain_text_is_whole_at_whichever_byte_an_answer_is_cut() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    for op in OPS.into_iter().filter(|op| *op != Op::Present) {
        let mut bytes = LONGEST;
        for byte in (0..LONGEST).step_by(size("TOLLGATE_REDIS_CUT_EVERY", 11)) {
            proxy.set(Mode::Pass);
            run(&server, &["FLUSHALL"]);
            // What each has seen counts.
            let (one, clean) = (plain(&proxy.url(), LONG), plain(&server.url(), LONG));
            save(&clean, Stamp::default(), &first());
            assert_eq!(load(&one), first());
            let lease = (op == Op::Release).then(|| acquire(&one, TTL));
            let cuts = proxy.cuts();
            proxy.set(Mode::CutOnce(byte));
            in_time(op, &one, lease, LONG).unwrap();
            if proxy.cuts() == cuts {
                bytes = byte;
                break;
            }
            proxy.set(Mode::Pass);
            let found = load(&one);
            assert_eq!(found, load(&clean), "{op:?}, {byte}");
            let access = found.token().map(|token| token.access_token().expose());
            let said = text(&server);
            let said = said.as_ref().and_then(|text| text["access_token"].as_str());
            assert_eq!(access, said, "{op:?}, {byte}");
            if op == Op::Swap {
                assert_eq!(found, second());
            }
        }
        assert!(bytes > 0 && bytes < LONGEST, "{op:?}: {bytes} bytes");
    }
}

#[test]
fn many_who_ask_for_a_plain_text_at_once_keep_the_deadline_each() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let proxy = Proxy::start(server.port());
        let store = plain(&proxy.url(), SHORT);
        save(&store, <_>::default(), &first());
        for mode in [Mode::BlackHole, Mode::HangUp] {
            proxy.set(mode);
            thread::scope(|scope| {
                let ops = ASKING.into_iter().filter(|op| *op != Op::Present);
                let callers = ops.cycle().take(10).map(|op| {
                    let store = &store;
                    scope.spawn(move || {
                        assert_fails(in_time(op, store, None, SHORT), (op, mode), &["redis"]);
                    })
                });
                let callers: Vec<_> = callers.collect();
                callers.into_iter().for_each(joined);
            });
        }
        proxy.set(Mode::Pass);
        until("it to be back", || block_on(store.load()).is_ok());
        run(&server, &["DEL", LEASE]);
        assert_works(&store);
    });
}

#[test]
fn a_plain_text_that_is_lost_is_a_sign_out() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = plain(&server.url(), LONG);
    save(&store, <_>::default(), &first());
    server.restart();
    assert_eq!(load(&store).token(), None);
    assert_works(&store);
}

/// What could not be written is used, and written when Redis is back; in time,
/// also where it is not known whether it was written.
#[test]
fn a_store_that_goes_on_without_redis_gives_back_what_it_wrote() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let proxy = Proxy::start(server.port());
        let clean = store(&server.url());
        let step = size("TOLLGATE_REDIS_CUT_EVERY", 60);
        let cuts = (0..120).step_by(step).map(Mode::CutEach);
        for mode in cuts.chain([Mode::BlackHole]) {
            proxy.set(Mode::Pass);
            run(&server, &["FLUSHALL"]);
            save(&clean, Stamp::default(), &first());
            let builder = RedisStore::builder(KEY).url(&proxy.url()).deadline(SHORT);
            let local = crate::line::build(builder.when_unavailable(Unavailable::LocalOnly));
            assert_eq!(soon(|| block_on(local.load())), first());
            proxy.close_all();
            proxy.set(mode);
            for op in [Op::Load, Op::Acquire, Op::Present, Op::Swap] {
                in_time(op, &local, None, SHORT).unwrap();
            }
            let third = live(second().stamp().next());
            assert_eq!(
                swap(&local, second().stamp(), &third),
                Swap::Done,
                "{mode:?}"
            );
            assert_eq!(load(&local), third, "{mode:?}");
            proxy.set(Mode::Pass);
            until("what was written to be there", || {
                load(&local);
                pass(Duration::from_millis(20));
                load(&clean) == third
            });
            assert_eq!(load(&local), third, "{mode:?}");
        }
    });
}

/// A later sign-in by somebody else is not overwritten by what was written
/// without Redis.
#[test]
fn what_was_written_without_redis_does_not_overwrite_a_later_sign_in() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let clean = store(&server.url());
    save(&clean, Stamp::default(), &first());
    let builder = RedisStore::builder(KEY).url(&proxy.url()).deadline(SHORT);
    let local = crate::line::build(builder.when_unavailable(Unavailable::LocalOnly));
    assert_eq!(soon(|| block_on(local.load())), first());
    proxy.set(Mode::Refuse);
    save(&local, first().stamp(), &second());
    let signed_in: Stored = live(first().stamp().next_epoch());
    save(&clean, first().stamp(), &signed_in);
    proxy.set(Mode::Pass);
    until("it to be seen", || load(&local) == signed_in);
    assert_eq!(load(&clean), signed_in);
}
