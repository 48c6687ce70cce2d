//! Signing out at the server, what the session says of itself, and what other
//! processes do to it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Client, ErrorKind,
    auth::{
        AuthEvent, MemoryStore, RefreshClass, RefreshError, Refresher, SessionState, Stamp, Stored,
        Swap, Token, TokenRefresh, TokenStore,
    },
    runtime::block_on,
};

use crate::support::{BASE, Count, Drive, Gate, Log, Odd, World, eventually, seconds, some};

/// Gives new tokens at once, and remembers what it was told to revoke.
#[derive(Clone, Default)]
struct Revoking {
    revoked: Arc<Mutex<Vec<String>>>,
    panics: bool,
    fails: bool,
}

#[async_trait]
impl Refresher for Revoking {
    async fn refresh(&self, _: &Client, _: &Token) -> Result<Token, RefreshError> {
        Ok(Token::new("a2").refresh("r2"))
    }

    async fn revoke(&self, _: &Client, token: &Token) -> Result<(), RefreshError> {
        let refresh = token.refresh_token().unwrap().expose().to_owned();
        self.revoked.lock().unwrap().push(refresh);
        assert!(!self.panics, "a fault in the refresher");
        if self.fails {
            return Err(RefreshError::new(RefreshClass::NotSent, "down"));
        }
        Ok(())
    }
}

fn signing_out_revokes_what_was_in_use<E: Drive>() {
    for (refresher, revoked) in [
        (Revoking::default(), 1),
        (
            Revoking {
                fails: true,
                ..Revoking::default()
            },
            0,
        ),
        (
            Revoking {
                panics: true,
                ..Revoking::default()
            },
            0,
        ),
    ] {
        let world = World::new();
        let refresh = TokenRefresh::builder(Arc::clone(&world.store), refresher.clone())
            .origins([BASE])
            .build()
            .unwrap();
        let client = world.client::<E>(&refresh);
        E::send(client.get("/me")).unwrap();
        block_on(refresh.sign_out()).unwrap();
        assert_eq!(*refresher.revoked.lock().unwrap(), ["r1"]);
        assert_eq!(refresh.counters().revoked, revoked);
        let stored = block_on(world.store.load()).unwrap();
        assert!(stored.token().is_none());
    }
}

fn without_a_client_there_is_nobody_to_revoke_with<E: Drive>() {
    let world = World::new();
    let refresher = Revoking::default();
    let refresh = TokenRefresh::builder(Arc::clone(&world.store), refresher.clone())
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    let weak = client.downgrade();
    drop(client);
    // The task that has read the store may hold it a moment longer.
    eventually("the client is gone", || weak.upgrade().is_none());
    block_on(refresh.sign_out()).unwrap();
    assert!(refresher.revoked.lock().unwrap().is_empty());
}

fn the_status_follows_the_session<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let state = || refresh.status().state();
    assert_eq!(state(), SessionState::Unloaded);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(state(), SessionState::Fresh);
    assert_eq!(refresh.status().expires_at(), None);

    world.server.expire();
    world.server.answer(Odd::html(503));
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(state(), SessionState::Rejected);
    let status = refresh.status();
    let (left, cause) = status.cooling().unwrap();
    assert!(left > Duration::ZERO && left <= seconds(1));
    assert_eq!(cause.class(), RefreshClass::NotSent);

    world.time.advance(seconds(2));
    E::send(client.get("/me")).unwrap();
    assert_eq!(state(), SessionState::Fresh);
    let status = refresh.status();
    assert!(status.cooling().is_none() && status.ended().is_none());
    assert_eq!(status.expires_at(), Some(world.now() + seconds(3600)));
    let version = status.version();

    world.time.advance(seconds(3598));
    assert_eq!(state(), SessionState::Expired);
    world
        .server
        .answer(Odd::json(400, r#"{"error":"invalid_grant"}"#));
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(state(), SessionState::Dead);
    let status = refresh.status();
    assert_eq!(status.ended().unwrap().class(), RefreshClass::Rejected);
    assert!(status.version() > version);

    let epoch = status.epoch();
    block_on(refresh.sign_in(world.server.issue("b1", "s1"))).unwrap();
    assert_eq!(state(), SessionState::Fresh);
    assert_eq!(refresh.status().epoch(), epoch + 1);
    block_on(refresh.sign_out()).unwrap();
    assert_eq!(state(), SessionState::Empty);
    let text = format!("{:?}", refresh.status());
    assert!(!text.contains("a2") && !text.contains("s1"), "{text}");
}

fn the_events_come_in_order_and_may_use_the_client<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let names = Arc::new(Mutex::new(Vec::new()));
    let (seen, inner) = (Arc::clone(&names), client.clone());
    refresh.on_event(move |event| {
        let name = match event {
            AuthEvent::Refreshing { .. } => "refreshing",
            AuthEvent::Refreshed { .. } => "refreshed",
            _ => "other",
        };
        let answer = E::send(inner.get("/from-a-handler"));
        seen.lock().unwrap().push((name, answer.is_ok()));
    });
    E::send(client.get("/me")).unwrap();
    eventually("both are told", || names.lock().unwrap().len() == 2);
    // The first is part of the refresh: there is no token yet.
    let expected = [("refreshing", false), ("refreshed", true)];
    assert_eq!(*names.lock().unwrap(), expected);
}

