//! What kind a failure is.

use std::{error::Error as _, net::SocketAddr};

use http::{Method, Request};
use socket2::{Domain, Socket, Type};
use tollgate::{BlockingAdapter, Body, ErrorCode, ErrorKind};
use tollgate_ureq::UreqAdapter;

use crate::{
    failure, get, read, send,
    server::{Server, ok},
};

#[test]
fn a_refused_connection_says_so() {
    // A port that is taken and where nobody listens, so that nobody else will.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    taken
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let address = taken.local_addr().unwrap().as_socket().unwrap();
    let error = failure(get(&format!("http://{address}/")));
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.code(), ErrorCode::ConnectionRefused);
    assert!(error.source().unwrap().is::<std::io::Error>());
}

#[test]
fn a_name_that_does_not_resolve_is_a_fault_of_the_name() {
    let brought = UreqAdapter::from_agent(ureq::Agent::new_with_defaults());
    for adapter in [UreqAdapter::new(), brought] {
        let request = Request::get("http://no-such-host.invalid/").body(Body::empty());
        let error: tollgate::Error = adapter.send(request.unwrap()).unwrap_err().into();
        assert_eq!(error.kind(), ErrorKind::Dns, "{error:?}");
        assert_eq!(error.code(), ErrorCode::NotFound);
        assert!(!error.to_string().contains("no-such-host"));
    }
}

#[test]
fn a_connection_that_is_closed_without_an_answer_is_a_fault_of_the_connection() {
    let server = Server::start(|peer| drop(peer.request()));
    let error = failure(get(&server.url("/")));
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(error.code(), ErrorCode::Network);
}

#[test]
fn garbage_is_a_fault_of_the_connection() {
    let many = "x: 1\r\n".repeat(200);
    for answer in [
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "hello\n",
        "HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 abc X\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        &format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
    ] {
        let server = Server::answering_once(answer.as_bytes());
        let error = failure(get(&server.url("/")));
        assert_eq!(error.kind(), ErrorKind::Transport, "{answer}: {error:?}");
    }
}

#[test]
fn a_head_above_the_limit_is_an_error_that_names_it() {
    let answer = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 2\r\n\r\nok",
            "x".repeat(length)
        )
    };
    let call = |adapter: UreqAdapter, length| {
        let server = Server::answering_once(answer(length).as_bytes());
        adapter.send(Request::get(server.url("/")).body(Body::empty()).unwrap())
    };
    let error = failure(call(UreqAdapter::new(), 70_000));
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.to_string().contains("65536"), "{error}");
    assert!(error.to_string().contains("max_head_bytes"), "{error}");

    let larger = UreqAdapter::builder().max_head_bytes(1 << 20).build();
    assert_eq!(read(call(larger, 900_000).unwrap()).unwrap(), "ok");
}

#[test]
fn an_address_that_has_two_readings_is_not_dialled() {
    for address in [
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://h:65536/",
        "ftp://h/",
    ] {
        let error = get(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{address}");
    }
}

#[test]
fn a_request_that_cannot_be_sent_says_so() {
    let server = Server::answering(&ok(""));
    let long = "x".repeat(200_000);
    let requests = [
        Request::get(server.url("/"))
            .header("host", "a")
            .header("host", "b"),
        Request::get(server.url("/")).header("authorization", "b\u{e9}"),
        Request::get(server.url("/")).header("content-length", "3"),
        Request::get(server.url("/")).header("x-long", long),
    ];
    for request in requests {
        let request = request.body(Body::empty()).unwrap();
        let error = UreqAdapter::new().send(request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_request_body_that_fails_is_an_error_with_its_cause() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is on fire"))
        }
    }
    let server = Server::answering(&ok(""));
    let error = failure(send(
        Method::POST,
        &server.url("/"),
        Body::from_reader(Broken),
    ));
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(error.source().unwrap().to_string(), "the disk is on fire");
}

#[test]
fn an_answer_that_overtakes_the_upload_is_delivered() {
    // The server answers at once, then closes with the body unread.
    let server = Server::start(|peer| {
        peer.taste();
        peer.send("HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nlarge");
    });
    let bytes = vec![b'x'; 32 << 20];
    let stream = || Body::from_reader(std::io::repeat(b'x').take(32 << 20));
    use std::io::Read;
    for body in [Body::from(bytes), stream(), stream().with_length(32 << 20)] {
        let response = send(Method::POST, &server.url("/"), body).unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(read(response).unwrap(), "large");
    }
}

#[cfg(feature = "rustls")]
#[test]
fn a_server_without_tls_is_a_fault_of_tls() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b""] {
        let answer = answer.to_vec();
        let server = Server::start(move |peer| {
            peer.read_some();
            peer.send_bytes(&answer);
        });
        let error = failure(get(&server.url("/").replace("http:", "https:")));
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        assert!(error.source().is_some());
    }
}

#[cfg(not(feature = "rustls"))]
#[test]
fn https_without_tls_is_unsupported() {
    let server = Server::answering("");
    let error = failure(get(&server.url("/").replace("http:", "https:")));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hint().unwrap().contains("rustls"));
}
