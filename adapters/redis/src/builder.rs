//! [`RedisStoreBuilder`]: what a store is made of.

use std::{
    fmt,
    ops::RangeInclusive,
    sync::{Arc, Mutex},
    time::Duration,
};

use tollgate::Result;

use crate::{
    ask::Replicas,
    codec::Codec,
    error::setting,
    inner::Inner,
    keys::Keys,
    line::Line,
    local::{Local, Unavailable},
    seal::{SealKey, Seals},
    source::Source,
    store::RedisStore,
    talk::Talk,
};
#[cfg(feature = "sentinel")]
use {
    crate::source::{Login, Sentinels},
    tollgate::auth::Secret,
};

/// How long an operation may take: shorter is no use, longer holds calls up.
const DEADLINES: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);
const POLLS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);
/// The most replicas that a write may be waited for.
const REPLICAS: u32 = 100;

/// Where to connect to: the last that was said counts.
enum Where {
    Known(Result<Source>),
    #[cfg(feature = "sentinel")]
    Sentinels(Vec<String>, String),
}

/// Makes a [`RedisStore`].
///
/// | setting | default | bounds |
/// |---|---|---|
/// | [`deadline`](Self::deadline) | 500 ms | 10 ms to 60 s |
/// | [`poll_every`](Self::poll_every) | 500 ms | 10 ms to 1 h |
/// | [`sealed_with`](Self::sealed_with) | not sealed | |
/// | [`when_unavailable`](Self::when_unavailable) | [`FailClosed`](Unavailable::FailClosed) | |
/// | [`wait_for_replicas`](Self::wait_for_replicas) | not waited for | 1 to 100 replicas, 1 ms to 60 s |
///
/// Where to connect to is the only thing that has to be said. Nothing is
/// connected before the first operation.
///
/// ```
/// use std::time::Duration;
/// use tollgate_redis::RedisStore;
///
/// let store = RedisStore::builder("tokens:alice")
///     .url("redis://user:password@127.0.0.1:6379/0")
///     .deadline(Duration::from_millis(200))
///     .poll_every(Duration::from_secs(1))
///     .build()?;
/// assert!(!format!("{store:?}").contains("password"));
///
/// // Both bounds of a setting are checked here.
/// let endless = RedisStore::builder("tokens:alice")
///     .url("redis://127.0.0.1/")
///     .deadline(Duration::MAX);
/// assert!(endless.build().is_err());
/// # Ok::<(), tollgate::Error>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct RedisStoreBuilder {
    key: String,
    place: Option<Where>,
    #[cfg(feature = "sentinel")]
    login: Option<Login>,
    deadline: Duration,
    poll_every: Duration,
    seals: Vec<SealKey>,
    replicas: Option<Replicas>,
    unavailable: Unavailable,
}

impl RedisStoreBuilder {
    pub(crate) fn new(key: String) -> Self {
        Self {
            key,
            place: None,
            #[cfg(feature = "sentinel")]
            login: None,
            deadline: Duration::from_millis(500),
            poll_every: Duration::from_millis(500),
            seals: Vec::new(),
            replicas: None,
            unavailable: Unavailable::default(),
        }
    }

    /// Connects to one server: `redis://user:password@host:port/database`,
    /// `rediss://` (feature `tls`), `redis+unix:///path`.
    pub fn url(mut self, url: &str) -> Self {
        self.place = Some(Where::Known(Source::server(url)));
        self
    }

