//! Random operations of two stores against a model of the record.

use std::time::Duration;

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tollgate::{
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Proxy, Server, until_within};

use crate::support::{LEASE, TTL, run, size, store, token};

/// Where two stores are at work, which of them; 0 or 1.
type Who = usize;

#[derive(Clone, Debug)]
enum Step {
    Load(Who),
    Swap(Who, Write),
    /// The session of an epoch so far back from the present one.
    Clear(Who, u64),
    /// Over the present stamp or another; a mark or none.
    Present(Who, bool, bool),
    Acquire(Who),
    Release(Who),
    Drop(Who),
    /// The lease's time is over.
    Expire,
    ForgetScripts,
    CloseConnections,
    Wipe,
}

#[derive(Clone, Debug)]
struct Write {
    /// So far back from the present version.
    back: u64,
    kind: Kind,
    signs_in: bool,
    fence: Fence,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Live,
    Dead,
    Empty,
}

#[derive(Clone, Copy, Debug)]
enum Fence {
    None,
    Last,
    Earlier,
}

fn write() -> impl Strategy<Value = Write> {
    let kind = prop_oneof![3 => Just(Kind::Live), 1 => Just(Kind::Dead), 1 => Just(Kind::Empty)];
    let fence = prop_oneof![Just(Fence::None), Just(Fence::Last), Just(Fence::Earlier)];
    let back = prop_oneof![4 => Just(0_u64), 1 => 1_u64..3];
    (back, kind, any::<bool>(), fence).prop_map(|(back, kind, signs_in, fence)| Write {
        back,
        kind,
        signs_in,
        fence,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0_usize..2;
    prop_oneof![
        3 => who.clone().prop_map(Step::Load),
        8 => (who.clone(), write()).prop_map(|(who, write)| Step::Swap(who, write)),
        2 => (who.clone(), 0_u64..3).prop_map(|(who, back)| Step::Clear(who, back)),
        4 => (who.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(who, stale, mark)| Step::Present(who, stale, mark)),
        6 => who.clone().prop_map(Step::Acquire),
        3 => who.clone().prop_map(Step::Release),
        1 => who.prop_map(Step::Drop),
        1 => Just(Step::Expire),
        1 => Just(Step::ForgetScripts),
        1 => Just(Step::CloseConnections),
        1 => Just(Step::Wipe),
    ]
}

struct Bench {
    server: Server,
    proxy: Proxy,
    stores: [RedisStore; 2],
}

struct Run<'a> {
    bench: &'a Bench,
    own: redis::Connection,
    record: Stored,
    last_fence: u64,
    /// Leases, numbered in the order in which they were given.
    held: [Option<(Lease, u64)>; 2],
    given: u64,
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), TestCaseError> {
    if holds {
        return Ok(());
    }
    Err(TestCaseError::fail(what()))
}

impl<'a> Run<'a> {
    fn new(bench: &'a Bench) -> Self {
        run(&bench.server, &["FLUSHALL"]);
        Self {
            bench,
            own: bench.server.connection(),
            record: Stored::empty(Stamp::default()),
            last_fence: 0,
            held: [None, None],
            given: 0,
        }
    }

    fn has_lease(&mut self) -> bool {
        redis::cmd("EXISTS")
            .arg(LEASE)
            .query(&mut self.own)
            .unwrap()
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Load(_) => {}
            Step::Swap(who, write) => self.swap(*who, write)?,
            Step::Clear(who, back) => self.clear(*who, *back)?,
            Step::Present(who, stale, mark) => self.present(*who, *stale, *mark)?,
            Step::Acquire(who) => self.acquire(*who)?,
            Step::Release(who) => self.release(*who)?,
            Step::Drop(who) => self.drop_lease(*who),
            Step::Expire => run(&self.bench.server, &["DEL", LEASE]),
            Step::ForgetScripts => run(&self.bench.server, &["SCRIPT", "FLUSH"]),
            Step::CloseConnections => self.bench.proxy.close_all(),
            Step::Wipe => {
                run(&self.bench.server, &["FLUSHALL"]);
                self.record = Stored::empty(Stamp::default());
                self.last_fence = 0;
            }
        }
        let who = if let Step::Load(who) = step { *who } else { 0 };
        let found = block_on(self.bench.stores[who].load()).unwrap();
        ensure(found == self.record, || {
            format!("found {found:?}, expected {:?}", self.record)
        })
    }

    fn swap(&mut self, who: Who, write: &Write) -> Result<(), TestCaseError> {
        let there = self.record.stamp();
        let expected = Stamp::new(there.epoch, there.version.saturating_sub(write.back));
        let stamp = if write.signs_in {
            expected.next_epoch()
        } else {
            expected.next()
        };
        let fence = match write.fence {
            Fence::None => 0,
            Fence::Last => self.last_fence,
            Fence::Earlier => self.last_fence / 2,
        };
        let new = match write.kind {
            Kind::Live => Stored::live(stamp, token(stamp)),
            Kind::Dead => Stored::dead(stamp),
            Kind::Empty => Stored::empty(stamp),
        };
        let new = new.with_fence(fence);
        let too_low = !write.signs_in && fence > 0 && fence < self.record.fence();
        let swapped = self.bench.stores[who].compare_and_swap(expected, new.clone());
        let swapped = block_on(swapped).unwrap();
        let wanted = if expected != there || too_low {
            Swap::Conflict(self.record.clone())
        } else {
            self.record = new.clone();
            self.last_fence = self.last_fence.max(fence);
            Swap::Done
        };
        // What is there already may count as written.
        let there = self.record.clone().with_presented(None);
        let repeated = new == there && swapped == Swap::Done;
        ensure(swapped == wanted || repeated, || {
            format!("a swap gave {swapped:?}, expected {wanted:?}")
        })
    }

    fn clear(&mut self, who: Who, back: u64) -> Result<(), TestCaseError> {
        let there = self.record.stamp();
        let epoch = there.epoch.saturating_sub(back);
        let stamp = block_on(self.bench.stores[who].clear(epoch)).unwrap();
        if epoch == there.epoch {
            self.record = Stored::empty(there.next_epoch());
            let held = self.has_lease();
            ensure(!held, || "a lease outlived its epoch".to_owned())?;
        }
        ensure(stamp == self.record.stamp(), || {
            format!("clear gave {stamp:?}, expected {:?}", self.record.stamp())
        })
    }

    fn present(&mut self, who: Who, stale: bool, mark: bool) -> Result<(), TestCaseError> {
        let there = self.record.stamp();
        let stamp = if stale { there.next() } else { there };
        let mark = mark.then(|| Presented::new(self.last_fence, std::time::UNIX_EPOCH));
        let swapped = block_on(self.bench.stores[who].present(stamp, mark)).unwrap();
        let wanted = if stale {
            Swap::Conflict(self.record.clone())
        } else {
            self.record = self.record.clone().with_presented(mark);
            Swap::Done
        };
        ensure(swapped == wanted, || {
            format!("a mark gave {swapped:?}, expected {wanted:?}")
        })
    }

    fn acquire(&mut self, who: Who) -> Result<(), TestCaseError> {
        // A drop gives back in the background, before what is asked next.
        block_on(self.bench.stores[0].load()).unwrap();
        block_on(self.bench.stores[1].load()).unwrap();
        if self.has_lease() {
            return Ok(());
        }
        let lease = block_on(self.bench.stores[who].acquire(TTL)).unwrap();
        ensure(!lease.is_withheld(), || {
            "withheld, and nobody had it".to_owned()
        })?;
        ensure(lease.fence() > self.last_fence, || {
            format!("{lease:?} after {}", self.last_fence)
        })?;
        ensure(lease.record().is_none_or(|it| *it == self.record), || {
            format!("{:?} came with the lease", lease.record())
        })?;
        self.last_fence = lease.fence();
        self.given += 1;
        self.held[who] = Some((lease, self.given));
        ensure(self.has_lease(), || "a lease that is none".to_owned())
    }

    /// A drop gives back in the background, and may have to send its script
    /// first; what happens next is not to be taken for its work.
    fn drop_lease(&mut self, who: Who) {
        let Some((lease, number)) = self.held[who].take() else {
            return;
        };
        drop(lease);
        if number == self.given {
            // In vain where its connection was closed.
            until_within(Duration::from_secs(10), || !self.has_lease());
        }
    }

    fn release(&mut self, who: Who) -> Result<(), TestCaseError> {
        let Some((lease, number)) = self.held[who].take() else {
            return Ok(());
        };
        let is_last = number == self.given;
        let before = self.has_lease();
        block_on(self.bench.stores[who].release(lease)).unwrap();
        let after = self.has_lease();
        ensure(if is_last { !after } else { before == after }, || {
            format!("last: {is_last}, held before: {before}, after: {after}")
        })
    }
}

#[test]
fn two_stores_do_what_one_record_would() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let stores = [store(&proxy.url()), store(&proxy.url())];
    let bench = Bench {
        server,
        proxy,
        stores,
    };
    let cases = u32::try_from(size("TOLLGATE_REDIS_PROGRAMS", 48)).unwrap();
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&vec(step(), 1..40), |steps| {
        let mut run = Run::new(&bench);
        steps.iter().try_for_each(|step| run.step(step))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
