//! What a call costs, and what each interceptor adds, beside peers.
//!
//! Everything runs over a transport that answers at once, so that the network
//! does not drown the figures: our adapters, the last middleware of
//! reqwest-middleware and the last middleware of ureq all do nothing.
//!
//! ```text
//! cargo bench -p tollgate-benches --bench chain
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench: it prints, and stops at a failure"
)]

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::Criterion;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tollgate::{Adapter, BlockingAdapter, Body, Client, Interceptors, blocking};
use tollgate_benches::{AtOnce, Figures, drive};
use ureq::{Agent, SendBody, middleware::MiddlewareNext};

const URL: &str = "http://bench.invalid/things/7";
const NUMBERS: [usize; 4] = [0, 1, 4, 16];

const SUBJECTS: [&str; 6] = [
    "tollgate async, use_sync",
    "tollgate async, use_",
    "tollgate blocking, use_sync",
    "tollgate blocking, use_",
    "reqwest-middleware",
    "ureq middleware",
];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let figures = Figures::default();
    direct(&mut criterion, &figures);
    tollgate_async(&mut criterion, &figures);
    tollgate_blocking(&mut criterion, &figures);
    peer_reqwest(&mut criterion, &figures);
    peer_ureq(&mut criterion, &figures);
    criterion.final_summary();
    print(&figures);
}

/// Measures one subject, and notes the samples for the table.
fn measure(
    criterion: &mut Criterion,
    figures: &Figures,
    subject: &str,
    number: usize,
    mut call: impl FnMut(),
) {
    criterion
        .benchmark_group(subject)
        .bench_function(number.to_string(), |bencher| {
            bencher.iter_custom(|calls| {
                tollgate_benches::measure(figures, subject, number, calls, &mut call)
            });
        });
}

/// The adapter, called as the core calls it: the baseline.
fn direct(criterion: &mut Criterion, figures: &Figures) {
    let request = || http::Request::get(URL).body(Body::empty()).unwrap();
    let adapter: Arc<dyn Adapter> = Arc::new(AtOnce);
    measure(criterion, figures, "adapter, async", 0, || {
        black_box(drive(adapter.send(request())).unwrap());
    });
    let adapter: Arc<dyn BlockingAdapter> = Arc::new(AtOnce);
    measure(criterion, figures, "adapter, blocking", 0, || {
        black_box(adapter.send(request()).unwrap());
    });
}

/// Registers interceptors that hand the request on.
fn register(interceptors: &Interceptors, number: usize, sync: bool) {
    for _ in 0..number {
        if sync {
            interceptors.request.use_sync(Ok);
        } else {
            interceptors.request.use_(async |request| Ok(request));
        }
    }
}

fn tollgate_async(criterion: &mut Criterion, figures: &Figures) {
    for (subject, sync) in SUBJECTS.iter().zip([true, false]) {
        for number in NUMBERS {
            let client = Client::new(AtOnce);
            register(&client.interceptors, number, sync);
            measure(criterion, figures, subject, number, || {
                let response = drive(client.get(URL).send()).unwrap();
                black_box(response.bytes().unwrap());
            });
        }
    }
}

fn tollgate_blocking(criterion: &mut Criterion, figures: &Figures) {
    for (subject, sync) in SUBJECTS.iter().skip(2).zip([true, false]) {
        for number in NUMBERS {
            let client = blocking::Client::new(AtOnce);
            register(&client.interceptors, number, sync);
            measure(criterion, figures, subject, number, || {
                let response = client.get(URL).send().unwrap();
                black_box(response.bytes().unwrap());
            });
        }
    }
}

/// A middleware of reqwest-middleware that hands the request on.
struct HandOn;

#[async_trait::async_trait]
impl Middleware for HandOn {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        next.run(request, extensions).await
    }
}

/// The last one, which answers in place of the network.
struct Answer;

#[async_trait::async_trait]
impl Middleware for Answer {
    async fn handle(
        &self,
        _request: reqwest::Request,
        _extensions: &mut http::Extensions,
        _next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        Ok(http::Response::new(reqwest::Body::default()).into())
    }
}

fn peer_reqwest(criterion: &mut Criterion, figures: &Figures) {
    for number in NUMBERS {
        let mut builder = ClientBuilder::new(reqwest::Client::new());
        for _ in 0..number {
            builder = builder.with(HandOn);
        }
        let client: ClientWithMiddleware = builder.with(Answer).build();
        measure(criterion, figures, "reqwest-middleware", number, || {
            let response = drive(client.get(URL).send()).unwrap();
            black_box(drive(response.bytes()).unwrap());
        });
    }
}

fn peer_ureq(criterion: &mut Criterion, figures: &Figures) {
    for number in NUMBERS {
        let mut builder = Agent::config_builder();
        for _ in 0..number {
            builder = builder.middleware(
                |request: http::Request<SendBody<'_>>, next: MiddlewareNext<'_>| {
                    next.handle(request)
                },
            );
        }
        let agent: Agent = builder
            .middleware(|_: http::Request<SendBody<'_>>, _: MiddlewareNext<'_>| {
                Ok(http::Response::new(ureq::Body::builder().data("")))
            })
            .build()
            .into();
        measure(criterion, figures, "ureq middleware", number, || {
            let mut response = agent.get(URL).call().unwrap();
            black_box(response.body_mut().read_to_vec().unwrap());
        });
    }
}

/// Prints the table; nothing where nothing was measured.
fn print(figures: &Figures) {
    let bases = ["adapter, async", "adapter, blocking"].map(|name| figures.time(name, 0));
    let [Some(direct), Some(direct_blocking)] = bases else {
        return;
    };
    println!("\nnanoseconds per call, fastest decile of the samples; no network");
    println!(
        "{:<34} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8}",
        "interceptors", 0, 1, 4, 16, "each", "- direct", "/ direct"
    );
    println!("{:<34} {direct:>8.0}", "adapter alone, async");
    println!("{:<34} {direct_blocking:>8.0}", "adapter alone, blocking");
    for subject in SUBJECTS {
        let base = match subject {
            "tollgate blocking, use_sync" | "tollgate blocking, use_" => Some(direct_blocking),
            "tollgate async, use_sync" | "tollgate async, use_" => Some(direct),
            _ => None,
        };
        if let Some(line) = figures.line(subject, &NUMBERS, base) {
            println!("{line}");
        }
    }
}
