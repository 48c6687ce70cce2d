//! [`Spy`]: the store that is judged, seen and hindered.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    Error, ErrorKind, Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
    runtime::{Runtime, ThreadRuntime},
};

/// How long a write is drawn out that somebody looks at.
const PAUSE: Duration = Duration::from_millis(30);

/// Passes all on to a store, unless it was told otherwise.
#[derive(Clone)]
pub(super) struct Spy(Arc<Inner>);

struct Inner {
    store: Arc<dyn TokenStore>,
    refuses_marks: AtomicBool,
    refuses_swaps: AtomicBool,
    written: OnceLock<Box<Look>>,
    /// Tokens that were written, for who searches texts for them.
    tokens: Mutex<Vec<String>>,
}

type Look = dyn Fn() + Send + Sync;

impl Spy {
    pub(super) fn new(store: Arc<dyn TokenStore>) -> Self {
        Self(Arc::new(Inner {
            store,
            refuses_marks: AtomicBool::new(false),
            refuses_swaps: AtomicBool::new(false),
            written: OnceLock::new(),
            tokens: Mutex::default(),
        }))
    }

    /// Refuses all writes from now on, or none.
    pub(super) fn refuse_writes(&self, refuse: bool) {
        self.0.refuses_marks.store(refuse, Ordering::SeqCst);
        self.refuse_swaps(refuse);
    }

    /// Refuses to store tokens only: it looks sound before a refresh.
    pub(super) fn refuse_swaps(&self, refuse: bool) {
        self.0.refuses_swaps.store(refuse, Ordering::SeqCst);
    }

    /// Draws writes of tokens out from now on, and looks when one is done.
    pub(super) fn when_written(&self, look: impl Fn() + Send + Sync + 'static) {
        // The first one stays; no case has two.
        drop(self.0.written.set(Box::new(look)));
    }

    /// Returns the secrets that were written.
    pub(super) fn tokens(&self) -> Vec<String> {
        let tokens = self.0.tokens.lock();
        tokens.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, record: &Stored) {
        let Some(token) = record.token() else {
            return;
        };
        let secrets = [Some(token.access_token()), token.refresh_token()];
        let texts = secrets.into_iter().flatten().map(|it| it.expose().into());
        let tokens = self.0.tokens.lock();
        tokens.unwrap_or_else(PoisonError::into_inner).extend(texts);
    }
}

impl fmt::Debug for Spy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spy").finish_non_exhaustive()
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Auth, "the store takes nothing, by order")
}

#[async_trait]
impl TokenStore for Spy {
    async fn load(&self) -> Result<Stored> {
        self.0.store.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        if self.0.refuses_swaps.load(Ordering::SeqCst) {
            return Err(refused());
        }
        self.remember(&new);
        let look = self.0.written.get().filter(|_| new.token().is_some());
        if look.is_some() {
            ThreadRuntime.sleep(PAUSE).await;
        }
        let swap = self.0.store.compare_and_swap(expected, new).await?;
        if let Some(look) = look {
            look();
        }
        Ok(swap)
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        if self.0.refuses_swaps.load(Ordering::SeqCst) {
            return Err(refused());
        }
        self.0.store.clear(epoch).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        self.0.store.acquire(ttl).await
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        if self.0.refuses_marks.load(Ordering::SeqCst) {
            return Err(refused());
        }
        self.0.store.present(stamp, presented).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.0.store.release(lease).await
    }
}
