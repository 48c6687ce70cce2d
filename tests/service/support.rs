//! The two engines, and services with known habits.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use tollgate::{
    Adapter, BlockingAdapter, Body, Response, Result,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    runtime::block_on,
};
use tower::Service;

pub(crate) const BASE: &str = "https://api.test";

/// An engine, as the laws are written for it.
pub(crate) trait Drive: EngineKind + Sized {
    fn builder<A: Adapter + BlockingAdapter>(adapter: A) -> ClientBuilder<Self>;
    fn build(builder: ClientBuilder<Self>) -> Client<Self>;
    fn send(call: Call<Self>) -> Result<Response>;
    /// Sends many calls at once, and waits for all.
    fn send_all(calls: Vec<Call<Self>>) -> Vec<Result<Response>>;

    fn client<A: Adapter + BlockingAdapter>(adapter: A) -> Client<Self> {
        Self::build(Self::builder(adapter).base_url(BASE))
    }
}

impl Drive for Async {
    fn builder<A: Adapter + BlockingAdapter>(adapter: A) -> ClientBuilder<Self> {
        Client::<Self>::builder(adapter)
    }

    fn build(builder: ClientBuilder<Self>) -> Client<Self> {
        builder.build().unwrap()
    }

    fn send(call: Call<Self>) -> Result<Response> {
        block_on(call.send())
    }

    fn send_all(calls: Vec<Call<Self>>) -> Vec<Result<Response>> {
        block_on(futures::future::join_all(
            calls.into_iter().map(Call::<Self>::send),
        ))
    }
}

impl Drive for Blocking {
    fn builder<A: Adapter + BlockingAdapter>(adapter: A) -> ClientBuilder<Self> {
        Client::<Self>::builder(adapter)
    }

    fn build(builder: ClientBuilder<Self>) -> Client<Self> {
        builder.build().unwrap()
    }

    fn send(call: Call<Self>) -> Result<Response> {
        call.send()
    }

    fn send_all(calls: Vec<Call<Self>>) -> Vec<Result<Response>> {
        thread::scope(|scope| {
            let threads: Vec<_> = calls
                .into_iter()
                .map(|call| scope.spawn(|| call.send()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        })
    }
}

/// Is ready after some polls, and panics where it is called before that.
#[derive(Default)]
pub(crate) struct Strict {
    pub(crate) needs: u32,
    polls: u32,
}

impl Strict {
    pub(crate) fn after(needs: u32) -> Self {
        Self { needs, polls: 0 }
    }
}

impl Clone for Strict {
    /// A clone has to become ready by itself.
    fn clone(&self) -> Self {
        Self::after(self.needs)
    }
}

impl Service<http::Request<Body>> for Strict {
    type Response = http::Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<http::Response<String>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.polls < self.needs {
            self.polls += 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.polls = u32::MAX;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if self.polls != u32::MAX {
            panic!("called before it was ready");
        }
        ready(Ok(http::Response::new(request.uri().path().to_owned())))
    }
}

/// Counts what is alive.
#[derive(Clone, Default)]
pub(crate) struct Alive(Arc<AtomicUsize>);

impl Alive {
    pub(crate) fn guard(&self) -> Guard {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guard(self.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct Guard(Alive);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A body of a number of pieces, which counts those that were asked for.
pub(crate) struct Counted {
    pub(crate) left: usize,
    pub(crate) asked: Arc<AtomicUsize>,
    pub(crate) _guard: Guard,
}

impl http_body::Body for Counted {
    type Data = bytes::Bytes;
    type Error = tollgate::BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.left = left;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let data = bytes::Bytes::from_static(b"piece ");
        Poll::Ready(Some(Ok(http_body::Frame::data(data))))
    }
}

/// Waits for another thread; fails the test after ten seconds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        thread::park_timeout(Duration::from_millis(1));
    }
    panic!("waited in vain until {what}");
}
