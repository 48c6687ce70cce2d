//! [`PlainStore`]: a text that other services read and write too.

mod text;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{
    future::{BoxFuture, Either, select},
    lock::{Mutex, OwnedMutexGuard},
};
use redis::Value;
use tollgate::{
    Error, Result,
    auth::{Lease, Stamp, Stored, Swap, TokenStore},
};
use zeroize::Zeroizing;

use self::text::Text;
use crate::{
    RedisStore,
    answer::{Answer, unexpected},
    ask::{Ask, Replicas},
    error,
    lease::{self, Leased, Owner},
    line::Time,
    scripts,
    talk::Talk,
};

/// How often a sign-out is tried that meets other writers.
const TRIES: u32 = 10;

/// Keeps the token where services without tollgate keep theirs: as
/// `{"access_token":"…","refresh_token":"…"}` under one key.
///
/// Such a service reads the text for each request, and writes it back after a
/// refresh. What it writes is adopted; what a session here writes has its two
/// members where it looks for them, one member more (`tollgate`: the record,
/// with expiry and stamp), and its other members and its time to live as they
/// were. A key that is gone, or has no `access_token`, is a sign-out.
///
/// ```
/// use tollgate::{auth::TokenStore, runtime::block_on};
/// use tollgate_redis::RedisStore;
///
/// # let Some(server) = tollgate_redis_kit::Server::start() else { return Ok(()) };
/// # let url = server.url();
/// # let theirs = r#"{"access_token":"a1","refresh_token":"r1"}"#;
/// # redis::cmd("SET").arg("session:alice").arg(theirs).exec(&mut server.connection()).unwrap();
/// // Another service has signed in.
/// let store = RedisStore::plain_json(&url, "session:alice")?;
/// let stored = block_on(store.load())?;
/// assert_eq!(stored.token().unwrap().access_token().expose(), "a1");
/// # Ok::<(), tollgate::Error>(())
/// ```
///
/// # What is promised less
///
/// | | [`RedisStore`] | here |
/// |---|---|---|
/// | a write over another's | refused | refused between sessions of tollgate; a service that writes without looking overwrites |
/// | one refresh for all | yes | for the sessions of tollgate; the others know of no lease, and may spend the same refresh token |
/// | the order of answers | fences, counted | fences by the server's clock; none for what others write |
/// | a mark before the refresh | yes | none: a refresh that was cut off is not noticed |
/// | stamps | kept | kept in the text; what others write gets the next one, in each process for itself |
/// | another user signs in | a new epoch | by another service: taken for a refresh, unless it signed out before and that was seen |
/// | sealed | if asked for | never |
///
/// Names: `KEY` as it is; the lease is `{KEY}:l`, and changes are told in
/// `{KEY}:e`, which other services need not know.
#[derive(Clone)]
pub struct PlainStore {
    inner: Arc<Inner>,
}

struct Inner {
    talk: Arc<Talk>,
    key: String,
    replicas: Option<Replicas>,
    /// Whoever asks has the lock until the answer is read: an answer that is
    /// overtaken by a later one would count as a change.
    seen: Arc<Mutex<Option<Seen>>>,
}

/// What was there last, and what was made of it.
struct Seen {
    text: Text,
    stored: Stored,
}

type Guard = OwnedMutexGuard<Option<Seen>>;

impl RedisStore {
    /// Keeps the token as a plain JSON text under `key`, to share it with
    /// services without tollgate; see [`PlainStore`] for what that costs.
    ///
    /// # Errors
    ///
    /// See [`RedisStoreBuilder::build`](crate::RedisStoreBuilder::build).
    #[cfg(feature = "tokio")]
    pub fn plain_json(url: &str, key: impl Into<String>) -> Result<PlainStore> {
        PlainStore::over(&Self::open(url, key)?)
    }
}

impl PlainStore {
    /// Connects as `store` does, and keeps the token under its key as a plain
    /// JSON text.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tollgate_redis::{PlainStore, RedisStore};
    ///
    /// let store = RedisStore::builder("session:alice")
    ///     .url("redis://127.0.0.1/")
    ///     .deadline(Duration::from_millis(200))
    ///     .build()?;
    /// let store = PlainStore::over(&store)?;
    /// # drop(store);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Builder`](tollgate::ErrorKind::Builder) if `store` seals,
    /// or goes on without Redis.
    pub fn over(store: &RedisStore) -> Result<Self> {
        let store = store.inner();
        if !store.codec.seals.0.is_empty() {
            return Err(error::setting(
                "a plain text cannot be sealed",
                "leave `sealed_with` out, or use `RedisStore`",
            ));
        }
        if store.local.is_some() {
            return Err(error::setting(
                "a plain text is not kept while Redis is away",
                "leave `when_unavailable` out, or use `RedisStore`",
            ));
        }
        let mut keys = store.talk.keys.clone();
        keys.record.clone_from(&keys.plain);
        Ok(Self {
            inner: Arc::new(Inner {
                key: keys.record.clone(),
                talk: Arc::new(store.talk.with_keys(keys)),
                replicas: store.replicas,
                seen: Arc::default(),
            }),
        })
    }
}

impl Inner {
    async fn lock(&self, time: Time) -> Result<Guard> {
        let lock = Arc::clone(&self.seen).lock_owned();
        match select(lock, self.talk.line.sleep(time.left())).await {
            Either::Left((guard, _)) => Ok(guard),
            Either::Right(_) => Err(error::too_late(&self.key, time.limit, None)),
        }
    }

