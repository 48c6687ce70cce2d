//! Bodies that are cut short: an error in every framing.

use tollgate::{ErrorCode, ErrorKind};

use crate::{
    failure, get, read,
    server::{Server, ok},
};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

#[test]
fn every_cut_of_a_body_with_a_length_is_an_error() {
    let whole = ok("hello");
    for length in 0..whole.len() {
        let server = Server::answering_once(&whole.as_bytes()[..length]);
        let error = failure(get(&server.url("/")));
        assert_eq!(error.kind(), ErrorKind::Transport, "{length}: {error}");
    }
}

#[test]
fn every_cut_of_a_chunked_body_is_an_error() {
    let whole = format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n");
    // ureq takes the last chunk without its empty line for the end: by then
    // the payload is whole.
    for length in 0..whole.len() - 2 {
        let server = Server::answering_once(&whole.as_bytes()[..length]);
        let error = failure(get(&server.url("/")));
        assert_eq!(error.kind(), ErrorKind::Transport, "{length}: {error}");
    }
}

#[test]
fn a_reset_is_an_error_in_every_framing() {
    for (name, answer) in [
        ("in the head", "HTTP/1.1 200 OK\r\nx: "),
        (
            "with a length",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello",
        ),
        (
            "chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ),
        (
            "until the end",
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello",
        ),
        ("until the end, 1.0", "HTTP/1.0 200 OK\r\n\r\nhello"),
    ] {
        let server = Server::start(move |peer| {
            peer.taste();
            peer.send(answer);
        });
        let error = failure(get(&server.url("/")));
        assert_eq!(error.kind(), ErrorKind::Transport, "{name}: {error}");
        if !name.starts_with("with") && !name.starts_with("chunked") {
            assert_eq!(error.code(), ErrorCode::ConnectionReset, "{name}: {error}");
        }
    }
}

#[test]
fn what_came_before_a_reset_can_be_read() {
    use std::io::Read;

    let server = Server::start(|peer| {
        peer.taste();
        peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
    });
    let mut reader = get(&server.url("/")).unwrap().into_body().into_reader();
    let mut text = [0; 5];
    reader.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"hello");
    assert!(reader.read(&mut text).is_err());
}

#[cfg(feature = "gzip")]
mod packed {
    use super::*;
    use crate::server::gzip;

    fn answer(head: &str, body: &[u8]) -> Vec<u8> {
        let mut answer =
            format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n{head}\r\n\r\n").into_bytes();
        answer.extend(body);
        answer
    }

    #[test]
    fn a_cut_of_a_packed_body_is_a_fault_of_the_connection() {
        let body = gzip(b"hello");
        let head = format!("content-length: {}", body.len());
        for length in 0..body.len() {
            let server = Server::answering_once(&answer(&head, &body[..length]));
            let error = failure(get(&server.url("/")));
            assert_eq!(error.kind(), ErrorKind::Transport, "{length}: {error}");
        }
    }

    #[test]
    fn a_packed_body_that_was_packed_short_does_not_decode() {
        let body = gzip(b"hello");
        for length in 1..body.len() {
            let head = format!("content-length: {length}");
            let server = Server::answering_once(&answer(&head, &body[..length]));
            let error = failure(get(&server.url("/")));
            assert_eq!(error.kind(), ErrorKind::Decode, "{length}: {error}");
        }
    }

    #[test]
    fn a_damaged_body_does_not_decode() {
        let mut wrong_sum = gzip(b"hello");
        let place = wrong_sum.len() - 6;
        wrong_sum[place] ^= 1;
        for body in [wrong_sum, b"this is not gzip at all".to_vec()] {
            let head = format!("content-length: {}", body.len());
            let server = Server::answering_once(&answer(&head, &body));
            let error = failure(get(&server.url("/")));
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
            assert_eq!(error.code(), ErrorCode::BadResponse);
        }
    }

    #[test]
    fn a_reset_under_the_decoder_is_an_error() {
        let whole = gzip(b"hello");
        for length in [whole.len() - 3, whole.len()] {
            let answer = answer("connection: close", &whole[..length]);
            let server = Server::start(move |peer| {
                peer.taste();
                peer.send_bytes(&answer);
            });
            let error = failure(get(&server.url("/")));
            assert_eq!(error.kind(), ErrorKind::Transport, "{length}: {error}");
        }
    }
}

#[test]
fn a_body_that_is_let_go_half_read_closes_its_connection() {
    let (said, heard) = std::sync::mpsc::channel();
    let said = std::sync::Mutex::new(said);
    let server = Server::start(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello");
        peer.wait_for_the_end();
        said.lock().unwrap().send(()).unwrap();
    });
    drop(get(&server.url("/")).unwrap());
    heard.recv_timeout(crate::server::PATIENCE).unwrap();
}

#[test]
fn a_body_longer_than_its_length_is_cut_there() {
    let server = Server::answering_once(format!("{} and more", ok("hello")).as_bytes());
    assert_eq!(read(get(&server.url("/")).unwrap()).unwrap(), "hello");
}
