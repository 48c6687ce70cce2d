//! The connection is cut at every byte of an answer.

use std::{fmt::Debug, time::Duration};

use tollgate::{
    auth::{Lease, Stamp, Stored, Swap, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Mode, Proxy, Server, until};

use crate::support::{
    LEASE, OPS, Op, TTL, assert_works, first, impatient, in_time, load, punctual, run, save,
    second, size, soon, store,
};

/// Where the whole of it is spent.
const SHORT: Duration = Duration::from_millis(100);

/// Where it is not.
const LONG: Duration = Duration::from_secs(10);

/// Longer than any answer.
const LONGEST: usize = 4096;

struct Cut {
    server: Server,
    proxy: Proxy,
    /// Over the network that is cut.
    store: RedisStore,
    /// Over another.
    clean: RedisStore,
}

impl Cut {
    fn new(server: Server, deadline: Duration) -> Self {
        let proxy = Proxy::start(server.port());
        Self {
            store: impatient(&proxy.url(), deadline),
            clean: store(&server.url()),
            server,
            proxy,
        }
    }

    /// The first record and a connection that is made; for a release also the
    /// lease.
    fn prepare(&self, op: Op) -> Option<Lease> {
        self.proxy.set(Mode::Pass);
        run(&self.server, &["FLUSHALL"]);
        save(&self.clean, Stamp::default(), &first());
        assert_eq!(soon(|| block_on(self.store.load())), first());
        (op == Op::Release).then(|| soon(|| block_on(self.store.acquire(TTL))))
    }

    /// What has to hold after an operation that was cut, over a network that
    /// is whole again.
    fn check(&self, op: Op, context: impl Debug) {
        self.proxy.set(Mode::Pass);
        // The pause between two connections may be longer than the deadline;
        // and what was asked last may be on its way still.
        let mut found = soon(|| block_on(self.store.load()));
        until("it to be quiet", || {
            let before = std::mem::replace(&mut found, load(&self.clean));
            before == found
        });
        let untouched = found.clone().with_presented(None) == first();
        match op {
            Op::Swap => {
                assert!(untouched || found == second(), "{context:?}: {found:?}");
                let again = || self.store.compare_and_swap(first().stamp(), second());
                match soon(|| block_on(again())) {
                    Swap::Done => {}
                    Swap::Conflict(other) => assert_eq!(other, second(), "{context:?}"),
                }
                assert_eq!(load(&self.clean), second(), "{context:?}");
            }
            Op::Clear => {
                let cleared = Stored::empty(first().stamp().next_epoch());
                assert!(untouched || found == cleared, "{context:?}: {found:?}");
                let again = soon(|| block_on(self.store.clear(1)));
                assert_eq!(again, cleared.stamp(), "{context:?}");
            }
            _ => assert!(untouched, "{context:?}: {found:?}"),
        }
        run(&self.server, &["DEL", LEASE]);
    }
}

/// One cut, and a network that is whole after it: most succeed by a second
/// try.
#[test]
fn an_answer_that_is_cut_once_at_any_byte_loses_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let it = Cut::new(server, LONG);
    for op in OPS {
        let (mut failed, mut bytes) = (0, LONGEST);
        for byte in 0..LONGEST {
            let lease = it.prepare(op);
            let cuts = it.proxy.cuts();
            it.proxy.set(Mode::CutOnce(byte));
            let result = in_time(op, &it.store, lease, LONG);
            if it.proxy.cuts() == cuts {
                result.unwrap();
                bytes = byte;
                break;
            }
            failed += usize::from(result.is_err());
            it.check(op, (op, byte));
        }
        println!("{op:?}: cut at {bytes} bytes, {failed} errors");
        assert!(bytes > 0 && bytes < LONGEST, "{op:?}: {bytes} bytes");
        assert_eq!(failed, 0, "{op:?} is not tried again");
    }
    assert_works(&it.store);
}

/// Every connection is cut at the same byte of what it brings: of its
/// handshake, or of the answer.
#[test]
fn a_network_that_cuts_every_answer_costs_the_deadline_and_no_more() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let it = Cut::new(server, SHORT);
        // Each cut takes the whole deadline.
        let step = size("TOLLGATE_REDIS_CUT_EVERY", 60);
        for op in OPS {
            let (mut failed, mut bytes) = (0, LONGEST);
            for byte in (0..LONGEST).step_by(step) {
                let lease = it.prepare(op);
                it.proxy.close_all();
                it.proxy.set(Mode::CutEach(byte));
                let result = in_time(op, &it.store, lease, SHORT);
                // What is on its way when the time is over gets no further.
                it.proxy.close_all();
                it.check(op, (op, byte));
                if result.is_ok() {
                    bytes = byte;
                    break;
                }
                failed += 1;
            }
            println!("{op:?}: whole at {bytes} bytes, {failed} errors");
            assert!(bytes < LONGEST && failed > 0, "{op:?}");
        }
        run(&it.server, &["FLUSHALL"]);
        it.prepare(Op::Load);
    });
}

/// The answer to the write was lost, and somebody else has written since: the
/// repeat must not overwrite that.
#[test]
fn a_write_that_is_tried_again_overwrites_nothing_newer() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let it = Cut::new(server, SHORT);
        it.prepare(Op::Swap);
        it.proxy.set(Mode::CutEach(0));
        // Its time may be over before it is sent.
        until("it to be written", || {
            in_time(Op::Swap, &it.store, None, SHORT).unwrap_err();
            load(&it.clean) == second()
        });
        let third = crate::support::live(second().stamp().next());
        save(&it.clean, second().stamp(), &third);
        it.proxy.set(Mode::Pass);
        let again = || it.store.compare_and_swap(first().stamp(), second());
        let swapped = soon(|| block_on(again()));
        assert_eq!(swapped, Swap::Conflict(third.clone()));
        assert_eq!(load(&it.clean), third);
    });
}
