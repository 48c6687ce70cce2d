//! A store that tells what others write is watched: nobody waits for the next
//! call, and what the store has lost is written again.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Client, Error, ErrorKind, Response, Result,
    auth::{
        Lease, OAuth2Refresh, RefreshClass, RefreshError, Refresher, SessionState, Stamp, Stored,
        Swap, Token, TokenRefresh, TokenStore,
    },
    client,
    runtime::block_on,
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
    /// Every lease is withheld: the record goes on moving.
    moves: bool,
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
                moves: false,
                acquired: 0,
                loads: 0,
            }),
            watched: AtomicUsize::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn stored(&self) -> Stored {
        self.state().stored.clone()
    }

    fn watchers(&self) -> usize {
        self.watched.load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Writes whatever it is, as a store does that has lost what it had.
    fn put(&self, stored: Stored) {
        self.change(|state| state.stored = stored);
    }

    fn set_down(&self, down: bool) {
        self.change(|state| state.down = down);
    }

    fn up(&self) -> Result<()> {
        if self.state().down {
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
        self.state().loads += 1;
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
        let mut state = self.state();
        state.acquired += 1;
        if state.moves {
            return Ok(Lease::withheld(state.stored.clone()));
        }
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
            self.up()?;
            let mut state = self.state();
            if state.stored.stamp() != seen {
                return Poll::Ready(Ok(state.stored.clone()));
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// A session over a shared store, and a client that has it.
struct Watching<E: Drive> {
    world: World,
    store: Arc<Shared>,
    refresh: TokenRefresh,
    client: client::Client<E>,
}

impl<E: Drive> Watching<E> {
    fn new() -> Self {
        Self::with(|_| OAuth2Refresh::new("/token", "app"))
    }

    fn with<R: Refresher>(refresher: impl FnOnce(Arc<Shared>) -> R) -> Self {
        let world = World::new();
        let store = Shared::new(Token::new("a1").refresh("r1"));
        let refresh = TokenRefresh::builder(Arc::clone(&store), refresher(Arc::clone(&store)))
            .jitter_seed(7)
            .build()
            .unwrap();
        let client = world.client::<E>(&refresh);
        Self {
            world,
            store,
            refresh,
            client,
        }
    }

    /// The first call was sent, and the store is watched since.
    fn begun() -> Self {
        let it = Self::new();
        it.send().unwrap();
        it.is_watched();
        it
    }

    fn send(&self) -> Result<Response> {
        E::send(self.client.get("/me"))
    }

    fn is_watched(&self) {
        self.while_time_passes("the store is watched", || self.store.watchers() == 1);
    }

    /// Lets the pauses of the watch pass until something has come true.
    fn while_time_passes(&self, what: &str, done: impl Fn() -> bool) {
        eventually(what, || {
            self.world.time.advance(Duration::from_millis(50));
            done()
        });
    }

    fn is(&self, state: SessionState) -> bool {
        self.refresh.status().state() == state
    }

    /// Takes the place of the record; the session has to write `expected`.
    fn is_written_again(&self, lost: Stored, expected: &Stored) {
        self.store.put(lost);
        self.while_time_passes("it is written again", || self.store.stored() == *expected);
    }
}

fn a_sign_out_elsewhere_ends_the_session_without_a_call<E: Drive>() {
    let it = Watching::<E>::begun();
    block_on(it.store.clear(1)).unwrap();
    eventually("it is seen", || it.is(SessionState::Empty));
    assert_eq!(it.world.mock.count(), 1);
    it.send().unwrap_err();
    assert_eq!(it.world.sent_tokens(), [some(&["a1"]), vec![None]].concat());
}

fn a_new_token_elsewhere_is_used_by_the_next_call<E: Drive>() {
    let it = Watching::<E>::begun();
    let log = Log::default();
    log.listen(&it.refresh);
    let next = it.store.stored().stamp().next();
    let token = it.world.server.issue("b1", "s1");
    it.store.put(Stored::live(next, token));
    eventually("it is taken over", || it.refresh.counters().adopted == 1);
    it.send().unwrap();
    it.store.put(Stored::dead(next.next()));
    eventually("the end is seen", || it.is(SessionState::Dead));
    log.expect(&["expired"]);
    assert_eq!(it.world.sent_tokens(), some(&["a1", "b1"]));
    assert_eq!(it.world.server.refreshes(), 0);
}

/// A server without persistence comes back empty, or a failover has lost the
/// last write.
fn what_the_store_has_lost_is_written_again<E: Drive>() {
    let it = Watching::<E>::new();
    let first = it.store.stored();
    it.world.server.expire();
    it.send().unwrap();
    it.is_watched();
    let last = it.store.stored();
    assert_eq!((last.stamp(), last.fence()), (Stamp::new(1, 2), 1));
    for older in [Stored::empty(Stamp::default()), first] {
        it.is_written_again(older, &last);
        it.is_watched();
    }
    it.send().unwrap();
    assert_eq!(it.world.server.refreshes(), 1);
}

/// Nobody signs in again by a store's loss.
fn a_sign_out_that_the_store_has_lost_is_written_again<E: Drive>() {
    let it = Watching::<E>::begun();
    let signed_in = it.store.stored();
    block_on(it.refresh.sign_out()).unwrap();
    it.is_written_again(signed_in, &it.store.stored());
    assert!(it.is(SessionState::Empty));
}

/// What the server gave while the store was down reaches it, however long that
/// takes.
fn what_could_not_be_stored_is_stored_when_the_store_is_back<E: Drive>() {
    let it = Watching::<E>::with(|store| {
        async move |client: Client, token: Token| {
            let inner = OAuth2Refresh::new("/token", "app");
            let fresh = inner.refresh(&client, &token).await;
            store.set_down(true);
            fresh
        }
    });
    it.world.server.expire();
    it.send().unwrap();
    eventually("it is told", || it.refresh.counters().persist_failed == 1);
    // Far longer than the first tries take.
    for _ in 0..600 {
        it.world.time.advance(seconds(1));
        std::thread::yield_now();
    }
    assert_eq!(it.store.stored().stamp(), Stamp::new(1, 1));
    it.store.set_down(false);
    it.while_time_passes("it is stored", || {
        it.store.stored().stamp() == Stamp::new(1, 2)
    });
    let stored = it.store.stored();
    assert_eq!(stored.token().unwrap().access_token().expose(), "a2");
    assert_eq!(it.world.server.refreshes(), 1);
}

fn a_store_that_fails_is_watched_again<E: Drive>() {
    let it = Watching::<E>::begun();
    it.store.set_down(true);
    eventually("the watch is off", || it.store.watchers() == 0);
    // A valid token needs no store.
    it.send().unwrap();
    it.store.set_down(false);
    block_on(it.store.clear(1)).unwrap();
    it.while_time_passes("it is seen", || it.is(SessionState::Empty));
}

fn the_watch_ends_with_the_session<E: Drive>() {
    let Watching {
        store,
        refresh,
        client,
        ..
    } = Watching::<E>::begun();
    drop((client, refresh));
    eventually("nobody watches", || store.watchers() == 0);
    eventually("nobody holds the store", || Arc::strong_count(&store) == 1);
}

/// The lease's answer says that somebody else has refreshed: that is used, and
/// no lease is waited for.
fn what_was_stored_while_the_lease_was_waited_for_is_used<E: Drive>() {
    let it = Watching::<E>::new();
    it.send().unwrap();
    it.world.server.expire();
    let next = Stored::live(Stamp::new(1, 2), it.world.server.issue("b1", "s1"));
    it.store.state().withheld = Some(next.clone());
    it.send().unwrap();
    assert_eq!(it.world.server.refreshes(), 0);
    assert_eq!(it.store.state().acquired, 1);
    assert_eq!(it.refresh.counters().lease_waits, 1);
    // One that is of no use: the lease is asked for again.
    it.world.server.expire();
    it.store.state().withheld = Some(next);
    it.send().unwrap();
    assert_eq!(it.world.server.refreshes(), 1);
    assert_eq!(it.store.state().acquired, 3);
}

fn the_record_that_comes_with_a_lease_is_not_read_again<E: Drive>() {
    let it = Watching::<E>::new();
    it.send().unwrap();
    it.world.server.expire();
    let before = it.store.state().loads;
    it.send().unwrap();
    assert_eq!(it.store.state().loads, before + 1);
}

/// A store that goes on moving ends the refresh, and spends nothing.
fn a_lease_that_is_withheld_for_ever_is_an_error<E: Drive>() {
    let it = Watching::<E>::new();
    it.store.state().moves = true;
    it.world.server.expire();
    let error = it.send().unwrap_err();
    let class = RefreshError::find_in(&error).unwrap().class();
    assert_eq!(class, RefreshClass::Store);
    assert_eq!(it.world.server.refreshes(), 0);
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
    a_lease_that_is_withheld_for_ever_is_an_error,
);
