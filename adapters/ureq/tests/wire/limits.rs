//! Deadlines and cancellation.

use std::{
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use tollgate::{CancelHandle, Error, blocking::Client, runtime::ManualRuntime};
use tollgate_ureq::UreqAdapter;

use crate::server::{Full, PATIENCE, Server, ok};

const SHORT: Duration = Duration::from_millis(120);

#[expect(clippy::disallowed_methods, reason = "the test measures real time")]
fn clock() -> Instant {
    Instant::now()
}

/// Says `before`, then nothing more until the other side is gone.
fn silent_after(before: &'static str) -> (Server, mpsc::Receiver<()>) {
    let (said, heard) = mpsc::channel();
    let said = Mutex::new(said);
    let server = Server::start(move |peer| {
        peer.request();
        peer.send(before);
        let _ = said.lock().unwrap().send(());
        peer.wait_for_the_end();
    });
    (server, heard)
}

const STALLS: [(&str, &str); 5] = [
    ("before the head", ""),
    ("in the head", "HTTP/1.1 200 OK\r\nx"),
    (
        "in a body with a length",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello",
    ),
    ("in a body without one", "HTTP/1.1 200 OK\r\n\r\nhello"),
    (
        "in a packed body",
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\u{1f}",
    ),
];

fn timed_out(name: &str, call: impl FnOnce() -> Error) {
    let start = clock();
    let error = call();
    let took = start.elapsed();
    assert!(error.is_timeout(), "{name}: {error:?}");
    assert!(took >= SHORT && took < PATIENCE / 2, "{name}: {took:?}");
}

#[test]
fn a_call_ends_with_its_time() {
    for (name, before) in STALLS {
        let (server, _) = silent_after(before);
        let client = Client::builder(UreqAdapter::new())
            .timeout(SHORT)
            .build()
            .unwrap();
        timed_out(name, || client.get(server.url("/")).send().unwrap_err());
    }
}

#[test]
fn a_trickle_does_not_prolong_a_call() {
    let server = Server::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
        while peer.send("x") {
            #[expect(clippy::disallowed_methods, reason = "the server is slow on purpose")]
            thread::sleep(Duration::from_millis(5));
        }
    });
    let client = Client::builder(UreqAdapter::new())
        .timeout(SHORT)
        .build()
        .unwrap();
    timed_out("trickle", || {
        client.get(server.url("/")).send().unwrap_err()
    });
}

#[test]
fn an_upload_that_nobody_reads_ends_with_its_time() {
    let server = Server::start(|peer| {
        peer.taste();
        thread::park_timeout(PATIENCE / 2);
    });
    let client = Client::builder(UreqAdapter::new())
        .timeout(SHORT)
        .build()
        .unwrap();
    let body = vec![0_u8; 32 << 20];
    timed_out("upload", || {
        client.post(server.url("/")).body(body).send().unwrap_err()
    });
}

#[test]
fn a_streamed_call_has_its_time_for_the_head_only() {
    let (go, wait) = mpsc::sync_channel::<()>(0);
    let wait = Mutex::new(wait);
    let server = Server::start(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
        wait.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        peer.send("hello");
    });
    let time = ManualRuntime::new();
    let client = Client::builder(UreqAdapter::new())
        .runtime(time.clone())
        .timeout(SHORT)
        .build()
        .unwrap();
    let response = client.get(server.url("/")).stream().send().unwrap();
    time.advance(SHORT * 2);
    go.send(()).unwrap();
    assert_eq!(
        std::io::read_to_string(response.into_body().into_reader()).unwrap(),
        "hello"
    );
}

#[test]
fn a_chunk_of_a_streamed_body_has_its_own_time() {
    let (server, _) = silent_after("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello");
    let client = Client::builder(UreqAdapter::new())
        .read_timeout(SHORT)
        .build()
        .unwrap();
    let response = client.get(server.url("/")).stream().send().unwrap();
    timed_out("chunk", || {
        let read = std::io::read_to_string(response.into_body().into_reader());
        read.unwrap_err().downcast::<Error>().unwrap()
    });
}

#[test]
fn connecting_ends_with_whichever_limit_comes_first() {
    let full = Full::new();
    let short = UreqAdapter::builder().connect_timeout(SHORT);
    let long = UreqAdapter::builder().without_connect_timeout();
    for (name, adapter, timeout) in [
        ("the adapter's", short, PATIENCE),
        ("the call's", long, SHORT),
    ] {
        let client = Client::builder(adapter.build());
        let client = client.timeout(timeout).build().unwrap();
        timed_out(name, || client.get(full.url()).send().unwrap_err());
    }
}

