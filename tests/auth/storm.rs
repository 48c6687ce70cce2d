//! Ten thousand calls and 64 threads on one session.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, Client, MockAdapter, Result, Runtime,
    auth::{AuthEvent, MemoryStore, RefreshError, Token, TokenRefresh},
    blocking,
    runtime::{BoxFuture, ManualRuntime, TokioRuntime, block_on},
};

use crate::support::{BASE, Count, Gate, Held, Odd, World, eventually, pair_over};

pub(crate) const CALLS: usize = 10_000;
pub(crate) const THREADS: usize = 64;

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
}

/// The world's clock, tokio's tasks: both engines agree on the time.
#[derive(Debug)]
struct OnTokio {
    time: ManualRuntime,
    tasks: TokioRuntime,
}

impl Runtime for OnTokio {
    fn now(&self) -> Instant {
        self.time.now()
    }

    fn wall(&self) -> SystemTime {
        self.time.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.time.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.spawn(task);
    }
}

/// Clients of both engines on one session; the API answers after the gate.
fn clients(world: &World, refresh: &TokenRefresh, gate: &Gate) -> (Client, blocking::Client) {
    let adapter = Held {
        mock: world.mock.clone(),
        gate: gate.clone(),
        path: "/me",
    };
    clients_over(adapter, world, refresh)
}

/// Clients of both engines on one session.
pub(crate) fn clients_over<A: Adapter + BlockingAdapter + Clone>(
    adapter: A,
    world: &World,
    refresh: &TokenRefresh,
) -> (Client, blocking::Client) {
    let on_async = Client::builder(adapter.clone())
        .base_url(BASE)
        .runtime(OnTokio {
            time: world.time.clone(),
            tasks: TokioRuntime::new(),
        })
        .build()
        .unwrap();
    let on_threads = blocking::Client::builder(adapter)
        .base_url(BASE)
        .build()
        .unwrap();
    on_async.interceptors.use_pair(refresh.clone());
    on_threads.interceptors.use_pair(refresh.clone());
    (on_async, on_threads)
}

/// Sends all calls at once; returns how many succeeded, and the errors.
pub(crate) fn storm(
    on_async: &Client,
    on_threads: &blocking::Client,
) -> (usize, Vec<tollgate::Error>) {
    let runtime = tokio_runtime();
    let mut results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| on_threads.get("/me").send()))
            .collect();
        let mut results = runtime.block_on(async {
            let tasks: Vec<_> = (0..CALLS)
                .map(|_| tokio::spawn(on_async.get("/me").send()))
                .collect();
            let mut results = Vec::with_capacity(CALLS);
            for task in tasks {
                results.push(task.await.unwrap());
            }
            results
        });
        results.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
        results
    });
    let errors: Vec<_> = results.extract_if(.., |it| it.is_err()).collect();
    let errors = errors.into_iter().filter_map(Result::err).collect();
    (results.len(), errors)
}

/// Every call is refused before the first refresh starts.
#[test]
fn all_refused_at_once_make_one_refresh_and_no_failure() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let gate = Gate::default();
    let (on_async, on_threads) = clients(&world, &refresh, &gate);
    on_threads.get("/first").send().unwrap();
    world.server.expire();
    let (succeeded, errors) = std::thread::scope(|scope| {
        scope.spawn(|| {
            gate.await_arrivals(CALLS + THREADS);
            gate.open();
        });
        storm(&on_async, &on_threads)
    });
    assert_eq!(errors.len(), 0, "{}", errors[0]);
    assert_eq!(succeeded, CALLS + THREADS);
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.calls().len(), 1 + 2 * (CALLS + THREADS));
    let counters = refresh.counters();
    assert_eq!(counters.attempts, 1);
    assert_eq!(counters.replays as usize, CALLS + THREADS);
}

/// The token has expired by the clock: nobody sends it.
#[test]
fn all_stale_at_once_make_one_refresh_and_no_refusal() {
    let world = World::new();
    let expired = Token::new("a1").refresh("r1").expires_at(world.now());
    let world = World::with(expired);
    let refresh = world.pair().build().unwrap();
    let gate = Gate::default();
    gate.open();
    let (on_async, on_threads) = clients(&world, &refresh, &gate);
    let (succeeded, errors) = storm(&on_async, &on_threads);
    assert_eq!(errors.len(), 0, "{}", errors[0]);
    assert_eq!(succeeded, CALLS + THREADS);
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.calls().len(), CALLS + THREADS);
    assert!(
        world
            .sent_tokens()
            .iter()
            .all(|it| it.as_deref() == Some("Bearer a2"))
    );
}

/// The token server is down: one attempt, one error for all.
#[test]
fn all_refused_at_once_share_one_failure() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let gate = Gate::default();
    let (on_async, on_threads) = clients(&world, &refresh, &gate);
    on_threads.get("/first").send().unwrap();
    world.server.expire();
    world.server.answer(Odd::html(503));
    let (succeeded, errors) = std::thread::scope(|scope| {
        scope.spawn(|| {
            gate.await_arrivals(CALLS + THREADS);
            gate.open();
        });
        storm(&on_async, &on_threads)
    });
    assert_eq!((succeeded, errors.len()), (0, CALLS + THREADS));
    assert_eq!(world.server.refreshes(), 1);
    let first = RefreshError::find_in(&errors[0]).unwrap();
    let same = |error: &tollgate::Error| std::ptr::eq(first, RefreshError::find_in(error).unwrap());
    assert!(errors.iter().all(same));
}