/// Case 62: another process signs out; this one stops at its next look.
fn a_sign_out_elsewhere_is_seen_without_a_refresh<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().recheck_store(seconds(1)).build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    let other = world.pair().build().unwrap();
    block_on(other.sign_out()).unwrap();
    // Not due yet.
    E::send(client.get("/me")).unwrap();
    world.time.advance(seconds(1));
    // This one starts the look, and does not wait for it.
    E::send(client.get("/me")).unwrap();
    eventually("it is seen", || {
        refresh.status().state() == SessionState::Empty
    });
    E::send(client.get("/me")).unwrap_err();
    let tokens = [some(&["a1", "a1", "a1"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), tokens);
    assert_eq!(world.server.refreshes(), 0);
}

fn what_another_process_stores_is_used_without_a_refresh<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().recheck_store(seconds(1)).build().unwrap();
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    let write = |record| {
        let before = block_on(world.store.load()).unwrap().stamp();
        block_on(world.store.compare_and_swap(before, record)).unwrap();
        world.time.advance(seconds(1));
        let adopted = refresh.counters().adopted;
        drop(E::send(client.get("/me")));
        // As long as one look is not over, there is no other.
        world.settle();
        assert_eq!(refresh.counters().adopted, adopted + 1);
    };
    let stamp = block_on(world.store.load()).unwrap().stamp();
    write(Stored::live(stamp.next(), world.server.issue("b1", "s1")));
    E::send(client.get("/me")).unwrap();
    write(Stored::dead(stamp.next().next()));
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    log.expect(&["expired"]);
    // Somebody has signed in again elsewhere.
    let next = stamp.next().next().next_epoch();
    write(Stored::live(next, world.server.issue("c1", "t1")));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 0);
}

/// A look that hangs or fails holds nobody up.
fn a_store_that_cannot_be_looked_at_costs_nothing<E: Drive>() {
    let world = World::new();
    let store = Arc::new(Hanging {
        inner: Arc::clone(&world.store),
        gate: Gate::default(),
        loads: Count::default(),
    });
    let refresh = TokenRefresh::builder(Arc::clone(&store), Revoking::default())
        .recheck_store(seconds(1))
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    for _ in 0..5 {
        world.time.advance(seconds(1));
        E::send(client.get("/me")).unwrap();
    }
    store.gate.await_arrivals(1);
    assert_eq!(store.loads.get(), 2, "one look at a time");
    store.gate.open();
}

/// Every read but the first hangs until the gate opens.
struct Hanging {
    inner: Arc<MemoryStore>,
    gate: Gate,
    loads: Count,
}

#[async_trait]
impl TokenStore for Hanging {
    async fn load(&self) -> tollgate::Result<Stored> {
        if self.loads.add() > 1 {
            self.gate.pass().await;
        }
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> tollgate::Result<Swap> {
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> tollgate::Result<Stamp> {
        self.inner.clear(epoch).await
    }
}

both!(
    signing_out_revokes_what_was_in_use,
    without_a_client_there_is_nobody_to_revoke_with,
    the_status_follows_the_session,
    the_events_come_in_order_and_may_use_the_client,
    a_sign_out_elsewhere_is_seen_without_a_refresh,
    what_another_process_stores_is_used_without_a_refresh,
    a_store_that_cannot_be_looked_at_costs_nothing,
);