#[test]
fn a_connection_that_comes_late_is_used() {
    let full = Full::new();
    let client = Client::new(UreqAdapter::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            // Past the first slice of the wait.
            thread::park_timeout(SHORT);
            full.answer(&ok("late"));
        });
        let handle = CancelHandle::new();
        let call = client.get(full.url()).cancel_handle(&handle);
        let answer = call.send();
        full.knock();
        assert_eq!(answer.unwrap().text().unwrap(), "late");
    });
}

#[cfg(feature = "rustls")]
#[test]
fn a_handshake_ends_with_the_connect_timeout() {
    let (server, _) = silent_after("");
    let adapter = UreqAdapter::builder().connect_timeout(SHORT).build();
    let client = Client::builder(adapter).without_timeout().build().unwrap();
    let url = server.url("/").replace("http:", "https:");
    timed_out("handshake", || client.get(url).send().unwrap_err());
}

/// Cancels from another thread once the server stalls; returns how long the
/// call went on.
fn cancelled(before: &'static str) -> Duration {
    let (server, stalls) = silent_after(before);
    cancelled_when(&server.url("/"), move || {
        stalls.recv_timeout(PATIENCE).unwrap();
    })
}

fn cancelled_when(url: &str, stalls: impl FnOnce() + Send) -> Duration {
    let client = Client::new(UreqAdapter::new());
    let handle = CancelHandle::new();
    let (error, cancelled, ended) = thread::scope(|scope| {
        let handle = &handle;
        let cancelling = scope.spawn(move || {
            stalls();
            // Into the middle of the wait.
            thread::park_timeout(Duration::from_millis(60));
            let now = clock();
            handle.cancel();
            now
        });
        let error = client.get(url).cancel_handle(handle).send().unwrap_err();
        let ended = clock();
        (error, cancelling.join().unwrap(), ended)
    });
    assert!(error.is_cancelled(), "{error:?}");
    ended.saturating_duration_since(cancelled)
}

/// Holds a cancellation to 100 ms; on a busy machine it may try again.
fn prompt(name: &str, cancelled_after: impl Fn() -> Duration) {
    const TRIES: usize = 6;
    let late: Vec<_> = (0..TRIES)
        .map(|_| cancelled_after())
        .take_while(|took| *took > Duration::from_millis(100))
        .collect();
    assert!(late.len() < TRIES, "{name}: {late:?}");
}

#[test]
fn a_cancelled_call_ends_within_100_ms() {
    for (name, before) in STALLS {
        prompt(name, || cancelled(before));
    }
    let full = Full::new();
    prompt("connecting", || cancelled_when(&full.url(), || {}));
}

#[test]
fn a_cancelled_upload_ends() {
    let (said, heard) = mpsc::channel();
    let said = Mutex::new(said);
    let server = Server::start(move |peer| {
        peer.taste();
        said.lock().unwrap().send(()).unwrap();
        thread::park_timeout(PATIENCE / 2);
    });
    let client = Client::new(UreqAdapter::new());
    let handle = CancelHandle::new();
    thread::scope(|scope| {
        let handle = &handle;
        scope.spawn(move || {
            heard.recv_timeout(PATIENCE).unwrap();
            handle.cancel();
        });
        let body = vec![0_u8; 32 << 20];
        let call = client
            .post(server.url("/"))
            .body(body)
            .cancel_handle(handle);
        let start = clock();
        assert!(call.send().unwrap_err().is_cancelled());
        assert!(start.elapsed() < PATIENCE / 4);
    });
}

#[test]
fn a_cancelled_call_closes_its_connection() {
    let (said, heard) = mpsc::channel();
    let said = Mutex::new(said);
    let handle = CancelHandle::new();
    let server = Server::start({
        let handle = handle.clone();
        move |peer| {
            peer.request();
            handle.cancel();
            peer.wait_for_the_end();
            said.lock().unwrap().send(()).unwrap();
        }
    });
    let client = Client::new(UreqAdapter::new());
    let call = client.get(server.url("/")).cancel_handle(&handle);
    assert!(call.send().unwrap_err().is_cancelled());
    heard.recv_timeout(PATIENCE).unwrap();
}

#[cfg(feature = "rustls")]
#[test]
fn a_handshake_can_be_cancelled() {
    let handle = CancelHandle::new();
    let server = Server::start({
        let handle = handle.clone();
        move |peer| {
            peer.taste();
            handle.cancel();
            peer.wait_for_the_end();
        }
    });
    let client = Client::new(UreqAdapter::new());
    let url = server.url("/").replace("http:", "https:");
    let start = clock();
    assert!(
        client
            .get(url)
            .cancel_handle(&handle)
            .send()
            .unwrap_err()
            .is_cancelled()
    );
    assert!(start.elapsed() < PATIENCE / 4);
}
