//! What goes out.

use std::{error::Error as _, io::Cursor, thread};

use http::{Method, Request, Version};
use tollgate::{BlockingAdapter, Body, ErrorKind};
use tollgate_ureq::UreqAdapter;

use crate::{
    get, read, send,
    server::{Server, header, ok},
};

/// The raw request that a call makes.
fn sent(method: Method, body: impl Into<Body>) -> String {
    let server = Server::answering(&ok(""));
    send(method, &server.url("/p?q=1"), body).unwrap();
    server.request()
}

#[test]
fn a_get_has_a_host_accepts_what_comes_and_has_nothing_else() {
    let server = Server::answering(&ok(""));
    get(&server.url("/p?q=1")).unwrap();
    let request = server.request();
    let mut lines: Vec<_> = request.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /p?q=1 HTTP/1.1");
    lines.retain(|line| !line.starts_with("accept-encoding: "));
    let host = server.url("").replace("http://", "host: ");
    lines.sort_unstable();
    assert_eq!(lines, ["accept: */*", &host]);
}

#[test]
fn an_empty_body_has_a_length_only_where_one_is_expected() {
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        let request = sent(method, Body::empty());
        assert_eq!(header(&request, "content-length"), Some("0"), "{request}");
        assert_eq!(header(&request, "transfer-encoding"), None);
    }
    for method in [
        Method::GET,
        Method::HEAD,
        Method::DELETE,
        Method::OPTIONS,
        Method::from_bytes(b"PROPFIND").unwrap(),
    ] {
        let request = sent(method, Body::empty());
        assert_eq!(header(&request, "content-length"), None, "{request}");
        assert_eq!(header(&request, "transfer-encoding"), None);
    }
}

#[test]
fn the_length_that_the_core_has_set_is_not_doubled() {
    for (body, length) in [(Body::empty(), "0"), (Body::from("abc"), "3")] {
        let server = Server::answering(&ok(""));
        let request = Request::post(server.url("/"))
            .header("content-length", length)
            .body(body)
            .unwrap();
        UreqAdapter::new().send(request).unwrap();
        assert_eq!(header(&server.request(), "content-length"), Some(length));
    }
}

#[test]
fn bytes_go_out_unchanged_with_their_length() {
    let request = sent(Method::POST, "a\u{e9}\0b\r\n\r\nc");
    assert_eq!(header(&request, "content-length"), Some("10"));
    assert!(
        request.ends_with("\r\n\r\na\u{e9}\0b\r\n\r\nc"),
        "{request:?}"
    );
}

#[test]
fn a_stream_of_unknown_length_goes_out_in_chunks() {
    let request = sent(Method::POST, Body::from_reader(Cursor::new("hello")));
    assert_eq!(header(&request, "transfer-encoding"), Some("chunked"));
    assert_eq!(header(&request, "content-length"), None);
    assert!(
        request.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        "{request:?}"
    );
}

#[test]
fn a_stream_of_known_length_goes_out_with_it() {
    for method in [Method::PUT, Method::GET] {
        let body = Body::from_reader(Cursor::new("hello")).with_length(5);
        let request = sent(method, body);
        assert_eq!(header(&request, "content-length"), Some("5"));
        assert_eq!(header(&request, "transfer-encoding"), None);
        assert!(request.ends_with("\r\n\r\nhello"), "{request:?}");
    }
}

#[test]
fn a_long_stream_arrives_whole() {
    let text = "0123456789abcdef".repeat(40_000);
    for declared in [None, Some(text.len() as u64)] {
        let server = Server::start({
            let text = text.clone();
            move |peer| {
                let request = peer.request().unwrap();
                let (_, body) = request.split_once("\r\n\r\n").unwrap();
                let plain = if header(&request, "content-length").is_some() {
                    body.to_owned()
                } else {
                    dechunk(body)
                };
                peer.send(&ok(if plain == text { "same" } else { "other" }));
            }
        });
        let body = Body::from_reader(Cursor::new(text.clone()));
        let body = match declared {
            Some(length) => body.with_length(length),
            None => body,
        };
        let response = send(Method::POST, &server.url("/"), body).unwrap();
        assert_eq!(read(response).unwrap(), "same", "{declared:?}");
    }
}

fn dechunk(mut body: &str) -> String {
    let mut out = String::new();
    loop {
        let (length, rest) = body.split_once("\r\n").unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return out;
        }
        out.push_str(&rest[..length]);
        body = &rest[length + 2..];
    }
}

#[test]
fn a_stream_of_another_length_than_declared_is_an_error() {
    for declared in [4, 6] {
        let server = Server::answering(&ok(""));
        let body = Body::from_reader(Cursor::new("hello")).with_length(declared);
        let error = send(Method::POST, &server.url("/"), body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(&declared.to_string()), "{cause}");
    }
}

#[test]
fn any_method_is_sent() {
    let method = Method::from_bytes(b"PURGE").unwrap();
    assert!(sent(method, Body::empty()).starts_with("PURGE /p?q=1 HTTP/1.1\r\n"));
}

#[test]
fn a_version_hint_changes_nothing() {
    for version in [Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
        let server = Server::answering(&ok("hello"));
        let request = Request::get(server.url("/")).version(version);
        let response = UreqAdapter::new()
            .send(request.body(Body::empty()).unwrap())
            .unwrap();
        assert_eq!(read(response).unwrap(), "hello");
        assert!(server.request().starts_with("GET / HTTP/1.1\r\n"));
    }
}

#[test]
fn connect_is_refused_before_anything_is_sent() {
    let server = Server::answering(&ok(""));
    let error = send(Method::CONNECT, &server.url("/"), Body::empty()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(server.connections(), 0);
}

#[test]
fn two_calls_share_one_connection() {
    let server = Server::answering(&ok("hello"));
    let adapter = UreqAdapter::new();
    for _ in 0..2 {
        let request = Request::get(server.url("/")).body(Body::empty()).unwrap();
        assert_eq!(
            read(adapter.clone().send(request).unwrap()).unwrap(),
            "hello"
        );
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}

#[test]
fn a_thousand_interleaved_calls_get_their_own_answers() {
    let server = Server::start(|peer| {
        while let Some(request) = peer.request() {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let path = head.split(' ').nth(1).unwrap();
            peer.send(&ok(&format!("{path} {body}")));
        }
    });
    let adapter = UreqAdapter::new();
    thread::scope(|scope| {
        for worker in 0..8 {
            let (adapter, server) = (&adapter, &server);
            scope.spawn(move || {
                for call in 0..125 {
                    let path = format!("/{worker}/{call}");
                    let body = "x".repeat(call * 7);
                    let request = Request::post(server.url(&path)).body(body.clone().into());
                    let response = adapter.send(request.unwrap()).unwrap();
                    assert_eq!(read(response).unwrap(), format!("{path} {body}"));
                }
            });
        }
    });
    assert_eq!(server.requests().len(), 1000);
}
