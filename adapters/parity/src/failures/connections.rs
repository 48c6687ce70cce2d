//! No connection, or one that does not last.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use tollgate::adapter::conformance::{Reply, Server};

use super::{Failure, Provoked, SHORT, fails, failures, get, served};
use crate::{Lane, Limits, Nobody};

failures! {
    "a name that does not exist" => |lane: &L| get(lane, "http://tollgate.invalid/"),
    "nobody listens" => nobody,
    "a handshake that is not answered in time" => slow_handshake,
    "TLS to a server that speaks none" => no_tls,
    "an end before the head" => |lane: &L| served(lane, Reply::raw("")),
    "an end in the head" => |lane: &L| served(lane, whole().fin_at(12)),
    "a reset before the head" => |lane: &L| served(lane, Reply::raw("").reset_at(0)),
    "an answer that is not HTTP" => |lane: &L| served(lane, Reply::raw("SSH-2.0-OpenSSH_9.2\r\n")),
    "two lengths that differ" => |lane: &L| served(lane, Reply::raw(TWO_LENGTHS)),
    "a head above its limit" => large_head,
    "a body by length that ends early" => |lane: &L| served(lane, in_body(whole(), Reply::fin_at)),
    "a body in chunks that ends early" => |lane: &L| served(lane, in_body(chunked(), Reply::fin_at)),
    "a reset in the body" => |lane: &L| served(lane, in_body(whole(), Reply::reset_at)),
    "a chunk that is none" => |lane: &L| served(lane, Reply::raw(NO_CHUNK)),
}

const TWO_LENGTHS: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 4\r\n\r\nabcd";
const NO_CHUNK: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n";

fn whole() -> Reply {
    Reply::new(200).body("0123456789abcdef")
}

fn chunked() -> Reply {
    Reply::new(200).pieces(["0123456789abcdef"; 2]).chunked()
}

/// Ends an answer in its body.
fn in_body(reply: Reply, cut: fn(Reply, usize) -> Reply) -> Reply {
    let at = reply.head_len() + 8;
    cut(reply, at)
}

fn nobody<L: Lane>(lane: &L) -> Provoked {
    let nobody = Nobody::new()?;
    get(lane, format!("http://{}/", nobody.address()))
}

fn slow_handshake<L: Lane>(_: &L) -> Provoked {
    // The system accepts the connection, and nobody shakes hands.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let lane = L::start(Limits {
        connect: Some(SHORT),
        ..Limits::default()
    })?;
    get(&lane, format!("https://{}/", listener.local_addr()?))
}

/// The server of the suite would wait for the end of a request.
fn no_tls<L: Lane>(lane: &L) -> Provoked {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        scope.spawn(|| -> io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let _hello = stream.read(&mut [0; 4096])?;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        });
        let provoked = get(lane, format!("https://{address}/"));
        // Where nobody has connected, the thread still waits.
        drop(TcpStream::connect(address));
        provoked
    })
}

fn large_head<L: Lane>(_: &L) -> Provoked {
    let server = Server::start(Reply::head_bomb(4, 1024))?;
    let lane = L::start(Limits {
        head_bytes: Some(2048),
        ..Limits::default()
    })?;
    let client = lane.builder().build()?;
    fails(lane.send(client.get(server.url("/"))))
}
