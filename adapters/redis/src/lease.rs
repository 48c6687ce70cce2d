//! [`Hold`]: a lease that this process has, and how it is asked for.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use chacha20poly1305::aead::Generate;
use redis::Value;
use tollgate::{
    Result,
    auth::{Lease, Stamp, Stored},
};

use crate::{
    answer::Answer,
    ask::Ask,
    error,
    line::{Job, backoff},
    scripts,
    store::Inner,
};

/// Who asks for a lease: 128 random bits, new each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner(String);

impl Owner {
    pub(crate) fn random() -> Result<Self> {
        let low = u64::try_generate().map_err(|_| error::no_randomness())?;
        let high = u64::try_generate().map_err(|_| error::no_randomness())?;
        Ok(Self(format!("{high:016x}{low:016x}")))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A lease that this store was given and has not given back.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) owner: Owner,
    fence: u64,
}

/// Gives the lease back when it is dropped.
struct Guard {
    inner: Arc<Inner>,
    hold: Arc<Hold>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.inner.forget(&self.hold) {
            self.inner.send_release(&self.hold.owner);
        }
    }
}

/// What became of one try.
pub(crate) enum Grant {
    Given(Lease),
    /// The record is another than at the first try.
    Moved(Stored),
    Busy {
        /// How long somebody else has it at most.
        left: Duration,
        stamp: Stamp,
        /// How often it was asked for.
        tries: u32,
    },
}

impl Grant {
    /// How long to wait before the next try, where no message comes.
    pub(crate) fn pause(left: Duration, tries: u32) -> Duration {
        // Who asks in the moment of the end may be too early.
        let end = left + Duration::from_millis(1);
        backoff(tries.saturating_sub(1), end.min(Duration::from_millis(500)))
    }
}

impl Inner {
    /// Asks for the lease once; `seen` is the stamp of the first try, and how
    /// often it was asked for.
    pub(crate) async fn try_acquire(
        self: &Arc<Self>,
        owner: &Owner,
        ttl: Duration,
        seen: Option<(Stamp, u32)>,
    ) -> Result<Grant> {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        // The longest that Redis can count, and no less than it can.
        let millis = millis.clamp(1, i64::MAX as u64 / 4);
        let first = seen.map_or(String::new(), |(stamp, _)| {
            format!("{}:{}", stamp.epoch, stamp.version)
        });
        let ask = Ask::script(&scripts::ACQUIRE, &[&self.keys.record, &self.keys.lease])
            .arg(owner.as_str())
            .number(millis)
            .arg(first);
        let tries = seen.map_or(1, |(_, tries)| tries.saturating_add(1));
        let (inner, owner) = (Arc::clone(self), owner.clone());
        self.ask(ask, move |answer| match answer {
            Ok(answer) => inner.granted(answer, owner, tries),
            Err(error) => {
                // It may have been given, and the answer was lost.
                if error::is_unavailable(&error) {
                    inner.send_release(&owner);
                }
                Err(error)
            }
        })
        .await
    }

    fn granted(self: &Arc<Self>, answer: Value, owner: Owner, tries: u32) -> Result<Grant> {
        let mut answer = Answer::of(answer)?;
        match answer.name() {
            b"GOT" => {
                let fence = answer.number()?;
                let hold = Arc::new(Hold { owner, fence });
                self.holds().push(Arc::clone(&hold));
                // From here on it is given back, also if the record is broken.
                let guard = Guard {
                    inner: Arc::clone(self),
                    hold,
                };
                let record = self.codec.read(answer.fields()?)?;
                let lease = Lease::new(fence).with_record(record).with_guard(guard);
                Ok(Grant::Given(lease))
            }
            b"MOVED" => Ok(Grant::Moved(self.codec.read(answer.fields()?)?)),
            b"BUSY" => {
                let left = Duration::from_millis(answer.left()?);
                let stamp = answer.text()?;
                let stamp = stamp.split_once(':').and_then(|(epoch, version)| {
                    Some(Stamp::new(epoch.parse().ok()?, version.parse().ok()?))
                });
                let corrupt = || error::corrupt(&self.codec.key, "its stamp is no number");
                Ok(Grant::Busy {
                    left,
                    stamp: stamp.ok_or_else(corrupt)?,
                    tries,
                })
            }
            _ => Err(self.foreign(answer)),
        }
    }

    fn holds(&self) -> MutexGuard<'_, Vec<Arc<Hold>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the lease of a fence, if it is held.
    pub(crate) fn hold_of(&self, fence: u64) -> Option<Arc<Hold>> {
        let holds = self.holds();
        let hold = holds.iter().rev().find(|hold| hold.fence == fence);
        hold.map(Arc::clone)
    }

    /// Notes that a lease is given back; false if that was known.
    pub(crate) fn forget(&self, hold: &Arc<Hold>) -> bool {
        let mut holds = self.holds();
        let before = holds.len();
        holds.retain(|other| !Arc::ptr_eq(other, hold));
        holds.len() != before
    }

    /// Gives a lease back, and waits until it is.
    pub(crate) async fn release(self: &Arc<Self>, hold: &Arc<Hold>) -> Result<()> {
        if !self.forget(hold) {
            return Ok(());
        }
        let ask = self.release_of(&hold.owner);
        self.ask(ask, |answer| answer.map(drop)).await
    }

    /// Gives a lease back; who does it waits for nothing.
    fn send_release(&self, owner: &Owner) {
        // Where it fails, the lease ends by itself.
        let job = Job::new(self.release_of(owner), self.deadline, drop);
        self.line.push(job);
    }

    fn release_of(&self, owner: &Owner) -> Ask {
        Ask::script(&scripts::RELEASE, &[&self.keys.lease])
            .arg(self.keys.channel.as_str())
            .arg(owner.as_str())
    }
}
