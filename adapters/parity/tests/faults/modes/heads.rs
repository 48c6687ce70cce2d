//! The head of an answer.

use std::time::Duration;

use bytes::Bytes;
use tollgate::{
    ErrorCode, ErrorKind,
    adapter::conformance::{Reply, Step},
};

use crate::mode::{FLOODED, Mode, flood, trickle, write};

const WHOLE: &str = "HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 4\r\n\r\ntext";

pub(super) fn modes() -> Vec<Mode> {
    let mut modes = broken_off();
    modes.extend(slow());
    modes.extend(interim());
    modes.extend(large());
    modes.extend(without_body());
    modes.extend(odd());
    modes
}

fn broken_off() -> Vec<Mode> {
    let whole = Reply::raw(WHOLE);
    vec![
        Mode::reply("fin in the status line", whole.clone().fin_at(11))
            .cut()
            .garbage()
            .closed(),
        Mode::reply("reset in the status line", whole.clone().reset_at(11))
            .reset()
            .closed(),
        Mode::reply("stall in the status line", whole.clone().stall_at(11))
            .times_out()
            .closed(),
        Mode::reply("fin in a header", whole.clone().fin_at(20))
            .cut()
            .closed(),
        Mode::reply("reset in a header", whole.clone().reset_at(20))
            .reset()
            .closed(),
        Mode::reply("stall in a header", whole.clone().stall_at(20))
            .times_out()
            .closed(),
        Mode::reply("stall before the blank line", whole.stall_at(42))
            .times_out()
            .closed(),
    ]
}

fn slow() -> Vec<Mode> {
    let pause = Duration::from_millis;
    let drip = |pause| Reply::steps([Step::Drip(WHOLE.into(), pause)]);
    let long = WHOLE.replacen('y', &"y".repeat(400), 1);
    let past = Reply::steps([Step::Drip(long.into(), pause(30))]);
    vec![
        Mode::reply("head drips past the limit", past)
            .times_out()
            .closed(),
        Mode::reply("head drips slower than the limit", drip(pause(150)))
            .times_out()
            .closed(),
        Mode::reply("answer drips in time", drip(pause(2)))
            .gives("text")
            .takes(pause(400))
            .kept(),
        Mode::reply(
            "header lines without end",
            Reply::steps([write("HTTP/1.1 200 OK\r\n"), flood("x: y\r\n")]),
        )
        .garbage()
        .takes(FLOODED)
        .closed(),
        Mode::reply(
            "status line without end",
            Reply::steps([write("HTTP/1.1 200 "), flood("OK ")]),
        )
        .garbage()
        .takes(FLOODED)
        .closed(),
        Mode::reply(
            "header without end",
            Reply::steps([write("HTTP/1.1 200 OK\r\nx: "), flood("y")]),
        )
        .garbage()
        .takes(FLOODED)
        .closed(),
    ]
}

fn interim() -> Vec<Mode> {
    let after = |interim: &str| Bytes::from(format!("{interim}{WHOLE}"));
    vec![
        Mode::answer(
            "100 before the answer",
            after("HTTP/1.1 100 Continue\r\n\r\n"),
        )
        .gives("text")
        .kept(),
        Mode::answer(
            "103 before the answer",
            after("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
        )
        .gives("text")
        .kept(),
        Mode::answer_stall("100 and nothing more", "HTTP/1.1 100 Continue\r\n\r\n").closed(),
        Mode::answer_fin("100 and fin", "HTTP/1.1 100 Continue\r\n\r\n")
            .cut()
            .closed(),
        // Not faster than a client reads them: hyper takes up to 128 reads of
        // 400 KiB without a pause, and asks only then whether the call is still
        // there. Nothing outside hyper can interrupt that.
        Mode::reply(
            "100 without end",
            Reply::steps([trickle("HTTP/1.1 100 Continue\r\n\r\n")]),
        )
        .times_out()
        .garbage()
        .varies("hyper passes over what comes before an answer for as long as it comes")
        .closed(),
        Mode::answer(
            "101 that nobody asked for",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        )
        .refuses(101)
        .closed(),
    ]
}

fn large() -> Vec<Mode> {
    vec![
        Mode::reply("header of 4 MiB", Reply::head_bomb(1, 4 << 20))
            .garbage()
            .closed(),
        Mode::reply("40 000 headers", Reply::head_bomb(40_000, 54))
            .garbage()
            .closed(),
        // With its length, it has one more.
        Mode::reply("100 headers", Reply::head_bomb(99, 100).body("text"))
            .gives("text")
            .kept(),
        Mode::reply("101 headers", Reply::head_bomb(100, 100).body("text"))
            .fails(ErrorKind::Transport, ErrorCode::BadResponse)
            .closed(),
        Mode::reply("127 headers", Reply::head_bomb(126, 100).body("text"))
            .fails(ErrorKind::Transport, ErrorCode::BadResponse)
            .closed(),
    ]
}

/// What is not quite HTTP/1.1, and is understood.
fn odd() -> Vec<Mode> {
    vec![
        Mode::answer("lines without cr", WHOLE.replace('\r', "")).gives("text"),
        Mode::answer_fin("answer of http/1.0", "HTTP/1.0 200 OK\r\n\r\ntext")
            .gives("text")
            .closed(),
    ]
}

/// An answer that has no body, and bytes that look like one.
fn without_body() -> Vec<Mode> {
    vec![
        Mode::answer(
            "204 with a body",
            "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\ntext",
        )
        .gives_status(204, "")
        .left(),
        Mode::answer(
            "204 in chunks",
            "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n4\r\ntext\r\n0\r\n\r\n",
        )
        .gives_status(204, "")
        .left(),
        Mode::answer(
            "304 with a length",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\n",
        )
        .refuses(304)
        .kept(),
        Mode::answer("answer to head with a body", WHOLE)
            .head()
            .gives("")
            .left(),
        Mode::answer(
            "answer to head with a length",
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n",
        )
        .head()
        .gives("")
        .kept(),
    ]
}

/// What is no head of HTTP/1.1.
pub(super) fn garbage() -> Vec<Mode> {
    [
        ("answer of ssh", &b"SSH-2.0-OpenSSH_9.2\r\n"[..]),
        ("answer of http/0.9", b"<html>an answer of HTTP/0.9</html>"),
        ("alert of tls", b"\x15\x03\x01\x00\x02\x02\x28"),
        (
            "settings of http/2",
            b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
        ),
        ("status of letters", b"HTTP/1.1 abc What\r\n\r\n"),
        ("status 99", b"HTTP/1.1 99 Short\r\n\r\n"),
        (
            "status 099",
            b"HTTP/1.1 099 Small\r\ncontent-length: 0\r\n\r\n",
        ),
        ("status 1000", b"HTTP/1.1 1000 Long\r\n\r\n"),
        ("version 9.9", b"HTTP/9.9 200 OK\r\n\r\n"),
        ("version 2.0", b"HTTP/2.0 200 OK\r\n\r\n"),
        (
            "header without colon",
            b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        ),
        (
            "header without name",
            b"HTTP/1.1 200 OK\r\n: y\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "space before the colon",
            b"HTTP/1.1 200 OK\r\nx : y\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "nul in a header",
            b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "nul in a name",
            b"HTTP/1.1 200 OK\r\nx\0y: a\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "bare cr in a header",
            b"HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "folded header",
            b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        ),
        ("bytes that are no text", b"\xff\xfe\xfd\xfc\r\n\r\n"),
    ]
    .into_iter()
    .map(|(name, bytes)| Mode::answer_fin(name, bytes).garbage().closed())
    .collect()
}
