//! Answers: whole, or an error.

use std::net::SocketAddr;

use http::{StatusCode, Version};
use tollgate::{Adapter, AdapterError, ErrorKind};
use tollgate_reqwest::ReqwestAdapter;

use crate::{
    chain, code, get, next, read, send,
    server::{Reply, Server, keep, ok},
};

/// `"hello "`, a hundred times, as gzip.
const GZIP: [u8; 32] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57,
    0xc8, 0x18, 0x25, 0x47, 0x49, 0xaa, 0x92, 0x00, 0xf3, 0x31, 0xa2, 0x0d, 0x58, 0x02, 0x00, 0x00,
];

fn gzipped(body: &[u8], length: usize) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n")
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Reads what must not be taken for a whole body.
async fn broken(reply: Reply) -> AdapterError {
    let server = Server::always(reply);
    // The body is what a server leaves unread that resets.
    let request = http::Request::post(server.url("/"));
    let response = send(request.body("unread".into()).unwrap()).await.unwrap();
    let mut body = response.into_body();
    loop {
        match next(&mut body).await.expect("the body ended as if whole") {
            Ok(_) => {}
            Err(error) => {
                assert!(next(&mut body).await.is_none(), "it goes on after an error");
                return *error.downcast().unwrap();
            }
        }
    }
}

