//! [`RedisStore`]: the port, over Redis.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use tollgate::{
    Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
};

use crate::{builder::RedisStoreBuilder, inner::Inner, keys::Keys, lease};

/// Keeps the token in Redis, for a fleet of processes.
///
/// A clone is the same store. Nothing is connected before the first operation,
/// and the connection ends with the last clone and the last lease.
///
/// ```
/// use tollgate::{auth::{Stamp, Stored, Swap, Token, TokenStore}, runtime::block_on};
/// use tollgate_redis::RedisStore;
///
/// # let Some(server) = tollgate_redis_kit::Server::start() else { return Ok(()) };
/// # let url = server.url();
/// let store = RedisStore::open(&url, "tokens:alice")?;
/// assert!(block_on(store.load())?.token().is_none());
///
/// let signed_in = Stored::live(Stamp::new(1, 1), Token::new("a1").refresh("r1"));
/// let swap = block_on(store.compare_and_swap(Stamp::default(), signed_in))?;
/// assert_eq!(swap, Swap::Done);
///
/// let elsewhere = RedisStore::open(&url, "tokens:alice")?;
/// let stored = block_on(elsewhere.load())?;
/// assert_eq!(stored.token().unwrap().access_token().expose(), "a1");
/// # Ok::<(), tollgate::Error>(())
/// ```
///
/// # Names
///
/// For the key `KEY`; one that has a hash tag (`{alice}:tokens`) keeps it, so
/// that a cluster keeps all on one node.
///
/// | name | holds |
/// |---|---|
/// | `{KEY}:t` | the record, a hash: `schema`, `epoch`, `version`, `state`, `cfence` (the number of the lease it was got under), `presented` (the mark of a refresh under way), `record` (the text with the token, sealed or not), `fence` (the number of the last lease) |
/// | `{KEY}:l` | the lease, until it is given back or its time is over: a random owner and its number |
/// | `{KEY}:e` | a channel: what changes is told there |
///
/// Give them no time to live, and let Redis evict nothing (`noeviction`): a
/// record that is gone is a session that nobody has.
///
/// # What is promised
///
/// Each operation is one script, done as a whole or not at all. All may be
/// done twice, so that one whose answer was lost is asked again.
///
/// | a process is killed | what the others find |
/// |---|---|
/// | with the lease, before the refresh token is sent | the record; they refresh when the time of the lease is over |
/// | with the refresh token sent, its answer not stored | the old record, marked as [presented](tollgate::auth::Stored::presented): a strict server has ended the session |
/// | after the answer is stored | the new record; the lease was given back with it |
///
/// A process that is stopped past the time of its lease and goes on may refresh
/// at the same time as another: the lease saves work. What each got is told by
/// the number of its lease, and the higher one stays.
///
/// # What is not promised
///
/// * Redis may lose what it has acknowledged: without `appendonly yes` with a
///   restart, and with a failover what no replica has yet. A session that still
///   runs notices, and writes again what it has;
///   [`wait_for_replicas`](RedisStoreBuilder::wait_for_replicas) makes the
///   window small.
/// * Sealing hides tokens from whoever reads Redis. Whoever writes to it can
///   take a record away, or put an old one back.
/// * Copies of the text in the buffers of a connection are not wiped.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
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

    /// Keeps another token under `key`, over the same connection and with the
    /// same settings: for the sessions of many users.
    ///
    /// ```
    /// use tollgate_redis::RedisStore;
    ///
    /// let alice = RedisStore::open("redis://127.0.0.1/", "tokens:alice")?;
    /// let bob = alice.for_key("tokens:bob")?;
    /// # drop(bob);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Builder`](tollgate::ErrorKind::Builder) if the key cannot
    /// be used.
    pub fn for_key(&self, key: impl Into<String>) -> Result<Self> {
        let keys = Keys::new(&key.into())?;
        Ok(Self::over(self.inner.with_keys(keys)))
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

#[async_trait]
impl TokenStore for RedisStore {
    async fn load(&self) -> Result<Stored> {
        match &self.inner.local {
            Some(local) => local.load(&self.inner).await,
            None => self.inner.read(self.inner.talk.time()).await,
        }
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        match &self.inner.local {
            Some(local) => local.swap(&self.inner, expected, new).await,
            None => self.inner.swap(self.inner.talk.time(), expected, new).await,
        }
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        match &self.inner.local {
            Some(local) => local.clear(&self.inner, epoch).await,
            None => self.inner.clear(self.inner.talk.time(), epoch).await,
        }
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        match &self.inner.local {
            Some(local) => local.acquire(&self.inner, ttl).await,
            None => lease::acquire(&self.inner, ttl).await,
        }
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        match &self.inner.local {
            Some(local) => local.present(&self.inner, stamp, presented).await,
            None => {
                self.inner
                    .present(self.inner.talk.time(), stamp, presented)
                    .await
            }
        }
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.inner.talk.release(lease).await
    }

    fn is_watchable(&self) -> bool {
        true
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        let look = async || {
            let time = self.inner.talk.time();
            if let Some(local) = &self.inner.local {
                local.push(&self.inner, time).await?;
            }
            if self.inner.stamp(time).await? == seen {
                return Ok(None);
            }
            let stored = self.inner.read(time).await?;
            Ok((stored.stamp() != seen).then_some(stored))
        };
        self.inner.talk.watch(look).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.talk.show(f, "RedisStore", &self.inner.codec.key)
    }
}
