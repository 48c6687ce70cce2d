//! Futures that the test moves on, one poll at a time.

use std::{
    fmt,
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, Client, Error, ErrorKind, MockAdapter, Result,
    Runtime,
    auth::{
        Lease, MemoryStore, OAuth2Refresh, Presented, RefreshError, Refresher, Stamp, Stored, Swap,
        Token, TokenStore,
    },
    runtime::{BoxFuture, ManualRuntime},
};

/// An await point: pending once.
pub(crate) fn pause() -> impl Future<Output = ()> {
    let mut first = true;
    poll_fn(move |context| {
        if mem::take(&mut first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
}

/// A future that is polled by hand, and only when it was woken.
pub(crate) struct Stepped<T> {
    future: Pin<Box<dyn Future<Output = T> + Send>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<T> Stepped<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            future: Box::pin(future),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        }
    }

    /// Polls it, if it was woken since the last time.
    pub(crate) fn step(&mut self) -> Step<T> {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            return Step::Waits;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Step::Done(output),
            Poll::Pending => Step::Moved,
        }
    }
}

/// What a step has come to.
pub(crate) enum Step<T> {
    /// Nobody has woken it.
    Waits,
    Moved,
    Done(T),
}

/// A runtime whose tasks the test polls, or drops.
#[derive(Clone)]
pub(crate) struct ByHand {
    time: ManualRuntime,
    tasks: Arc<Mutex<Vec<Stepped<()>>>>,
}

impl ByHand {
    pub(crate) fn new(time: &ManualRuntime) -> Self {
        Self {
            time: time.clone(),
            tasks: Arc::default(),
        }
    }

    /// Polls each task once; tells whether any was woken.
    pub(crate) fn step(&self) -> bool {
        let mut tasks = mem::take(&mut *self.tasks.lock().unwrap());
        let mut moved = false;
        tasks.retain_mut(|task| match task.step() {
            Step::Waits => true,
            Step::Moved => {
                moved = true;
                true
            }
            Step::Done(()) => {
                moved = true;
                false
            }
        });
        self.tasks.lock().unwrap().splice(0..0, tasks);
        moved
    }

    pub(crate) fn steps(&self, count: usize) {
        for _ in 0..count {
            self.step();
        }
    }

    pub(crate) fn tasks(&self) -> usize {
        self.tasks.lock().unwrap().len()
    }

    pub(crate) fn drop_tasks(&self) {
        let tasks = mem::take(&mut *self.tasks.lock().unwrap());
        drop(tasks);
    }

    /// Runs the tasks to their ends.
    pub(crate) fn finish(&self) {
        while self.tasks() > 0 {
            assert!(self.step(), "a task waits for nothing");
        }
    }
}

impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByHand").finish_non_exhaustive()
    }
}

impl Runtime for ByHand {
    fn now(&self) -> Instant {
        self.time.now()
    }

    fn wall(&self) -> SystemTime {
        self.time.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.time.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.lock().unwrap().push(Stepped::new(task));
    }
}

/// A store with an await point before and after each step.
pub(crate) struct Pausing {
    inner: MemoryStore,
    leases: Arc<AtomicUsize>,
    full: AtomicBool,
}

/// A lease that is out.
struct Out(Arc<AtomicUsize>);

impl Drop for Out {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Pausing {
    pub(crate) fn new(token: Token) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(token),
            leases: Arc::default(),
            full: AtomicBool::new(false),
        })
    }

    /// From now on no token can be written and there are no leases, or again.
    pub(crate) fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// How many leases have not been released.
    pub(crate) fn leases(&self) -> usize {
        self.leases.load(Ordering::SeqCst)
    }

    pub(crate) fn read(&self) -> Stored {
        tollgate::runtime::block_on(self.inner.load()).unwrap()
    }

    /// The stored refresh token.
    pub(crate) fn refresh_token(&self) -> String {
        let stored = self.read();
        let token = stored.token().unwrap().refresh_token().unwrap();
        token.expose().to_owned()
    }
}

#[async_trait]
impl TokenStore for Pausing {
    async fn load(&self) -> Result<Stored> {
        pause().await;
        let stored = self.inner.load().await;
        pause().await;
        stored
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        pause().await;
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Connect, "the disk is full"));
        }
        let swap = self.inner.compare_and_swap(expected, new).await;
        pause().await;
        swap
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        pause().await;
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        pause().await;
        if self.full.load(Ordering::SeqCst) {
            return Ok(Lease::new(0));
        }
        let lease = self.inner.acquire(ttl).await?;
        self.leases.fetch_add(1, Ordering::SeqCst);
        let out = Out(Arc::clone(&self.leases));
        let lease = Lease::new(lease.fence()).with_guard((lease, out));
        pause().await;
        Ok(lease)
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        pause().await;
        drop(lease);
        pause().await;
        Ok(())
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        pause().await;
        let swap = self.inner.present(stamp, presented).await;
        pause().await;
        swap
    }
}

/// Asks the token server, with an await point before and after.
pub(crate) fn pausing_refresher() -> impl Refresher {
    async move |client: Client, token: Token| -> Result<Token, RefreshError> {
        pause().await;
        let endpoint = OAuth2Refresh::new("/token", "app");
        let answer = endpoint.refresh(&client, &token).await;
        pause().await;
        answer
    }
}

/// The mock, with an await point before and after each request.
#[derive(Clone)]
pub(crate) struct PausingAdapter(pub(crate) MockAdapter);

#[async_trait]
impl Adapter for PausingAdapter {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        pause().await;
        let answer = Adapter::send(&self.0, request).await;
        pause().await;
        answer
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Adapter::runtime(&self.0)
    }
}

impl BlockingAdapter for PausingAdapter {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        BlockingAdapter::send(&self.0, request)
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        BlockingAdapter::runtime(&self.0)
    }
}
