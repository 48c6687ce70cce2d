//! The order in which ten hooks run, and what an eject in mid-call changes.
//!
//! ```text
//! cargo run --example order
//! ```
//!
//! Expected output:
//!
//! ```text
//! last registered first: q3 q2 q1 adapter p1 p2 p3
//! first registered first: q1 q2 q3 adapter p1 p2 p3
//! q2 fails: q3 q2 p1.rejected p2.recovers p3
//! ejected in mid-call: q3 q2 q1 adapter p1 p2 p3
//! the call after that: q3 q2 q1 adapter p1 p2
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use tollgate::{Client, Error, MockAdapter, Order, Request, Response};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what.into());
    }

    fn take(&self) -> String {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *entries).join(" ")
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let log = Log::default();
    let seen = log.clone();
    let client = Client::new(MockAdapter::new().handler(move |_| {
        seen.add("adapter");
        Ok(http::Response::new("".into()))
    }));

    // Three interceptors on each side; q2 fails where the call asks for it.
    let mut last = None;
    for number in 1..=3 {
        let seen = log.clone();
        client
            .interceptors
            .request
            .use_sync(move |request: Request| {
                seen.add(format!("q{number}"));
                if number == 2 && request.uri().path() == "/fail" {
                    return Err(Error::message("q2 does not like it"));
                }
                Ok(request)
            });
        let seen = log.clone();
        let also = log.clone();
        last = Some(client.interceptors.response.use_both(
            async move |response: Response| {
                seen.add(format!("p{number}"));
                Ok(response)
            },
            async move |error: Error| {
                if number < 2 {
                    also.add(format!("p{number}.rejected"));
                    return Err(error);
                }
                also.add(format!("p{number}.recovers"));
                Ok(Response::new(StatusCode::OK, "").into())
            },
        ));
    }

    client.get("http://h/").await?;
    println!("last registered first: {}", log.take());

    client.get("http://h/").order(Order::Fifo).await?;
    println!("first registered first: {}", log.take());

    client.get("http://h/fail").await?;
    println!("q2 fails: {}", log.take());

    // A call works on the registrations that it found when it started.
    let registry = client.interceptors.response.clone();
    client
        .interceptors
        .request
        .use_sync(move |request: Request| {
            if let Some(id) = last {
                registry.eject(id);
            }
            Ok(request)
        });
    client.get("http://h/").await?;
    println!("ejected in mid-call: {}", log.take());

    client.get("http://h/").await?;
    println!("the call after that: {}", log.take());
    Ok(())
}
