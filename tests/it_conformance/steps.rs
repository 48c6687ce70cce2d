//! The server does what its steps say, one after the other.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use tollgate::adapter::conformance::{Reply, Script, Server, Step};

use crate::server::{SOON, assert_silent, connect, read_all};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";

/// Starts a server whose first connection begins with these steps.
fn opening(steps: impl IntoIterator<Item = Step>) -> Server {
    let script = Script::from(Reply::new(200).body("served"));
    Server::start(script.on_connection(0, steps)).unwrap()
}

fn write(text: &'static str) -> Step {
    Step::Write(text.into())
}

#[test]
fn a_connection_serves_when_its_steps_are_done() {
    let server = opening([Step::Read(4), Step::ReadHead, write("first")]);
    let requests = [b"SSH-", REQUEST, REQUEST].concat();
    let (bytes, end) = read_all(connect(&server, &requests));
    assert!(bytes.starts_with(b"firstHTTP/1.1 200 OK\r\n"));
    assert!(bytes.ends_with(b"served"));
    assert_eq!(end, None);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(server.bytes(), [requests]);
}

#[test]
fn steps_belong_to_one_connection() {
    let server = opening([Step::Fin]);
    assert_eq!(read_all(connect(&server, REQUEST)), (Vec::new(), None));
    assert!(read_all(connect(&server, REQUEST)).0.ends_with(b"served"));
}

#[test]
fn a_fin_is_clean_whatever_was_not_read() {
    let server = opening([write("bye"), Step::Fin]);
    let mut stream = connect(&server, &vec![b'x'; 100_000]);
    let mut bye = [0; 3];
    stream.read_exact(&mut bye).unwrap();
    stream.write_all(&vec![b'y'; 100_000]).unwrap();
    assert_eq!(read_all(stream), (Vec::new(), None));
    assert!(server.wait_until_closed(SOON));
    assert_eq!(server.bytes()[0].len(), 200_000);
}

#[test]
fn a_reset_needs_no_request() {
    for steps in [
        vec![Step::ReadHead, Step::Reset],
        vec![Step::Read(1), Step::Reset],
    ] {
        let server = opening(steps);
        let (bytes, end) = read_all(connect(&server, REQUEST));
        assert_eq!((bytes.len(), end), (0, Some(ErrorKind::ConnectionReset)));
    }
    for request in [REQUEST, b""] {
        let server = opening([Step::Reset]);
        let end = exchange(&server, request).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
    }
}

/// Connects, writes and reads to the end: a reset may come before each of them.
fn exchange(server: &Server, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn a_drip_pauses_after_each_byte() {
    let server = opening([Step::Drip("abc".into(), Duration::from_secs(600))]);
    let mut stream = connect(&server, b"");
    let mut buffer = [0; 8];
    assert_eq!(stream.read(&mut buffer).unwrap(), 1);
    assert_silent(&mut stream);
    let server = opening([
        Step::Drip("abc".into(), Duration::from_millis(1)),
        Step::Fin,
    ]);
    assert_eq!(read_all(connect(&server, b"")), (b"abc".to_vec(), None));
}

#[test]
fn a_flood_lasts_while_the_client_is_there() {
    let server = opening([Step::Flood("0123456789".into(), Duration::ZERO)]);
    let mut stream = connect(&server, b"");
    let mut much = vec![0; 1 << 20];
    stream.read_exact(&mut much).unwrap();
    assert!(much.ends_with(b"012345"));
    drop(stream);
    assert!(server.wait_until_closed(SOON));
}

#[test]
fn a_pause_reads_nothing() {
    let server = opening([Step::Pause(Duration::from_secs(600))]);
    let mut stream = connect(&server, b"");
    stream.set_nonblocking(true).unwrap();
    // What the system keeps of it is less.
    let sent = stream.write(&vec![b'x'; 64 << 20]).unwrap();
    assert!(sent < 64 << 20);
}

#[test]
fn held_steps_wait_for_their_release() {
    let server = opening([write("a"), Step::Hold, write("b"), Step::Fin]);
    let mut stream = connect(&server, b"");
    let mut start = [0; 1];
    stream.read_exact(&mut start).unwrap();
    assert_silent(&mut stream);
    server.release(1);
    assert_eq!(read_all(stream).0, b"b");
}

#[test]
fn an_answer_of_steps_keeps_the_connection() {
    let reply = Reply::steps([write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx")]);
    assert!(reply.to_bytes().ends_with(b"\r\n\r\nx"));
    let server = Server::start(Script::new().on("/steps", reply)).unwrap();
    let mut stream = connect(&server, b"GET /steps HTTP/1.1\r\n\r\n");
    stream.write_all(REQUEST).unwrap();
    let (bytes, _) = read_all(stream);
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 404"));
    assert_eq!(server.connections(), 1);
}
