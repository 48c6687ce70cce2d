//! The blocking side: limits hold, and nobody else is held up.

use std::{
    io::Read,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tollgate::{
    AdapterError, BlockingAdapter, Body, CancelHandle, Error, ErrorKind,
    blocking::{Call, Client},
    runtime::{self, ManualRuntime, Runtime, ThreadRuntime},
};
use tollgate_reqwest::ReqwestAdapter;

use crate::{
    adapter, read,
    server::{Reply, Server, keep, ok, pause},
};

/// Reads bodies itself, so that no limit of the core's is there to help.
struct Collecting(ReqwestAdapter);

impl BlockingAdapter for Collecting {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let (parts, body) = self.0.send(request)?.into_parts();
        let bytes = runtime::block_on(read(body))?;
        Ok(http::Response::from_parts(parts, bytes.into()))
    }
}

const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc";
/// Where an end has to come soon: far above what it takes, far below what the
/// server would wait.
pub(crate) const SOON: Duration = Duration::from_secs(4);

pub(crate) fn client() -> Client {
    Client::new(adapter())
}

/// Once with the core's limits above the adapter's, once without.
fn clients() -> [Client; 2] {
    [client(), Client::new(Collecting(adapter()))]
}

pub(crate) fn now() -> Instant {
    ThreadRuntime.now()
}

/// Fails a call that has to be ended by a limit.
pub(crate) fn ended(call: Call) -> Error {
    let started = now();
    let error = call.send().map(drop).unwrap_err();
    let elapsed = now() - started;
    assert!(elapsed < SOON, "it took {elapsed:?}");
    error
}

fn closes(server: &Server) {
    let started = now();
    while server.closed() == 0 {
        assert!(now() - started < SOON, "the connection is still open");
        pause(Duration::from_millis(5));
    }
}

/// Cancels once the server has seen the request and the thread has gone on to
/// wait for what never comes.
fn cancel_late(server: &Server, handle: &CancelHandle) -> Instant {
    let started = now();
    while server.seen().is_empty() {
        assert!(now() - started < SOON, "nothing was sent");
        pause(Duration::from_millis(5));
    }
    pause(Duration::from_millis(100));
    let cancelled = now();
    handle.cancel();
    cancelled
}

/// Holds a cancellation to 100 ms; on a busy machine it may try again.
fn prompt(cancelled_after: impl Fn() -> Duration) {
    const TRIES: usize = 4;
    let late: Vec<_> = (0..TRIES)
        .map(|_| cancelled_after())
        .take_while(|late| *late >= Duration::from_millis(100))
        .collect();
    assert!(late.len() < TRIES, "{late:?} after the cancellation");
}

#[test]
fn an_answer_comes_whole() {
    let server = Server::always(ok("done"));
    let response = client().get(server.url("/path")).send().unwrap();
    assert_eq!(response.text().unwrap(), "done");
    assert_eq!(server.only().first_line(), "GET /path HTTP/1.1");
}

#[test]
fn an_empty_post_declares_its_length_once() {
    let server = Server::always(ok("done"));
    client().post(server.url("/")).send().unwrap();
    assert_eq!(server.only().header("content-length"), ["0"]);
}

#[test]
fn connections_are_used_again() {
    const CALLS: usize = 8;
    let server = Server::always(ok("done"));
    let client = client();
    let connections = || {
        let seen = server.seen();
        seen.iter().map(|seen| seen.connection + 1).max().unwrap()
    };
    // The thread that serves the sockets puts them back in its own time, so
    // now and then a call comes too early; the next ones take more time then.
    let mut time = Duration::from_millis(10);
    let mut known = 1;
    for _ in 0..CALLS {
        client.get(server.url("/")).send().unwrap();
        if connections() > known {
            known = connections();
            time *= 8;
        }
        pause(time);
    }
    assert_eq!(server.seen().len(), CALLS);
    let connections = connections();
    assert!(connections <= CALLS / 2, "{connections} connections");
}

/// Times a call out whose server answers so much and then nothing more. The
/// server has to have the request by then: on a busy machine that takes more
/// than a short time.
fn times_out(client: &Client, start: &[u8]) -> Error {
    for millis in [150, 600, 2400] {
        let server = Server::always(Reply::Hold(start.to_vec()));
        let call = client.get(server.url("/"));
        let error = ended(call.timeout(Duration::from_millis(millis)));
        assert_eq!(error.kind(), ErrorKind::Timeout);
        if !server.seen().is_empty() {
            closes(&server);
            return error;
        }
    }
    panic!("nothing was sent");
}

#[test]
fn the_deadline_ends_the_wait_for_the_head() {
    let error = times_out(&client(), b"");
    assert_eq!(error.code().as_str(), "ETIMEDOUT");
}

#[test]
fn the_deadline_ends_the_wait_for_the_body() {
    for client in clients() {
        times_out(&client, HALF);
    }
}

