//! Bodies by length, and to the close.

use bytes::Bytes;
use tollgate::adapter::conformance::Reply;

use crate::{
    lane::MAX_RESPONSE_BYTES,
    mode::{FLOODED, LIMIT, Mode, flood, write},
};

const BODY: &str = "0123456789";

pub(super) fn modes() -> Vec<Mode> {
    let mut modes = cut();
    modes.extend(to_the_close());
    modes.extend(ambiguous());
    modes.extend(large());
    modes
}

fn cut() -> Vec<Mode> {
    let whole = Reply::new(200).body(BODY);
    let head = whole.head_len();
    let empty = Reply::new(200);
    vec![
        Mode::reply("fin before the body", whole.clone().fin_at(head))
            .cut()
            .closed(),
        Mode::reply("fin in the body", whole.clone().fin_at(head + 4))
            .cut()
            .closed(),
        Mode::reply("reset before the body", whole.clone().reset_at(head))
            .reset()
            .closed(),
        Mode::reply("reset in the body", whole.clone().reset_at(head + 4))
            .reset()
            .closed(),
        Mode::reply("stall before the body", whole.clone().stall_at(head))
            .times_out()
            .closed(),
        Mode::reply("stall in the body", whole.clone().stall_at(head + 4))
            .times_out()
            .closed(),
        Mode::reply("fin after the body", whole.clone().fin_at(head + 10))
            .gives(BODY)
            .rests()
            .left(),
        Mode::reply(
            "fin after an empty body",
            empty.clone().fin_at(empty.head_len()),
        )
        .gives("")
        .rests()
        .left(),
        Mode::reply(
            "body drips past the limit",
            Reply::new(200).pieces(["x"; 400]).every(LIMIT / 8),
        )
        .times_out()
        .closed(),
        Mode::reply(
            "error's body cut",
            Reply::new(500)
                .body(BODY)
                .fin_at(Reply::new(500).body(BODY).head_len() + 4),
        )
        .cut()
        .closed(),
    ]
}

fn to_the_close() -> Vec<Mode> {
    let whole = Reply::new(200).body(BODY).until_close();
    let head = whole.head_len();
    vec![
        Mode::reply("body to the close", whole.clone())
            .gives(BODY)
            .left(),
        // A fin is the end of it, wherever it comes.
        Mode::reply("fin in a body to the close", whole.clone().fin_at(head + 4))
            .gives("0123")
            .left(),
        Mode::reply(
            "reset in a body to the close",
            whole.clone().reset_at(head + 4),
        )
        .reset()
        .closed(),
        Mode::reply(
            "reset after a body to the close",
            whole.clone().reset_at(head + 10),
        )
        .reset()
        .closed(),
        Mode::reply(
            "stall in a body to the close",
            whole.clone().stall_at(head + 4),
        )
        .times_out()
        .closed(),
        Mode::reply("stall after a body to the close", whole.stall_at(head + 10))
            .times_out()
            .closed(),
        Mode::answer_stall(
            "close that is announced and does not come",
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        )
        .gives("ok")
        .closed(),
    ]
}

/// Lengths that contradict each other, or are no numbers.
fn ambiguous() -> Vec<Mode> {
    let answer = |lengths: &str| Bytes::from(format!("HTTP/1.1 200 OK\r\n{lengths}\r\nabcd"));
    let mut modes: Vec<_> = [
        ("two lengths", "content-length: 2\r\ncontent-length: 4\r\n"),
        ("two lengths in one header", "content-length: 2, 4\r\n"),
        ("length -1", "content-length: -1\r\n"),
        ("length +4", "content-length: +4\r\n"),
        (
            "length of 2^64 and more",
            "content-length: 18446744073709551620\r\n",
        ),
        ("length in hex", "content-length: 0x4\r\n"),
        ("length of nothing", "content-length: \r\n"),
        ("length with a fraction", "content-length: 4.0\r\n"),
        ("length of two words", "content-length: 4 4\r\n"),
    ]
    .into_iter()
    .map(|(name, lengths)| Mode::answer(name, answer(lengths)).garbage().closed())
    .collect();
    modes.push(
        Mode::answer(
            "the same length twice",
            answer("content-length: 4\r\ncontent-length: 4\r\n"),
        )
        .gives("abcd")
        .garbage(),
    );
    modes.push(
        Mode::answer("length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")
            .garbage()
            ,
    );
    modes
}

fn large() -> Vec<Mode> {
    let announced = |bytes| Reply::new(200).announce(bytes);
    let stalled = |bytes| {
        let reply = announced(bytes);
        let head = reply.head_len();
        reply.stall_at(head)
    };
    let endless = |head: &'static str| Reply::steps([write(head), flood("x")]);
    vec![
        Mode::reply("length over the limit", stalled(MAX_RESPONSE_BYTES + 1))
            .too_large()
            .closed(),
        Mode::reply("length of 2^63 - 1", stalled(i64::MAX as u64))
            .too_large()
            .closed(),
        Mode::reply(
            "body to the close without end",
            endless("HTTP/1.1 200 OK\r\n\r\n"),
        )
        .too_large()
        .takes(FLOODED)
        .closed(),
        Mode::reply(
            "error's body without end",
            endless("HTTP/1.1 500 Oh\r\n\r\n"),
        )
        .too_large()
        .takes(FLOODED)
        .closed(),
    ]
}
