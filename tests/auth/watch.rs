//! A store that tells what others write is watched: nobody waits for the next
//! call, and what the store has lost is written again.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Error, ErrorKind, Result,
    auth::{
        Lease, OAuth2Refresh, RefreshClass, RefreshError, Refresher, SessionState, Stamp, Stored,
        Swap, Token, TokenRefresh, TokenStore,
    },
    runtime::{ManualRuntime, block_on},
};

use crate::support::{Drive, Log, World, eventually, seconds, some};

/// A store that several sessions share and that tells what is written.
struct Shared {
    state: Mutex<State>,
    /// How many wait for a change.
    watched: AtomicUsize,
}

struct State {
    stored: Stored,
    wakers: Vec<Waker>,
    fences: u64,
    down: bool,
    /// What the lease's answer says of the record, the first time.
    withheld: Option<Stored>,
    acquired: usize,
    loads: usize,
}

impl Shared {
    fn new(token: Token) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                stored: Stored::live(Stamp::new(1, 1), token),
                wakers: Vec::new(),
                fences: 0,
                down: false,
                withheld: None,
                acquired: 0,
                loads: 0,
            }),
            watched: AtomicUsize::new(0),
        })
    }

    fn stored(&self) -> Stored {
        self.state.lock().unwrap().stored.clone()
    }

    /// Writes whatever it is, as a store does that has lost what it had.
    fn put(&self, stored: Stored) {
        let mut state = self.state.lock().unwrap();
        state.stored = stored;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn set_down(&self, down: bool) {
        let stored = {
            let mut state = self.state.lock().unwrap();
            state.down = down;
            state.stored.clone()
        };
        self.put(stored);
    }

    fn up(&self) -> Result<()> {
        if self.state.lock().unwrap().down {
            return Err(Error::new(ErrorKind::Connect, "the store is down"));
        }
        Ok(())
    }
}

/// Counts who waits, until it does not any more.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl TokenStore for Shared {
    async fn load(&self) -> Result<Stored> {
        self.up()?;
        self.state.lock().unwrap().loads += 1;
        Ok(self.stored())
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.up()?;
        let stored = self.stored();
        if stored.stamp() != expected {
            return Ok(Swap::Conflict(stored));
        }
        self.put(new);
        Ok(Swap::Done)
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.up()?;
        let stamp = self.stored().stamp();
        if stamp.epoch <= epoch {
            self.put(Stored::empty(stamp.next_epoch()));
        }
        Ok(self.stored().stamp())
    }

    async fn acquire(&self, _: Duration) -> Result<Lease> {
        self.up()?;
        let mut state = self.state.lock().unwrap();
        state.acquired += 1;
        if let Some(moved) = state.withheld.take() {
            state.stored = moved.clone();
            return Ok(Lease::withheld(moved));
        }
        state.fences += 1;
        let record = state.stored.clone();
        Ok(Lease::new(state.fences).with_record(record))
    }

    fn is_watchable(&self) -> bool {
        true
    }

    async fn changed(&self, seen: Stamp) -> Result<Stored> {
        self.watched.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.watched);
        poll_fn(|context| {
            let mut state = self.state.lock().unwrap();
            if state.down {
                return Poll::Ready(Err(Error::new(ErrorKind::Connect, "the store is down")));
            }
            if state.stored.stamp() != seen {
                return Poll::Ready(Ok(state.stored.clone()));
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

fn pair(store: &Arc<Shared>) -> TokenRefresh {
    TokenRefresh::builder(Arc::clone(store), OAuth2Refresh::new("/token", "app"))
        .jitter_seed(7)
        .build()
        .unwrap()
}

fn is_watched(world: &World, store: &Shared) {
    while_time_passes(&world.time, "the store is watched", || {
        store.watched.load(Ordering::SeqCst) == 1
    });
}

/// Lets the pauses of the watch pass until something has come true.
fn while_time_passes(time: &ManualRuntime, what: &str, done: impl Fn() -> bool) {
    eventually(what, || {
        time.advance(Duration::from_millis(50));
        done()
    });
}

fn a_sign_out_elsewhere_ends_the_session_without_a_call<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    is_watched(&world, &store);
    block_on(store.clear(1)).unwrap();
    eventually("it is seen", || {
        refresh.status().state() == SessionState::Empty
    });
    assert_eq!(world.mock.count(), 1);
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.sent_tokens(), [some(&["a1"]), vec![None]].concat());
}

fn a_new_token_elsewhere_is_used_by_the_next_call<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    is_watched(&world, &store);
    let stamp = store.stored().stamp();
    store.put(Stored::live(stamp.next(), world.server.issue("b1", "s1")));
    eventually("it is taken over", || refresh.counters().adopted == 1);
    E::send(client.get("/me")).unwrap();
    store.put(Stored::dead(stamp.next().next()));
    eventually("the end is seen", || {
        refresh.status().state() == SessionState::Dead
    });
    log.expect(&["expired"]);
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
    assert_eq!(world.server.refreshes(), 0);
}

/// A server without persistence comes back empty, or a failover has lost the
/// last write.
fn what_the_store_has_lost_is_written_again<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    let before = store.stored();
    assert_eq!((before.stamp(), before.fence()), (Stamp::new(1, 2), 1));
    is_watched(&world, &store);
    for older in [
        Stored::empty(Stamp::default()),
        Stored::live(Stamp::new(1, 1), Token::new("a1").refresh("r1")),
    ] {
        store.put(older);
        while_time_passes(&world.time, "it is written again", || {
            store.stored() == before
        });
        is_watched(&world, &store);
    }
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 1);
}

