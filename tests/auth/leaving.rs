//! Who leaves takes nothing along: calls that are given up, clients that are
//! dropped.

use std::sync::Arc;

use async_trait::async_trait;
use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, CancelHandle, MockAdapter, MockReply, Runtime,
    auth::{RefreshClass, RefreshError, Token, TokenRefresh, TokenStore},
    runtime::{ManualRuntime, block_on},
};

use crate::support::{Drive, Gate, World, asleep, client_of, eventually, seconds, some};

/// Case 39, bug 40. The leader is cancelled, and every second of those who
/// wait; the others get what they wait for.
fn who_is_cancelled_leaves_alone<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    let handle = CancelHandle::new();
    std::thread::scope(|scope| {
        let leader = client.get("/leader").cancel_handle(&handle);
        let leader = scope.spawn(|| E::send(leader));
        gate.await_arrivals(1);
        let going: Vec<_> = (0..3)
            .map(|_| client.get("/going").cancel_handle(&handle))
            .collect();
        let going = scope.spawn(|| E::send_all(going));
        let staying = (0..3).map(|_| client.get("/staying")).collect();
        let staying = scope.spawn(|| E::send_all(staying));
        eventually("all wait", || refresh.counters().coalesced == 6);
        handle.cancel();
        assert!(leader.join().unwrap().unwrap_err().is_cancelled());
        for result in going.join().unwrap() {
            assert!(result.unwrap_err().is_cancelled());
        }
        gate.open();
        for result in staying.join().unwrap() {
            result.unwrap();
        }
    });
    assert_eq!(world.server.presented(), ["r1"]);
}

/// Case 41, bug 8. It is the leader that has no more time.
fn a_leader_that_times_out_fails_alone<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    std::thread::scope(|scope| {
        let leader = client.get("/leader").deadline(seconds(5));
        let leader = scope.spawn(|| E::send(leader));
        gate.await_arrivals(1);
        let calls = (0..3).map(|_| client.get("/me")).collect();
        let waiting = scope.spawn(|| E::send_all(calls));
        eventually("all wait", || refresh.counters().coalesced == 3);
        // The deadline; the async engine has a limit of the refresh and of its
        // attempt besides.
        asleep(&world.time, E::pick(3, 1));
        world.time.advance(seconds(5));
        assert!(leader.join().unwrap().unwrap_err().is_timeout());
        assert!(refresh.status().is_refreshing());
        gate.open();
        for result in waiting.join().unwrap() {
            result.unwrap();
        }
    });
    assert_eq!(world.server.presented(), ["r1"]);
}

/// Bug 9. The caller has less time than the refresh that hangs.
fn a_caller_leaves_at_its_own_time_and_the_token_is_kept<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    world.mock.push(MockReply::status(401, ""));
    world.mock.push(MockReply::never());
    std::thread::scope(|scope| {
        let call = client.get("/me").deadline(seconds(5));
        let hasty = scope.spawn(|| E::send(call));
        eventually("it hangs", || world.mock.count() == 2);
        // The deadline, and the limit of the attempt; in the async engine that of
        // the refresh besides.
        asleep(&world.time, E::pick(3, 2));
        world.time.advance(seconds(4));
        assert!(!hasty.is_finished());
        world.time.advance(seconds(1));
        assert!(hasty.join().unwrap().unwrap_err().is_timeout());
    });
    assert!(refresh.status().is_refreshing(), "it has its own time");
    world.time.advance(seconds(5));
    eventually("the refresh is given up", || refresh.counters().failed == 1);
    let status = refresh.status();
    let (_, cause) = status.cooling().unwrap();
    assert_eq!(cause.class(), RefreshClass::Ambiguous);
    let stored = block_on(world.store.load()).unwrap();
    let kept = stored.token().unwrap().refresh_token().unwrap();
    assert_eq!(kept.expose(), "r1");
    world.server.expire();
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1"]);
}

/// The token server has answered; the answer is on its way.
#[derive(Clone)]
struct Late {
    mock: MockAdapter,
    gate: Gate,
}

#[async_trait]
impl Adapter for Late {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        let token = request.uri().path() == "/token";
        let answer = Adapter::send(&self.mock, request).await;
        if token {
            self.gate.pass().await;
        }
        answer
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Adapter::runtime(&self.mock)
    }
}

impl BlockingAdapter for Late {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let token = request.uri().path() == "/token";
        let answer = BlockingAdapter::send(&self.mock, request);
        if token {
            block_on(self.gate.pass());
        }
        answer
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        BlockingAdapter::runtime(&self.mock)
    }
}

