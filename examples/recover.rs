//! An error turned into a success, the reverse, and one more attempt.
//!
//! ```text
//! cargo run --example recover
//! ```
//!
//! Expected output:
//!
//! ```text
//! 404 recovered: []
//! 200 refused: interceptor `no empty bodies`: the body is empty
//! 503 replayed: done after 3 attempts
//! replayed too often: request failed with status code 503 after 3 attempts
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use http::StatusCode;
use tollgate::{Client, Error, MockAdapter, Response};

#[tokio::main]
async fn main() -> Result<(), Error> {
    // An error half that answers `Ok` recovers the call.
    let client = Client::new(MockAdapter::new().reply(404, ""));
    client
        .interceptors
        .response
        .use_rejected(async |error: Error| {
            if error.is_status(404) {
                return Ok(Response::new(StatusCode::OK, "[]").into());
            }
            Err(error)
        });
    println!("404 recovered: {}", client.get("http://h/").await?.text()?);

    // A success half that answers `Err` fails it.
    let client = Client::new(MockAdapter::new().reply(200, ""));
    client
        .interceptors
        .response
        .named("no empty bodies")
        .use_(async |response: Response| {
            if response.bytes()?.is_empty() {
                return Err(Error::message("the body is empty"));
            }
            Ok(response)
        });
    if let Err(error) = client.get("http://h/").await {
        println!("200 refused: {}", tail(&error));
    }

    // `replay` starts the same call again, from its original request.
    let busy = MockAdapter::new().reply(503, "").reply(503, "");
    let client = Client::new(busy.reply(200, "done"));
    client.interceptors.response.use_rejected(once_more);
    let response = client.post("http://h/").json(&["same body"]).await?;
    let attempts = response.attempts();
    println!(
        "503 replayed: {} after {attempts} attempts",
        response.text()?
    );

    let busy = MockAdapter::new().reply(503, "").reply(503, "");
    let client = Client::new(busy.reply(503, ""));
    client.interceptors.response.use_rejected(once_more);
    if let Err(error) = client.get("http://h/").await {
        println!("replayed too often: {}", tail(&error));
    }
    Ok(())
}

async fn once_more(error: Error) -> Result<tollgate::ResponseFlow, Error> {
    if error.is_status(503) && error.attempts() < 3 {
        return error.replay();
    }
    Err(error)
}

/// The message without method and address.
fn tail(error: &Error) -> String {
    let text = error.to_string();
    text.split_once(": ")
        .map_or_else(|| text.clone(), |(_, tail)| tail.to_owned())
}
