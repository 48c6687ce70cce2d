//! An adapter of one's own: answers from a folder of texts, no network at all.
//!
//! ```text
//! cargo run --example custom_adapter
//! ```
//!
//! Expected output:
//!
//! ```text
//! texts://greeting -> hello
//! GET http://texts/farewell: request failed with status code 404
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;

use async_trait::async_trait;
use http::StatusCode;
use tollgate::{Adapter, AdapterError, Body, Client, Error};

/// Serves texts by their path.
struct Texts(HashMap<&'static str, &'static str>);

#[async_trait]
impl Adapter for Texts {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        // One request, one answer: status policy, redirects, limits and
        // timeouts are the core's business.
        let name = request.uri().path().trim_start_matches('/');
        let mut response = http::Response::new(Body::empty());
        match self.0.get(name) {
            Some(text) => *response.body_mut() = Body::from(*text),
            None => *response.status_mut() = StatusCode::NOT_FOUND,
        }
        Ok(response)
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let texts = Texts(HashMap::from([("greeting", "hello")]));
    let client = Client::builder(texts).base_url("http://texts").build()?;

    let greeting = client.get("/greeting").await?.text()?;
    println!("texts://greeting -> {greeting}");

    if let Err(error) = client.get("/farewell").await {
        println!("{error}");
    }
    Ok(())
}