/// Bug 7. The old refresh token is spent, and nobody waits for the new one.
fn an_answer_that_nobody_waits_for_is_not_lost<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let gate = Gate::default();
    let late = Late {
        mock: world.mock.clone(),
        gate: gate.clone(),
    };
    let refresh = world.pair().build().unwrap();
    let client = client_of::<E>(late, &refresh);
    let handle = CancelHandle::new();
    std::thread::scope(|scope| {
        let call = client.get("/me").cancel_handle(&handle);
        let leader = scope.spawn(|| E::send(call));
        gate.await_arrivals(1);
        assert_eq!(world.server.presented(), ["r1"], "it has rotated");
        handle.cancel();
        assert!(leader.join().unwrap().unwrap_err().is_cancelled());
    });
    gate.open();
    eventually("the pair is there", || refresh.counters().refreshed == 1);
    E::send(client.get("/me")).unwrap();
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "r2"]);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2", "a2", "a3"]));
}

/// Case 43, bug 44. Nothing keeps the session, once its client is gone.
fn a_dropped_client_leaves_nothing_behind<E: Drive>() {
    let now = ManualRuntime::new().wall();
    let token = Token::new("a1").refresh("r1");
    let world = World::with(token.expires_in(seconds(3600), now));
    world.time.advance(seconds(3530));
    let refresh = world.pair().recheck_store(seconds(1)).build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    E::send(client.get("/first")).unwrap();
    // This one starts a refresh in the background, for which nobody waits.
    E::send(client.get("/second")).unwrap();
    gate.await_arrivals(1);
    let (store, time) = (Arc::downgrade(&world.store), world.time.clone());
    drop((client, refresh));
    gate.open();
    eventually("the pair is stored", || {
        block_on(world.store.load()).unwrap().stamp().version == 2
    });
    drop(world);
    eventually("the task is over", || store.upgrade().is_none());
    assert_eq!(time.sleeping(), 0);
}

/// Case 43, bug 44. A refresh that hangs ends by its own time.
fn a_refresh_that_hangs_is_all_that_is_left_of_a_client<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    world.mock.push(MockReply::status(401, ""));
    world.mock.push(MockReply::never());
    let handle = CancelHandle::new();
    std::thread::scope(|scope| {
        let call = client.get("/me").cancel_handle(&handle);
        let leader = scope.spawn(|| E::send(call));
        eventually("it hangs", || world.mock.count() == 2);
        handle.cancel();
        leader.join().unwrap().unwrap_err();
    });
    let (store, time) = (Arc::downgrade(&world.store), world.time.clone());
    drop((client, refresh, world));
    assert!(store.upgrade().is_some(), "its time is not over");
    asleep(&time, E::pick(2, 1));
    time.advance(seconds(10));
    eventually("the task is over", || store.upgrade().is_none());
    assert_eq!(time.sleeping(), 0);
}

/// Case 40. They leave while the token is being stored.
fn what_is_being_stored_when_all_leave_is_stored<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let (gate, server) = (Gate::default(), Arc::clone(&world.server));
    let slow = gate.clone();
    let refresh = TokenRefresh::builder(
        Arc::clone(&world.store),
        async move |_: tollgate::Client, _: Token| {
            let token = server.issue("b1", "s1");
            slow.pass().await;
            Ok::<_, RefreshError>(token)
        },
    )
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    let handle = CancelHandle::new();
    std::thread::scope(|scope| {
        let calls = (0..3).map(|_| client.get("/me").cancel_handle(&handle));
        let calls = calls.collect();
        let all = scope.spawn(|| E::send_all(calls));
        gate.await_arrivals(1);
        handle.cancel();
        for result in all.join().unwrap() {
            assert!(result.unwrap_err().is_cancelled());
        }
    });
    gate.open();
    eventually("the pair is there", || refresh.counters().refreshed == 1);
    let stored = block_on(world.store.load()).unwrap();
    let kept = stored.token().unwrap().refresh_token().unwrap();
    assert_eq!(kept.expose(), "s1");
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.counters().attempts, 1);
}

both!(
    who_is_cancelled_leaves_alone,
    a_leader_that_times_out_fails_alone,
    a_caller_leaves_at_its_own_time_and_the_token_is_kept,
    an_answer_that_nobody_waits_for_is_not_lost,
    a_dropped_client_leaves_nothing_behind,
    a_refresh_that_hangs_is_all_that_is_left_of_a_client,
    what_is_being_stored_when_all_leave_is_stored,
);
