//! Orders of events that chance rarely makes: each is forced with a gate.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use tollgate::{
    Client, Error, ErrorKind, Result, Runtime,
    auth::{
        MemoryStore, OAuth2Refresh, RefreshClass, RefreshError, Refresher, Stamp, Stored, Swap,
        Token, TokenRefresh, TokenStore,
    },
    runtime::{BoxFuture, ManualRuntime, block_on},
};

use crate::support::{
    BASE, Count, Drive, Gate, World, asleep, eventually, pair_over, seconds, some,
};

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
        let after = self.after.lock().unwrap().take_if(|it| *it == step);
        if after.is_some() {
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
    let refresh = pair_over(Arc::clone(&store)).build().unwrap();
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
    assert_eq!(stored.stamp().epoch, 2, "one sign-in is one epoch");
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
#[derive(Clone, Debug)]
struct Stopwatch {
    time: ManualRuntime,
    left: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    goes_on: Arc<AtomicBool>,
}

impl Stopwatch {
    fn new(world: &World) -> Self {
        Self {
            time: world.time.clone(),
            left: Arc::new(AtomicUsize::new(usize::MAX)),
            stopped: Arc::default(),
            goes_on: Arc::default(),
        }
    }

    fn stop_at(&self, n: usize) {
        self.left.store(n, Ordering::SeqCst);
    }

    fn await_stop(&self) {
        eventually("the call is stopped", || {
            self.stopped.load(Ordering::SeqCst)
        });
    }

    fn go_on(&self) {
        self.goes_on.store(true, Ordering::SeqCst);
    }
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
            self.stopped.store(true, Ordering::SeqCst);
            eventually("the clock goes on", || self.goes_on.load(Ordering::SeqCst));
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
        let clock = Stopwatch::new(&world);
        // The first client's clock is the session's.
        let client = E::builder(world.mock.clone())
            .base_url(BASE)
            .runtime(clock.clone())
            .build()
            .unwrap();
        client.interceptors.use_pair(refresh.clone());
        E::send(client.get("/first")).unwrap();
        block_on(refresh.sign_in(expired)).unwrap();
        clock.stop_at(stop);
        std::thread::scope(|scope| {
            let late = scope.spawn(|| E::send(client.get("/late")));
            clock.await_stop();
            let other = scope.spawn(|| E::send(client.get("/other")));
            if stop < 3 {
                // Before it has joined, it holds nobody up.
                other.join().unwrap().unwrap();
                clock.go_on();
            } else {
                clock.go_on();
                other.join().unwrap().unwrap();
            }
            late.join().unwrap().unwrap();
        });
        assert_eq!(world.server.presented(), ["r1"], "stopped at {stop}");
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

/// A store that fails where the test says so; nothing is written then.
struct Failing {
    inner: MemoryStore,
    fails: Mutex<VecDeque<bool>>,
}

#[async_trait]
impl TokenStore for Failing {
    async fn load(&self) -> Result<Stored> {
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        if self.fails.lock().unwrap().pop_front() == Some(true) {
            return Err(Error::new(ErrorKind::Auth, "the store is down"));
        }
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }
}

/// Two refreshes whose tokens are not stored at once: the first one's is
/// stored while the second one waits for its answer, the second one's is not.
/// `then` goes on from there.
fn overtaken<E: Drive>(then: impl FnOnce(&World, &Failing, &dyn Fn())) {
    let world = World::new();
    let store = Arc::new(Failing {
        inner: MemoryStore::new(Token::new("a1").refresh("r1")),
        fails: Mutex::new([true, false, true].into()),
    });
    let (gate, asked) = (Gate::default(), Count::default());
    let inner = OAuth2Refresh::new("/token", "app");
    let (passing, asking) = (gate.clone(), asked);
    let refresher = async move |client: Client, token: Token| {
        if asking.add() == 2 {
            passing.pass().await;
        }
        inner.refresh(&client, &token).await
    };
    let refresh = TokenRefresh::builder(Arc::clone(&store), refresher)
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    let call = || {
        world.server.expire();
        E::send(client.get("/me")).unwrap();
    };
    call();
    std::thread::scope(|scope| {
        let second = scope.spawn(call);
        gate.await_arrivals(1);
        // The pause before the write that was put off, and the limit of the
        // refresh, which must not be reached.
        asleep(&world.time, 2);
        world.time.advance(seconds(1));
        eventually("the write that was put off is made", || {
            stored_refresh(&store) == "r2"
        });
        gate.open();
        second.join().unwrap();
    });
    then(&world, &store, &call);
    assert_eq!(world.server.presented(), ["r1", "r2", "r3"]);
    assert_eq!(world.server.reused(), 0);
}

fn stored_refresh(store: &Failing) -> String {
    let stored = block_on(store.load()).unwrap();
    let token = stored.token().unwrap().refresh_token().unwrap();
    token.expose().to_owned()
}

fn a_late_write_is_not_taken_for_a_newer_token<E: Drive>() {
    overtaken::<E>(|_, _, call| call());
}

fn a_late_write_does_not_keep_a_newer_token_from_the_store<E: Drive>() {
    overtaken::<E>(|world, store, call| {
        // One sleep is that of the write, if it is put off by now.
        eventually("the newer one is stored", || {
            world.time.advance(seconds(1));
            stored_refresh(store) == "r3"
        });
        call();
    });
}

/// A store whose every answer comes one poll later.
struct Late(MemoryStore);

impl Late {
    async fn wait(&self) {
        let mut waited = false;
        poll_fn(|_| match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

#[async_trait]
impl TokenStore for Late {
    async fn load(&self) -> Result<Stored> {
        self.wait().await;
        self.0.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.wait().await;
        self.0.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.wait().await;
        self.0.clear(epoch).await
    }
}

/// The sign-in is written after the sign-out has looked at the store.
#[test]
fn a_sign_out_takes_out_a_sign_in_that_is_stored_meanwhile() {
    let store = Arc::new(Late(MemoryStore::new(Token::new("a1").refresh("r1"))));
    let refresh = pair_over(Arc::clone(&store)).build().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut signing_in = pin!(refresh.sign_in(Token::new("b1").refresh("s1")));
    let mut signing_out = pin!(refresh.sign_out());
    for _ in 0..2 {
        assert!(signing_in.as_mut().poll(&mut context).is_pending());
    }
    for _ in 0..2 {
        assert!(signing_out.as_mut().poll(&mut context).is_pending());
    }
    assert!(signing_in.as_mut().poll(&mut context).is_ready());
    let stored = block_on(store.0.load()).unwrap();
    assert!(stored.token().is_some(), "it was written in between");
    let over = (0..20).any(|_| signing_out.as_mut().poll(&mut context).is_ready());
    assert!(over);
    let stored = block_on(store.0.load()).unwrap();
    assert!(stored.token().is_none());
}

both!(
    a_late_write_is_not_taken_for_a_newer_token,
    a_late_write_does_not_keep_a_newer_token_from_the_store,
    a_refresh_overtakes_a_sign_in_that_has_read,
    a_refresh_overtakes_a_sign_in_that_has_written,
    a_call_that_comes_late_to_a_refresh_uses_what_it_gave,
    a_token_that_is_stored_at_the_last_moment_saves_the_session,
);
