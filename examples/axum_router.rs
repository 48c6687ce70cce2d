//! Tests an API client against an axum router, in process, with no socket; then
//! puts a client below a layer of tower-http's.
//!
//! ```text
//! cargo run --example axum_router
//! ```
//!
//! Expected output:
//!
//! ```text
//! async: user 7 is Ada
//! async: 404 Not Found, no such user
//! blocking: user 7 is Ada
//! blocking: 404 Not Found, no such user
//! below a layer: 200 OK, {"id":7,"name":"Ada"}
//! below a layer: 404 Not Found, no such user
//! the router was asked 6 times, by demo/1, demo/1, demo/1, demo/1, layer/2, layer/2
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header::USER_AGENT};
use serde::{Deserialize, Serialize};
use tollgate::{Body, Client, ServiceAdapter, blocking};
use tower::{Service as _, ServiceBuilder};
use tower_http::set_header::SetRequestHeaderLayer;

#[derive(Serialize, Deserialize)]
struct User {
    id: u32,
    name: String,
}

/// Who has asked the router.
type Askers = Arc<Mutex<Vec<String>>>;

async fn user(
    State(askers): State<Askers>,
    Path(id): Path<u32>,
    headers: HeaderMap,
) -> Result<Json<User>, (StatusCode, &'static str)> {
    let asker = headers.get(USER_AGENT).and_then(|it| it.to_str().ok());
    askers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(asker.unwrap_or("nobody").to_owned());
    if id != 7 {
        return Err((StatusCode::NOT_FOUND, "no such user"));
    }
    let name = "Ada".to_owned();
    Ok(Json(User { id, name }))
}

/// Says how a call for a user has ended.
fn outcome(result: tollgate::Result<tollgate::Response>) -> tollgate::Result<String> {
    match result {
        Ok(response) => {
            let user: User = response.json()?;
            Ok(format!("user {} is {}", user.id, user.name))
        }
        Err(error) => match error.response() {
            Some(response) => Ok(format!("{}, {}", response.status(), response.text()?)),
            None => Err(error),
        },
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let askers = Askers::default();
    let router = Router::new()
        .route("/users/{id}", get(user))
        .with_state(Arc::clone(&askers));
    let adapter = ServiceAdapter::new(router);

    let client = Client::builder(adapter.clone())
        .base_url("http://in.process")
        .header("user-agent", "demo/1")
        .build()?;
    for path in ["/users/7", "/users/0"] {
        println!("async: {}", outcome(client.get(path).await)?);
    }

    // A handler that needs no runtime needs none here either.
    let calls = std::thread::spawn({
        let adapter = adapter.clone();
        move || -> tollgate::Result<Vec<String>> {
            let client = blocking::Client::builder(adapter)
                .base_url("http://in.process")
                .header("user-agent", "demo/1")
                .build()?;
            let paths = ["/users/7", "/users/0"];
            paths
                .map(|path| outcome(client.get(path).send()))
                .into_iter()
                .collect()
        }
    });
    for line in calls.join().map_err(|_| "the thread panicked")?? {
        println!("blocking: {line}");
    }

    // The other way round: a refused status is an answer to a tower stack.
    let agent = HeaderValue::from_static("layer/2");
    let mut stack = ServiceBuilder::new()
        .layer(SetRequestHeaderLayer::overriding(USER_AGENT, agent))
        .service(client);
    for path in ["/users/7", "/users/0"] {
        let request = http::Request::get(path).body(Body::empty())?;
        let response = stack.call(request).await?;
        let status = response.status();
        let text = std::io::read_to_string(response.into_body().into_reader())?;
        println!("below a layer: {status}, {text}");
    }

    let askers = askers.lock().unwrap_or_else(PoisonError::into_inner);
    println!(
        "the router was asked {} times, by {}",
        askers.len(),
        askers.join(", ")
    );
    Ok(())
}
