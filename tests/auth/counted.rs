//! What a session counts: each thing once, and nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Error, ErrorKind, Result,
    auth::{Counters, Lease, MemoryStore, Stamp, Stored, Swap, Token, TokenStore},
};

use crate::support::{Drive, Odd, World, client_of, eventually, pair_over, seconds, settled};

fn counters(set: impl FnOnce(&mut Counters)) -> Counters {
    let mut counters = Counters::default();
    set(&mut counters);
    counters
}

/// Case 71. The end of a refresh, by its class.
fn each_end_of_a_refresh_is_counted_by_its_class<E: Drive>() {
    type Set = fn(&mut Counters);
    let ends: [(Odd, Set); 6] = [
        (Odd::html(503), |it| it.not_sent = 1),
        (Odd::html(429), |it| it.not_sent = 1),
        (Odd::html(500), |it| it.ambiguous = 1),
        (Odd::html(400), |it| it.ambiguous = 1),
        (Odd::json(401, r#"{"error":"invalid_client"}"#), |it| {
            it.config = 1;
        }),
        (Odd::json(400, r#"{"error":"invalid_grant"}"#), |it| {
            it.rejected = 1;
        }),
    ];
    for (odd, set) in ends {
        let world = World::new();
        world.server.expire();
        world.server.answer(odd.clone());
        let refresh = world.pair().build().unwrap();
        let client = world.client::<E>(&refresh);
        E::send(client.get("/me")).unwrap_err();
        let expected = counters(|it| {
            (it.attempts, it.failed) = (1, 1);
            set(it);
        });
        assert_eq!(refresh.counters(), expected, "{odd:?}");
        // What is told again without I/O: a pause, or the end of the session.
        E::send(client.get("/me")).unwrap_err();
        let cooled = u64::from(expected.rejected == 0);
        let expected = counters(|it| {
            *it = expected;
            it.cooled = cooled;
        });
        assert_eq!(refresh.counters(), expected, "{odd:?}");
    }
}

/// Case 71. A lost answer, and the token that came after it.
fn a_recovery_is_counted<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::html(500));
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap_err();
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();
    let expected = counters(|it| {
        (it.attempts, it.failed, it.ambiguous) = (2, 1, 1);
        (it.refreshed, it.recovered) = (1, 1);
        // The refresh before may still have been giving its lease back.
        it.lease_waits = refresh.counters().lease_waits;
    });
    assert_eq!(refresh.counters(), expected);
    // The next one recovers nothing; it replays, which the one before did not:
    // it had waited before it was sent.
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    let expected = counters(|it| {
        *it = expected;
        (it.attempts, it.refreshed, it.replays) = (3, 2, 1);
        it.lease_waits = refresh.counters().lease_waits;
    });
    assert_eq!(refresh.counters(), expected);
}

/// Case 71. Who waits, who is replayed, and who comes too late to be refused.
fn waiters_replays_and_late_refusals_are_counted<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (late, slow) = world.held::<E>(&refresh, "/slow");
    let (client, token) = world.held::<E>(&refresh, "/token");
    E::send(client.get("/first")).unwrap();
    std::thread::scope(|scope| {
        let slow_calls = (0..3).map(|_| late.get("/slow")).collect();
        let late = scope.spawn(|| E::send_all(slow_calls));
        slow.await_arrivals(3);
        world.server.expire();
        let leader = scope.spawn(|| E::send(client.get("/leader")));
        token.await_arrivals(1);
        // These find that it was refused, and wait before they are sent.
        let calls = (0..4).map(|_| client.get("/me")).collect();
        let waiting = scope.spawn(|| E::send_all(calls));
        eventually("all wait", || refresh.counters().coalesced == 4);
        token.open();
        leader.join().unwrap().unwrap();
        assert!(waiting.join().unwrap().iter().all(Result::is_ok));
        slow.open();
        assert!(late.join().unwrap().iter().all(Result::is_ok));
    });
    let expected = counters(|it| {
        (it.attempts, it.refreshed) = (1, 1);
        (it.coalesced, it.stale_hits) = (4, 3);
        it.replays = 1 + 3;
    });
    assert_eq!(refresh.counters(), expected);
}

/// Case 71. Another session has the lease, and stores what it gets.
fn who_waits_for_the_lease_of_another_session_adopts_its_token<E: Drive>() {
    let world = World::new();
    let token = world.holding("/token");
    let sessions = [0, 1].map(|_| world.pair().build().unwrap());
    let clients = [0, 1].map(|index: usize| client_of::<E>(token.clone(), &sessions[index]));
    for client in &clients {
        E::send(client.get("/first")).unwrap();
    }
    world.server.expire();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| E::send(clients[0].get("/me")));
        token.gate.await_arrivals(1);
        let second = scope.spawn(|| E::send(clients[1].get("/me")));
        eventually("the second has been refused", || {
            world.calls().len() == 4 && sessions[1].status().is_refreshing()
        });
        token.gate.open();
        first.join().unwrap().unwrap();
        second.join().unwrap().unwrap();
    });
    let first = counters(|it| (it.attempts, it.refreshed, it.replays) = (1, 1, 1));
    assert_eq!(sessions[0].counters(), first);
    let second = sessions[1].counters();
    assert_eq!((second.adopted, second.replays), (1, 1));
    assert_eq!((second.attempts, second.refreshed), (0, 0));
    assert_eq!(world.server.presented(), ["r1"]);
}

/// A store whose lease was another's a moment ago, and whose writes fail.
#[derive(Default)]
struct Contended {
    inner: MemoryStore,
    unwritable: AtomicBool,
}

#[async_trait]
impl TokenStore for Contended {
    async fn load(&self) -> Result<Stored> {
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        if self.unwritable.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Connect, "the disk is full"));
        }
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, _: Duration) -> Result<Lease> {
        Ok(Lease::new(1).contended())
    }
}

/// Case 71. What the store does is counted too.
fn waits_for_a_lease_and_failed_writes_are_counted<E: Drive>() {
    let world = World::new();
    let store = Arc::new(Contended {
        inner: MemoryStore::new(Token::new("a1").refresh("r1")),
        ..Contended::default()
    });
    let refresh = pair_over(Arc::clone(&store)).build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/first")).unwrap();
    assert_eq!(refresh.counters(), Counters::default(), "nothing happened");
    store.unwritable.store(true, Ordering::SeqCst);
    for round in 1..=2 {
        world.server.expire();
        E::send(client.get("/me")).unwrap();
        let expected = counters(|it| {
            (it.attempts, it.refreshed, it.replays) = (round, round, round);
            (it.lease_waits, it.persist_failed) = (round, round);
        });
        assert_eq!(refresh.counters(), expected);
        settled(&refresh);
    }
}

both!(
    each_end_of_a_refresh_is_counted_by_its_class,
    a_recovery_is_counted,
    waiters_replays_and_late_refusals_are_counted,
    who_waits_for_the_lease_of_another_session_adopts_its_token,
    waits_for_a_lease_and_failed_writes_are_counted,
);
