//! What comes back, where all goes well.

use std::sync::{Mutex, mpsc};

use http::{Method, StatusCode};
use tollgate::{BlockingAdapter, Body, ErrorKind};
use tollgate_ureq::UreqAdapter;

use crate::{
    get, read, send,
    server::{PATIENCE, Server, gzip, ok},
};

#[test]
fn every_status_is_an_answer_with_its_body() {
    for status in [200, 204, 304, 404, 418, 500, 599] {
        let server =
            Server::answering(&format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"));
        assert_eq!(get(&server.url("/")).unwrap().status(), status);
    }
    let server = Server::answering("HTTP/1.1 503 X\r\ncontent-length: 4\r\n\r\nbusy");
    assert_eq!(read(get(&server.url("/")).unwrap()).unwrap(), "busy");
}

#[test]
fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::answering(&format!(
            "HTTP/1.1 {status} X\r\nlocation: /other\r\ncontent-length: 4\r\n\r\ngone"
        ));
        for method in [Method::GET, Method::POST] {
            let response = send(method, &server.url("/first"), Body::empty()).unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["location"], "/other");
            assert_eq!(read(response).unwrap(), "gone");
        }
        assert!(
            server
                .requests()
                .iter()
                .all(|request| request.contains("/first"))
        );
    }
}

#[test]
fn headers_come_back_as_they_were_sent() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-b: \u{e9}\r\ncontent-length: 0\r\n\r\n",
    );
    let response = get(&server.url("/")).unwrap();
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(response.headers()["x-b"].as_bytes(), "\u{e9}".as_bytes());
}

#[test]
fn a_cookie_is_not_kept() {
    let server =
        Server::answering("HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n");
    let adapter = UreqAdapter::new();
    for _ in 0..2 {
        let request = http::Request::get(server.url("/")).body(Body::empty());
        adapter.send(request.unwrap()).unwrap();
    }
    assert!(!server.requests()[1].contains("cookie"));
}

#[test]
fn an_interim_answer_is_passed_over() {
    for interim in ["100 Continue", "103 Early Hints\r\nlink: </a>"] {
        let server = Server::answering(&format!("HTTP/1.1 {interim}\r\n\r\n{}", ok("hello")));
        let response = get(&server.url("/")).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(read(response).unwrap(), "hello");
    }
}

#[test]
fn an_answer_without_a_body_is_known_to_have_none() {
    let with_length = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n";
    let server = Server::answering(with_length);
    let response = send(Method::HEAD, &server.url("/"), Body::empty()).unwrap();
    assert_eq!(response.headers()["content-length"], "7");
    assert!(response.body().is_empty());

    for head in [
        "204 No Content",
        "304 Not Modified",
        "200 OK\r\ncontent-length: 0",
    ] {
        let server = Server::answering(&format!("HTTP/1.1 {head}\r\n\r\n"));
        let adapter = UreqAdapter::new();
        for _ in 0..2 {
            let request = http::Request::get(server.url("/")).body(Body::empty());
            let response = adapter.send(request.unwrap()).unwrap();
            assert!(response.body().is_empty(), "{head}");
        }
        assert_eq!(server.connections(), 1, "{head}");
    }
}

#[test]
fn a_length_is_passed_on() {
    let server = Server::answering(&ok("hello"));
    let response = get(&server.url("/")).unwrap();
    assert_eq!(response.body().length(), Some(5));
    assert_eq!(read(response).unwrap(), "hello");
}

