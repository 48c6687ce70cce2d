//! Bars for uploads and downloads, over reqwest and over ureq at once.
//!
//! Each client sends 8 MB to a server on loopback that takes 10 MB a second,
//! and gets 8 MB back. The bars are indicatif's, on a terminal only; a handler
//! is told at most three times a second, and once at the end.
//!
//! ```text
//! cargo run --example progress
//! ```
//!
//! An upload starts fast: the system takes the first megabytes into its
//! buffers before the server has read them.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tollgate::{Client, Progress, blocking};
use tollgate_examples::{Answer, Server};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

const LENGTH: usize = 8_000_000;
const BYTES_PER_SECOND: u32 = 10_000_000;

type Anything = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Anything> {
    let server = Server::start_slow(BYTES_PER_SECOND, |asked| match asked.method.as_str() {
        "PUT" => Answer::new(200, asked.body.len().to_string()),
        _ => Answer::new(200, "x".repeat(LENGTH)),
    })?;

    let bars = MultiProgress::new();
    let transfers = ["reqwest up", "reqwest down", "ureq up", "ureq down"]
        .map(|name| Transfer::new(name, &bars));
    let [up, down, blocking_up, blocking_down] = transfers.clone();

    let url = server.url();
    let blocking =
        tokio::task::spawn_blocking(move || in_blocking(&url, &blocking_up, &blocking_down));
    in_async(&server.url(), &up, &down).await?;
    blocking.await??;

    println!("transfer           bytes  events  MB/s in the end");
    for transfer in &transfers {
        transfer.print()?;
    }
    Ok(())
}

async fn in_async(url: &str, up: &Transfer, down: &Transfer) -> Result<(), Anything> {
    let client = Client::builder(ReqwestAdapter::new()?)
        .base_url(url)
        .build()?;
    let call = client.put("/file").body("x".repeat(LENGTH));
    let arrived: usize = call.on_upload_progress(up.handler()).await?.json()?;
    assert_eq!(arrived, LENGTH);
    let call = client.get("/file");
    let response = call.on_download_progress(down.handler()).await?;
    assert_eq!(response.bytes()?.len(), LENGTH);
    Ok(())
}

/// The same, line by line, without async.
fn in_blocking(url: &str, up: &Transfer, down: &Transfer) -> Result<(), Anything> {
    let client = blocking::Client::builder(UreqAdapter::new())
        .base_url(url)
        .build()?;
    let call = client.put("/file").body("x".repeat(LENGTH));
    let arrived: usize = call.on_upload_progress(up.handler()).send()?.json()?;
    assert_eq!(arrived, LENGTH);
    let call = client.get("/file");
    let response = call.on_download_progress(down.handler()).send()?;
    assert_eq!(response.bytes()?.len(), LENGTH);
    Ok(())
}

/// A bar, and what its handler was told.
#[derive(Clone)]
struct Transfer {
    name: &'static str,
    bar: ProgressBar,
    events: Arc<Mutex<Vec<Progress>>>,
}

impl Transfer {
    fn new(name: &'static str, bars: &MultiProgress) -> Self {
        let bar = bars.add(ProgressBar::no_length().with_prefix(name));
        if let Ok(style) = ProgressStyle::with_template("{prefix:12} {bar:40} {percent:>3}% {msg}")
        {
            bar.set_style(style);
        }
        Self {
            name,
            bar,
            events: Arc::default(),
        }
    }

    /// A handler owns what it needs: a bar is a handle, its clones share it.
    fn handler(&self) -> impl Fn(Progress) + Send + Sync + 'static {
        let (bar, events) = (self.bar.clone(), Arc::clone(&self.events));
        move |progress| {
            if let Some(total) = progress.total() {
                bar.set_length(total);
            }
            bar.set_position(progress.loaded());
            if let Some(left) = progress.estimated() {
                bar.set_message(format!("{left:.1?} left"));
            }
            if progress.is_done() {
                bar.finish();
            }
            let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
            events.push(progress);
        }
    }

    fn print(&self) -> Result<(), Anything> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let last = events.last().ok_or("there was no event")?;
        assert!(last.is_done(), "the last event says so");
        assert_eq!(last.progress(), Some(1.0));
        println!(
            "{:<14} {:>9} {:>7} {:>16.1}",
            self.name,
            last.loaded(),
            events.len(),
            last.rate().unwrap_or_default() / 1e6
        );
        Ok(())
    }
}
