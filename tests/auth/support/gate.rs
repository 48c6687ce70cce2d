//! What holds calls up, and what waits for them.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, MockAdapter, Result, Runtime,
    auth::{AuthEvent, TokenRefresh},
    runtime::{ManualRuntime, block_on},
};

/// Holds async code up until the test lets it go on; works in both engines.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<GateState>>);

#[derive(Default)]
struct GateState {
    open: bool,
    arrived: usize,
    wakers: Vec<Waker>,
}

impl Gate {
    pub(crate) fn open(&self) {
        let wakers = {
            let mut state = self.0.lock().unwrap();
            state.open = true;
            std::mem::take(&mut state.wakers)
        };
        for waker in wakers {
            waker.wake();
        }
    }

    pub(crate) fn pass(&self) -> Passing {
        Passing {
            gate: self.clone(),
            counted: false,
        }
    }

    /// Waits in real time, bounded, until `count` have arrived.
    pub(crate) fn await_arrivals(&self, count: usize) {
        eventually("the gate is reached", || {
            self.0.lock().unwrap().arrived >= count
        });
    }
}

pub(crate) struct Passing {
    gate: Gate,
    counted: bool,
}

impl Future for Passing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let gate = self.gate.clone();
        let mut state = gate.0.lock().unwrap();
        if !self.counted {
            self.counted = true;
            state.arrived += 1;
        }
        if state.open {
            return Poll::Ready(());
        }
        state.wakers.push(context.waker().clone());
        Poll::Pending
    }
}

/// Waits, at most a minute of real time, for what other threads do.
#[expect(
    clippy::disallowed_methods,
    reason = "what other threads do takes real time"
)]
pub(crate) fn eventually(what: &str, done: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("not within a minute: {what}");
}

/// Waits until so many sleeps have begun. Whoever is about to sleep has read the
/// clock already: moved before that, it would never reach the end of the sleep.
pub(crate) fn asleep(time: &ManualRuntime, count: usize) {
    eventually("the sleeps have begun", || time.sleeping() >= count);
}

/// Waits until no refresh is under way: one in the background has a thread, and
/// a deadline by the clock that a law moves.
pub(crate) fn settled(refresh: &TokenRefresh) {
    eventually("the refresh has ended", || {
        !refresh.status().is_refreshing()
    });
}

/// Collects the names of events.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    pub(crate) fn listen(&self, refresh: &TokenRefresh) {
        let log = self.clone();
        refresh.on_event(move |event| {
            let name = match event {
                // Every other event comes after one of these.
                AuthEvent::Refreshing { .. } => return,
                AuthEvent::Refreshed { .. } => "refreshed",
                AuthEvent::RefreshFailed { .. } => "failed",
                AuthEvent::SessionExpired { .. } => "expired",
                AuthEvent::PersistFailed { .. } => "persist failed",
                _ => "other",
            };
            log.0.lock().unwrap().push(name);
        });
    }

    /// Events are told after the callers were woken: this waits for them.
    pub(crate) fn expect(&self, names: &[&str]) {
        eventually("the events are told", || {
            self.0.lock().unwrap().len() >= names.len()
        });
        assert_eq!(*self.0.lock().unwrap(), names);
    }
}

/// Counts what happens.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// An adapter that holds the API's answers up; the token server answers.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) mock: MockAdapter,
    pub(crate) gate: Gate,
    pub(crate) path: &'static str,
}

#[async_trait::async_trait]
impl Adapter for Held {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        if request.uri().path() == self.path {
            self.gate.pass().await;
        }
        Adapter::send(&self.mock, request).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Adapter::runtime(&self.mock)
    }
}

impl BlockingAdapter for Held {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        if request.uri().path() == self.path {
            block_on(self.gate.pass());
        }
        BlockingAdapter::send(&self.mock, request)
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        BlockingAdapter::runtime(&self.mock)
    }
}
