//! [`RedisStore`]: the port, over Redis.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    channel::oneshot,
    future::{Either, select},
};
use redis::Value;
use tollgate::{
    Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
};

use crate::{
    answer::{Answer, unexpected},
    ask::{Ask, Replicas},
    builder::RedisStoreBuilder,
    codec::{Codec, FIELDS, mark},
    error,
    keys::Keys,
    lease::{Grant, Hold, Owner},
    line::{Job, Line},
    scripts,
    watch::Bell,
};

/// Keeps the token in Redis, for a fleet of processes.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) keys: Keys,
    pub(crate) codec: Codec,
    pub(crate) line: Box<dyn Line>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) deadline: Duration,
    pub(crate) poll_every: Duration,
    pub(crate) replicas: Option<Replicas>,
    /// The leases that this store has, for the write that gives one back.
    pub(crate) held: Mutex<Vec<Arc<Hold>>>,
}

impl RedisStore {
    /// Keeps the token under `key` at the server of `url`.
    ///
    /// # Errors
    ///
    /// See [`RedisStoreBuilder::build`].
    #[cfg(feature = "tokio")]
    pub fn open(url: &str, key: impl Into<String>) -> Result<Self> {
        Self::builder(key).url(url).build()
    }

    /// Starts to configure a store that keeps the token under `key`.
    pub fn builder(key: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(key.into())
    }

