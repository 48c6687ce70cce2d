//! Callers come and go; the refresh does not care.

use std::{
    future::{Future, IntoFuture},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tollgate::{
    CancelHandle, Client, MockAdapter,
    auth::{AuthEvent, MemoryStore, RefreshClass, RefreshError, Token, TokenRefresh, TokenStore},
    client::{Async, Blocking},
    runtime::{ThreadRuntime, block_on},
};

use crate::support::{
    BASE, Count, Drive, Gate, World, asleep, client_of, eventually, seconds, some,
};

/// Polls a future so often, at most; tells whether it is over.
fn polled(future: impl IntoFuture, times: usize) -> bool {
    let mut future = pin!(future.into_future());
    let mut context = Context::from_waker(Waker::noop());
    (0..times).any(|_| {
        let ready = future.as_mut().poll(&mut context).is_ready();
        std::thread::yield_now();
        ready
    })
}

/// The call that started the refresh is dropped after each number of polls,
/// while others wait.
#[test]
fn a_cancelled_leader_harms_nobody() {
    for polls in 0..12 {
        let world = World::new();
        world.server.expire();
        let refresh = world.pair().build().unwrap();
        let (client, gate) = world.held::<Async>(&refresh, "/token");
        polled(client.get("/leader"), polls);
        let calls = (0..10).map(|_| client.get("/me")).collect();
        let results = std::thread::scope(|scope| {
            scope.spawn(|| {
                gate.await_arrivals(1);
                gate.open();
            });
            Async::send_all(calls)
        });
        assert!(results.iter().all(Result::is_ok), "after {polls} polls");
        assert_eq!(world.server.presented(), ["r1"], "after {polls} polls");
    }
}

/// A leader that is cancelled from another thread, in either engine.
fn a_cancel_handle_stops_the_caller_and_not_the_refresh<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    let handle = CancelHandle::new();
    std::thread::scope(|scope| {
        let call = client.get("/me").cancel_handle(&handle);
        let leader = scope.spawn(|| E::send(call));
        gate.await_arrivals(1);
        handle.cancel();
        assert!(leader.join().unwrap().unwrap_err().is_cancelled());
    });
    gate.open();
    eventually("the refresh is over", || refresh.counters().refreshed == 1);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2"]));
}

fn when_all_have_left_the_token_is_stored_all_the_same<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    let handle = CancelHandle::new();
    let calls = (0..5)
        .map(|_| client.get("/me").cancel_handle(&handle))
        .collect();
    std::thread::scope(|scope| {
        let all = scope.spawn(|| E::send_all(calls));
        gate.await_arrivals(1);
        handle.cancel();
        for result in all.join().unwrap() {
            assert!(result.unwrap_err().is_cancelled());
        }
    });
    gate.open();
    eventually("the refresh is over", || refresh.counters().refreshed == 1);
    let stored = block_on(world.store.load()).unwrap();
    assert_eq!(stored.token().unwrap().access_token().expose(), "a2");
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1"]);
}

fn a_waiter_that_times_out_fails_alone<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    std::thread::scope(|scope| {
        let patient = scope.spawn(|| E::send(client.get("/me")));
        gate.await_arrivals(1);
        let hasty = scope.spawn(|| E::send(client.get("/me").deadline(seconds(5))));
        eventually("both wait", || refresh.counters().coalesced == 1);
        // The deadline; the async engine has a limit of the refresh and of its
        // attempt besides.
        asleep(&world.time, E::pick(3, 1));
        world.time.advance(seconds(5));
        assert!(hasty.join().unwrap().unwrap_err().is_timeout());
        gate.open();
        patient.join().unwrap().unwrap();
    });
    assert_eq!(world.server.presented(), ["r1"]);
}

fn a_refresh_that_hangs_ends_by_its_own_deadline<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let arrived = Gate::default();
    let reached = arrived.clone();
    let refresh = TokenRefresh::builder(
        Arc::clone(&world.store),
        async move |_: Client, _: Token| {
            reached.pass().await;
            std::future::pending::<Result<Token, RefreshError>>().await
        },
    )
    .build()
    .unwrap();
    arrived.open();
    let client = world.client::<E>(&refresh);
    let error = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(client.get("/me")));
        arrived.await_arrivals(1);
        asleep(&world.time, 1);
        world.time.advance(seconds(9));
        assert!(!waiting.is_finished());
        world.time.advance(seconds(1));
        waiting.join().unwrap().unwrap_err()
    });
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.class(), RefreshClass::Ambiguous);
    assert!(cause.to_string().contains("10s"), "{cause}");
    let stored = block_on(world.store.load()).unwrap();
    assert_eq!(
        stored.token().unwrap().refresh_token().unwrap().expose(),
        "r1"
    );
}

/// The task that drives a flight dies with its runtime.
#[test]
fn a_runtime_that_shuts_down_answers_all_who_wait() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let on_tokio = tollgate::runtime::TokioRuntime::with_handle(runtime.handle().clone());
    let adapter = world.holding("/token");
    let refresh = world.pair().build().unwrap();
    let dying = Blocking::builder(adapter.clone())
        .base_url(BASE)
        .runtime(on_tokio)
        .build()
        .unwrap();
    dying.interceptors.use_pair(refresh.clone());
    Blocking::send(dying.get("/first")).unwrap();
    world.server.expire();
    // The refresh hangs in an async adapter, so that dropping it is enough.
    let hanging = Client::builder(adapter.clone())
        .base_url(BASE)
        .runtime(tollgate::runtime::TokioRuntime::with_handle(
            runtime.handle().clone(),
        ))
        .build()
        .unwrap();
    hanging.interceptors.use_pair(refresh.clone());
    let other = world.client::<Blocking>(&refresh);
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| block_on(hanging.get("/me").send()));
        adapter.gate.await_arrivals(1);
        let waiter = scope.spawn(|| Blocking::send(other.get("/me")));
        eventually("both wait", || refresh.counters().coalesced == 1);
        runtime.shutdown_background();
        for thread in [leader, waiter] {
            let error = thread.join().unwrap().unwrap_err();
            let cause = RefreshError::find_in(&error).unwrap();
            assert_eq!(cause.class(), RefreshClass::Interrupted);
        }
    });
    // The next caller starts one on its own runtime, at once.
    Blocking::send(other.get("/me")).unwrap();
}