    /// Connects to the master that Sentinels name `master`, and after a
    /// failover to the next one.
    ///
    /// User and password in the URLs are those of the Sentinels; for those of
    /// the master see [`master_login`](Self::master_login). With `rediss://`
    /// the master is spoken to over TLS too.
    ///
    /// ```
    /// # use tollgate_redis::RedisStore;
    /// let sentinels = ["redis://s1.internal:26379/", "redis://s2.internal:26379/"];
    /// let store = RedisStore::builder("tokens:alice")
    ///     .sentinel(sentinels, "mymaster")
    ///     .master_login(None, "the master's password")
    ///     .build()?;
    /// # drop(store);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[cfg(feature = "sentinel")]
    pub fn sentinel<I>(mut self, urls: I, master: impl Into<String>) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let urls = urls.into_iter().map(Into::into).collect();
        self.place = Some(Where::Sentinels(urls, master.into()));
        self
    }

    /// Sets user, if it is not the default one, and password of the master
    /// that Sentinels name.
    #[cfg(feature = "sentinel")]
    pub fn master_login<'a>(
        mut self,
        user: impl Into<Option<&'a str>>,
        password: impl Into<Secret>,
    ) -> Self {
        self.login = Some(Login {
            user: user.into().map(str::to_owned),
            password: password.into(),
        });
        self
    }

    /// Connects to a cluster that these nodes belong to; the others are found.
    #[cfg(feature = "cluster")]
    pub fn cluster<I>(mut self, urls: I) -> Self
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let urls: Vec<I::Item> = urls.into_iter().collect();
        let source = Source::cluster(urls.iter().map(AsRef::as_ref));
        self.place = Some(Where::Known(source));
        self
    }

    /// Uses a connection of yours: a manager, a multiplexed or a cluster
    /// connection. Clones of it share the connection.
    ///
    /// Whether and when it connects again is its matter; changes are noticed
    /// by polling, as nobody can subscribe over it. The tasks that drive it
    /// belong to the runtime in which it was made, which has to live on.
    #[cfg(feature = "tokio")]
    pub fn connection<C>(mut self, connection: C) -> Self
    where
        C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
    {
        let source = Source::Yours(Box::new(connection));
        self.place = Some(Where::Known(Ok(source)));
        self
    }

    /// Sets how long an operation may take in all: over reconnects, and however
    /// often it asks. Each try of a wait for the lease is one of its own.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how often [`changed`](tollgate::auth::TokenStore::changed) asks
    /// where no message comes.
    pub fn poll_every(mut self, pause: Duration) -> Self {
        self.poll_every = pause;
        self
    }

    /// Seals tokens before Redis gets them. May be called several times: the
    /// first key seals, each opens, so that keys can be replaced.
    pub fn sealed_with(mut self, key: impl Into<SealKey>) -> Self {
        self.seals.push(key.into());
        self
    }

    /// Waits after each write of a token until `count` replicas have it, at
    /// most for `limit`, which is added to the deadline.
    ///
    /// Where fewer have it then, the write is told to have failed, and the
    /// session writes it again later. A replica that has it makes a failover
    /// lose less; it cannot make it lose nothing.
    pub fn wait_for_replicas(mut self, count: u32, limit: Duration) -> Self {
        self.replicas = Some(Replicas { count, limit });
        self
    }

    /// Sets what happens while Redis cannot be reached.
    pub fn when_unavailable(mut self, unavailable: Unavailable) -> Self {
        self.unavailable = unavailable;
        self
    }

    /// Makes a store that connects over tokio, in a runtime of its own: it
    /// works under any executor, and in the blocking engine.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Builder`](tollgate::ErrorKind::Builder): no address or one
    /// that is none, a key that cannot be used, a setting out of its bounds.
    #[cfg(feature = "tokio")]
    pub fn build(self) -> Result<RedisStore> {
        use crate::line::on_tokio::OnTokio;

        self.build_over(|source, deadline| Arc::new(OnTokio::new(source, deadline)))
    }

    /// Makes a store that connects without tokio, for the blocking engine.
    ///
    /// It asks one thing after the other. Under an async executor it works
    /// too, and takes a thread for each wait.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); a connection of yours, or a cluster, needs
    /// tokio.
    #[cfg(feature = "blocking")]
    pub fn build_blocking(self) -> Result<RedisStore> {
        use crate::line::on_threads::OnThreads;

        if let Some(Where::Known(Ok(source))) = &self.place {
            source.check_blocking()?;
        }
        self.build_over(|source, deadline| Arc::new(OnThreads::new(source, deadline)))
    }

    fn build_over(
        self,
        line: impl FnOnce(Source, Duration) -> Arc<dyn Line>,
    ) -> Result<RedisStore> {
        let keys = Keys::new(&self.key)?;
        self.check()?;
        let source = match self.place {
            None => Err(setting(
                "a store in redis has no address",
                "give the builder a `url`, or a `connection` of yours",
            )),
            Some(Where::Known(source)) => source,
            #[cfg(feature = "sentinel")]
            Some(Where::Sentinels(urls, master)) => {
                Sentinels::new(&urls, master, self.login).map(Source::Sentinels)
            }
        }?;
        Ok(RedisStore::over(Inner {
            codec: Codec {
                key: keys.record.clone(),
                seals: Seals(self.seals),
            },
            replicas: self.replicas,
            local: match self.unavailable {
                Unavailable::FailClosed => None,
                Unavailable::LocalOnly => Some(Local::default()),
            },
            talk: Arc::new(Talk {
                keys,
                line: line(source, self.deadline),
                bell: Arc::default(),
                deadline: self.deadline,
                poll_every: self.poll_every,
                held: Mutex::default(),
            }),
        }))
    }

    fn check(&self) -> Result<()> {
        if !DEADLINES.contains(&self.deadline) {
            let message = format!("the deadline `{:?}` is out of bounds", self.deadline);
            return Err(setting(message, "choose 10 ms to 60 s; 500 ms by default"));
        }
        if !POLLS.contains(&self.poll_every) {
            let message = format!("polling every `{:?}` is out of bounds", self.poll_every);
            return Err(setting(message, "choose 10 ms to 1 h; 500 ms by default"));
        }
        match self.replicas {
            Some(Replicas { count, limit })
                if !(1..=REPLICAS).contains(&count)
                    || !(Duration::from_millis(1)..=*DEADLINES.end()).contains(&limit) =>
            {
                let message =
                    format!("waiting for `{count}` replicas for `{limit:?}` is out of bounds");
                Err(setting(
                    message,
                    "choose 1 to 100 replicas, and 1 ms to 60 s",
                ))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("key", &self.key)
            .field("deadline", &self.deadline)
            .field("poll_every", &self.poll_every)
            .field("seals", &self.seals)
            .field("replicas", &self.replicas)
            .field("when_unavailable", &self.unavailable)
            .finish_non_exhaustive()
    }
}
