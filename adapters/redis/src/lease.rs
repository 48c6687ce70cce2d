//! [`acquire`]: the lease, and giving it back.

use std::{
    sync::{Arc, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use chacha20poly1305::aead::Generate;
use futures::{channel::oneshot, future::BoxFuture};
use redis::Value;
use tollgate::{
    Error, Result,
    auth::{Lease, Stored},
    runtime::{Runtime, ThreadRuntime},
};

use crate::{
    answer::Answer,
    ask::Ask,
    error,
    line::{Job, Time, backoff, now},
    scripts,
    talk::Talk,
};

/// The longest pause between two tries, where no message comes.
const PAUSE: Duration = Duration::from_millis(500);
/// For how long it is tried, at most, to give back a lease that nobody waits
/// for, and the longest pause between.
const GIVING_BACK: Duration = Duration::from_secs(30);
const PAUSE_OF_GIVING_BACK: Duration = Duration::from_secs(1);
/// The longest time to live of a lease: ten years, in ms.
const FOREVER: u128 = 10 * 365 * 24 * 3600 * 1000;

/// A store that gives leases.
pub(crate) trait Leased: Send + Sync + 'static {
    fn talk(&self) -> &Arc<Talk>;

    /// Asks for the lease; `seen` is what the first try saw.
    fn asking(&self, owner: &Owner, millis: u64, seen: &str) -> Ask;

    /// Reads the record in an answer, if it holds one.
    fn record(&self, answer: &mut Answer) -> Result<Option<Stored>>;

    /// Reads the record.
    fn reload(self: &Arc<Self>, time: Time) -> BoxFuture<'_, Result<Stored>>;

    /// The error of an answer that is none of the usual.
    fn unusual(&self, answer: Answer) -> Error;
}

/// Who asks for a lease: 128 random bits, new each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner(String);

impl Owner {
    fn random() -> Result<Self> {
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
    ttl: Duration,
}

/// Gives the lease back when it is dropped.
struct Guard {
    talk: Arc<Talk>,
    hold: Arc<Hold>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.talk.forget(&self.hold) {
            self.talk.send_release(&self.hold.owner, self.hold.ttl);
        }
    }
}

/// What became of one try.
enum Grant {
    Given(Lease),
    /// The record is another than at the first try.
    Moved(Option<Stored>),
    /// Somebody else has it, for so long at most; and what is there.
    Busy(Duration, String),
}

/// Waits for the lease.
pub(crate) async fn acquire<L: Leased>(of: &Arc<L>, ttl: Duration) -> Result<Lease> {
    let owner = Owner::random()?;
    let mut seen = None;
    let mut tries = 0;
    loop {
        // Before asking: what is told in between is heard.
        let told = of.talk().bell.listen();
        // Each try is an operation: whoever waits has as long as it takes.
        let (asked, time) = (now(), of.talk().time());
        match try_once(of, time, &owner, ttl, seen.as_deref()).await? {
            Grant::Given(lease) => {
                let lease = lease.with_age(now().saturating_duration_since(asked));
                return Ok(if seen.is_some() {
                    lease.contended()
                } else {
                    lease
                });
            }
            Grant::Moved(Some(record)) => return Ok(Lease::withheld(record)),
            Grant::Moved(None) => return of.reload(time).await.map(Lease::withheld),
            Grant::Busy(left, there) => {
                seen.get_or_insert(there);
                // Who asks in the moment of the end may be too early, and all
                // at once are too many.
                let end = left.saturating_add(Duration::from_millis(fastrand::u64(1..50)));
                let pause = backoff(tries, PAUSE).min(end);
                of.talk().hear(told, pause).await;
                tries = tries.saturating_add(1);
            }
        }
    }
}

async fn try_once<L: Leased>(
    of: &Arc<L>,
    time: Time,
    owner: &Owner,
    ttl: Duration,
    seen: Option<&str>,
) -> Result<Grant> {
    let millis = ttl.as_millis().clamp(1, FOREVER);
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    let ask = of.asking(owner, millis, seen.unwrap_or_default());
    let (reader, owner) = (Arc::clone(of), owner.clone());
    let read = move |answer: Result<Value>| match answer {
        Ok(answer) => granted(&*reader, Answer::of(answer)?, (owner, ttl)),
        Err(error) => {
            // It may have been given, and the answer was lost.
            if error::may_have_been_done(&error) {
                reader.talk().send_release(&owner, ttl);
            }
            Err(error)
        }
    };
    of.talk().ask(time, ask, read).await
}

fn granted(of: &impl Leased, mut answer: Answer, (owner, ttl): (Owner, Duration)) -> Result<Grant> {
    match answer.name() {
        b"GOT" => {
            let fence = answer.number()?;
            // From here on it is given back, also if the record is broken.
            let guard = of.talk().hold(Hold { owner, fence, ttl });
            let lease = Lease::new(fence);
            let lease = match of.record(&mut answer)? {
                Some(record) => lease.with_record(record),
                None => lease,
            };
            Ok(Grant::Given(lease.with_guard(guard)))
        }
        b"MOVED" => Ok(Grant::Moved(of.record(&mut answer)?)),
        b"BUSY" => Ok(Grant::Busy(
            Duration::from_millis(answer.left()?),
            answer.text()?,
        )),
        _ => Err(of.unusual(answer)),
    }
}

/// Gives a lease back, until that is done, or its time or the store are over.
async fn give_back((talk, owner): (Weak<Talk>, Owner), until: Instant) {
    let mut failures = 4;
    while now() < until {
        ThreadRuntime
            .sleep(backoff(failures, PAUSE_OF_GIVING_BACK))
            .await;
        failures += 1;
        let (sender, answer) = oneshot::channel();
        let Some(talk) = talk.upgrade() else {
            return;
        };
        talk.push_release(&owner, |answer| drop(sender.send(answer)));
        drop(talk);
        match answer.await {
            Ok(Err(error)) if error::is_unavailable(&error) => {}
            _ => return,
        }
    }
}

impl Talk {
    fn hold(self: &Arc<Self>, hold: Hold) -> Guard {
        let hold = Arc::new(hold);
        self.holds().push(Arc::clone(&hold));
        Guard {
            talk: Arc::clone(self),
            hold,
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
    pub(crate) async fn release(&self, lease: Lease) -> Result<()> {
        // Not by its fence: after a loss of Redis's, fences repeat.
        let hold = lease.guard::<Guard>().map(|guard| &guard.hold);
        match hold.filter(|hold| self.forget(hold)) {
            Some(hold) => {
                let ask = self.release_of(&hold.owner);
                self.ask(self.time(), ask, |answer| answer.map(drop)).await
            }
            // It was given back with the write.
            None => Ok(()),
        }
    }

    /// Gives a lease back; who does it waits for nothing.
    ///
    /// It is tried again for as long as the lease lasts: a server that was
    /// stopped may give it when it goes on, to somebody who has given up.
    fn send_release(self: &Arc<Self>, owner: &Owner, ttl: Duration) {
        let again = (Arc::downgrade(self), owner.clone());
        let until = now() + ttl.min(GIVING_BACK);
        self.push_release(owner, move |answer| {
            if answer.is_err_and(|error| error::may_have_been_done(&error)) {
                // Seldom, and not on the line, where others have their turn.
                ThreadRuntime.spawn(Box::pin(give_back(again, until)));
            }
        });
    }

    fn push_release(&self, owner: &Owner, done: impl FnOnce(Result<Value>) + Send + 'static) {
        let ask = self.release_of(owner);
        self.line
            .push(Job::new(&self.keys.record, ask, self.time(), done));
    }

    fn release_of(&self, owner: &Owner) -> Ask {
        Ask::script(&scripts::RELEASE, &[&self.keys.lease])
            .arg(self.keys.channel.as_str())
            .arg(owner.as_str())
    }
}
