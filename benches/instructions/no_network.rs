//! The core alone, over an adapter that answers at once.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, header::AUTHORIZATION};
use tollgate::{
    Adapter, Body, Client, InterceptorPair, Interceptors, Request,
    auth::{MemoryStore, RefreshError, Token, TokenRefresh},
    blocking,
    runtime::block_on,
};
use tollgate_benches::{AtOnce, drive};

const BASE: &str = "https://bench.invalid";
const PATH: &str = "/things/7";

pub(crate) fn adapter_alone(calls: u64, _: &str) {
    let adapter: Arc<dyn Adapter> = Arc::new(AtOnce);
    let url = format!("{BASE}{PATH}");
    for _ in 0..calls {
        let request = http::Request::get(&url).body(Body::empty()).unwrap();
        black_box(drive(adapter.send(request)).unwrap());
    }
}

/// Calls of an async client with what `register` registers.
pub(crate) fn with(calls: u64, register: impl FnOnce(&Interceptors)) {
    let client = Client::builder(AtOnce).base_url(BASE).build().unwrap();
    register(&client.interceptors);
    // A pair's first call waits for the store to be read, by another thread.
    block_on(client.get(PATH).send()).unwrap();
    for _ in 0..calls {
        black_box(drive(client.get(PATH).send()).unwrap());
    }
}

/// The same, with a blocking client.
pub(crate) fn blocking_with(calls: u64, register: impl FnOnce(&Interceptors)) {
    let client = blocking::Client::builder(AtOnce)
        .base_url(BASE)
        .build()
        .unwrap();
    register(&client.interceptors);
    for _ in 0..calls {
        black_box(client.get(PATH).send().unwrap());
    }
}

/// Inserts a header that was made before.
pub(crate) fn ready_header(interceptors: &Interceptors) {
    let value = HeaderValue::from_static("Bearer a-token-of-usual-length-0123456789");
    interceptors.request.use_sync(move |mut request: Request| {
        request.headers_mut().insert(AUTHORIZATION, value.clone());
        Ok(request)
    });
}

/// Attaches a token that is valid for an hour, without the half that renews.
pub(crate) fn attach(interceptors: &Interceptors) {
    let (request_half, _) = valid_token().into_pair();
    interceptors.request.use_interceptor(request_half);
}

/// Attaches a token that is valid for an hour, and would renew it.
pub(crate) fn pair(interceptors: &Interceptors) {
    interceptors.use_pair(valid_token());
}

#[expect(
    clippy::disallowed_methods,
    reason = "a token expires by the wall clock"
)]
fn valid_token() -> TokenRefresh {
    let token = Token::new("a-token-of-usual-length-0123456789")
        .expires_in(Duration::from_secs(3600), SystemTime::now());
    let never = async |_: Client, token: Token| Ok::<_, RefreshError>(token);
    TokenRefresh::builder(MemoryStore::new(token), never)
        .build()
        .unwrap()
}
