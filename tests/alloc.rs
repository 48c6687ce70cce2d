//! Exact counts of allocations; own binary, for the allocator is global.
//!
//! The counter is per thread, so tests do not disturb each other.

#![expect(
    clippy::unwrap_used,
    reason = "tests fail loudly, and what supports them does too"
)]

use std::{hint::black_box, sync::Arc, time::Duration};

use allocation_counter::{AllocationInfo, measure};
use async_trait::async_trait;
use http::{HeaderValue, header::AUTHORIZATION};
use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, Error, Origin, Origins, Request, Response,
    ResponseFlow, ResponseInterceptor, Result,
    auth::{JsonRefresh, MemoryStore, Token, TokenRefresh},
    blocking,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    runtime::block_on,
};

const ADDRESS: &str = "http://api.example.com/users/1";

/// Answers at once, with nothing.
struct Null;

#[async_trait]
impl Adapter for Null {
    async fn send(&self, _: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        Ok(http::Response::new(Body::empty()))
    }
}

impl BlockingAdapter for Null {
    fn send(&self, _: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        Ok(http::Response::new(Body::empty()))
    }
}

fn request() -> http::Request<Body> {
    http::Request::get(ADDRESS).body(Body::empty()).unwrap()
}

/// What one engine costs, with and without the core.
struct Meter<E: EngineKind> {
    builder: fn() -> ClientBuilder<E>,
    send: fn(Call<E>) -> Result<Response>,
    direct: fn(),
}

const ASYNC: Meter<Async> = Meter {
    builder: || Client::<Async>::builder(Null),
    send: |call| block_on(call.send()),
    direct: || drop(block_on(Adapter::send(&Null, request())).unwrap()),
};

const BLOCKING: Meter<Blocking> = Meter {
    builder: || Client::<Blocking>::builder(Null),
    send: |call| call.send(),
    direct: || drop(BlockingAdapter::send(&Null, request()).unwrap()),
};

impl<E: EngineKind> Meter<E> {
    fn client(&self) -> Client<E> {
        (self.builder)().build().unwrap()
    }

    /// Counts one call, after another one has warmed everything up.
    fn call(&self, client: &Client<E>) -> AllocationInfo {
        let once = || drop((self.send)(client.get(ADDRESS)).unwrap());
        once();
        let first = measure(once);
        let second = measure(once);
        assert_eq!(first.count_total, second.count_total, "the count is stable");
        assert_eq!(first.count_current, 0, "a call leaves memory behind");
        second
    }

    /// What the registrations of `set_up` add to a call.
    fn added(&self, set_up: impl FnOnce(&Client<E>)) -> (i64, i64) {
        let without = self.call(&self.client());
        let client = self.client();
        set_up(&client);
        let with = self.call(&client);
        let difference = |with: u64, without: u64| {
            i64::try_from(with).unwrap() - i64::try_from(without).unwrap()
        };
        (
            difference(with.count_total, without.count_total),
            difference(with.bytes_total, without.bytes_total),
        )
    }
}

/// Runs a measurement on both engines.
macro_rules! on_both {
    ($law:ident) => {{
        $law(&ASYNC, "async");
        $law(&BLOCKING, "blocking");
    }};
}

#[test]
fn a_clone_of_a_client_allocates_nothing() {
    fn law<E: EngineKind>(meter: &Meter<E>, _: &str) {
        let client = meter.client();
        client.interceptors.request.use_sync(Ok);
        let info = measure(|| drop(black_box(client.clone())));
        assert_eq!(info.count_total, 0);
    }
    on_both!(law);
}

#[test]
fn a_snapshot_of_the_registries_allocates_nothing() {
    fn law<E: EngineKind>(meter: &Meter<E>, _: &str) {
        let client = meter.client();
        for _ in 0..100 {
            client.interceptors.request.use_sync(Ok);
            client.interceptors.response.use_sync(Ok);
        }
        let all = &client.interceptors;
        assert_eq!(all.request.iter().count(), 100);
        // `iter` works on a snapshot and keeps it.
        let info = measure(|| drop(black_box((all.request.iter(), all.response.iter()))));
        assert_eq!(info.count_total, 0);
        let (hundreds, _) = meter.added(|client| {
            for _ in 0..100 {
                client.interceptors.request.use_sync(Ok);
                client.interceptors.response.use_sync(Ok);
            }
        });
        assert_eq!(hundreds, 0, "whatever is registered");
    }
    on_both!(law);
}

#[test]
fn a_sync_interceptor_adds_no_allocation() {
    fn law<E: EngineKind>(meter: &Meter<E>, name: &str) {
        let request = meter.added(|client| {
            client.interceptors.request.use_sync(Ok);
        });
        let response = meter.added(|client| {
            client.interceptors.response.use_sync(Ok);
        });
        println!("{name}: use_sync on requests {request:?}, on responses {response:?}");
        assert_eq!((request, response), ((0, 0), (0, 0)));
    }
    on_both!(law);
}

