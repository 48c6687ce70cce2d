//! Exact counts of allocations; own binary, for the allocator is global.
//!
//! The counter is per thread, so tests do not disturb each other.

#![expect(
    clippy::unwrap_used,
    reason = "tests fail loudly, and what supports them does too"
)]

use std::{
    future::pending,
    hint::black_box,
    sync::Arc,
    time::{Duration, SystemTime},
};

use allocation_counter::{AllocationInfo, measure};
use async_trait::async_trait;
use http::{HeaderValue, header::AUTHORIZATION};
use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, Error, InterceptorPair, Origin, Origins, Request,
    RequestFlow, RequestInterceptor, Response, ResponseFlow, ResponseInterceptor, Result, Runtime,
    auth::{JsonRefresh, MemoryStore, RefreshError, Refresher, SessionState, Token, TokenRefresh},
    blocking,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    runtime::{ManualRuntime, block_on},
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

fn origins() -> Origins {
    ADDRESS.parse::<Origin>().unwrap().into()
}

/// Inserts a header that was made before, as a token is.
fn ready_header<E: EngineKind>(client: &Client<E>) {
    let (value, origins) = (HeaderValue::from_static("Bearer a1"), origins());
    client
        .interceptors
        .request
        .use_sync(move |mut request: Request| {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            request.bind_header(AUTHORIZATION, origins.clone());
            Ok(request)
        });
}

fn may_replay<E: EngineKind>(client: &Client<E>) {
    client
        .interceptors
        .response
        .use_rejected(async |error| Err(error));
}

fn pair(token: Token, refresher: impl Refresher) -> TokenRefresh {
    TokenRefresh::builder(MemoryStore::new(token), refresher)
        .origins(origins())
        .allow_plaintext(true)
        .build()
        .unwrap()
}

/// A token for which the clock is not asked, and one for which it is.
fn tokens() -> [Token; 2] {
    let token = Token::new("a1").refresh("r1");
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 33);
    [token.clone(), token.expires_at(far)]
}

/// Without a prover, a predicate or a refusal, nothing is set up for one.
#[test]
fn a_fresh_token_costs_what_a_header_does() {
    fn law<E: EngineKind>(meter: &Meter<E>, name: &str) {
        let header = meter.added(|client| {
            ready_header(client);
            may_replay(client);
        });
        for token in tokens() {
            let token = meter.added(|client| {
                let pair = pair(token, JsonRefresh::new("/refresh"));
                client.interceptors.use_pair(pair);
            });
            println!("{name}: a header {header:?}, a token {token:?}");
            assert_eq!(header, token);
        }
    }
    on_both!(law);
}

/// The request half recovers no failure: no request is remembered for it.
#[test]
fn attaching_a_token_adds_no_allocation() {
    fn law<E: EngineKind>(meter: &Meter<E>, _: &str) {
        let header = meter.added(ready_header);
        for token in tokens() {
            let token = meter.added(|client| {
                let (attach, _) = pair(token, JsonRefresh::new("/refresh")).into_pair();
                client.interceptors.request.use_interceptor(attach);
            });
            assert_eq!(header, token);
        }
    }
    on_both!(law);
}

/// A call in the time in which the next token is got in the background, while
/// that is under way.
#[test]
fn a_token_that_is_being_replaced_costs_what_a_fresh_one_does() {
    fn law<E: EngineKind>(meter: &Meter<E>, _: &str) {
        let hour = Duration::from_secs(3600);
        let runtime = ManualRuntime::new();
        let never =
            async |_: Client<Async>, _: Token| pending::<Result<Token, RefreshError>>().await;
        let token = Token::new("a1").refresh("r1");
        let pair = pair(token.expires_in(hour, runtime.wall()), never);
        let client = (meter.builder)().runtime(runtime.clone()).build().unwrap();
        client.interceptors.use_pair(pair.clone());
        let fresh = meter.call(&client);
        runtime.advance(hour - Duration::from_secs(90));
        // It begins the refresh.
        drop((meter.send)(client.get(ADDRESS)).unwrap());
        let early = meter.call(&client);
        let status = pair.status();
        assert!(status.state() == SessionState::Advisory && status.is_refreshing());
        assert_eq!(early.count_total, fresh.count_total);
        assert_eq!(early.bytes_total, fresh.bytes_total);
    }
    on_both!(law);
}

/// Who only looks at requests has none remembered.
struct OnRequest;

impl RequestInterceptor for OnRequest {}

/// Who recovers failed requests may start from the original one.
struct Recovers;

impl RequestInterceptor for Recovers {
    async fn on_rejected(&self, error: Error) -> Result<RequestFlow> {
        error.original_request().map(Into::into).ok_or(error)
    }
}

#[test]
fn a_request_is_remembered_for_who_may_ask_for_it() {
    fn law<E: EngineKind>(meter: &Meter<E>, _: &str) {
        let looks = meter.added(|client| {
            client.interceptors.request.use_interceptor(OnRequest);
        });
        let (recovers, _) = meter.added(|client| {
            client.interceptors.request.use_interceptor(Recovers);
        });
        assert_eq!((looks, recovers), ((0, 0), 1));
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