#[test]
fn the_clients_own_clock_decides() {
    let time = ManualRuntime::new();
    let server = Server::always(Reply::Hold(Vec::new()));
    let client = Client::builder(adapter())
        .runtime(time.clone())
        .build()
        .unwrap();
    let url = server.url("/");
    let call = thread::spawn(move || ended(client.get(url).timeout(Duration::from_secs(600))));
    while time.sleeping() == 0 {
        pause(Duration::from_millis(5));
    }
    time.advance(Duration::from_secs(600));
    assert_eq!(call.join().unwrap().kind(), ErrorKind::Timeout);
}

#[test]
fn a_runtime_that_nobody_drives_cannot_suspend_the_limits() {
    let idle = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = Server::always(ok("done"));
    let client = Client::new(adapter().handle(idle.handle().clone()));
    let call = client.get(server.url("/"));
    let (report, reported) = mpsc::channel();
    thread::spawn(move || {
        let error = ended(call.timeout(Duration::from_millis(150)));
        report.send(error.kind()).unwrap();
    });
    assert_eq!(reported.recv_timeout(SOON), Ok(ErrorKind::Timeout));
}

#[test]
fn a_call_that_was_cancelled_sends_nothing() {
    let server = Server::always(ok("done"));
    let handle = CancelHandle::new();
    handle.cancel();
    let error = ended(client().get(server.url("/")).cancel_handle(&handle));
    assert!(error.is_cancelled());
    assert!(server.seen().is_empty());
}

#[test]
fn another_thread_cancels_the_wait_for_head_or_body() {
    for client in clients() {
        for reply in [Reply::Hold(Vec::new()), Reply::Hold(HALF.to_vec())] {
            prompt(|| {
                let server = Server::always(reply.clone());
                let handle = CancelHandle::new();
                let call = client.get(server.url("/")).cancel_handle(&handle);
                let call = thread::spawn(move || (ended(call), now()));
                let cancelled = cancel_late(&server, &handle);
                let (error, at) = call.join().unwrap();
                assert!(error.is_cancelled(), "{error}");
                closes(&server);
                assert_eq!(handle.waiting(), 0, "a listener is left");
                at - cancelled
            });
        }
    }
}

#[test]
fn another_thread_cancels_a_stream_that_is_read() {
    prompt(|| {
        let server = Server::always(Reply::Hold(HALF.to_vec()));
        let handle = CancelHandle::new();
        let call = client().get(server.url("/")).cancel_handle(&handle);
        let call = thread::spawn(move || {
            let mut reader = call.stream().send().unwrap().into_body().into_reader();
            let mut start = [0; 3];
            reader.read_exact(&mut start).unwrap();
            assert_eq!(&start, b"abc");
            (reader.read(&mut start).unwrap_err(), now())
        });
        let cancelled = cancel_late(&server, &handle);
        let (error, at) = call.join().unwrap();
        assert!(Error::from(error).is_cancelled());
        closes(&server);
        at - cancelled
    });
}

#[test]
fn a_stream_is_timed_by_the_chunk_and_not_as_a_whole() {
    for (number, client) in clients().into_iter().enumerate() {
        let server = Server::always(Reply::Hold(HALF.to_vec()));
        // Not earlier: the timeout of the attempt is for the head, which may be
        // late on a busy machine.
        let by_the_chunk = [500, 1000, 1500].into_iter().any(|millis| {
            let head = Duration::from_millis(millis);
            let chunk = head + Duration::from_millis(400);
            streamed(&client, &server, head, chunk) >= chunk
        });
        assert!(by_the_chunk, "{number}");
    }
}

/// Reads a stream that stalls; returns how long that takes to end.
fn streamed(client: &Client, server: &Server, head: Duration, chunk: Duration) -> Duration {
    let call = client.get(server.url("/")).timeout(head);
    let call = call.read_timeout(chunk).stream();
    let started = now();
    let error = call.send().and_then(|response| {
        let mut all = Vec::new();
        let read = response.into_body().into_reader().read_to_end(&mut all);
        read.map_err(Error::from)
    });
    let elapsed = now() - started;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(elapsed < SOON, "{elapsed:?}");
    elapsed
}

#[test]
fn many_threads_share_one_adapter() {
    let server = Server::start(|seen| {
        keep(&format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{}",
            seen.first_line().chars().nth(5).unwrap()
        ))
    });
    let client = client();
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let client = client.clone();
            let url = server.url(&format!("/{number}"));
            thread::spawn(move || {
                for _ in 0..10 {
                    let text = client.get(&*url).send().unwrap().text().unwrap();
                    assert_eq!(text, number.to_string());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(server.seen().len(), 80);
}

#[tokio::test]
async fn inside_an_async_task_it_is_an_error_and_no_panic() {
    let server = Server::always(ok("done"));
    let client = client();
    let error = ended(client.get(server.url("/")));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(server.seen().is_empty());
    drop(client);
}
