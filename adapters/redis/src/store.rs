//! [`RedisStore`]: the port, over Redis.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use tollgate::{
    Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
};

use crate::{builder::RedisStoreBuilder, inner::Inner, keys::Keys, lease};

/// Keeps the token in Redis, for a fleet of processes.
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
    /// # #[cfg(feature = "tokio")] {
    /// use tollgate_redis::RedisStore;
    ///
    /// let alice = RedisStore::open("redis://127.0.0.1/", "tokens:alice")?;
    /// let bob = alice.for_key("tokens:bob")?;
    /// # drop(bob);
    /// # }
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
            None => self.inner.read().await,
        }
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        match &self.inner.local {
            Some(local) => local.swap(&self.inner, expected, new).await,
            None => self.inner.swap(expected, new).await,
        }
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        match &self.inner.local {
            Some(local) => local.clear(&self.inner, epoch).await,
            None => self.inner.clear(epoch).await,
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
            None => self.inner.present(stamp, presented).await,
        }
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.inner.talk.release(lease).await
    }

    fn is_watchable(&self) -> bool {
        true
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        self.inner.talk.subscribe();
        loop {
            let told = self.inner.talk.bell.listen();
            if let Some(local) = &self.inner.local {
                local.push(&self.inner).await?;
            }
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
