//! [`RedisStore`]: the port, over Redis.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use redis::Value;
use tollgate::{
    Error, Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
};

use crate::{
    answer::{self, Answer, unexpected},
    ask::{Ask, Replicas},
    builder::RedisStoreBuilder,
    codec::{Codec, FIELDS, mark},
    lease::{self, Leased, Owner},
    scripts,
    talk::Talk,
};

/// Keeps the token in Redis, for a fleet of processes.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) talk: Arc<Talk>,
    pub(crate) codec: Codec,
    pub(crate) replicas: Option<Replicas>,
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

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn over(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl Inner {
    async fn read(self: &Arc<Self>) -> Result<Stored> {
        let inner = Arc::clone(self);
        let ask = Ask::fields(&self.talk.keys.record, &FIELDS);
        let read = move |answer: Result<Value>| inner.codec.loaded(answer?);
        self.talk.ask(ask, read).await
    }

    /// The stamp alone, which is less to read; and whether it can be read.
    async fn stamp(self: &Arc<Self>) -> Result<Stamp> {
        let [schema, epoch, version, ..] = FIELDS;
        let inner = Arc::clone(self);
        let ask = Ask::fields(&self.talk.keys.record, &[schema, epoch, version]);
        let read = move |answer: Result<Value>| {
            let mut fields = answer::fields(answer?)?;
            // A stamp is enough: what it belongs to is read when it differs.
            fields.state = fields.epoch.as_ref().map(|_| b"empty".to_vec());
            Ok(inner.codec.read(fields)?.stamp())
        };
        self.talk.ask(ask, read).await
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
    fn foreign(&self, mut answer: Answer) -> Error {
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
        let (answer, have) = Replicas::counted(self.replicas, answer)?;
        let swap = match self.swapped(answer)? {
            // It was written, and the answer was lost.
            Swap::Conflict(there) if Codec::is_same(&there, new) => Swap::Done,
            swap => swap,
        };
        if swap == Swap::Done {
            Replicas::enough(self.replicas, have, &self.codec.key)?;
        }
        Ok(swap)
    }
}

impl Leased for Inner {
    fn talk(&self) -> &Arc<Talk> {
        &self.talk
    }

    fn asking(&self, owner: &Owner, millis: u64, seen: &str) -> Ask {
        let keys = &self.talk.keys;
        Ask::script(&scripts::ACQUIRE, &[&keys.record, &keys.lease])
            .arg(owner.as_str())
            .number(millis)
            .arg(seen)
    }

    fn record(&self, answer: &mut Answer) -> Result<Option<Stored>> {
        self.codec.read(answer.fields()?).map(Some)
    }

    fn reload(self: &Arc<Self>) -> BoxFuture<'_, Result<Stored>> {
        Box::pin(self.read())
    }

    fn unusual(&self, answer: Answer) -> Error {
        self.foreign(answer)
    }
}

#[async_trait]
impl TokenStore for RedisStore {
    async fn load(&self) -> Result<Stored> {
        self.inner.read().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let inner = Arc::clone(&self.inner);
        let keys = &inner.talk.keys;
        let hold = inner.talk.hold_of(new.fence());
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
                reader.talk.forget(&hold);
            }
            Ok(swap)
        };
        inner.talk.ask(ask, read).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        let inner = Arc::clone(&self.inner);
        let keys = &self.inner.talk.keys;
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
        self.inner.talk.ask(ask, read).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        lease::acquire(&self.inner, ttl).await
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        let inner = Arc::clone(&self.inner);
        let ask = Ask::script(&scripts::PRESENT, &[&inner.talk.keys.record])
            .number(stamp.epoch)
            .number(stamp.version)
            .arg(mark(presented));
        let read = move |answer: Result<Value>| inner.swapped(answer?);
        self.inner.talk.ask(ask, read).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.inner.talk.release(lease).await
    }

    fn is_watchable(&self) -> bool {
        true
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        self.inner.talk.line.subscribe();
        loop {
            let told = self.inner.talk.bell.listen();
            if self.inner.stamp().await? != seen {
                let stored = self.inner.read().await?;
                if stored.stamp() != seen {
                    return Ok(stored);
                }
            }
            let pause = self.inner.talk.poll_every;
            self.inner.talk.hear(told, pause).await;
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("key", &self.inner.codec.key)
            .field("deadline", &self.inner.talk.deadline)
            .field("poll_every", &self.inner.talk.poll_every)
            .finish_non_exhaustive()
    }
}
