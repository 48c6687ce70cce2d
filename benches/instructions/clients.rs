//! The clients that are counted.

use crate::no_network::{adapter_alone, attach, blocking_with, pair, ready_header, with};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use tollgate::{Client, Interceptors, blocking};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;
use ureq::{Agent, SendBody, middleware::MiddlewareNext};

/// A case: a client, and what sends a number of GETs through it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What the cases after it are compared with.
    pub(crate) is_bare: bool,
    run: fn(u64, &str),
}

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    bare("adapter alone, no network", adapter_alone),
    case("core, no network", |n, _| with(n, |_| {})),
    case("core, no network, 4 use_sync", |n, _| with(n, |it| register(it, Kind::Sync))),
    case("core, no network, 4 use_", |n, _| with(n, |it| register(it, Kind::Async))),
    case("core, no network, blocking", |n, _| blocking_with(n, |_| {})),
    case("core, no network, a ready header", |n, _| with(n, ready_header)),
    case("core, no network, a token attached", |n, _| with(n, attach)),
    case("core, no network, a token pair", |n, _| with(n, pair)),
    bare("reqwest", bare_reqwest),
    case("tollgate-reqwest", |n, url| over_reqwest(n, url, Kind::None)),
    case("tollgate-reqwest, 4 use_sync", |n, url| over_reqwest(n, url, Kind::Sync)),
    case("tollgate-reqwest, 4 use_", |n, url| over_reqwest(n, url, Kind::Async)),
    case("tollgate-reqwest, 4 use_ + 4 use_", |n, url| over_reqwest(n, url, Kind::Both)),
    case("reqwest-middleware", |n, url| peer_reqwest(n, url, 0)),
    case("reqwest-middleware, 4", |n, url| peer_reqwest(n, url, 4)),
    bare("ureq", |n, url| peer_ureq(n, url, 0)),
    case("tollgate-ureq", |n, url| over_ureq(n, url, Kind::None)),
    case("tollgate-ureq, 4 use_sync", |n, url| over_ureq(n, url, Kind::Sync)),
    case("tollgate-ureq, 4 use_", |n, url| over_ureq(n, url, Kind::Async)),
    case("tollgate-ureq, 4 use_ + 4 use_", |n, url| over_ureq(n, url, Kind::Both)),
    case("ureq, 4 middlewares", |n, url| peer_ureq(n, url, 4)),
];

const fn case(name: &'static str, run: fn(u64, &str)) -> Case {
    Case {
        name,
        is_bare: false,
        run,
    }
}

const fn bare(name: &'static str, run: fn(u64, &str)) -> Case {
    Case {
        name,
        is_bare: true,
        run,
    }
}

/// Sends a number of GETs through the client that a case names.
pub(crate) fn run(name: &str, calls: u64, url: &str) {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    (case.run)(calls, url);
}

/// Which interceptors are registered, all of which hand on what they get.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    None,
    Sync,
    Async,
    /// Four in each registry.
    Both,
}

fn register(interceptors: &Interceptors, kind: Kind) {
    if kind == Kind::None {
        return;
    }
    for _ in 0..4 {
        if kind == Kind::Sync {
            interceptors.request.use_sync(Ok);
        } else {
            interceptors.request.use_(async |request| Ok(request));
        }
        if kind == Kind::Both {
            interceptors.response.use_(async |response| Ok(response));
        }
    }
}

/// Runs on one thread, so that the count does not depend on who wakes whom.
fn on_tokio(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future);
}

fn bare_reqwest(calls: u64, url: &str) {
    on_tokio(async {
        let client = reqwest::Client::new();
        for _ in 0..calls {
            let response = client.get(url).send().await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), "ok");
        }
    });
}

fn over_reqwest(calls: u64, url: &str, kind: Kind) {
    on_tokio(async {
        let client = Client::new(ReqwestAdapter::new().unwrap());
        register(&client.interceptors, kind);
        for _ in 0..calls {
            let response = client.get(url).await.unwrap();
            assert_eq!(response.bytes().unwrap(), "ok");
        }
    });
}

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

fn peer_reqwest(calls: u64, url: &str, number: usize) {
    on_tokio(async {
        let mut builder = ClientBuilder::new(reqwest::Client::new());
        for _ in 0..number {
            builder = builder.with(HandOn);
        }
        let client = builder.build();
        for _ in 0..calls {
            let response = client.get(url).send().await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), "ok");
        }
    });
}

fn over_ureq(calls: u64, url: &str, kind: Kind) {
    let client = blocking::Client::new(UreqAdapter::new());
    register(&client.interceptors, kind);
    for _ in 0..calls {
        let response = client.get(url).send().unwrap();
        assert_eq!(response.bytes().unwrap(), "ok");
    }
}

fn peer_ureq(calls: u64, url: &str, number: usize) {
    let mut builder = Agent::config_builder();
    for _ in 0..number {
        builder = builder.middleware(
            |request: http::Request<SendBody<'_>>, next: MiddlewareNext<'_>| next.handle(request),
        );
    }
    let agent: Agent = builder.build().into();
    for _ in 0..calls {
        let mut response = agent.get(url).call().unwrap();
        assert_eq!(response.body_mut().read_to_vec().unwrap(), b"ok");
    }
}
