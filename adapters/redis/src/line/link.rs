//! [`Links`]: one connection over tokio, which all jobs share.
//!
//! *Concurrency*: one task connects, with a pause between tries that grows
//! until something is answered; all jobs wait for it, so that a server that is
//! down, or takes connections and gives none of them an answer, sees few.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use redis::{RedisError, RedisResult};
use tokio::time;

use super::{backoff, left, longest_pause, now};
use crate::{
    source::{Source, Wire},
    watch::Bell,
};

type Connecting = Shared<BoxFuture<'static, RedisResult<Arc<Linked>>>>;

/// The connection, and where it comes from.
pub(super) struct Links {
    pub(super) source: Source,
    /// Of an operation.
    pub(super) deadline: Duration,
    link: Mutex<Link>,
    /// Why there is no connection, if a try has failed.
    trouble: Mutex<Option<RedisError>>,
    /// Rung when a connection is taken out of use.
    pub(super) cuts: Bell,
}

enum Link {
    /// None, and the next try not before a time.
    Down {
        failures: u32,
        not_before: Instant,
    },
    Connecting(Connecting),
    Up(Arc<Linked>),
}

/// A connection that was made.
pub(super) struct Linked {
    wire: Box<dyn Wire>,
    /// How many in a row were of no use; 0 when something was answered.
    failures: AtomicU32,
}

impl Links {
    pub(super) fn new(source: Source, deadline: Duration) -> Self {
        Self {
            source,
            deadline,
            link: Mutex::new(Link::Down {
                failures: 0,
                not_before: now(),
            }),
            trouble: Mutex::default(),
            cuts: Bell::default(),
        }
    }

    /// The connection, when there is one.
    pub(super) async fn get(self: &Arc<Self>) -> RedisResult<InUse> {
        let connecting = {
            let mut link = lock(&self.link);
            match &*link {
                Link::Up(linked) => return Ok(InUse::new(self, Arc::clone(linked))),
                Link::Connecting(connecting) => connecting.clone(),
                Link::Down {
                    failures,
                    not_before,
                } => {
                    let connecting = Arc::clone(self).connect(*failures, *not_before);
                    let connecting = connecting.boxed().shared();
                    // It goes on if nobody waits for it.
                    tokio::spawn(connecting.clone());
                    *link = Link::Connecting(connecting.clone());
                    connecting
                }
            }
        };
        Ok(InUse::new(self, connecting.await?))
    }

    /// Why there is no connection, if that is known.
    pub(super) fn trouble(&self) -> Option<RedisError> {
        lock(&self.trouble).clone()
    }

    async fn connect(
        self: Arc<Self>,
        failures: u32,
        not_before: Instant,
    ) -> RedisResult<Arc<Linked>> {
        time::sleep(left(not_before)).await;
        let limit = self.source.limit(self.deadline);
        let connected = time::timeout(limit, self.source.connect()).await;
        let connected = connected.unwrap_or_else(|_| Err(silence()));
        *lock(&self.trouble) = connected.as_ref().err().cloned();
        let mut link = lock(&self.link);
        match connected {
            Ok(wire) => {
                let failures = AtomicU32::new(failures);
                let linked = Arc::new(Linked { wire, failures });
                *link = Link::Up(Arc::clone(&linked));
                Ok(linked)
            }
            Err(error) => {
                *link = self.down(failures);
                Err(error)
            }
        }
    }

    /// After the first of no use, the next is made at once.
    fn down(&self, failures: u32) -> Link {
        let pause = match failures.checked_sub(1) {
            Some(before) => backoff(before, longest_pause(self.deadline)),
            None => Duration::ZERO,
        };
        Link::Down {
            failures: failures.saturating_add(1),
            not_before: now() + pause,
        }
    }

    fn cut(&self, mine: &Arc<Linked>) {
        let mut link = lock(&self.link);
        if matches!(&*link, Link::Up(linked) if Arc::ptr_eq(linked, mine)) {
            *link = self.down(mine.failures.load(Ordering::Relaxed));
            drop(link);
            self.cuts.ring();
        }
    }
}

/// A connection while it is asked something.
///
/// Dropped without an answer, as with a deadline, it is not used again if it
/// had some time for one.
pub(super) struct InUse {
    links: Arc<Links>,
    linked: Arc<Linked>,
    since: Instant,
    is_over: bool,
}

impl InUse {
    fn new(links: &Arc<Links>, linked: Arc<Linked>) -> Self {
        Self {
            links: Arc::clone(links),
            linked,
            since: now(),
            is_over: false,
        }
    }

    pub(super) fn wire(&self) -> Box<dyn Wire> {
        self.linked.wire.twin()
    }

    /// Something was answered.
    pub(super) fn answered(mut self) {
        self.linked.failures.store(0, Ordering::Relaxed);
        self.is_over = true;
    }

    /// It is of no use.
    pub(super) fn broken(mut self) {
        self.links.cut(&self.linked);
        self.is_over = true;
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let waited = now().saturating_duration_since(self.since);
        if !self.is_over && waited >= self.links.deadline / 2 {
            self.links.cut(&self.linked);
        }
    }
}

pub(super) fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection was not made in time.
fn silence() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
