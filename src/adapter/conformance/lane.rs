//! [`Lane`]: the two engines, so that one case drives both.

use std::{sync::Arc, thread};

use futures_util::future::join_all;

use crate::{
    adapter::{Adapter, AdapterError, BlockingAdapter},
    body::Body,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    error::{Error, ErrorKind, Result},
    response::Response,
    runtime::{self, BoxFuture},
};

/// Drives one future to its end on the calling thread.
pub(crate) type BlockOn = dyn Fn(BoxFuture<'_, ()>) + Send + Sync;

/// An adapter, and how its futures are driven.
pub(crate) struct Driver<E: Lane> {
    adapter: Arc<E::Adapter>,
    block_on: Box<BlockOn>,
}

impl<E: Lane> Driver<E> {
    /// Awaits on the calling thread, inside the adapter's runtime.
    ///
    /// `None` where `block_on` came back before the future's end.
    pub(crate) fn run<T: Send>(&self, future: impl Future<Output = T> + Send) -> Option<T> {
        let mut output = None;
        (self.block_on)(Box::pin(async { output = Some(future.await) }));
        output
    }
}

impl Driver<Async> {
    pub(crate) fn new(adapter: Arc<dyn Adapter>, block_on: Box<BlockOn>) -> Self {
        Self { adapter, block_on }
    }
}

impl Driver<Blocking> {
    pub(crate) fn new(adapter: Arc<dyn BlockingAdapter>) -> Self {
        Self {
            adapter,
            block_on: Box::new(|future| runtime::block_on(future)),
        }
    }
}

type Outgoing = http::Request<Body>;
type Incoming = http::Response<Body>;

/// One engine with one kind of adapter.
pub(crate) trait Lane: EngineKind + Sized {
    type Adapter: ?Sized + Send + Sync;

    const IS_ASYNC: bool;

    fn builder(driver: &Driver<Self>) -> ClientBuilder<Self>;

    fn build(builder: ClientBuilder<Self>) -> Result<Client<Self>>;

    /// Sends through the client.
    fn send(driver: &Driver<Self>, call: Call<Self>) -> Result<Response>;

    /// Returns the call as a future; a blocking call is made by the first poll.
    fn future(call: Call<Self>) -> BoxFuture<'static, Result<Response>>;

    /// Sends side by side; the answers are in the order of the calls.
    fn send_all(driver: &Driver<Self>, calls: Vec<Call<Self>>) -> Vec<Result<Response>>;

    /// Sends through the adapter alone.
    fn raw(driver: &Driver<Self>, request: Outgoing) -> Result<Incoming, AdapterError>;
}

fn abandoned() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "`block_on` came back before the future's end",
    )
}

impl Lane for Async {
    type Adapter = dyn Adapter;

    const IS_ASYNC: bool = true;

    fn builder(driver: &Driver<Self>) -> ClientBuilder<Self> {
        Client::<Self>::builder(Arc::clone(&driver.adapter))
    }

    fn build(builder: ClientBuilder<Self>) -> Result<Client<Self>> {
        builder.build()
    }

    fn send(driver: &Driver<Self>, call: Call<Self>) -> Result<Response> {
        driver.run(call.send()).unwrap_or_else(|| Err(abandoned()))
    }

    fn future(call: Call<Self>) -> BoxFuture<'static, Result<Response>> {
        Box::pin(call.send())
    }

    fn send_all(driver: &Driver<Self>, calls: Vec<Call<Self>>) -> Vec<Result<Response>> {
        let all = join_all(calls.into_iter().map(Call::<Self>::send));
        driver.run(all).unwrap_or_else(|| vec![Err(abandoned())])
    }

    fn raw(driver: &Driver<Self>, request: Outgoing) -> Result<Incoming, AdapterError> {
        driver
            .run(driver.adapter.send(request))
            .unwrap_or_else(|| Err(AdapterError::new(ErrorKind::Unsupported, "not driven")))
    }
}

impl Lane for Blocking {
    type Adapter = dyn BlockingAdapter;

    const IS_ASYNC: bool = false;

    fn builder(driver: &Driver<Self>) -> ClientBuilder<Self> {
        Client::<Self>::builder(Arc::clone(&driver.adapter))
    }

    fn build(builder: ClientBuilder<Self>) -> Result<Client<Self>> {
        builder.build()
    }

    fn send(_: &Driver<Self>, call: Call<Self>) -> Result<Response> {
        call.send()
    }

    fn future(call: Call<Self>) -> BoxFuture<'static, Result<Response>> {
        Box::pin(async { call.send() })
    }

    fn send_all(_: &Driver<Self>, calls: Vec<Call<Self>>) -> Vec<Result<Response>> {
        thread::scope(|scope| {
            let threads: Vec<_> = calls
                .into_iter()
                .map(|call| scope.spawn(|| call.send()))
                .collect();
            let results = threads.into_iter().map(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            results.collect()
        })
    }

    fn raw(driver: &Driver<Self>, request: Outgoing) -> Result<Incoming, AdapterError> {
        driver.adapter.send(request)
    }
}