#[test]
fn an_async_interceptor_adds_one_small_allocation() {
    fn law<E: EngineKind>(meter: &Meter<E>, name: &str) {
        let capture = Arc::new(7_u64);
        let request = meter.added(|client| {
            let capture = Arc::clone(&capture);
            client
                .interceptors
                .request
                .use_(async move |request: Request| {
                    black_box(&capture);
                    Ok(request)
                });
        });
        let response = meter.added(|client| {
            client
                .interceptors
                .response
                .use_(async |response| Ok(response));
        });
        println!("{name}: use_ on requests {request:?}, on responses {response:?}");
        for (count, bytes) in [request, response] {
            assert_eq!(count, 1);
            assert!(bytes <= 128, "{bytes} bytes, the limit is 128");
        }
    }
    on_both!(law);
}

/// Watches failures only; its other half is not overridden.
struct OnFailure;

impl ResponseInterceptor for OnFailure {
    async fn on_rejected(&self, error: Error) -> Result<ResponseFlow> {
        error.replay()
    }
}

/// Whoever may replay has the core remember the original request, once for the
/// call; the hooks themselves cost nothing.
#[test]
fn error_halves_add_one_original_to_a_call_and_nothing_each() {
    fn law<E: EngineKind>(meter: &Meter<E>, name: &str) {
        let one = meter.added(|client| {
            client.interceptors.response.use_interceptor(OnFailure);
        });
        let closure = meter.added(|client| {
            client
                .interceptors
                .response
                .use_rejected(async |error| Err(error));
        });
        let many = meter.added(|client| {
            for _ in 0..50 {
                client.interceptors.response.use_interceptor(OnFailure);
                client
                    .interceptors
                    .request
                    .use_rejected(async |error| Err(error));
            }
        });
        println!("{name}: an error half {one:?}, a hundred of them {many:?}");
        assert_eq!(
            (one, closure),
            (many, many),
            "it is the call's, not a hook's"
        );
        assert_eq!(one.0, 1, "the original request");
    }
    on_both!(law);
}

#[test]
fn the_core_adds_at_most_six_allocations_to_the_adapter() {
    fn law<E: EngineKind>(meter: &Meter<E>, name: &str) {
        (meter.direct)();
        let direct = measure(meter.direct);
        let through = meter.call(&meter.client());
        let added = through.count_total - direct.count_total;
        println!(
            "{name}: direct {} ({} bytes), through the core {} ({} bytes), added {added}",
            direct.count_total, direct.bytes_total, through.count_total, through.bytes_total
        );
        assert!(
            added <= 6,
            "the core adds {added} allocations, the limit is 6"
        );
    }
    on_both!(law);
}

/// Without a prover, a predicate or a refusal, nothing is set up for one.
#[test]
fn a_fresh_token_costs_what_a_header_does() {
    fn law<E: EngineKind>(meter: &Meter<E>, name: &str) {
        let origins: Origins = ADDRESS.parse::<Origin>().unwrap().into();
        let header = meter.added(|client| {
            let origins = origins.clone();
            let value = HeaderValue::from_static("Bearer a1");
            client
                .interceptors
                .request
                .use_sync(move |mut request: Request| {
                    request.headers_mut().insert(AUTHORIZATION, value.clone());
                    request.bind_header(AUTHORIZATION, origins.clone());
                    Ok(request)
                });
            client
                .interceptors
                .response
                .use_rejected(async |error| Err(error));
        });
        let token = meter.added(|client| {
            let store = MemoryStore::new(Token::new("a1"));
            let refresh = TokenRefresh::builder(store, JsonRefresh::new("/refresh"))
                .origins(origins.clone())
                .allow_plaintext(true)
                .build();
            client.interceptors.use_pair(refresh.unwrap());
        });
        println!("{name}: a header {header:?}, a token {token:?}");
        assert_eq!(header.0, token.0);
    }
    on_both!(law);
}

#[test]
fn a_limit_in_time_costs_nothing_where_nobody_waits() {
    fn law<E: EngineKind>(meter: &Meter<E>, _: &str) {
        let client = meter.client();
        let plain = meter.call(&client);
        let bounded = (meter.builder)()
            .deadline(Duration::from_secs(60))
            .build()
            .unwrap();
        let with = meter.call(&bounded);
        assert_eq!(with.count_total, plain.count_total);
    }
    on_both!(law);
}

#[test]
fn a_blocking_client_is_the_same_by_its_other_name() {
    let client = blocking::Client::new(Null);
    let info = measure(|| drop(client.get(ADDRESS).send().unwrap()));
    assert!(info.count_total > 0, "the counter counts");
}
