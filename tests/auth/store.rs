//! The store fails, hangs, or comes back late.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use tollgate::{
    Client, Error, ErrorKind, Result,
    auth::{
        Lease, MemoryStore, RefreshClass, RefreshError, Stamp, Stored, Swap, Token, TokenRefresh,
        TokenStore,
    },
    runtime::block_on,
};

use crate::support::{
    Count, Drive, Gate, Log, World, asleep, eventually, pair_over, seconds, some,
};

/// A store that fails where the test says so, and writes down what it does.
#[derive(Default)]
struct Flaky {
    inner: MemoryStore,
    no_lease: AtomicBool,
    no_load: AtomicBool,
    no_swap: AtomicBool,
    no_clear: AtomicBool,
    log: Mutex<Vec<&'static str>>,
}

impl Flaky {
    fn new(token: Token) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(token),
            ..Self::default()
        })
    }

    fn step(&self, name: &'static str, fails: &AtomicBool) -> Result<()> {
        self.log.lock().unwrap().push(name);
        if fails.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Connect, "the disk is gone"));
        }
        Ok(())
    }

    fn log(&self) -> Vec<&'static str> {
        self.log.lock().unwrap().clone()
    }

    fn set(flag: &AtomicBool, on: bool) {
        flag.store(on, Ordering::SeqCst);
    }
}

#[async_trait]
impl TokenStore for Flaky {
    async fn load(&self) -> Result<Stored> {
        self.step("load", &self.no_load)?;
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.step("swap", &self.no_swap)?;
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.step("clear", &self.no_clear)?;
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, ttl: std::time::Duration) -> Result<Lease> {
        assert!(ttl > seconds(10), "a lease outlasts a refresh");
        self.step("acquire", &self.no_lease)?;
        Ok(Lease::new(1))
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        assert_eq!(lease.fence(), 1);
        self.step("release", &AtomicBool::new(false))
    }
}

fn pair(store: &Arc<Flaky>) -> TokenRefresh {
    pair_over(Arc::clone(store)).jitter_seed(7).build().unwrap()
}

fn class_of(error: &Error) -> RefreshClass {
    RefreshError::find_in(error).unwrap().class()
}

fn stored(store: &impl TokenStore) -> (u64, Option<String>) {
    let stored = block_on(store.load()).unwrap();
    let access = stored
        .token()
        .map(|token| token.access_token().expose().to_owned());
    (stored.stamp().version, access)
}

fn a_store_that_cannot_be_read_spends_no_refresh_token<E: Drive>() {
    let world = World::new();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    Flaky::set(&store.no_load, true);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(
        (error.kind(), class_of(&error)),
        (ErrorKind::Auth, RefreshClass::Store)
    );
    assert_eq!(world.mock.count(), 0);
    Flaky::set(&store.no_load, false);
    world.time.advance(seconds(2));
    // The first read needs no lease.
    Flaky::set(&store.no_lease, true);
    E::send(client.get("/me")).unwrap();
    world.server.expire();
    for flag in [&store.no_load, &store.no_lease] {
        Flaky::set(flag, true);
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(class_of(&error), RefreshClass::Store);
        assert_eq!(world.server.refreshes(), 0);
        Flaky::set(flag, false);
        world.time.advance(seconds(4));
    }
    E::send(client.get("/me")).unwrap();
}

fn a_token_that_is_fresh_needs_no_store<E: Drive>() {
    let world = World::new();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let client = world.client::<E>(&pair(&store));
    E::send(client.get("/me")).unwrap();
    Flaky::set(&store.no_load, true);
    for _ in 0..5 {
        E::send(client.get("/me")).unwrap();
    }
    assert_eq!(store.log(), ["load"]);
}

fn a_token_that_cannot_be_stored_is_used_and_stored_later<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    Flaky::set(&store.no_swap, true);
    E::send(client.get("/me")).unwrap();
    E::send(client.get("/me")).unwrap();
    log.expect(&["refreshed", "persist failed"]);
    assert_eq!(stored(&*store), (1, Some("a1".to_owned())));
    Flaky::set(&store.no_swap, false);
    eventually("the token is stored", || {
        world.time.advance(seconds(1) / 20);
        stored(&*store).0 == 2
    });
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    assert_eq!(
        world.server.presented(),
        ["r1", "r2"],
        "never the spent one"
    );
    assert_eq!(stored(&*store), (3, Some("a3".to_owned())));
}

/// The next refresh comes before the store does: it goes on with what we have.
fn a_refresh_before_the_store_is_back_presents_the_new_token<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let client = world.client::<E>(&pair(&store));
    Flaky::set(&store.no_swap, true);
    E::send(client.get("/me")).unwrap();
    world.server.expire();
    Flaky::set(&store.no_swap, false);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "r2"]);
    assert_eq!(stored(&*store).1, Some("a3".to_owned()));
}

fn an_unusable_token_in_the_store_is_named_and_not_shown<E: Drive>() {
    let world = World::over(MemoryStore::new(Token::new("CANARY\r\n")));
    let client = world.client::<E>(&world.pair().build().unwrap());
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Store);
    assert!(!format!("{error} {error:?} {}", error.to_json()).contains("CANARY"));
    assert!(error.to_json().contains("`authorization`"));
}

fn signing_out_holds_though_the_store_does_not_know<E: Drive>() {
    let world = World::new();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    Flaky::set(&store.no_clear, true);
    block_on(refresh.sign_out()).unwrap_err();
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.sent_tokens(), [some(&["a1"]), vec![None]].concat());
    Flaky::set(&store.no_clear, false);
    block_on(refresh.sign_out()).unwrap();
    assert_eq!(stored(&*store).1, None);
}