/// The API's refusals are there; every second one is late on its way.
#[derive(Clone)]
struct Late {
    mock: MockAdapter,
    refusals: Count,
    all: Gate,
    late: Gate,
}

impl Late {
    async fn pass(&self, answer: http::Response<Body>) -> http::Response<Body> {
        if answer.status() == 401 {
            let number = self.refusals.add();
            self.all.pass().await;
            if number.is_multiple_of(2) {
                self.late.pass().await;
            }
        }
        answer
    }
}

#[async_trait::async_trait]
impl Adapter for Late {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        let answer = Adapter::send(&self.mock, request).await?;
        Ok(self.pass(answer).await)
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Adapter::runtime(&self.mock)
    }
}

impl BlockingAdapter for Late {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let answer = BlockingAdapter::send(&self.mock, request)?;
        Ok(block_on(self.pass(answer)))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        BlockingAdapter::runtime(&self.mock)
    }
}

/// Half of the calls hear that their token is refused when there is another.
#[test]
fn refusals_that_come_after_the_refresh_make_no_other() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let adapter = Late {
        mock: world.mock.clone(),
        refusals: Count::default(),
        all: Gate::default(),
        late: Gate::default(),
    };
    let (on_async, on_threads) = clients_over(adapter.clone(), &world, &refresh);
    on_threads.get("/first").send().unwrap();
    world.server.expire();
    let (succeeded, errors) = std::thread::scope(|scope| {
        scope.spawn(|| {
            adapter.all.await_arrivals(CALLS + THREADS);
            adapter.all.open();
            adapter.late.await_arrivals((CALLS + THREADS) / 2);
            eventually("the new token is there", || {
                refresh.counters().refreshed == 1
            });
            adapter.late.open();
        });
        storm(&on_async, &on_threads)
    });
    assert_eq!(errors.len(), 0, "{}", errors[0]);
    assert_eq!(succeeded, CALLS + THREADS);
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.calls().len(), 1 + 2 * (CALLS + THREADS));
    let late = refresh.counters().stale_hits as usize;
    assert!(late >= (CALLS + THREADS) / 2, "{late}");
}

/// Threads that go on calling, before, during and after the refresh.
#[test]
fn threads_that_call_on_and_on_make_one_refresh() {
    for refused in [true, false] {
        let world = World::new();
        let expired = Token::new("a1").refresh("r1").expires_at(world.now());
        let world = if refused { world } else { World::with(expired) };
        let refresh = world.pair().build().unwrap();
        let (_, on_threads) = clients(&world, &refresh, &Gate::default());
        if refused {
            on_threads.get("/first").send().unwrap();
            world.server.expire();
        }
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..CALLS.div_ceil(THREADS) {
                        on_threads.get("/other").send().unwrap();
                    }
                });
            }
        });
        assert_eq!(world.server.presented(), ["r1"]);
        assert_eq!(refresh.counters().failed, 0);
    }
}

/// How long it takes to wake 10 000 waiters; the figure is printed.
#[test]
#[ignore = "it measures; run it with `--release -- --ignored --nocapture`"]
#[expect(clippy::disallowed_methods, reason = "it measures real time")]
fn waking_ten_thousand_waiters_is_timed() {
    let runtime = tokio_runtime();
    let gate = Gate::default();
    let mock = MockAdapter::new()
        .handler(|_| Ok(http::Response::new(r#"{"access_token":"a2"}"#.into())))
        .without_recording();
    let adapter = Held {
        mock,
        gate: gate.clone(),
        path: "/token",
    };
    let client = Client::builder(adapter)
        .base_url(BASE)
        .runtime(TokioRuntime::new())
        .build()
        .unwrap();
    let store = MemoryStore::new(Token::new("a1").refresh("r1"));
    let refresh = pair_over(store).build().unwrap();
    let told = Arc::new(std::sync::Mutex::new(None));
    let note = Arc::clone(&told);
    refresh.on_event(move |event| {
        if matches!(event, AuthEvent::Refreshed { .. }) {
            *note.lock().unwrap() = Some(Instant::now());
        }
    });
    let (woken, all) = runtime.block_on(async {
        let tasks: Vec<_> = (0..CALLS)
            .map(|_| {
                let (refresh, client) = (refresh.clone(), client.clone());
                tokio::spawn(async move { refresh.refresh_now(&client).await.unwrap() })
            })
            .collect();
        while refresh.counters().coalesced as usize != CALLS - 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let start = Instant::now();
        gate.open();
        for task in tasks {
            task.await.unwrap();
        }
        let all = start.elapsed();
        while told.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        let woken = told.lock().unwrap().unwrap() - start;
        (woken, all)
    });
    println!(
        "grant, store, publish and wake {CALLS} waiters: {woken:?}; until the last has run: {all:?}"
    );
}