/// Nobody signs in again by a store's loss.
fn a_sign_out_that_the_store_has_lost_is_written_again<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    is_watched(&world, &store);
    let signed_in = store.stored();
    block_on(refresh.sign_out()).unwrap();
    let signed_out = store.stored();
    store.put(signed_in);
    while_time_passes(&world.time, "it is written again", || {
        store.stored() == signed_out
    });
    assert_eq!(refresh.status().state(), SessionState::Empty);
}

/// What the server gave while the store was down reaches it, however long that
/// takes.
fn what_could_not_be_stored_is_stored_when_the_store_is_back<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let down = Arc::clone(&store);
    let refresh = TokenRefresh::builder(
        Arc::clone(&store),
        move |client: tollgate::Client, token: Token| {
            let down = Arc::clone(&down);
            async move {
                let inner = OAuth2Refresh::new("/token", "app");
                let fresh = inner.refresh(&client, &token).await;
                down.set_down(true);
                fresh
            }
        },
    )
    .jitter_seed(7)
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    eventually("it is told", || refresh.counters().persist_failed == 1);
    // Far longer than the first tries take.
    for _ in 0..600 {
        world.time.advance(seconds(1));
        std::thread::yield_now();
    }
    assert_eq!(store.stored().stamp(), Stamp::new(1, 1));
    store.set_down(false);
    while_time_passes(&world.time, "it is stored", || {
        store.stored().stamp() == Stamp::new(1, 2)
    });
    let access = store.stored().token().unwrap().access_token().clone();
    assert_eq!(access.expose(), "a2");
    assert_eq!(world.server.refreshes(), 1);
}

fn a_store_that_fails_is_watched_again<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    is_watched(&world, &store);
    store.set_down(true);
    eventually("the watch is off", || {
        store.watched.load(Ordering::SeqCst) == 0
    });
    // A valid token needs no store.
    E::send(client.get("/me")).unwrap();
    store.set_down(false);
    block_on(store.clear(1)).unwrap();
    while_time_passes(&world.time, "it is seen", || {
        refresh.status().state() == SessionState::Empty
    });
}

fn the_watch_ends_with_the_session<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    is_watched(&world, &store);
    drop((client, refresh));
    eventually("nobody watches", || {
        store.watched.load(Ordering::SeqCst) == 0
    });
    eventually("nobody holds the store", || Arc::strong_count(&store) == 1);
}

/// The lease's answer says that somebody else has refreshed: that is used, and
/// no lease is waited for.
fn what_was_stored_while_the_lease_was_waited_for_is_used<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    world.server.expire();
    let next = Stored::live(Stamp::new(1, 2), world.server.issue("b1", "s1"));
    store.state.lock().unwrap().withheld = Some(next);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 0);
    assert_eq!(store.state.lock().unwrap().acquired, 1);
    assert_eq!(refresh.counters().lease_waits, 1);
    // One that is of no use: the lease is asked for again.
    world.server.expire();
    let refused = store.stored();
    store.state.lock().unwrap().withheld = Some(refused);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 1);
    assert_eq!(store.state.lock().unwrap().acquired, 3);
}

fn the_record_that_comes_with_a_lease_is_not_read_again<E: Drive>() {
    let world = World::new();
    let store = Shared::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    world.server.expire();
    let before = store.state.lock().unwrap().loads;
    E::send(client.get("/me")).unwrap();
    assert_eq!(store.state.lock().unwrap().loads, before + 1);
}

/// A store that goes on moving ends the refresh, and spends nothing.
#[test]
fn a_lease_that_is_withheld_for_ever_is_an_error() {
    struct Moving(Arc<Shared>);
    #[async_trait]
    impl TokenStore for Moving {
        async fn load(&self) -> Result<Stored> {
            self.0.load().await
        }
        async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
            self.0.compare_and_swap(expected, new).await
        }
        async fn clear(&self, epoch: u64) -> Result<Stamp> {
            self.0.clear(epoch).await
        }
        async fn acquire(&self, _: Duration) -> Result<Lease> {
            Ok(Lease::withheld(self.0.stored()))
        }
    }
    let world = World::new();
    let store = Moving(Shared::new(Token::new("a1").refresh("r1")));
    let refresh = TokenRefresh::builder(store, OAuth2Refresh::new("/token", "app"))
        .build()
        .unwrap();
    let client = world.client::<tollgate::client::Async>(&refresh);
    world.server.expire();
    let error = block_on(client.get("/me").send()).unwrap_err();
    let class = RefreshError::find_in(&error).unwrap().class();
    assert_eq!(class, RefreshClass::Store);
    assert_eq!(world.server.refreshes(), 0);
}

both!(
    a_sign_out_elsewhere_ends_the_session_without_a_call,
    a_new_token_elsewhere_is_used_by_the_next_call,
    what_the_store_has_lost_is_written_again,
    a_sign_out_that_the_store_has_lost_is_written_again,
    what_could_not_be_stored_is_stored_when_the_store_is_back,
    a_store_that_fails_is_watched_again,
    the_watch_ends_with_the_session,
    what_was_stored_while_the_lease_was_waited_for_is_used,
    the_record_that_comes_with_a_lease_is_not_read_again,
);
