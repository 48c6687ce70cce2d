//! Orders of events that chance rarely makes: each is forced with a gate.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use tollgate::{
    Client, Result, Runtime,
    auth::{
        MemoryStore, OAuth2Refresh, RefreshClass, RefreshError, Stamp, Stored, Swap, Token,
        TokenRefresh, TokenStore,
    },
    runtime::{BoxFuture, ManualRuntime, block_on},
};

use crate::support::{BASE, Drive, Gate, World, eventually, seconds, some};

/// A store that stops once, after a step that the test names.
struct Stopping {
    inner: MemoryStore,
    after: Mutex<Option<&'static str>>,
    gate: Gate,
}

impl Stopping {
    fn new(token: Token) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(token),
            after: Mutex::new(None),
            gate: Gate::default(),
        })
    }

    fn stop_after(&self, step: &'static str) {
        *self.after.lock().unwrap() = Some(step);
    }

    async fn reached(&self, step: &'static str) {
        let stops = self
            .after
            .lock()
            .unwrap()
            .take_if(|it| *it == step)
            .is_some();
        if stops {
            self.gate.pass().await;
        }
    }
}

#[async_trait]
impl TokenStore for Stopping {
    async fn load(&self) -> Result<Stored> {
        let stored = self.inner.load().await;
        self.reached("load").await;
        stored
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let swap = self.inner.compare_and_swap(expected, new).await;
        self.reached("swap").await;
        swap
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }
}

/// Signs in with a token that is expired, and stops in the middle of storing
/// it; meanwhile a call refreshes that token.
fn sign_in_stopped_after<E: Drive>(step: &'static str) {
    let world = World::new();
    let store = Stopping::new(Token::new("a1").refresh("r1"));
    let refresher = OAuth2Refresh::new("/token", "app");
    let refresh = TokenRefresh::builder(Arc::clone(&store), refresher)
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/first")).unwrap();
    let token = world.server.issue("b1", "s1").expires_at(world.now());
    store.stop_after(step);
    std::thread::scope(|scope| {
        let signing_in = scope.spawn(|| block_on(refresh.sign_in(token)));
        store.gate.await_arrivals(1);
        E::send(client.get("/me")).unwrap();
        store.gate.open();
        signing_in.join().unwrap().unwrap();
    });
    assert_eq!(world.server.presented(), ["s1"]);
    // What the refresh gave was not overwritten, and is still known as ours.
    let stored = block_on(store.load()).unwrap();
    assert_eq!(stored.token().unwrap().access_token().expose(), "a2");
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["s1", "r2"]);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2", "a2", "a3"]));
}

fn a_refresh_overtakes_a_sign_in_that_has_read<E: Drive>() {
    sign_in_stopped_after::<E>("load");
}

fn a_refresh_overtakes_a_sign_in_that_has_written<E: Drive>() {
    sign_in_stopped_after::<E>("swap");
}

/// A clock that stops the call that asks for it for the `n`-th time.
#[derive(Debug)]
struct Stopwatch {
    time: ManualRuntime,
    left: AtomicUsize,
    stopped: Arc<AtomicUsize>,
    go_on: Arc<AtomicUsize>,
}

impl Runtime for Stopwatch {
    fn now(&self) -> Instant {
        self.time.now()
    }

    fn wall(&self) -> SystemTime {
        let wall = self.time.wall();
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if left == Ok(1) {
            self.stopped.store(1, Ordering::SeqCst);
            eventually("the clock goes on", || {
                self.go_on.load(Ordering::SeqCst) == 1
            });
        }
        wall
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.time.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.time.spawn(task);
    }
}

/// The new token comes between a call's look at the old one and its joining.
fn a_call_that_comes_late_to_a_refresh_uses_what_it_gave<E: Drive>() {
    for stop in 1..=3 {
        let world = World::new();
        let expired = Token::new("a1").refresh("r1").expires_at(world.now());
        let refresh = world.pair().build().unwrap();
        let stopped = Arc::new(AtomicUsize::new(0));
        let go_on = Arc::new(AtomicUsize::new(0));
        let clock = Stopwatch {
            time: world.time.clone(),
            left: AtomicUsize::new(usize::MAX),
            stopped: Arc::clone(&stopped),
            go_on: Arc::clone(&go_on),
        };
        // The first client's clock is the session's.
        let left = Arc::new(clock);
        let client = E::builder(world.mock.clone())
            .base_url(BASE)
            .runtime(Shared(Arc::clone(&left)))
            .build()
            .unwrap();
        client.interceptors.use_pair(refresh.clone());
        E::send(client.get("/first")).unwrap();
        block_on(refresh.sign_in(expired)).unwrap();
        left.left.store(stop, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let late = scope.spawn(|| E::send(client.get("/late")));
            eventually("the call is stopped", || {
                stopped.load(Ordering::SeqCst) == 1
            });
            let other = scope.spawn(|| E::send(client.get("/other")));
            if stop < 3 {
                // Before it has joined, it holds nobody up.
                other.join().unwrap().unwrap();
                go_on.store(1, Ordering::SeqCst);
            } else {
                go_on.store(1, Ordering::SeqCst);
                other.join().unwrap().unwrap();
            }
            late.join().unwrap().unwrap();
        });
        assert_eq!(world.server.presented(), ["r1"], "stopped at {stop}");
    }
}

/// A runtime that the test keeps a hand on.
#[derive(Debug)]
struct Shared(Arc<Stopwatch>);

impl Runtime for Shared {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
}

/// Another process stores its token just before ours is declared dead.
fn a_token_that_is_stored_at_the_last_moment_saves_the_session<E: Drive>() {
    struct LastMoment(MemoryStore, Token);

    #[async_trait]
    impl TokenStore for LastMoment {
        async fn load(&self) -> Result<Stored> {
            self.0.load().await
        }

        async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
            if new.is_dead() {
                let other = Stored::live(expected.next(), self.1.clone());
                self.0.compare_and_swap(expected, other).await?;
            }
            self.0.compare_and_swap(expected, new).await
        }

        async fn clear(&self, epoch: u64) -> Result<Stamp> {
            self.0.clear(epoch).await
        }
    }

    let world = World::new();
    let winner = world.server.issue("b1", "s1");
    let store = LastMoment(MemoryStore::new(Token::new("a1").refresh("r1")), winner);
    let refresh = TokenRefresh::builder(store, async |_: Client, _: Token| {
        Err::<Token, _>(RefreshError::new(RefreshClass::Rejected, "spent"))
    })
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
    world.time.advance(seconds(60));
    E::send(client.get("/me")).unwrap();
}

both!(
    a_refresh_overtakes_a_sign_in_that_has_read,
    a_refresh_overtakes_a_sign_in_that_has_written,
    a_call_that_comes_late_to_a_refresh_uses_what_it_gave,
    a_token_that_is_stored_at_the_last_moment_saves_the_session,
);
