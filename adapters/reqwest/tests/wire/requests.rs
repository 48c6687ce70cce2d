//! Requests, as they stand on the wire.

use http::Version;
use tollgate::{Adapter, AdapterError, Body, ErrorKind};

use crate::{
    adapter, code, get, pieces, read, send,
    server::{Reply, Seen, Server, keep, ok},
};

async fn sent(request: impl FnOnce(&str) -> http::Request<Body>) -> Seen {
    let server = Server::always(ok("done"));
    let response = send(request(&server.url("/path?q=1"))).await.unwrap();
    assert_eq!(read(response.into_body()).await.unwrap(), b"done");
    server.only()
}

/// Sends what must be refused before a connection is made.
async fn refused(request: impl FnOnce(&str) -> http::Request<Body>) -> AdapterError {
    let server = Server::always(ok("done"));
    let error = send(request(&server.url("/"))).await.unwrap_err();
    assert!(server.seen().is_empty(), "something was sent");
    error
}

#[tokio::test]
async fn a_get_is_sent_as_it_is() {
    let seen = sent(|url| {
        let mut request = get(url);
        let headers = request.headers_mut();
        headers.append("x-many", "1".parse().unwrap());
        headers.append("x-many", "2".parse().unwrap());
        request
    })
    .await;
    assert_eq!(seen.first_line(), "GET /path?q=1 HTTP/1.1");
    assert_eq!(seen.header("x-many"), ["1", "2"]);
    assert!(seen.header("content-length").is_empty());
    assert!(seen.header("transfer-encoding").is_empty());
    assert!(seen.header("user-agent").is_empty());
    assert!(seen.header("referer").is_empty());
}

#[tokio::test]
async fn an_empty_post_declares_its_length_once() {
    let seen = sent(|url| {
        http::Request::post(url)
            .header("content-length", "0")
            .body(Body::empty())
            .unwrap()
    })
    .await;
    assert_eq!(seen.header("content-length"), ["0"]);
    assert!(seen.header("transfer-encoding").is_empty());
}

#[tokio::test]
async fn a_method_of_ones_own_works() {
    let seen = sent(|url| {
        http::Request::builder()
            .method("PURGE")
            .uri(url)
            .body(Body::empty())
            .unwrap()
    })
    .await;
    assert_eq!(seen.first_line(), "PURGE /path?q=1 HTTP/1.1");
}

#[tokio::test]
async fn the_hint_of_a_version_is_ignored() {
    for version in [Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
        let seen = sent(|url| {
            let mut request = get(url);
            *request.version_mut() = version;
            request
        })
        .await;
        assert_eq!(seen.first_line(), "GET /path?q=1 HTTP/1.1", "{version:?}");
    }
}

#[tokio::test]
async fn bytes_are_sent_with_their_length() {
    let seen = sent(|url| http::Request::post(url).body("abc".into()).unwrap()).await;
    assert_eq!(seen.header("content-length"), ["3"]);
    assert_eq!(seen.body, b"abc");
}

