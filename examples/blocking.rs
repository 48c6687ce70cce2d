//! The quick start without async: the same interceptors over ureq.
//!
//! ```text
//! cargo run --example blocking
//! ```
//!
//! Expected output:
//!
//! ```text
//! GET /hello -> hello to demo/1
//! 3 threads, one client: hello to demo/1, hello to demo/1, hello to demo/1
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::thread;

use tollgate::{Request, blocking::Client};
use tollgate_examples::{Answer, Server};
use tollgate_ureq::UreqAdapter;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start(|asked| {
        let app = asked.authorization.unwrap_or_else(|| "nobody".to_owned());
        Answer::new(200, format!("hello to {app}"))
    })?;

    let client = Client::builder(UreqAdapter::new())
        .base_url(server.url())
        .build()?;

    // An async closure works here too: it runs on this thread.
    client
        .interceptors
        .request
        .use_(async |mut request: Request| {
            request
                .headers_mut()
                .insert("authorization", "demo/1".parse()?);
            Ok(request)
        });

    println!("GET /hello -> {}", client.get("/hello").send()?.text()?);

    let threads: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || client.get("/hello").send()?.text())
        })
        .collect();
    let mut answers = Vec::new();
    for thread in threads {
        answers.push(thread.join().map_err(|_| "a thread panicked")??);
    }
    println!("3 threads, one client: {}", answers.join(", "));
    Ok(())
}
