//! [`Inner`]: what a store asks for, and what it makes of the answers.

use std::sync::Arc;

use futures::future::BoxFuture;
use redis::Value;
use tollgate::{
    Error, Result,
    auth::{Presented, Stamp, Stored, Swap},
};

use crate::{
    answer::{self, Answer, unexpected},
    ask::{Ask, Replicas},
    codec::{Codec, FIELDS, mark},
    error,
    keys::Keys,
    lease::{Leased, Owner},
    line::Time,
    local::Local,
    scripts,
    talk::Talk,
};

/// A record in Redis.
pub(crate) struct Inner {
    pub(crate) talk: Arc<Talk>,
    pub(crate) codec: Codec,
    pub(crate) replicas: Option<Replicas>,
    /// What goes on while Redis is away, if anything.
    pub(crate) local: Option<Local>,
}

impl Inner {
    /// Another one over the same connection, for other names.
    pub(crate) fn with_keys(&self, keys: Keys) -> Self {
        Self {
            codec: Codec {
                key: keys.record.clone(),
                seals: self.codec.seals.clone(),
            },
            talk: Arc::new(self.talk.with_keys(keys)),
            replicas: self.replicas,
            local: self.local.as_ref().map(|_| Local::default()),
        }
    }

    pub(crate) async fn read(self: &Arc<Self>, time: Time) -> Result<Stored> {
        let inner = Arc::clone(self);
        let ask = Ask::fields(&self.talk.keys.record, &FIELDS);
        let read = move |answer: Result<Value>| inner.codec.loaded(answer?);
        self.talk.ask(time, ask, read).await
    }

    pub(crate) async fn swap(
        self: &Arc<Self>,
        time: Time,
        expected: Stamp,
        new: Stored,
    ) -> Result<Swap> {
        let keys = &self.talk.keys;
        let hold = self.talk.hold_of(new.fence());
        let ask = Ask::script(&scripts::CAS, &[&keys.record, &keys.lease])
            .arg(keys.channel.as_str())
            .number(expected.epoch)
            .number(expected.version);
        let ask = self.codec.write(ask, &new)?;
        let ask = ask.arg(hold.as_ref().map_or("", |hold| hold.owner.as_str()));
        let inner = Arc::clone(self);
        let read = move |answer: Result<Value>| {
            let swap = inner.written(answer?, &new)?;
            if let (Swap::Done, Some(hold)) = (&swap, hold) {
                inner.talk.forget(&hold);
            }
            Ok(swap)
        };
        self.talk
            .ask(time, ask.waiting_for(self.replicas), read)
            .await
    }

    pub(crate) async fn clear(self: &Arc<Self>, time: Time, epoch: u64) -> Result<Stamp> {
        let keys = &self.talk.keys;
        let ask = Ask::script(&scripts::CLEAR, &[&keys.record, &keys.lease])
            .arg(keys.channel.as_str())
            .number(epoch);
        let inner = Arc::clone(self);
        let read = move |answer: Result<Value>| {
            let (answer, have) = Replicas::counted(inner.replicas, answer?)?;
            let mut answer = Answer::of(answer)?;
            if answer.name() != b"STAMP" {
                return Err(inner.foreign(answer));
            }
            let broken = |_| error::corrupt(&inner.codec.key, "its stamp is none");
            let epoch = answer.number().map_err(broken)?;
            let stamp = Stamp::new(epoch, answer.number().map_err(broken)?);
            Replicas::enough(inner.replicas, have, &inner.codec.key)?;
            Ok(stamp)
        };
        self.talk
            .ask(time, ask.waiting_for(self.replicas), read)
            .await
    }

    pub(crate) async fn present(
        self: &Arc<Self>,
        time: Time,
        stamp: Stamp,
        presented: Option<Presented>,
    ) -> Result<Swap> {
        let inner = Arc::clone(self);
        let ask = Ask::script(&scripts::PRESENT, &[&self.talk.keys.record])
            .number(stamp.epoch)
            .number(stamp.version)
            .arg(mark(presented));
        let read = move |answer: Result<Value>| inner.swapped(answer?);
        self.talk.ask(time, ask, read).await
    }

    /// The stamp alone, which is less to read; and whether it can be read.
    pub(crate) async fn stamp(self: &Arc<Self>, time: Time) -> Result<Stamp> {
        let [schema, epoch, version, ..] = FIELDS;
        let inner = Arc::clone(self);
        let ask = Ask::fields(&self.talk.keys.record, &[schema, epoch, version]);
        let read = move |answer: Result<Value>| {
            let mut fields = answer::fields(answer?)?;
            // A stamp is enough: what it belongs to is read when it differs.
            fields.state = fields.epoch.as_ref().map(|_| b"empty".to_vec());
            Ok(inner.codec.read(fields)?.stamp())
        };
        self.talk.ask(time, ask, read).await
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
        let schema = match answer.bytes() {
            Ok(schema) => self.codec.check(Some(&schema)),
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

    fn reload(self: &Arc<Self>, time: Time) -> BoxFuture<'_, Result<Stored>> {
        Box::pin(self.read(time))
    }

    fn unusual(&self, answer: Answer) -> Error {
        self.foreign(answer)
    }
}