#[tokio::test]
async fn a_stream_of_unknown_length_is_sent_in_chunks() {
    for method in ["POST", "GET", "HEAD", "DELETE"] {
        // A HEAD has no body in its answer.
        let server = Server::always(keep("HTTP/1.1 204 No Content\r\n\r\n"));
        let request = http::Request::builder()
            .method(method)
            .uri(server.url("/"))
            .body(pieces(&[b"abc", b"defg"]))
            .unwrap();
        send(request).await.unwrap();
        let seen = server.only();
        assert_eq!(seen.header("transfer-encoding"), ["chunked"], "{method}");
        assert!(seen.header("content-length").is_empty(), "{method}");
        assert_eq!(
            String::from_utf8_lossy(&seen.body),
            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_stream_of_known_length_is_sent_with_it() {
    for header in [false, true] {
        let seen = sent(|url| {
            let request = http::Request::put(url);
            if header {
                let request = request.header("content-length", "7");
                return request.body(pieces(&[b"abc", b"defg"])).unwrap();
            }
            let body = pieces(&[b"abc", b"defg"]).with_length(7);
            request.body(body).unwrap()
        })
        .await;
        assert_eq!(seen.header("content-length"), ["7"]);
        assert!(seen.header("transfer-encoding").is_empty());
        assert_eq!(seen.body, b"abcdefg");
    }
}

#[tokio::test]
async fn a_large_stream_arrives_whole() {
    let seen = sent(|url| {
        let body = Body::from_reader(std::io::Read::take(std::io::repeat(b'x'), 1 << 20));
        http::Request::post(url)
            .body(body.with_length(1 << 20))
            .unwrap()
    })
    .await;
    assert_eq!(seen.body.len(), 1 << 20);
    assert!(seen.body.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn a_stream_that_breaks_its_promise_is_an_error() {
    for (length, text) in [
        (9, "after 7 of 9 bytes"),
        (5, "longer than the declared 5 bytes"),
    ] {
        let server = Server::always(ok("done"));
        let body = pieces(&[b"abc", b"defg"]).with_length(length);
        let request = http::Request::post(server.url("/")).body(body).unwrap();
        let error = send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(
            crate::chain(&error).contains(text),
            "{}",
            crate::chain(&error)
        );
    }
}

#[tokio::test]
async fn a_length_that_is_not_the_bodys_is_refused() {
    let error = refused(|url| {
        http::Request::get(url)
            .header("content-length", "5")
            .body(Body::empty())
            .unwrap()
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(
        error.to_string(),
        "the `content-length` is 5, the body has 0 bytes"
    );
}

#[tokio::test]
async fn a_failing_upload_keeps_the_kind_of_its_error() {
    struct Failing;
    impl std::io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(AdapterError::new(ErrorKind::RequestTooLarge, "too large").into())
        }
    }
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    for (body, kind) in [
        (Body::from_reader(Failing), ErrorKind::RequestTooLarge),
        (Body::from_reader(Broken), ErrorKind::InvalidRequest),
    ] {
        let server = Server::always(ok("done"));
        let request = http::Request::post(server.url("/")).body(body).unwrap();
        let error = send(request).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", crate::chain(&error));
        assert_eq!(error.to_string(), "the request's body could not be read");
    }
}

#[tokio::test]
async fn a_host_that_is_read_as_another_is_not_dialled() {
    // 127.1 is 127.0.0.1 to a parser of `inet_aton`'s kind.
    let error = refused(|url| get(&url.replace("127.0.0.1", "127.1"))).await;
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    assert_eq!(
        error.to_string(),
        "the address is read differently by reqwest"
    );
}

#[tokio::test]
async fn user_info_in_the_address_is_not_sent() {
    let error = refused(|url| get(&url.replace("http://", "http://user:secret@"))).await;
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    assert!(!format!("{error:?}{error}").contains("secret"));
}

#[tokio::test]
async fn a_tunnel_is_unsupported() {
    let error = refused(|url| {
        http::Request::builder()
            .method("CONNECT")
            .uri(url)
            .body(Body::empty())
            .unwrap()
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(code(error).as_str(), "ERR_NOT_SUPPORT");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::always(keep(
        "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 4\r\n\r\nover",
    ));
    let response = send(get(&server.url("/"))).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "/next");
    assert_eq!(read(response.into_body()).await.unwrap(), b"over");
    assert_eq!(server.only().first_line(), "GET / HTTP/1.1");
}

#[tokio::test]
async fn no_cookie_is_kept() {
    let server = Server::always(keep(
        "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n",
    ));
    let adapter = adapter();
    for _ in 0..2 {
        let response = Adapter::send(&adapter, get(&server.url("/")))
            .await
            .unwrap();
        assert_eq!(response.headers()["set-cookie"], "a=1");
    }
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.header("cookie").is_empty())
    );
}

#[tokio::test]
async fn one_failure_is_one_request() {
    let server = Server::always(Reply::Close(Vec::new()));
    let error = send(get(&server.url("/"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::always(ok("done"));
    let adapter = adapter();
    for _ in 0..2 {
        let response = Adapter::send(&adapter, get(&server.url("/")))
            .await
            .unwrap();
        read(response.into_body()).await.unwrap();
    }
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0]);
}
