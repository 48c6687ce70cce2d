//! Bodies in chunks.

use std::time::Duration;

use bytes::Bytes;
use tollgate::adapter::conformance::{Reply, Step};

use crate::mode::{FLOODED, LIMIT, Mode, flood, trickle, write};

const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunked(rest: &str) -> Bytes {
    format!("{HEAD}{rest}").into()
}

pub(super) fn modes() -> Vec<Mode> {
    let mut modes = cut();
    modes.extend(malformed());
    modes.extend(endless());
    modes.extend(encodings());
    modes
}

fn cut() -> Vec<Mode> {
    let reset = |rest| Reply::steps([Step::Write(chunked(rest)), Step::Reset]);
    vec![
        Mode::answer_fin("fin before the first chunk", chunked(""))
            .cut()
            .closed(),
        Mode::answer_fin("fin in a chunk's size", chunked("3\r\nabc\r\n1"))
            .cut()
            .closed(),
        Mode::answer_fin("fin in a chunk", chunked("3\r\na"))
            .cut()
            .closed(),
        Mode::answer_fin("fin between chunks", chunked("3\r\nabc\r\n"))
            .cut()
            .closed(),
        Mode::answer_fin("fin in the last chunk", chunked("3\r\nabc\r\n0\r\n"))
            .gives("abc")
            .cut()
            .varies("the body is whole; ureq does not ask for the last line, hyper does")
            .rests()
            .left(),
        Mode::reply("reset in a chunk", reset("3\r\na"))
            .reset()
            .closed(),
        Mode::reply("reset between chunks", reset("3\r\nabc\r\n"))
            .reset()
            .closed(),
        Mode::answer_stall("stall before the first chunk", chunked("")).closed(),
        Mode::answer_stall("stall in a chunk's size", chunked("3\r\nabc\r\n1")).closed(),
        Mode::answer_stall("stall in a chunk", chunked("3\r\na")).closed(),
        Mode::answer_stall("stall between chunks", chunked("3\r\nabc\r\n")).closed(),
        Mode::answer_stall("stall in the last chunk", chunked("3\r\nabc\r\n0\r\n")).closed(),
        Mode::answer_stall("stall in a trailer", chunked("3\r\nabc\r\n0\r\nx: y\r\n")).closed(),
        Mode::reply(
            "chunks drip past the limit",
            Reply::new(200)
                .pieces(["x"; 400])
                .every(LIMIT / 8)
                .chunked(),
        )
        .times_out()
        .closed(),
    ]
}

fn malformed() -> Vec<Mode> {
    let mut modes: Vec<_> = [
        ("chunk size of letters", "zz\r\nabc\r\n0\r\n\r\n"),
        ("chunk size -3", "-3\r\nabc\r\n0\r\n\r\n"),
        ("chunk size of nothing", "\r\nabc\r\n0\r\n\r\n"),
        ("chunk size in 0x", "0x3\r\nabc\r\n0\r\n\r\n"),
        (
            "chunk size of 2^64 and more",
            "10000000000000003\r\nabc\r\n0\r\n\r\n",
        ),
        ("chunk longer than its size", "3\r\nabcdef\r\n0\r\n\r\n"),
    ]
    .into_iter()
    .map(|(name, rest)| Mode::answer(name, chunked(rest)).garbage().closed())
    .collect();
    modes.push(
        Mode::answer_fin(
            "chunk shorter than its size",
            chunked("5\r\nabc\r\n0\r\n\r\n"),
        )
        .garbage()
        .closed(),
    );
    modes
        .push(Mode::answer_stall("chunk of 2^63 - 1", chunked("7fffffffffffffff\r\nabc")).closed());
    modes.push(
        Mode::answer(
            "chunk extension",
            chunked("3;a=\"b;c\"\r\nabc\r\n0\r\n\r\n"),
        )
        .gives("abc")
        .kept(),
    );
    modes.push(
        Mode::answer("trailer", chunked("3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n"))
            .gives("abc")
            .kept(),
    );
    modes
}

fn endless() -> Vec<Mode> {
    let endless = |start: &str, again| Reply::steps([Step::Write(chunked(start)), again]);
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    vec![
        Mode::reply("chunks without end", endless("", flood(&chunk)))
            .too_large()
            .takes(FLOODED)
            .closed(),
        Mode::reply("chunk size without end", endless("", trickle("0")))
            .times_out()
            .garbage()
            .varies("hyper reads zeros before a size for as long as they come")
            .closed(),
        Mode::reply("chunk extension without end", endless("3;", trickle("x")))
            .garbage()
            .takes(FLOODED)
            .closed(),
        Mode::reply(
            "trailers without end",
            endless("3\r\nabc\r\n0\r\n", trickle("x: y\r\n")),
        )
        .times_out()
        .garbage()
        .varies("ureq reads trailers for as long as they come")
        .closed(),
        Mode::reply(
            "chunk extensions that drip",
            Reply::steps([
                Step::Write(chunked("3;")),
                Step::Drip("x".repeat(100).into(), Duration::from_millis(30)),
            ]),
        )
        .times_out()
        .closed(),
    ]
}

/// What `transfer-encoding` says.
fn encodings() -> Vec<Mode> {
    let answer = |head: &str| Bytes::from(format!("{head}\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
    vec![
        Mode::answer_fin(
            "transfer encoding that nobody knows",
            answer("HTTP/1.1 200 OK\r\ntransfer-encoding: x-odd"),
        )
        .garbage()
        .closed(),
        Mode::answer_fin(
            "transfer encoding gzip, chunked",
            answer("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked"),
        )
        .garbage()
        .rests()
        .left(),
        Mode::answer_fin(
            "chunked twice",
            answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked"),
        )
        .garbage()
        .rests()
        .left(),
        Mode::answer_fin(
            "chunked in http/1.0",
            answer("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked"),
        )
        .garbage()
        .closed(),
        Mode::reply(
            "transfer encoding in large letters",
            Reply::steps([write(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            )]),
        )
        .gives("abc")
        .kept(),
    ]
}