#[tokio::test]
async fn an_answer_is_handed_over_as_it_came() {
    let server = Server::always(keep(
        "HTTP/1.1 418 Short\r\nx-many: 1\r\nx-many: 2\r\ncontent-length: 3\r\n\r\nabc",
    ));
    let response = send(get(&server.url("/"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.version(), Version::HTTP_11);
    let many: Vec<_> = response.headers().get_all("x-many").iter().collect();
    assert_eq!(many, ["1", "2"]);
    assert_eq!(
        response.extensions().get::<SocketAddr>(),
        Some(&server.address())
    );
    assert_eq!(response.body().length(), Some(3));
    assert_eq!(read(response.into_body()).await.unwrap(), b"abc");
}

#[tokio::test]
async fn an_empty_answer_needs_no_stream() {
    let server = Server::always(keep("HTTP/1.1 204 No Content\r\n\r\n"));
    let response = send(get(&server.url("/"))).await.unwrap();
    assert!(response.body().is_replayable(), "the body is a stream");
    assert!(response.body().is_empty());
}

#[tokio::test]
async fn a_body_streams_down_as_it_comes() {
    let server = Server::always(Reply::Hold(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n".to_vec(),
    ));
    let response = send(get(&server.url("/"))).await.unwrap();
    let mut body = response.into_body();
    // The rest never comes, so this hangs where the body is collected first.
    let frame = next(&mut body).await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "first");
}

#[tokio::test]
async fn trailers_are_handed_over() {
    let server = Server::always(keep(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
         3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n",
    ));
    let mut body = send(get(&server.url("/"))).await.unwrap().into_body();
    let data = next(&mut body).await.unwrap().unwrap();
    assert_eq!(data.into_data().unwrap(), "abc");
    let trailers = next(&mut body).await.unwrap().unwrap();
    assert_eq!(trailers.into_trailers().unwrap()["x-sum"], "6");
    assert!(next(&mut body).await.is_none());
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn gzip_is_asked_for_and_decoded() {
    let server = Server::always(Reply::Keep(gzipped(&GZIP, GZIP.len())));
    let response = send(get(&server.url("/"))).await.unwrap();
    assert!(response.headers().get("content-encoding").is_none());
    assert!(response.headers().get("content-length").is_none());
    let body = read(response.into_body()).await.unwrap();
    assert_eq!(body, "hello ".repeat(100).into_bytes());
    assert!(server.only().header("accept-encoding")[0].contains("gzip"));
}

#[cfg(not(feature = "gzip"))]
#[tokio::test]
async fn without_the_feature_gzip_is_neither_asked_for_nor_decoded() {
    let server = Server::always(Reply::Keep(gzipped(&GZIP, GZIP.len())));
    let response = send(get(&server.url("/"))).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(read(response.into_body()).await.unwrap(), GZIP);
    let asked = server.only();
    assert!(!asked.header("accept-encoding").concat().contains("gzip"));
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn gzip_that_is_not_gzip_is_a_decode_error() {
    let mut spoilt = GZIP;
    spoilt[24] ^= 0xff; // the checksum
    // The last one is complete for HTTP, only the encoding has no end.
    for bytes in [&b"this is plain text"[..], &spoilt, &GZIP[..20]] {
        let error = broken(Reply::Keep(gzipped(bytes, bytes.len()))).await;
        assert_eq!(error.kind(), ErrorKind::Decode, "{}", chain(&error));
        assert_eq!(error.to_string(), "the body does not decompress");
    }
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn gzip_that_is_cut_on_the_wire_is_a_transport_error() {
    let error = broken(Reply::Close(gzipped(&GZIP[..20], GZIP.len()))).await;
    assert_eq!(error.kind(), ErrorKind::Transport, "{}", chain(&error));
    assert_eq!(error.to_string(), "the connection ended too early");
}

#[tokio::test]
async fn a_body_that_is_cut_is_a_transport_error() {
    for head in [
        "content-length: 10\r\n\r\nabc",
        "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "transfer-encoding: chunked\r\n\r\nA\r\nabc",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}").into_bytes();
        let error = broken(Reply::Close(bytes)).await;
        assert_eq!(error.kind(), ErrorKind::Transport, "{}", chain(&error));
        assert_eq!(error.to_string(), "the connection ended too early");
        assert_eq!(code(error).as_str(), "ERR_NETWORK");
    }
}

#[tokio::test]
async fn a_body_of_garbage_chunks_is_a_transport_error() {
    let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n".to_vec();
    let error = broken(Reply::Close(bytes)).await;
    assert_eq!(error.kind(), ErrorKind::Transport, "{}", chain(&error));
}

#[tokio::test]
async fn a_reset_is_not_the_end_of_a_body_that_closing_ends() {
    let error = broken(Reply::Reset(b"HTTP/1.1 200 OK\r\n\r\nabc".to_vec())).await;
    assert_eq!(error.kind(), ErrorKind::Transport, "{}", chain(&error));
    assert_eq!(code(error).as_str(), "ECONNRESET");
}

#[tokio::test]
async fn a_body_that_closing_ends_is_whole() {
    let server = Server::always(Reply::Close(b"HTTP/1.1 200 OK\r\n\r\nabc".to_vec()));
    let response = send(get(&server.url("/"))).await.unwrap();
    assert_eq!(response.body().length(), None);
    assert_eq!(read(response.into_body()).await.unwrap(), b"abc");
}

#[tokio::test]
async fn a_head_above_the_limit_is_an_error() {
    let server = Server::start(|seen| {
        let size = if seen.head.starts_with("GET /large") {
            70_000
        } else {
            60_000
        };
        let filler = "x".repeat(size);
        keep(&format!(
            "HTTP/1.1 200 OK\r\nx-filler: {filler}\r\ncontent-length: 0\r\n\r\n"
        ))
    });
    send(get(&server.url("/small"))).await.unwrap();
    let error = send(get(&server.url("/large"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(
        error.to_string(),
        "the answer's head is larger than 65536 bytes or 100 headers"
    );

    let unlimited = ReqwestAdapter::builder().without_max_head_bytes();
    let adapter = unlimited.build().unwrap();
    Adapter::send(&adapter, get(&server.url("/large")))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_dropped_body_closes_its_connection() {
    let server = Server::always(Reply::Hold(
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_vec(),
    ));
    drop(send(get(&server.url("/"))).await.unwrap());
    comes(|| server.closed() == 1).await;
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection() {
    let server = Server::always(Reply::Hold(Vec::new()));
    // It is dropped once the server has the request.
    tokio::select! {
        answer = send(get(&server.url("/"))) => panic!("{answer:?}"),
        () = comes(|| server.seen().len() == 1) => {}
    }
    comes(|| server.closed() == 1).await;
}

/// Waits for what another thread does.
async fn comes(done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn a_client_of_ones_own_keeps_its_settings() {
    let server = Server::start(|seen| match seen.first_line() {
        "GET / HTTP/1.1" => {
            keep("HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n")
        }
        _ => ok("followed"),
    });
    let mut headers = http::HeaderMap::new();
    headers.insert("x-key", "a-secret".parse().unwrap());
    let client = reqwest::Client::builder()
        .default_headers(headers)
        .no_proxy()
        .build()
        .unwrap();
    let adapter = ReqwestAdapter::from(client);
    assert!(!format!("{adapter:?}").contains("a-secret"));
    let response = Adapter::send(&adapter, get(&server.url("/")))
        .await
        .unwrap();
    assert_eq!(read(response.into_body()).await.unwrap(), b"followed");
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.header("x-key") == ["a-secret"])
    );
}