/// What a sign-in could not store, the next refresh stores first.
fn a_sign_in_that_was_not_stored_is_stored_by_the_next_refresh<E: Drive>() {
    let world = World::new();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let client = world.client::<E>(&refresh);
    Flaky::set(&store.no_swap, true);
    let token = world.server.issue("b1", "s1");
    block_on(refresh.sign_in(token)).unwrap_err();
    E::send(client.get("/me")).unwrap();
    world.server.expire();
    Flaky::set(&store.no_swap, false);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["s1"]);
    let record = block_on(store.load()).unwrap();
    assert_eq!(record.stamp(), Stamp::new(2, 3));
    assert_eq!(world.sent_tokens(), some(&["b1", "b1", "a2"]));
}

fn a_lease_is_taken_before_the_read_and_given_back_at_the_end<E: Drive>() {
    let world = World::new();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let client = world.client::<E>(&pair(&store));
    // Read without it first: somebody may have stored a newer one.
    let steps = ["load", "load", "acquire", "load", "swap", "release"];
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    eventually("the lease is given back", || {
        store.log().len() == steps.len()
    });
    assert_eq!(store.log(), steps);
}

fn a_lease_is_given_back_after_a_panic<E: Drive>() {
    let world = World::new();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let refresh = TokenRefresh::builder(
        Arc::clone(&store),
        async |_: Client, _: Token| -> Result<Token, RefreshError> {
            panic!("a fault in the refresher")
        },
    )
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    world.server.expire();
    E::send(client.get("/me")).unwrap_err();
    eventually("the lease is given back", || {
        let log = store.log();
        let count = |name| log.iter().filter(|step| **step == name).count();
        count("acquire") == 1 && count("release") == 1
    });
}

/// A store that hangs is cut off by the flight's own time.
fn a_store_that_hangs_ends_by_the_refreshs_deadline<E: Drive>() {
    struct Hanging(Gate);

    #[async_trait]
    impl TokenStore for Hanging {
        async fn load(&self) -> Result<Stored> {
            self.0.pass().await;
            Ok(Stored::empty(Stamp::default()))
        }

        async fn compare_and_swap(&self, _: Stamp, _: Stored) -> Result<Swap> {
            Ok(Swap::Done)
        }

        async fn clear(&self, _: u64) -> Result<Stamp> {
            Ok(Stamp::default())
        }
    }

    let world = World::new();
    let gate = Gate::default();
    let refresh = pair_over(Hanging(gate.clone())).build().unwrap();
    let client = world.client::<E>(&refresh);
    let error = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(client.get("/me")));
        gate.await_arrivals(1);
        asleep(&world.time, 1);
        world.time.advance(seconds(10));
        waiting.join().unwrap().unwrap_err()
    });
    assert_eq!(class_of(&error), RefreshClass::Store);
    assert_eq!(world.mock.count(), 0);
}

/// Waiting for the first load, a sign-in is not somebody else's.
fn a_call_that_waits_for_the_first_load_is_sent_as_who_signs_in<E: Drive>() {
    let world = World::new();
    let gate = Gate::default();
    let slow = gate.clone();
    let loads = Count::default();
    struct Slow(Gate, MemoryStore, Count);

    #[async_trait]
    impl TokenStore for Slow {
        async fn load(&self) -> Result<Stored> {
            if self.2.add() == 1 {
                self.0.pass().await;
            }
            self.1.load().await
        }

        async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
            self.1.compare_and_swap(expected, new).await
        }

        async fn clear(&self, epoch: u64) -> Result<Stamp> {
            self.1.clear(epoch).await
        }
    }

    let store = Slow(slow, MemoryStore::empty(), loads);
    let refresh = pair_over(store).build().unwrap();
    let client = world.client::<E>(&refresh);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(client.get("/me")));
        gate.await_arrivals(1);
        block_on(refresh.sign_in(Token::new("a1").refresh("r1"))).unwrap();
        waiting.join().unwrap().unwrap();
    });
    gate.open();
    assert_eq!(world.sent_tokens(), some(&["a1"]));
}

/// The store is written before anybody is woken.
fn a_waiter_is_woken_after_the_write<E: Drive>() {
    let world = World::new();
    let store = Flaky::new(Token::new("a1").refresh("r1"));
    let refresh = pair(&store);
    let (client, gate) = world.held::<E>(&refresh, "/token");
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    std::thread::scope(|scope| {
        let calls = (0..4).map(|_| client.get("/me")).collect();
        let waiting = scope.spawn(|| E::send_all(calls));
        eventually("all wait", || refresh.counters().coalesced == 3);
        assert_eq!(stored(&*store).0, 1);
        gate.open();
        for result in waiting.join().unwrap() {
            result.unwrap();
        }
    });
    assert_eq!(stored(&*store).0, 2);
}

both!(
    a_store_that_cannot_be_read_spends_no_refresh_token,
    a_token_that_is_fresh_needs_no_store,
    a_token_that_cannot_be_stored_is_used_and_stored_later,
    a_refresh_before_the_store_is_back_presents_the_new_token,
    an_unusable_token_in_the_store_is_named_and_not_shown,
    signing_out_holds_though_the_store_does_not_know,
    a_sign_in_that_was_not_stored_is_stored_by_the_next_refresh,
    a_lease_is_taken_before_the_read_and_given_back_at_the_end,
    a_lease_is_given_back_after_a_panic,
    a_store_that_hangs_ends_by_the_refreshs_deadline,
    a_call_that_waits_for_the_first_load_is_sent_as_who_signs_in,
    a_waiter_is_woken_after_the_write,
);