/// Nothing is left of a client that was dropped.
#[test]
fn a_dropped_client_leaves_no_task_and_no_timer() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<Async>(&refresh);
    block_on(client.get("/me").send()).unwrap();
    let store = Arc::downgrade(&world.store);
    let time = world.time.clone();
    drop((client, refresh, world));
    eventually("the task is over", || store.upgrade().is_none());
    assert_eq!(time.sleeping(), 0);
}

/// A refresher without a single await, in both engines.
fn a_refresher_that_answers_at_once_deadlocks_nobody<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let server = Arc::clone(&world.server);
    let refresh = TokenRefresh::builder(
        Arc::clone(&world.store),
        async move |_: Client, _: Token| Ok::<_, RefreshError>(server.issue("b1", "s1")),
    )
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
}

/// A runtime that runs tasks where they are spawned.
#[derive(Debug)]
struct InPlace;

impl tollgate::Runtime for InPlace {
    fn now(&self) -> std::time::Instant {
        ThreadRuntime.now()
    }

    fn wall(&self) -> std::time::SystemTime {
        ThreadRuntime.wall()
    }

    fn sleep(&self, duration: std::time::Duration) -> tollgate::runtime::BoxFuture<'static, ()> {
        ThreadRuntime.sleep(duration)
    }

    fn spawn(&self, task: tollgate::runtime::BoxFuture<'static, ()>) {
        block_on(task);
    }
}

fn a_runtime_that_spawns_in_place_deadlocks_nobody<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = E::builder(world.mock.clone())
        .base_url(BASE)
        .runtime(InPlace)
        .build()
        .unwrap();
    client.interceptors.use_pair(world.pair().build().unwrap());
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 1);
}

/// An event handler that calls the client whose refresh it hears of.
fn an_event_handler_may_call_the_client<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let inner = client.clone();
    let answered = Count::default();
    let count = answered.clone();
    refresh.on_event(move |event| {
        if matches!(event, AuthEvent::Refreshed { .. }) && E::send(inner.get("/hook")).is_ok() {
            count.add();
        }
    });
    E::send(client.get("/me")).unwrap();
    eventually("the handler's call is answered", || answered.get() == 1);
    assert_eq!(world.server.refreshes(), 1);
}

/// Async callers and blocking threads wait for the same refresh.
#[test]
fn both_engines_share_one_flight() {
    let world = World::new();
    let adapter = world.holding("/token");
    let refresh = world.pair().build().unwrap();
    let on_async = client_of::<Async>(adapter.clone(), &refresh);
    let on_threads = client_of::<Blocking>(adapter.clone(), &refresh);
    block_on(on_async.get("/first").send()).unwrap();
    world.server.expire();
    std::thread::scope(|scope| {
        let one = scope.spawn(|| Async::send_all((0..5).map(|_| on_async.get("/a")).collect()));
        let two =
            scope.spawn(|| Blocking::send_all((0..5).map(|_| on_threads.get("/b")).collect()));
        eventually("all wait", || refresh.counters().coalesced == 9);
        adapter.gate.open();
        for result in one.join().unwrap().into_iter().chain(two.join().unwrap()) {
            result.unwrap();
        }
    });
    assert_eq!(world.server.presented(), ["r1"]);
}

/// The future of `refresh_now` is dropped; the refresh goes on.
#[test]
fn asking_for_a_refresh_can_be_given_up() {
    let world = World::new();
    let adapter = world.holding("/token");
    let refresh = world.pair().build().unwrap();
    let client = Async::builder(adapter.clone())
        .base_url(BASE)
        .build()
        .unwrap();
    {
        let mut asking = pin!(refresh.refresh_now(&client));
        let polled = asking
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        adapter.gate.await_arrivals(1);
    }
    adapter.gate.open();
    eventually("the refresh is over", || refresh.counters().refreshed == 1);
}

/// A session whose store has never been read, and nobody waits any more.
#[test]
fn a_dropped_first_load_is_finished() {
    let refresh = TokenRefresh::builder(
        MemoryStore::new(Token::new("a1")),
        tollgate::auth::JsonRefresh::new("/refresh"),
    )
    .build()
    .unwrap();
    let mock = MockAdapter::new();
    let client = Client::builder(mock.clone())
        .base_url(BASE)
        .build()
        .unwrap();
    client.interceptors.use_pair(refresh);
    polled(client.get("/dropped"), 1);
    block_on(client.get("/me").send()).unwrap();
    assert_eq!(
        mock.requests().last().unwrap().headers()["authorization"],
        "Bearer a1"
    );
}

both!(
    a_cancel_handle_stops_the_caller_and_not_the_refresh,
    when_all_have_left_the_token_is_stored_all_the_same,
    a_waiter_that_times_out_fails_alone,
    a_refresh_that_hangs_ends_by_its_own_deadline,
    a_refresher_that_answers_at_once_deadlocks_nobody,
    a_runtime_that_spawns_in_place_deadlocks_nobody,
    an_event_handler_may_call_the_client,
);
