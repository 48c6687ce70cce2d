//! The server does what its script says, and forgets nothing.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use tollgate::adapter::conformance::{Reply, Script, Server};

pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) fn connect(server: &Server, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request).unwrap();
    stream
}

/// Reads until the end; the bytes so far and the error, if it was a bad end.
pub(crate) fn read_all(mut stream: TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    (bytes, end.err().map(|error| error.kind()))
}

#[test]
fn every_byte_and_every_request_is_recorded() {
    let server = Server::start(Reply::new(200).body("ok")).unwrap();
    let first = b"POST /a?b HTTP/1.1\r\nX: \xe9\r\nContent-Length: 3\r\n\r\nabc";
    let second = b"PUT /c HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
        2\r\nxy\r\n1;ext\r\nz\r\n0\r\nsum: 1\r\n\r\n";
    let mut stream = connect(&server, first);
    let mut answer = vec![0; Reply::new(200).body("ok").to_bytes().len()];
    stream.read_exact(&mut answer).unwrap();
    stream.write_all(second).unwrap();
    assert_eq!(read_all(stream), (answer, None));

    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].raw(), &first[..]);
    assert_eq!(requests[0].body(), "abc");
    assert_eq!(requests[0].headers()["x"].as_bytes(), b"\xe9");
    assert_eq!(requests[1].raw(), &second[..]);
    assert_eq!(requests[1].body(), "xyz");
    assert_eq!(requests[1].connection(), 0);
    assert_eq!(server.connections(), 1);
    assert_eq!(server.bytes()[0], [&first[..], second].concat());
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    let server = Server::start(
        Script::new().otherwise(|request| Reply::new(200).body(request.body().clone())),
    )
    .unwrap();
    let request = b"POST / HTTP/1.1\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    let mut stream = connect(&server, b"");
    stream.set_nodelay(true).unwrap();
    for byte in request {
        stream.write_all(&[*byte]).unwrap();
    }
    assert!(read_all(stream).0.ends_with(b"\r\n\r\nhi"));
    assert_eq!(server.requests()[0].raw(), &request[..]);
}

#[test]
fn a_fin_is_a_clean_end_at_the_offset() {
    let whole = Reply::new(200).body("0123456789");
    for at in [0, 1, whole.head_len(), whole.to_bytes().len()] {
        let server = Server::start(whole.clone().fin_at(at)).unwrap();
        let stream = connect(&server, b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(read_all(stream), (whole.to_bytes()[..at].to_vec(), None));
    }
}

#[test]
fn a_reset_is_a_bad_end_at_the_offset() {
    let whole = Reply::new(200).body("0123456789").until_close();
    for request in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        for at in [0, 1, whole.head_len() + 4] {
            let server = Server::start(whole.clone().reset_at(at)).unwrap();
            let (bytes, error) = read_all(connect(&server, request));
            assert_eq!(bytes, whole.to_bytes()[..at]);
            assert_eq!(error, Some(ErrorKind::ConnectionReset));
        }
    }
}

#[test]
fn a_stall_lasts_until_the_server_is_dropped() {
    let server = Server::start(Reply::new(200).body("abc").stall_at(9)).unwrap();
    let mut stream = connect(&server, b"GET / HTTP/1.1\r\n\r\n");
    let mut start = [0; 9];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 ");
    assert_silent(&mut stream);
    drop(server);
    assert_eq!(read_all(stream).0, b"");
}

pub(crate) fn assert_silent(stream: &mut TcpStream) {
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    stream.set_read_timeout(Some(SOON)).unwrap();
}

#[test]
fn a_stalled_server_notices_that_its_client_left() {
    let server = Server::start(Reply::stall()).unwrap();
    let stream = connect(&server, b"GET / HTTP/1.1\r\n\r\n");
    assert!(server.wait_for_requests(1, SOON));
    assert!(!server.wait_until_closed(Duration::from_millis(1)));
    drop(stream);
    assert!(server.wait_until_closed(SOON));
}

#[test]
fn held_pieces_wait_for_their_release() {
    let reply = Reply::new(200).pieces(["a", "b", "c"]).until_close().held();
    let head_len = reply.head_len();
    let server = Server::start(reply).unwrap();
    let mut stream = connect(&server, b"GET / HTTP/1.1\r\n\r\n");
    let mut start = vec![0; head_len + 1];
    stream.read_exact(&mut start).unwrap();
    assert_silent(&mut stream);
    server.release(2);
    assert_eq!(read_all(stream).0, b"bc");
}

#[test]
fn a_dropped_server_leaves_no_thread() {
    // In a process of its own, since other tests have threads too.
    if std::env::var_os("CONFORMANCE_ALONE").is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "server::a_dropped_server_leaves_no_thread"])
            .env("CONFORMANCE_ALONE", "1")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let before = threads();
    for reply in [
        Reply::stall(),
        Reply::new(200).after(Duration::from_secs(600)),
        Reply::new(200).pieces(["a", "b"]).held(),
        Reply::new(200).body(vec![0; 32 << 20]),
        Reply::new(200),
    ] {
        let server = Server::start(reply).unwrap();
        let stream = connect(&server, b"GET / HTTP/1.1\r\n\r\n");
        let idle = connect(&server, b"GET");
        assert!(server.wait_for_requests(1, SOON));
        assert!(cfg!(not(target_os = "linux")) || threads().len() > before.len());
        drop(server);
        drop((stream, idle));
    }
    assert_eq!(threads(), before);
}

/// The process's threads by name; empty where there is no `/proc`.
///
/// One that was joined may stand there for a moment, on its way out.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let names = tasks.flatten().filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        (!is_exiting(&stat)).then_some(name)
    });
    let mut names: Vec<_> = names
        .filter(|name| name.starts_with("conformance"))
        .collect();
    names.sort();
    names
}

/// Reads a thread's `stat`: the seventh field behind the name has the flags of
/// the kernel.
fn is_exiting(stat: &str) -> bool {
    const PF_EXITING: u32 = 4;
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let flags: u32 = fields.split(' ').nth(6).unwrap().parse().unwrap();
    flags & PF_EXITING != 0
}

#[test]
fn a_continue_is_sent_to_who_waits_for_it() {
    let server = Server::start(Reply::new(200).until_close()).unwrap();
    let request = b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n";
    let mut stream = connect(&server, request);
    let mut start = [0; 25];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"x").unwrap();
    assert!(read_all(stream).0.starts_with(b"HTTP/1.1 200 OK"));
}

#[test]
fn what_is_no_request_is_refused_and_recorded() {
    let server = Server::start(Reply::new(200)).unwrap();
    let (answer, _) = read_all(connect(&server, b"SSH-2.0-x\r\n\r\n"));
    assert!(answer.starts_with(b"HTTP/1.1 400"));
    assert!(server.requests().is_empty());
    assert_eq!(server.bytes()[0], "SSH-2.0-x\r\n\r\n");
}

#[test]
fn a_panic_in_a_script_ends_the_connection_and_not_the_server() {
    let script = Script::new()
        .on("/ok", Reply::new(200).until_close())
        .otherwise(|_| std::panic::resume_unwind(Box::new("no")));
    let server = Server::start(script).unwrap();
    let (answer, _) = read_all(connect(&server, b"GET / HTTP/1.1\r\n\r\n"));
    assert_eq!(answer, b"");
    let (answer, _) = read_all(connect(&server, b"GET /ok HTTP/1.1\r\n\r\n"));
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}