    pub(crate) fn over(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl Inner {
    /// Asks, and reads the answer on the thread of the store: what `read`
    /// gives is dropped there if nobody waits for it.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        ask: Ask,
        read: impl FnOnce(Result<Value>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let limit = match ask.replicas {
            Some(replicas) => self.deadline + replicas.limit,
            None => self.deadline,
        };
        self.line.push(Job::new(ask, limit, move |answer| {
            drop(sender.send(read(answer)));
        }));
        match select(receiver, self.line.give_up(limit)).await {
            Either::Left((answer, _)) => answer.unwrap_or_else(|_| Err(error::no_thread(None))),
            Either::Right(_) => Err(error::too_late(&self.codec.key, limit, None)),
        }
    }

    async fn read(self: &Arc<Self>) -> Result<Stored> {
        let inner = Arc::clone(self);
        self.ask(Ask::fields(&self.keys.record, &FIELDS), move |answer| {
            inner.codec.loaded(answer?)
        })
        .await
    }

    /// The stamp alone, which is less to read; and whether it can be read.
    async fn stamp(self: &Arc<Self>) -> Result<Stamp> {
        let [schema, epoch, version, ..] = FIELDS;
        let inner = Arc::clone(self);
        self.ask(
            Ask::fields(&self.keys.record, &[schema, epoch, version]),
            move |answer| {
                let mut fields = crate::answer::fields(answer?)?;
                // A stamp is enough: what it belongs to is read when it differs.
                fields.state = fields.epoch.as_ref().map(|_| b"empty".to_vec());
                Ok(inner.codec.read(fields)?.stamp())
            },
        )
        .await
    }

    /// Reads what a script says about a write.
    fn swapped(&self, answer: Value) -> Result<Swap> {
        let mut answer = Answer::of(answer)?;
        match answer.name() {
            b"DONE" => Ok(Swap::Done),
            b"CONFLICT" => Ok(Swap::Conflict(self.codec.read(answer.fields()?)?)),
            _ => Err(self.foreign(answer)),
        }
    }

    /// The error of a script that did nothing because of the record's schema.
    pub(crate) fn foreign(&self, mut answer: Answer) -> tollgate::Error {
        if answer.name() != b"SCHEMA" {
            return unexpected();
        }
        let schema = match answer.text() {
            Ok(schema) => self.codec.check(Some(schema.as_bytes())),
            Err(error) => Err(error),
        };
        schema.err().unwrap_or_else(unexpected)
    }

    /// Reads what became of a write; with replicas, how many have it.
    fn written(&self, answer: Value, new: &Stored) -> Result<Swap> {
        let (answer, have) = match (answer, self.replicas) {
            (Value::Array(parts), Some(_)) => match <[Value; 2]>::try_from(parts) {
                Ok([answer, Value::Int(have)]) => (answer, Some(have)),
                _ => return Err(unexpected()),
            },
            (answer, _) => (answer, None),
        };
        let swap = match self.swapped(answer)? {
            // It was written, and the answer was lost.
            Swap::Conflict(there) if Codec::is_same(&there, new) => Swap::Done,
            swap => swap,
        };
        if let (Swap::Done, Some(have), Some(wanted)) = (&swap, have, self.replicas)
            && have < i64::from(wanted.count)
        {
            return Err(error::not_replicated(&self.codec.key, have, wanted));
        }
        Ok(swap)
    }
}

#[async_trait]
impl TokenStore for RedisStore {
    async fn load(&self) -> Result<Stored> {
        self.inner.read().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let inner = Arc::clone(&self.inner);
        let keys = &inner.keys;
        let hold = inner.hold_of(new.fence());
        let ask = Ask::script(&scripts::CAS, &[&keys.record, &keys.lease])
            .arg(keys.channel.as_str())
            .number(expected.epoch)
            .number(expected.version);
        let mut ask = inner.codec.write(ask, &new)?;
        ask = ask.arg(hold.as_ref().map_or("", |hold| hold.owner.as_str()));
        ask.replicas = inner.replicas;
        let reader = Arc::clone(&inner);
        let read = move |answer: Result<Value>| {
            let swap = reader.written(answer?, &new)?;
            if let (Swap::Done, Some(hold)) = (&swap, hold) {
                reader.forget(&hold);
            }
            Ok(swap)
        };
        inner.ask(ask, read).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        let inner = Arc::clone(&self.inner);
        let keys = &self.inner.keys;
        let ask = Ask::script(&scripts::CLEAR, &[&keys.record, &keys.lease])
            .arg(keys.channel.as_str())
            .number(epoch);
        let read = move |answer: Result<Value>| {
            let mut answer = Answer::of(answer?)?;
            match answer.name() {
                b"STAMP" => Ok(Stamp::new(answer.number()?, answer.number()?)),
                _ => Err(inner.foreign(answer)),
            }
        };
        self.inner.ask(ask, read).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        let owner = Owner::random()?;
        let mut seen = None;
        loop {
            // Before asking: what is told in between is heard.
            let told = self.inner.bell.listen();
            match self.inner.try_acquire(&owner, ttl, seen).await? {
                Grant::Given(lease) if seen.is_some() => return Ok(lease.contended()),
                Grant::Given(lease) => return Ok(lease),
                Grant::Moved(record) => return Ok(Lease::withheld(record)),
                Grant::Busy { left, stamp, tries } => {
                    seen = Some((seen.map_or(stamp, |(stamp, _)| stamp), tries));
                    self.inner.line.subscribe();
                    let pause = self.inner.line.sleep(Grant::pause(left, tries));
                    select(told, pause).await;
                }
            }
        }
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        let inner = Arc::clone(&self.inner);
        let ask = Ask::script(&scripts::PRESENT, &[&inner.keys.record])
            .number(stamp.epoch)
            .number(stamp.version)
            .arg(mark(presented));
        self.inner
            .ask(ask, move |answer| inner.swapped(answer?))
            .await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        match self.inner.hold_of(lease.fence()) {
            Some(hold) => self.inner.release(&hold).await,
            // It was given back with the write.
            None => Ok(()),
        }
    }

    fn is_watchable(&self) -> bool {
        true
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        self.inner.line.subscribe();
        loop {
            let told = self.inner.bell.listen();
            if self.inner.stamp().await? != seen {
                let stored = self.inner.read().await?;
                if stored.stamp() != seen {
                    return Ok(stored);
                }
            }
            select(told, self.inner.line.sleep(self.inner.poll_every)).await;
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("key", &self.inner.codec.key)
            .field("deadline", &self.inner.deadline)
            .field("poll_every", &self.inner.poll_every)
            .finish_non_exhaustive()
    }
}