#[test]
fn chunks_are_joined() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nt: 1\r\n\r\n",
    );
    let adapter = UreqAdapter::new();
    for _ in 0..2 {
        let request = http::Request::get(server.url("/")).body(Body::empty());
        let response = adapter.send(request.unwrap()).unwrap();
        assert_eq!(response.body().length(), None);
        assert_eq!(read(response).unwrap(), "hello world");
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_body_without_length_ends_with_its_connection() {
    for version in ["1.0", "1.1"] {
        let text = "0123456789".repeat(30_000);
        let server =
            Server::answering_once(format!("HTTP/{version} 200 OK\r\n\r\n{text}").as_bytes());
        assert_eq!(read(get(&server.url("/")).unwrap()).unwrap(), text);
    }
}

#[test]
fn the_head_is_there_before_the_body() {
    for encoding in ["x", "gzip"] {
        let (go, wait) = mpsc::sync_channel::<()>(0);
        let wait = Mutex::new(wait);
        let server = Server::start(move |peer| {
            peer.request();
            peer.send(&format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\n\r\n"
            ));
            wait.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            let plain = cfg!(not(feature = "gzip")) || encoding != "gzip";
            peer.send_bytes(&if plain {
                b"hello".to_vec()
            } else {
                gzip(b"hello")
            });
        });
        let response = get(&server.url("/")).unwrap();
        go.send(()).unwrap();
        assert_eq!(read(response).unwrap(), "hello", "{encoding}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn gzip_is_asked_for_and_decoded() {
    use crate::server::header;

    let packed = gzip(b"hello");
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        packed.len()
    )
    .into_bytes();
    answer.extend(packed);
    let server = Server::answering_once(&answer);
    let response = get(&server.url("/")).unwrap();
    assert!(
        header(&server.request(), "accept-encoding")
            .unwrap()
            .contains("gzip")
    );
    assert!(!response.headers().contains_key("content-encoding"));
    assert!(!response.headers().contains_key("content-length"));
    assert_eq!(response.body().length(), None);
    assert_eq!(read(response).unwrap(), "hello");
}

#[cfg(feature = "gzip")]
#[test]
fn an_empty_body_may_be_called_gzip() {
    let server =
        Server::answering("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(read(get(&server.url("/")).unwrap()).unwrap(), "");
}

#[test]
fn bytes_that_nobody_asked_for_are_no_answer() {
    let late = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";
    let server = Server::answering(&format!("{}{late}", ok("hello")));
    let adapter = UreqAdapter::new();
    for _ in 0..3 {
        let request = http::Request::get(server.url("/")).body(Body::empty());
        let response = adapter.send(request.unwrap()).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(read(response).unwrap(), "hello");
    }
    assert_eq!(server.connections(), 3);
}

#[test]
fn an_idle_connection_that_has_changed_is_not_used_again() {
    for late in ["HTTP/1.1 408 X\r\ncontent-length: 0\r\n\r\n", ""] {
        let (go, wait) = mpsc::sync_channel::<()>(0);
        let (said, heard) = mpsc::channel();
        let both = Mutex::new((wait, said));
        let server = Server::start(move |peer| {
            peer.request();
            peer.send(&ok("hello"));
            let (wait, said) = &*both.lock().unwrap();
            wait.recv_timeout(PATIENCE).unwrap();
            // Nothing to say stands for the end of the connection.
            if !peer.send(late) || late.is_empty() {
                peer.close();
            }
            said.send(()).unwrap();
        });
        let adapter = UreqAdapter::new();
        for _ in 0..2 {
            let request = http::Request::get(server.url("/")).body(Body::empty());
            let response = adapter.send(request.unwrap()).unwrap();
            assert_eq!(response.status(), 200, "{late}");
            assert_eq!(read(response).unwrap(), "hello", "{late}");
            go.send(()).unwrap();
            heard.recv_timeout(PATIENCE).unwrap();
        }
        assert_eq!(server.connections(), 2, "{late}");
    }
}

#[test]
fn an_answer_with_a_doubtful_end_is_an_error_and_its_connection_is_closed() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    let adapter = UreqAdapter::new();
    for _ in 0..2 {
        let request = http::Request::get(server.url("/")).body(Body::empty());
        let error = adapter.send(request.unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(
            error.to_string().contains("both a `content-length`"),
            "{error}"
        );
    }
    assert_eq!(server.connections(), 2);
}