    /// Notes what is there, and says what it is.
    fn observe(&self, guard: &mut Guard, text: Text) -> Result<Stored> {
        match &**guard {
            Some(seen) if seen.text == text => return Ok(seen.stored.clone()),
            _ => {}
        }
        let found = text::read(&self.key, &text)?;
        let last = guard.as_ref().map(|seen| &seen.stored);
        let stored = text::stamped(found, last);
        **guard = Some(Seen {
            text,
            stored: stored.clone(),
        });
        Ok(stored)
    }

    async fn read(self: &Arc<Self>, time: Time) -> Result<Stored> {
        let mut guard = self.lock(time).await?;
        let inner = Arc::clone(self);
        let read = move |answer: Result<Value>| match answer? {
            Value::Nil => inner.observe(&mut guard, Text::default()),
            Value::BulkString(text) => inner.observe(&mut guard, Zeroizing::new(text)),
            _ => Err(unexpected()),
        };
        self.talk.ask(time, Ask::text(&self.key), read).await
    }

    async fn write(self: &Arc<Self>, time: Time, expected: Stamp, new: Stored) -> Result<Swap> {
        let there = match self.seen_at(time, expected).await? {
            Ok(there) => there,
            Err(other) => return Ok(Swap::Conflict(other)),
        };
        let mut guard = there;
        let Some(seen) = &*guard else {
            return Err(unexpected());
        };
        let goes_on = new.stamp().epoch == expected.epoch;
        let text = text::write(&self.key, &new, &seen.text, goes_on)?;
        let hold = self.talk.hold_of(new.fence());
        let keys = &self.talk.keys;
        let ask = Ask::script(&scripts::PLAIN_CAS, &[&self.key, &keys.lease])
            .arg(keys.channel.as_str())
            .arg(seen.text.to_vec())
            .arg(text.to_vec())
            .arg(hold.as_ref().map_or("", |hold| hold.owner.as_str()));
        let inner = Arc::clone(self);
        let read = move |answer: Result<Value>| {
            let (answer, have) = Replicas::counted(inner.replicas, answer?)?;
            let mut answer = Answer::of(answer)?;
            match answer.name() {
                b"DONE" => {
                    *guard = Some(Seen { text, stored: new });
                    if let Some(hold) = hold {
                        inner.talk.forget(&hold);
                    }
                    Replicas::enough(inner.replicas, have, &inner.key)?;
                    Ok(Swap::Done)
                }
                b"CONFLICT" => {
                    let text = Zeroizing::new(answer.bytes()?);
                    Ok(Swap::Conflict(inner.observe(&mut guard, text)?))
                }
                _ => Err(unexpected()),
            }
        };
        self.talk
            .ask(time, ask.waiting_for(self.replicas), read)
            .await
    }

    /// The lock, where what was seen last has the stamp, or else what is there
    /// has; or the record that is there.
    async fn seen_at(self: &Arc<Self>, time: Time, stamp: Stamp) -> Result<Result<Guard, Stored>> {
        for _ in 0..TRIES {
            let guard = self.lock(time).await?;
            match &*guard {
                Some(seen) if seen.stored.stamp() == stamp => return Ok(Ok(guard)),
                _ => drop(guard),
            }
            let stored = self.read(time).await?;
            if stored.stamp() != stamp {
                return Ok(Err(stored));
            }
        }
        Err(error::keeps_changing(&self.key))
    }
}

impl Leased for Inner {
    fn talk(&self) -> &Arc<Talk> {
        &self.talk
    }

    fn asking(&self, owner: &Owner, millis: u64, seen: &str) -> Ask {
        let lease = &self.talk.keys.lease;
        Ask::script(&scripts::PLAIN_ACQUIRE, &[&self.key, lease])
            .arg(owner.as_str())
            .number(millis)
            .arg(seen)
    }

    fn record(&self, _: &mut Answer) -> Result<Option<Stored>> {
        Ok(None)
    }

    fn reload(self: &Arc<Self>, time: Time) -> BoxFuture<'_, Result<Stored>> {
        Box::pin(self.read(time))
    }

    fn unusual(&self, _: Answer) -> Error {
        unexpected()
    }
}

#[async_trait]
impl TokenStore for PlainStore {
    async fn load(&self) -> Result<Stored> {
        self.inner.read(self.inner.talk.time()).await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.inner
            .write(self.inner.talk.time(), expected, new)
            .await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        let time = self.inner.talk.time();
        let mut stamp = self.inner.read(time).await?.stamp();
        for _ in 0..TRIES {
            if stamp.epoch > epoch {
                return Ok(stamp);
            }
            let empty = Stored::empty(stamp.next_epoch());
            let cleared = empty.stamp();
            stamp = match self.inner.write(time, stamp, empty).await? {
                Swap::Done => return Ok(cleared),
                Swap::Conflict(other) => other.stamp(),
            };
        }
        Err(error::keeps_changing(&self.inner.key))
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        lease::acquire(&self.inner, ttl).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.inner.talk.release(lease).await
    }

    fn is_watchable(&self) -> bool {
        true
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        let look = async || {
            let stored = self.inner.read(self.inner.talk.time()).await?;
            Ok((stored.stamp() != seen).then_some(stored))
        };
        self.inner.talk.watch(look).await
    }
}

impl fmt::Debug for PlainStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.talk.show(f, "PlainStore", &self.inner.key)
    }
}
