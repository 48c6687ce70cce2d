//! The password of a proxy that the user has configured below us.

use std::net::SocketAddr;

use tollgate::{
    Offload, Response, Result,
    adapter::conformance::{Reply, Script, Server, Step},
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
};
use tollgate_parity::Nobody;
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

use crate::{
    canaries::{BEARER, PROXY, PROXY_ENCODED, QUERY, got},
    prints::Prints,
    scene::{Scene, play},
};

/// Answers as the far end does, and tunnels to itself where it is asked to.
fn proxy(tunnels: bool, status: u16) -> Server {
    let script = Script::new().otherwise(move |_| Reply::new(status).body("far"));
    let tunnel = [
        Step::ReadHead,
        Step::Write("HTTP/1.1 200 Connection established\r\n\r\n".into()),
    ];
    if tunnels {
        return Server::start(script.on_connection(0, tunnel)).unwrap();
    }
    Server::start(script).unwrap()
}

fn address(server: &Server) -> String {
    address_at(server.address())
}

fn address_at(proxy: SocketAddr) -> String {
    format!("http://hop:{PROXY}@{proxy}")
}

fn over_reqwest(address: &str) -> ReqwestAdapter {
    let proxy = reqwest::Proxy::all(address).unwrap();
    let builder = ReqwestAdapter::builder().configure(|client| client.proxy(proxy));
    builder.build().unwrap()
}

fn over_ureq(address: &str) -> UreqAdapter {
    let proxy = ureq::Proxy::new(address).unwrap();
    let builder = UreqAdapter::builder().configure(|agent| agent.proxy(Some(proxy)));
    builder.build()
}

fn in_async(prints: &Prints, builder: ClientBuilder<Async>) -> bool {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    ends(prints, builder, |call| runtime.block_on(call.send()))
}

fn in_blocking(prints: &Prints, builder: ClientBuilder<Blocking>) -> bool {
    ends(prints, builder, Call::<Blocking>::send)
}

/// Tells whether a call through the proxy is a success.
fn ends<E: EngineKind>(
    prints: &Prints,
    builder: ClientBuilder<E>,
    send: impl FnOnce(Call<E>) -> Result<Response>,
) -> bool {
    prints.debug("a builder", &builder);
    let client = builder.build().unwrap();
    prints.client(&client);
    let call = client.get(format!("http://127.0.0.1:9/far?access_token={QUERY}"));
    let call = call.bearer_auth(BEARER);
    prints.end("through a proxy", send(call)).is_ok()
}

/// A proxy that lets the call pass, one that refuses it, and one that is gone.
fn each(tunnels: bool, end: impl Fn(&str) -> bool) {
    let taken = proxy(tunnels, 200);
    assert!(end(&address(&taken)));
    let refused = proxy(false, 407);
    assert!(!end(&address(&refused)));
    for server in [taken, refused] {
        got(&server, &[PROXY_ENCODED]);
    }
    let nobody = Nobody::new().unwrap();
    assert!(!end(&address_at(nobody.address())));
}

#[test]
fn the_password_of_a_proxy_shows_nowhere() {
    let scene = |name: &str, scene: Scene| (name.to_owned(), scene);
    play(&[
        scene("reqwest, async", |prints| {
            each(false, |it| {
                in_async(prints, Client::<Async>::builder(over_reqwest(it)))
            });
        }),
        scene("reqwest, blocking", |prints| {
            each(false, |it| {
                in_blocking(prints, Client::<Blocking>::builder(over_reqwest(it)))
            });
        }),
        scene("ureq, blocking", |prints| {
            each(true, |it| {
                in_blocking(prints, Client::<Blocking>::builder(over_ureq(it)))
            });
        }),
        scene("ureq, async", |prints| {
            let offload = |it: &str| Offload::new(over_ureq(it));
            each(true, |it| {
                in_async(prints, Client::<Async>::builder(offload(it)))
            });
        }),
    ]);
}

#[test]
fn an_adapter_with_a_proxy_prints_no_password() {
    let address = address(&proxy(false, 200));
    let prints = Prints::default();
    prints.debug("an adapter", &over_reqwest(&address));
    prints.debug("an adapter", &over_ureq(&address));
    prints.show_no_secret();
}
