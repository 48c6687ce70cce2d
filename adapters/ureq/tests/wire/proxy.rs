//! A proxy that was asked for: ureq's own connectors over our connections.

use std::time::Duration;

use http::Request;
use tollgate::{BlockingAdapter, Body, CancelHandle, ErrorKind, blocking::Client};
use tollgate_ureq::UreqAdapter;
use ureq::Proxy;

use crate::{
    failure, read,
    server::{Server, ok},
};

/// Tunnels to itself: what comes after `CONNECT` is answered here.
fn tunnel(answer: &'static str) -> Server {
    Server::start(move |peer| {
        let connect = peer.request().unwrap();
        assert!(connect.starts_with("CONNECT "), "{connect}");
        peer.send("HTTP/1.1 200 Connection established\r\n\r\n");
        while peer.request().is_some_and(|_| peer.send(answer)) {}
    })
}

fn through(server: &Server) -> UreqAdapter {
    let proxy = Proxy::new(&server.url("")).unwrap();
    UreqAdapter::builder()
        .configure(|agent| agent.proxy(Some(proxy)))
        .build()
}

const FAR: &str = "http://127.0.0.1:9/far";

#[test]
fn a_call_goes_through_the_proxy() {
    let hello = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let server = tunnel(hello);
    let adapter = through(&server);
    for _ in 0..2 {
        let request = Request::get(FAR).body(Body::empty()).unwrap();
        assert_eq!(read(adapter.send(request).unwrap()).unwrap(), "hello");
    }
    let requests = server.requests();
    assert_eq!((server.connections(), requests.len()), (1, 3));
    assert!(requests[0].starts_with("CONNECT 127.0.0.1:9 "));
    assert!(requests[1].starts_with("GET /far "));
}

#[test]
fn limits_hold_through_the_proxy() {
    let server = tunnel("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello");
    let client = Client::builder(through(&server)).build().unwrap();
    let short = Duration::from_millis(120);
    let error = client.get(FAR).timeout(short).send().unwrap_err();
    assert!(error.is_timeout(), "{error:?}");

    let handle = CancelHandle::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::park_timeout(short);
            handle.cancel();
        });
        let error = client.get(FAR).cancel_handle(&handle).send().unwrap_err();
        assert!(error.is_cancelled(), "{error:?}");
    });
}

#[test]
fn a_proxy_that_refuses_is_a_fault_of_the_connection() {
    let server = Server::answering("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    let request = Request::get(FAR).body(Body::empty()).unwrap();
    let error = failure(through(&server).send(request));
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
}

#[test]
fn an_exempt_host_is_dialled_directly() {
    let server = Server::answering(&ok("direct"));
    let proxy = Proxy::builder(ureq::ProxyProtocol::Http)
        .host("127.0.0.1")
        .port(9)
        .no_proxy("127.0.0.1")
        .build()
        .unwrap();
    let adapter = UreqAdapter::builder()
        .configure(|agent| agent.proxy(Some(proxy)))
        .build();
    let request = Request::get(server.url("/")).body(Body::empty()).unwrap();
    assert_eq!(read(adapter.send(request).unwrap()).unwrap(), "direct");
}
