//! The two engines, so that a law is written once.

use tollgate::{
    Adapter, BlockingAdapter, Response, Result,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    runtime::block_on,
};

/// An engine, as the laws are written for it.
pub(crate) trait Drive: EngineKind + Sized {
    fn builder<A: Adapter + BlockingAdapter>(adapter: A) -> ClientBuilder<Self>;
    /// The client as refreshers get it.
    fn into_async(client: Client<Self>) -> Client<Async>;
    /// Returns that of the two which is this engine's.
    fn pick<T>(on_async: T, on_blocking: T) -> T;
    fn send(call: Call<Self>) -> Result<Response>;
    /// Sends many calls at once, and waits for all.
    fn send_all(calls: Vec<Call<Self>>) -> Vec<Result<Response>>;
}

impl Drive for Async {
    fn builder<A: Adapter + BlockingAdapter>(adapter: A) -> ClientBuilder<Self> {
        Client::<Self>::builder(adapter)
    }

    fn into_async(client: Client<Self>) -> Client<Async> {
        client
    }

    fn pick<T>(on_async: T, _: T) -> T {
        on_async
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

    fn into_async(client: Client<Self>) -> Client<Async> {
        client.into()
    }

    fn pick<T>(_: T, on_blocking: T) -> T {
        on_blocking
    }

    fn send(call: Call<Self>) -> Result<Response> {
        call.send()
    }

    fn send_all(calls: Vec<Call<Self>>) -> Vec<Result<Response>> {
        std::thread::scope(|scope| {
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
