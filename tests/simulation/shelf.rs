//! [`Shelf`]: a store in memory that fails by chance, and that other processes
//! write to.

use std::{future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use tollgate::{
    Error, ErrorKind, Result, Runtime,
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
};

use crate::{
    executor::Kind,
    facts::Id,
    world::{State, World, id_of, read},
};

/// What the store holds.
pub(crate) struct Kept {
    pub(crate) stored: Stored,
    lease: Option<Held>,
    fence: u64,
}

struct Held {
    fence: u64,
    task: usize,
    until: Duration,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            stored: Stored::empty(Stamp::default()),
            lease: None,
            fence: 0,
        }
    }
}

impl Kept {
    pub(crate) fn is_leased_to(&self, task: usize, now: Duration) -> bool {
        let held = self.lease.as_ref();
        held.is_some_and(|held| held.task == task && now < held.until)
    }

    /// Takes the lease, if nobody has it.
    fn take(&mut self, task: usize, now: Duration, ttl: Duration) -> Option<u64> {
        if self.lease.as_ref().is_some_and(|held| now < held.until) {
            return None;
        }
        self.fence += 1;
        self.lease = Some(Held {
            fence: self.fence,
            task,
            until: now + ttl,
        });
        Some(self.fence)
    }

    fn give_back(&mut self, fence: u64) {
        self.lease.take_if(|held| held.fence == fence);
    }
}

/// The number of a record's refresh token, with its family.
pub(crate) fn refresh_of(stored: &Stored) -> Option<Id> {
    read(stored.token()?.refresh_token()?.expose())
}

impl State {
    /// Writes what is stored; every writer comes through here.
    pub(crate) fn put(&mut self, new: Stored, ours: bool) {
        let old = &self.kept.stored;
        let (before, after) = (old.stamp(), new.stamp());
        let rising = after.epoch >= before.epoch && after.version > before.version;
        self.model.require("I3", rising, || {
            format!("{before:?} is followed by {after:?}")
        });
        let id = new.token().and_then(id_of);
        let family = old.token().and_then(id_of).map(|id| id.0);
        if let Some(id) = id {
            let over_ours = id.1 == 1 || family == Some(id.0);
            self.model.require("I4", over_ours, || {
                format!("{id:?} is stored over {family:?}")
            });
            let complete = refresh_of(&new).is_some();
            self.model.require("I12", complete, || {
                format!("{id:?} has lost its refresh token")
            });
            self.model.commits(id, ours || self.plan.leases);
        }
        if ours && new.is_dead() {
            let spent = refresh_of(old);
            // The store may be behind: a later token was refused, never stored.
            let denied = spent.is_none_or(|(family, number)| {
                let mut all = self.model.denied.iter();
                all.any(|denied| denied.0 == family && denied.1 >= number)
            });
            self.model.require("I12", denied, || {
                format!("{spent:?} is erased, and was not denied")
            });
        }
        self.note(|| format!("store: {after:?} {id:?}"));
        self.kept.stored = new;
    }
}

pub(crate) struct Shelf(pub(crate) Arc<World>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    After,
}

fn down() -> Error {
    Error::new(ErrorKind::Auth, "the store is down")
}

impl Shelf {
    /// Comes to the store, later and perhaps never.
    async fn arrive(&self) -> Result<Fault> {
        let world = &*self.0;
        world.pause(2).await;
        let in_flight = world.running().kind == Kind::Flight;
        let fault = {
            let mut state = world.lock();
            let trouble = state.plan.store_trouble;
            if state.chance(trouble) {
                state.random.u32(0..5)
            } else {
                5
            }
        };
        match fault {
            0 | 1 => return Err(down()),
            2 | 3 => return Ok(Fault::After),
            // A caller who signs in waits as long as the store does.
            4 if in_flight => pending::<()>().await,
            _ => {}
        }
        Ok(Fault::None)
    }

    async fn leave<T>(&self, fault: Fault, value: T) -> Result<T> {
        self.0.pause(2).await;
        match fault {
            Fault::After => Err(down()),
            Fault::None => Ok(value),
        }
    }
}

/// A write, until it is over or dropped.
struct Writing<'a>(&'a World, Id);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.lock().model.write_ends(self.1);
    }
}

#[async_trait]
impl TokenStore for Shelf {
    async fn load(&self) -> Result<Stored> {
        let fault = self.arrive().await?;
        let stored = self.0.lock().kept.stored.clone();
        self.leave(fault, stored).await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let world = &*self.0;
        let id = new.token().and_then(id_of);
        if let Some(id) = id {
            let mut state = world.lock();
            state.note(|| format!("store: {id:?} comes"));
            state.model.writes(id);
        }
        let _writing = id.map(|id| Writing(world, id));
        let fault = self.arrive().await?;
        let swap = {
            let mut state = world.lock();
            if state.kept.stored.stamp() == expected {
                state.put(new, true);
                Swap::Done
            } else {
                state.note(|| format!("store: conflict with {expected:?}"));
                Swap::Conflict(state.kept.stored.clone())
            }
        };
        let swap = self.leave(fault, swap).await?;
        if let Some(id) = id.filter(|_| swap == Swap::Done) {
            world.lock().model.confirms(id);
        }
        Ok(swap)
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        let world = &*self.0;
        {
            let mut state = world.lock();
            let out = state.model.current.is_none();
            state
                .model
                .require("I12", out, || "cleared without a sign-out".to_owned());
        }
        let fault = self.arrive().await?;
        let stamp = {
            let mut state = world.lock();
            let stamp = state.kept.stored.stamp();
            if stamp.epoch <= epoch {
                state.put(Stored::empty(stamp.next_epoch()), true);
            }
            state.kept.stored.stamp()
        };
        self.leave(fault, stamp).await
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        let fault = self.arrive().await?;
        let swap = {
            let mut state = self.0.lock();
            let kept = &mut state.kept;
            if kept.stored.stamp() == stamp {
                kept.stored = kept.stored.clone().with_presented(presented);
                Swap::Done
            } else {
                Swap::Conflict(kept.stored.clone())
            }
        };
        self.leave(fault, swap).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        let fault = self.arrive().await?;
        if !self.0.lock().plan.leases {
            return Ok(Lease::default());
        }
        let fence = self.0.lease(ttl).await;
        self.leave(fault, Lease::new(fence)).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        let fault = self.arrive().await?;
        self.0.give_back(lease.fence());
        self.leave(fault, ()).await
    }
}

impl World {
    /// Waits for the lease; also other processes do.
    pub(crate) async fn lease(&self, ttl: Duration) -> u64 {
        loop {
            let task = self.running().task;
            let now = self.time.elapsed();
            let taken = self.lock().kept.take(task, now, ttl);
            if let Some(fence) = taken {
                self.lock().note(|| format!("store: lease {fence}"));
                return fence;
            }
            self.time.sleep(Duration::from_secs(1)).await;
        }
    }

    pub(crate) fn give_back(&self, fence: u64) {
        let mut state = self.lock();
        state.note(|| format!("store: lease {fence} is given back"));
        state.kept.give_back(fence);
    }
}
