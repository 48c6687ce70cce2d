//! The adapter under an async client.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use tollgate::{Client, Offload};
use tollgate_ureq::UreqAdapter;

use crate::server::{Full, PATIENCE, Server, ok};

fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap()
}

fn client() -> Client {
    Client::new(Offload::new(UreqAdapter::new()))
}

#[test]
fn a_call_is_answered() {
    let server = Server::answering(&ok("hello"));
    one_thread().block_on(async {
        let response = client().post(server.url("/")).body("body").await.unwrap();
        assert_eq!(response.text().unwrap(), "hello");
    });
    assert!(server.request().ends_with("\r\n\r\nbody"));
}

#[test]
fn a_body_is_streamed_both_ways() {
    let text = "0123456789".repeat(50_000);
    let server = Server::start({
        let text = text.clone();
        move |peer| {
            peer.request();
            peer.send(&format!("HTTP/1.1 200 OK\r\n\r\n{text}"));
        }
    });
    one_thread().block_on(async {
        use http_body::Body as _;

        let sent = tollgate::Body::from_reader(std::io::Cursor::new("up"));
        let call = client().post(server.url("/")).body(sent).stream();
        let mut body = call.await.unwrap().into_body();
        let mut received = Vec::new();
        while let Some(frame) =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
        {
            received.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert_eq!(received, text.as_bytes());
    });
    assert!(server.request().contains("2\r\nup\r\n0\r\n\r\n"));
}

#[test]
fn a_call_that_is_dropped_frees_its_thread() {
    for before in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"] {
        let (said, heard) = mpsc::channel();
        let said = Mutex::new(said);
        let server = Server::start(move |peer| {
            let request = peer.request().unwrap();
            if request.starts_with("GET /stall ") {
                peer.send(before);
                said.lock().unwrap().send("stalls").unwrap();
                peer.wait_for_the_end();
                said.lock().unwrap().send("gone").unwrap();
            } else {
                peer.send(&ok("next"));
            }
        });
        one_thread().block_on(async {
            let client = Client::builder(Offload::new(UreqAdapter::new()))
                .without_timeout()
                .build()
                .unwrap();
            tokio::select! {
                answer = client.get(server.url("/stall")).send() => panic!("{answer:?}"),
                () = stalls(&heard) => {}
            }
            // The pool has one thread: this call needs the one of the other.
            let next = tokio::time::timeout(PATIENCE, client.get(server.url("/next")).send());
            assert_eq!(next.await.unwrap().unwrap().text().unwrap(), "next");
        });
        assert_eq!(heard.recv_timeout(PATIENCE), Ok("gone"));
    }
}

/// Waits until the server says that it stalls, and into the middle of that.
async fn stalls(heard: &mpsc::Receiver<&'static str>) {
    let says = async {
        while heard.try_recv() != Ok("stalls") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, says).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[test]
fn a_call_that_is_dropped_while_it_connects_frees_its_thread() {
    let full = Full::new();
    let server = Server::answering(&ok("next"));
    one_thread().block_on(async {
        let client = client();
        let connects = client.get(full.url()).send();
        let dropped = tokio::time::timeout(Duration::from_millis(150), connects).await;
        assert!(dropped.is_err());
        // Long before the time for connecting is over.
        let next = tokio::time::timeout(PATIENCE / 4, client.get(server.url("/")).send());
        assert_eq!(next.await.unwrap().unwrap().text().unwrap(), "next");
    });
}

#[test]
fn a_call_ends_with_its_time() {
    let server = Server::start(|peer| {
        peer.request();
        peer.wait_for_the_end();
    });
    let error = one_thread().block_on(async {
        let call = client()
            .get(server.url("/"))
            .timeout(Duration::from_millis(120));
        call.await.unwrap_err()
    });
    assert!(error.is_timeout(), "{error:?}");
}
