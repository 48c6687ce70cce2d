//! The adapter under tokio, under other executors, and on its way out.

use tokio::runtime::Handle;
use tollgate::{Adapter, BlockingAdapter, runtime};
use tollgate_reqwest::{ReqwestAdapter, ReqwestAdapterBuilder};

use crate::{
    adapter, get, read,
    server::{Server, ok},
};

#[test]
fn the_types_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<ReqwestAdapter>();
    fn sent<T: Send + 'static>() {}
    sent::<ReqwestAdapterBuilder>();
    fn both<T: Adapter + BlockingAdapter + Clone + From<reqwest::Client>>() {}
    both::<ReqwestAdapter>();
}

#[test]
fn another_executor_may_drive_the_async_side() {
    let server = Server::always(ok("done"));
    let adapter = adapter();
    let body = runtime::block_on(async {
        let response = Adapter::send(&adapter, get(&server.url("/")))
            .await
            .unwrap();
        read(response.into_body()).await.unwrap()
    });
    assert_eq!(body, b"done");
}

#[test]
fn a_body_outlives_its_adapter() {
    let server = Server::always(ok("done"));
    let response = BlockingAdapter::send(&adapter(), get(&server.url("/"))).unwrap();
    let body = runtime::block_on(read(response.into_body()));
    assert_eq!(body.unwrap(), b"done");
}

#[test]
fn the_last_clone_may_go_in_an_async_task() {
    let server = Server::always(ok("done"));
    let adapter = adapter();
    drop(BlockingAdapter::send(&adapter, get(&server.url("/"))).unwrap());
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    tokio.block_on(async move { drop(adapter) });
}

#[test]
fn a_runtime_that_was_given_is_used() {
    let server = Server::always(ok("done"));
    let uses = |build: fn(Handle) -> ReqwestAdapter| {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let adapter = build(tokio.handle().clone());
        let response = BlockingAdapter::send(&adapter, get(&server.url("/"))).unwrap();
        let tasks = tokio.metrics().num_alive_tasks();
        assert!(tasks > 0, "the connection is elsewhere");
        let body = runtime::block_on(read(response.into_body()));
        assert_eq!(body.unwrap(), b"done");
    };
    uses(|handle| adapter().handle(handle));
    uses(|handle| ReqwestAdapter::builder().handle(handle).build().unwrap());
}
