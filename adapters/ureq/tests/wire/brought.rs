//! An agent of the user's.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use http::Request;
use tollgate::{BlockingAdapter, Body, CancelHandle, blocking::Client};
use tollgate_ureq::UreqAdapter;
use ureq::Agent;

use crate::{
    read,
    server::{PATIENCE, Server, header, ok},
};

fn agent() -> Agent {
    Agent::config_builder()
        .proxy(None)
        .user_agent("mine/1")
        .build()
        .into()
}

#[test]
fn an_agent_that_follows_redirects_does_not() {
    assert!(agent().config().max_redirects() > 0);
    let server =
        Server::answering("HTTP/1.1 302 X\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n");
    let request = Request::get(server.url("/first"))
        .body(Body::empty())
        .unwrap();
    let response = UreqAdapter::from(agent()).send(request).unwrap();
    assert_eq!(response.status(), 302);
    assert!(server.request().starts_with("GET /first "));
}

#[test]
fn an_agent_that_makes_errors_of_statuses_does_not() {
    let server = Server::answering("HTTP/1.1 404 X\r\ncontent-length: 4\r\n\r\ngone");
    let request = Request::builder().method("PURGE").uri(server.url("/"));
    let response = UreqAdapter::from_agent(agent()).send(request.body(Body::empty()).unwrap());
    let response = response.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(read(response).unwrap(), "gone");
}

#[test]
fn its_pool_and_its_name_stay_in_use() {
    let server = Server::answering(&ok("hello"));
    let agent = agent();
    agent
        .get(server.url("/"))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let client = Client::new(UreqAdapter::from_agent(agent.clone()));
    for _ in 0..2 {
        assert_eq!(
            client.get(server.url("/")).send().unwrap().text().unwrap(),
            "hello"
        );
    }
    assert_eq!(server.connections(), 1);
    for request in server.requests() {
        assert_eq!(header(&request, "user-agent"), Some("mine/1"));
    }
}

#[test]
fn a_call_ends_with_its_time() {
    for before in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"] {
        let server = Server::start(move |peer| {
            peer.request();
            peer.send(before);
            peer.wait_for_the_end();
        });
        let client = Client::builder(UreqAdapter::from_agent(agent()))
            .timeout(Duration::from_millis(120))
            .build()
            .unwrap();
        let error = client.get(server.url("/")).send().unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
    }
}

#[test]
fn a_chunk_of_a_streamed_body_has_its_own_time() {
    let server = Server::start(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello");
        peer.wait_for_the_end();
    });
    let client = Client::builder(UreqAdapter::from_agent(agent()))
        .read_timeout(Duration::from_millis(120))
        .build()
        .unwrap();
    let response = client.get(server.url("/")).stream().send().unwrap();
    let read = std::io::read_to_string(response.into_body().into_reader());
    let error = read.unwrap_err().downcast::<tollgate::Error>().unwrap();
    assert!(error.is_timeout(), "{error:?}");
}

#[test]
fn a_cancelled_call_ends_at_the_next_read() {
    let (go, wait) = mpsc::sync_channel::<()>(0);
    let wait = Mutex::new(wait);
    let server = Server::start(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
        wait.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        peer.send("world");
    });
    let client = Client::new(UreqAdapter::from_agent(agent()));
    let handle = CancelHandle::new();
    let response = client
        .get(server.url("/"))
        .cancel_handle(&handle)
        .stream()
        .send()
        .unwrap();
    let mut reader = response.into_body().into_reader();
    let mut text = [0; 5];
    std::io::Read::read_exact(&mut reader, &mut text).unwrap();
    handle.cancel();
    go.send(()).unwrap();
    let error = std::io::read_to_string(reader).unwrap_err();
    assert!(error.downcast::<tollgate::Error>().unwrap().is_cancelled());
}

#[cfg(feature = "gzip")]
#[test]
fn a_packed_body_that_is_cut_is_told_from_one_that_is_damaged() {
    use tollgate::ErrorKind;

    use crate::{failure, server::gzip};

    let packed = gzip(b"hello");
    let short = packed.len() - 3;
    for (length, kind) in [
        (packed.len(), ErrorKind::Transport),
        (short, ErrorKind::Decode),
    ] {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
        )
        .into_bytes();
        answer.extend(&packed[..short]);
        let server = Server::answering_once(&answer);
        let request = Request::get(server.url("/")).body(Body::empty()).unwrap();
        let error = failure(UreqAdapter::from_agent(agent()).send(request));
        assert_eq!(error.kind(), kind, "{length}: {error:?}");
    }
}
