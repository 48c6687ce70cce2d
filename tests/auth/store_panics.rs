//! A store that panics: an error, and no token is lost by it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tollgate::{
    ErrorKind, Result,
    auth::{
        Lease, MemoryStore, Presented, RefreshClass, RefreshError, Stamp, Stored, Swap, Token,
        TokenRefresh, TokenStore,
    },
    runtime::block_on,
};

use crate::support::{Drive, Log, World, eventually, pair_over, seconds, some};

/// Panics once, where the test says so.
#[derive(Default)]
struct Panicking {
    inner: MemoryStore,
    at: Mutex<Option<&'static str>>,
}

impl Panicking {
    fn step(&self, step: &'static str) {
        let due = self.at.lock().unwrap().take_if(|it| *it == step).is_some();
        assert!(!due, "a fault in the store");
    }

    fn access(&self) -> String {
        let stored = block_on(self.inner.load()).unwrap();
        stored.token().unwrap().access_token().expose().to_owned()
    }
}

#[async_trait]
impl TokenStore for Panicking {
    async fn load(&self) -> Result<Stored> {
        self.step("load");
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.step("swap");
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, _: std::time::Duration) -> Result<Lease> {
        self.step("acquire");
        Ok(Lease::new(1))
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        self.step("present");
        self.inner.present(stamp, presented).await
    }

    async fn release(&self, _: Lease) -> Result<()> {
        self.step("release");
        Ok(())
    }
}

struct Scene<E: Drive> {
    world: World,
    store: Arc<Panicking>,
    refresh: TokenRefresh,
    client: tollgate::client::Client<E>,
}

fn scene<E: Drive>() -> Scene<E> {
    let world = World::new();
    let store = Arc::new(Panicking {
        inner: MemoryStore::new(Token::new("a1").refresh("r1")),
        ..Panicking::default()
    });
    let refresh = pair_over(Arc::clone(&store)).build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    Scene {
        world,
        store,
        refresh,
        client,
    }
}

/// Case 38. Before the grant: nothing is spent, and the next call works.
fn a_panic_before_the_grant_spends_nothing<E: Drive>() {
    for step in ["load", "acquire", "present"] {
        let it = scene::<E>();
        *it.store.at.lock().unwrap() = Some(step);
        let error = E::send(it.client.get("/me")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        let cause = RefreshError::find_in(&error).unwrap();
        assert_eq!(cause.class(), RefreshClass::Interrupted, "{step}");
        assert_eq!(it.world.server.refreshes(), 0, "{step}");
        E::send(it.client.get("/me")).unwrap();
        assert_eq!(it.world.server.presented(), ["r1"]);
        assert_eq!(it.refresh.counters().panics, 1);
    }
}

/// Case 38. After it: the server has given a token, which is used.
fn a_panic_after_the_grant_loses_no_token<E: Drive>() {
    let it = scene::<E>();
    let log = Log::default();
    log.listen(&it.refresh);
    *it.store.at.lock().unwrap() = Some("swap");
    E::send(it.client.get("/me")).unwrap();
    assert_eq!(it.world.sent_tokens(), some(&["a1", "a1", "a2"]));
    log.expect(&["refreshed", "persist failed"]);
    assert_eq!(it.refresh.counters().panics, 1);
    eventually("it is stored", || {
        it.world.time.advance(seconds(1) / 20);
        it.store.access() == "a2"
    });
    it.world.server.expire();
    E::send(it.client.get("/me")).unwrap();
    assert_eq!(it.world.server.presented(), ["r1", "r2"]);
}

/// Case 38. Nobody waits any more when the lease is given back.
fn a_panic_at_the_end_concerns_nobody<E: Drive>() {
    let it = scene::<E>();
    *it.store.at.lock().unwrap() = Some("release");
    E::send(it.client.get("/me")).unwrap();
    eventually("it has panicked", || it.refresh.counters().panics == 1);
    it.world.server.expire();
    E::send(it.client.get("/me")).unwrap();
    assert_eq!(it.world.server.presented(), ["r1", "r2"]);
}

both!(
    a_panic_before_the_grant_spends_nothing,
    a_panic_after_the_grant_loses_no_token,
    a_panic_at_the_end_concerns_nobody,
);
