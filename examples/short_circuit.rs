//! A cache in twenty lines: what it knows does not reach the adapter.
//!
//! ```text
//! cargo run --example short_circuit
//! ```
//!
//! Expected output:
//!
//! ```text
//! /a: fresh, request 1
//! /b: fresh, request 2
//! /a: from the cache, request 1
//! 2 requests reached the adapter
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::StatusCode;
use tollgate::{Client, Error, MockAdapter, Request, Response};

type Cache = Arc<Mutex<HashMap<String, String>>>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mock = MockAdapter::new()
        .reply(200, "request 1")
        .reply(200, "request 2");
    let client = Client::new(mock.clone());
    let cache = Cache::default();

    let known = Arc::clone(&cache);
    client
        .interceptors
        .request
        .use_flow(async move |request: Request| {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(match known.get(request.uri().path()) {
                // Skips the adapter; the response interceptors still run.
                Some(text) => {
                    let mut hit = Response::new(StatusCode::OK, text.clone());
                    hit.headers_mut().insert("x-cache", "hit".parse()?);
                    hit.into()
                }
                None => request.into(),
            })
        });
    client
        .interceptors
        .response
        .use_sync(move |response: Response| {
            if let Some(uri) = response.uri() {
                let mut known = cache.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(uri.path().to_owned(), response.text()?);
            }
            Ok(response)
        });

    for path in ["/a", "/b", "/a"] {
        let response = client.get(format!("http://h{path}")).await?;
        let from = if response.headers().contains_key("x-cache") {
            "from the cache"
        } else {
            "fresh"
        };
        println!("{path}: {from}, {}", response.text()?);
    }
    println!("{} requests reached the adapter", mock.count());
    Ok(())
}
