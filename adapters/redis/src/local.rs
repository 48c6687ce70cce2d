//! [`Unavailable`]: what happens while Redis cannot be reached.
//!
//! With [`LocalOnly`](Unavailable::LocalOnly) the last record is kept here, and
//! is written to here; what was written is pushed when Redis is back.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tollgate::{
    Error, Result,
    auth::{Lease, Presented, Stamp, Stored, Swap},
};

use crate::{
    error,
    inner::Inner,
    lease,
    line::{Time, now},
};

/// After a failure, nobody waits for Redis again for as long.
const REST: Duration = Duration::from_secs(1);

/// What happens while Redis cannot be reached.
///
/// Either way a token that is still good is used on: nothing is asked of Redis
/// for it.
///
/// ```
/// use tollgate_redis::{RedisStore, Unavailable};
///
/// let store = RedisStore::builder("tokens:robot")
///     .url("redis://127.0.0.1/")
///     .when_unavailable(Unavailable::LocalOnly)
///     .build()?;
/// # drop(store);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailable {
    /// A refresh fails, and can be tried again: a refresh token is not spent
    /// whose successor could not be stored. The default.
    #[default]
    FailClosed,
    /// The last record stays in the memory of each process, which refreshes
    /// alone and without a lease. What it got is written when Redis is back,
    /// unless somebody has written since.
    ///
    /// For refresh tokens that do not rotate: one that does is spent by several
    /// processes, and a strict server ends the session. A process that has read
    /// nothing yet fails as with [`FailClosed`](Self::FailClosed).
    LocalOnly,
}

/// What is known while Redis is away.
#[derive(Debug, Default)]
pub(crate) struct Local(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last record that was read or written.
    known: Option<Stored>,
    /// Set where `known` was written here alone: the last stamp in Redis.
    base: Option<Stamp>,
    /// Redis has failed, and is not waited for before.
    rests: Option<Instant>,
}

impl Local {
    pub(crate) async fn load(&self, inner: &Arc<Inner>) -> Result<Stored> {
        let time = inner.talk.time();
        let read = async {
            self.push(inner, time).await?;
            inner.read(time).await
        };
        match self.unless_away(read).await {
            Ok(stored) => Ok(self.note(stored)),
            Err(error) => self.known(error),
        }
    }

    pub(crate) async fn swap(
        &self,
        inner: &Arc<Inner>,
        expected: Stamp,
        new: Stored,
    ) -> Result<Swap> {
        let time = inner.talk.time();
        let written = async {
            self.push(inner, time).await?;
            inner.swap(time, expected, new.clone()).await
        };
        match self.unless_away(written).await {
            Ok(Swap::Done) => {
                self.note(new);
                Ok(Swap::Done)
            }
            Ok(Swap::Conflict(other)) => Ok(Swap::Conflict(self.note(other))),
            Err(error) => {
                let known = self.known(error)?;
                if known.stamp() != expected {
                    return Ok(Swap::Conflict(known));
                }
                self.keep(expected, new);
                Ok(Swap::Done)
            }
        }
    }

    pub(crate) async fn clear(&self, inner: &Arc<Inner>, epoch: u64) -> Result<Stamp> {
        let time = inner.talk.time();
        let cleared = async {
            self.push(inner, time).await?;
            inner.clear(time, epoch).await?;
            inner.read(time).await
        };
        match self.unless_away(cleared).await {
            Ok(stored) => Ok(self.note(stored).stamp()),
            Err(error) => {
                let stamp = self.known(error)?.stamp();
                if stamp.epoch > epoch {
                    return Ok(stamp);
                }
                let empty = Stored::empty(stamp.next_epoch());
                let cleared = empty.stamp();
                self.keep(stamp, empty);
                Ok(cleared)
            }
        }
    }

    pub(crate) async fn acquire(&self, inner: &Arc<Inner>, ttl: Duration) -> Result<Lease> {
        let acquired = async {
            self.push(inner, inner.talk.time()).await?;
            lease::acquire(inner, ttl).await
        };
        match self.unless_away(acquired).await {
            Ok(lease) => {
                if let Some(record) = lease.record() {
                    self.note(record.clone());
                }
                Ok(lease)
            }
            Err(error) => Ok(Lease::default().with_record(self.known(error)?)),
        }
    }

    pub(crate) async fn present(
        &self,
        inner: &Arc<Inner>,
        stamp: Stamp,
        presented: Option<Presented>,
    ) -> Result<Swap> {
        let asked = inner.present(inner.talk.time(), stamp, presented);
        match self.unless_away(asked).await {
            Ok(swap) => Ok(swap),
            Err(error) => Ok(match self.known(error)? {
                known if known.stamp() == stamp => Swap::Done,
                other => Swap::Conflict(other),
            }),
        }
    }

    /// Writes to Redis what was written here alone; where somebody has written
    /// there since, that stays. A sign-out counts for what it ended.
    pub(crate) async fn push(&self, inner: &Arc<Inner>, time: Time) -> Result<()> {
        let (mut base, mine) = {
            let state = self.lock();
            match (state.base, &state.known) {
                (Some(base), Some(mine)) => (base, mine.clone()),
                _ => return Ok(()),
            }
        };
        let there = loop {
            match inner.swap(time, base, mine.clone()).await? {
                Swap::Done => break mine.clone(),
                // It has lost what it had.
                Swap::Conflict(there) if there.stamp() < base => base = there.stamp(),
                Swap::Conflict(there) => {
                    let ends = mine.token().is_none() && !mine.is_dead();
                    if ends && there.stamp().epoch < mine.stamp().epoch {
                        inner.clear(time, there.stamp().epoch).await?;
                        break inner.read(time).await?;
                    }
                    break there;
                }
            }
        };
        let mut state = self.lock();
        // Meanwhile something else may have been written here.
        if state.known.as_ref() == Some(&mine) {
            state.base = None;
            state.known = Some(there);
        }
        Ok(())
    }

    /// Asks Redis, unless it has failed a moment ago.
    async fn unless_away<T>(&self, asked: impl Future<Output = Result<T>>) -> Result<T> {
        if self.lock().rests.is_some_and(|until| now() < until) {
            return Err(error::away());
        }
        let answer = asked.await;
        let is_away = matches!(&answer, Err(error) if error::is_unavailable(error));
        self.lock().rests = is_away.then(|| now() + REST);
        answer
    }

    /// What is known, after an error of a Redis that cannot be reached.
    fn known(&self, error: Error) -> Result<Stored> {
        if !error::is_unavailable(&error) {
            return Err(error);
        }
        self.lock().known.clone().ok_or(error)
    }

    fn note(&self, stored: Stored) -> Stored {
        let mut state = self.lock();
        if state.base.is_none() {
            state.known = Some(stored.clone());
        }
        stored
    }

    /// Writes here alone.
    fn keep(&self, expected: Stamp, new: Stored) {
        let mut state = self.lock();
        state.base.get_or_insert(expected);
        state.known = Some(new);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
