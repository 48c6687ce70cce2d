//! Exact counts of allocations of what is said for one call; own binary, for
//! the allocator is global.

#![expect(
    clippy::unwrap_used,
    reason = "tests fail loudly, and what supports them does too"
)]

use std::{hint::black_box, sync::Arc};

use allocation_counter::measure;
use http::header::ACCEPT;
use tollgate::{
    AdapterError, BlockingAdapter, Body, Interceptors, Response,
    blocking::{Call, Client},
};

/// Answers at once, with nothing.
struct Null;

impl BlockingAdapter for Null {
    fn send(&self, _: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        Ok(http::Response::new(Body::empty()))
    }
}

fn client() -> Client {
    Client::builder(Null).base_url("http://h").build().unwrap()
}

/// Counts a call, after another one has warmed everything up.
fn count(client: &Client, options: impl Fn(Call) -> Call) -> u64 {
    let once = || drop(options(client.get("/users/1")).send().unwrap());
    once();
    let first = measure(once);
    assert_eq!(first.count_current, 0, "a call leaves memory behind");
    assert_eq!(first.count_total, measure(once).count_total, "it is stable");
    first.count_total
}

/// The box, the list of sets, that of their chains, the chain of the call with
/// its two sides.
#[test]
fn interceptors_of_a_call_cost_that_call_only() {
    let client = client();
    client.interceptors.response.use_sync(Ok);
    let plain = count(&client, |call| call);
    let set = Interceptors::new();
    set.request.use_sync(Ok);
    let with = count(&client, |call| call.interceptors(&set));
    assert_eq!(with - plain, 6);
    assert_eq!(count(&client, |call| call), plain);
}

/// The box, the list of names, the chain with the side that it leaves out.
#[test]
fn a_skip_costs_that_call_only() {
    let client = client();
    client.interceptors.request.named("off").use_sync(Ok);
    let plain = count(&client, |call| call);
    let with = count(&client, |call| call.skip_interceptor("off"));
    assert_eq!(with - plain, 4);
    assert_eq!(count(&client, |call| call), plain);
}

/// The box, and the shared handle on the adapter.
#[test]
fn another_adapter_costs_two_allocations() {
    let client = client();
    let plain = count(&client, |call| call);
    let other = Arc::new(Null);
    let with = count(&client, |call| call.adapter(Arc::clone(&other)));
    assert_eq!(with - plain, 2);
}

#[test]
fn defaults_that_were_updated_cost_no_allocation() {
    let client = client();
    let plain = count(&client, |call| call);
    client.update_defaults(|it| it.max_redirects(3)).unwrap();
    assert_eq!(count(&client, |call| call), plain);
}

/// The adapter is told, too: it adds none of these.
#[test]
fn a_call_that_takes_a_default_off_costs_its_box_and_two_lists() {
    let client = client();
    let plain = count(&client, |call| call);
    let with = count(&client, |call| call.without_header(ACCEPT));
    assert_eq!(with - plain, 3);
}

#[test]
fn a_stream_that_is_taken_and_ends_well_costs_nothing() {
    let stream = || Body::stream(Body::from("text"));
    let mut responses = [(); 2].map(|()| Some(Response::new(http::StatusCode::OK, stream())));
    for response in &mut responses {
        let taken = measure(|| drop(black_box(response.take().unwrap().into_body())));
        assert_eq!(taken.count_total, 0);
        assert!(taken.bytes_current < 0, "the response is gone with it");
    }
}
