//! A client, an interceptor on each side, a typed answer, an error.
//!
//! ```text
//! cargo run --example quick_start
//! ```
//!
//! Expected output:
//!
//! ```text
//! GET /users/7 -> Ada, answered to demo/1
//! 404: no such user
//! request interceptors, last registered first:
//!   1. app name (#0)
//! adapter, redirects, status policy
//! response interceptors, first registered first:
//!   1. log (#1)
//! without the interceptor: answered to nobody
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde::Deserialize;
use tollgate::{Client, Error, Request, Response};
use tollgate_examples::{Answer, Server};
use tollgate_reqwest::ReqwestAdapter;

#[derive(Deserialize)]
struct User {
    name: String,
    app: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start(|asked| {
        let app = asked.authorization.unwrap_or_else(|| "nobody".to_owned());
        match asked.path.as_str() {
            "/users/7" => Answer::new(200, format!(r#"{{"name":"Ada","app":"{app}"}}"#)),
            _ => Answer::new(404, "no such user"),
        }
    })?;

    let client = Client::builder(ReqwestAdapter::new()?)
        .base_url(server.url())
        .build()?;

    let id = client
        .interceptors
        .request
        .named("app name")
        .use_(async |mut request: Request| {
            request
                .headers_mut()
                .insert("authorization", "demo/1".parse()?);
            Ok(request)
        });
    client.interceptors.response.named("log").use_both(
        async |response: Response| Ok(response),
        async |error: Error| {
            if let Some(response) = error.response() {
                println!("{}: {}", response.status().as_u16(), response.text()?);
            }
            Err(error)
        },
    );

    let user: User = client.get("/users/7").await?.json()?;
    println!("GET /users/7 -> {}, answered to {}", user.name, user.app);

    let error = client.get("/users/0").await.err();
    assert!(error.is_some_and(|error| error.is_status(404)));

    print!("{}", client.explain());

    client.interceptors.request.eject(id);
    let user: User = client.get("/users/7").await?.json()?;
    println!("without the interceptor: answered to {}", user.app);
    Ok(())
}
