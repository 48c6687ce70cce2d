//! Compressed bodies.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use tollgate::adapter::conformance::{Reply, Script, gzip, gzip_zeros};

use crate::mode::Mode;

/// Decodes to 64 times the limit.
const BOMB: usize = 64 << 20;

/// How long a decoder may take, and the bomb's making.
pub(super) const SLOW: Duration = Duration::from_secs(2);

/// What is in a body that is whole.
pub(super) const TEXT: &str = "0123456789012345678901234567890123456789";

fn encoded(body: impl Into<Bytes>) -> Reply {
    Reply::new(200)
        .header("content-encoding", "gzip")
        .body(body)
}

fn whole() -> Vec<u8> {
    gzip(TEXT.as_bytes())
}

fn without_last(count: usize) -> Vec<u8> {
    let mut body = whole();
    body.truncate(body.len() - count);
    body
}

pub(super) fn modes() -> Vec<Mode> {
    let mut modes = broken();
    modes.extend(cut());
    modes.extend(bombs());
    modes
}

/// The message is whole, and what is in it is not.
fn broken() -> Vec<Mode> {
    let mut wrong_sum = whole();
    if let Some(byte) = wrong_sum.iter_mut().rev().nth(5) {
        *byte ^= 1;
    }
    let mut surplus = whole();
    surplus.extend(b"surplus");
    vec![
        Mode::reply("gzip", encoded(whole())).gives(TEXT).kept(),
        Mode::reply("gzip in chunks", encoded(whole()).chunked())
            .gives(TEXT)
            .kept(),
        Mode::reply("gzip with a wrong checksum", encoded(wrong_sum)).undecodable(),
        Mode::reply("gzip without its end", encoded(without_last(20))).undecodable(),
        Mode::reply(
            "gzip without its checksum",
            encoded(without_last(8)).chunked(),
        )
        .undecodable(),
        Mode::reply(
            "gzip without its end, to the close",
            encoded(without_last(20)).until_close(),
        )
        .undecodable()
        .cut()
        .varies("whether the close is the end of the body or a cut nobody can tell")
        .left(),
        Mode::reply("garbage called gzip", encoded("this is no gzip at all")).undecodable(),
        Mode::reply("gzip and surplus", encoded(surplus))
            .gives(TEXT)
            .undecodable()
            .varies("whether a decoder minds what comes after the end of its format"),
        Mode::reply("nothing called gzip", encoded(""))
            .gives("")
            .undecodable(),
        Mode::reply(
            "encoding that nobody knows",
            Reply::new(200)
                .header("content-encoding", "x-odd")
                .body("abc"),
        )
        .gives("abc")
        .kept(),
    ]
}

/// What is in the message is whole as far as it goes.
fn cut() -> Vec<Mode> {
    let names = [
        "fin in a gzip body",
        "reset in a gzip body",
        "stall in a gzip body",
        "fin in a gzip body in chunks",
        "reset in a gzip body to the close",
    ];
    cuts(names, &encoded(whole()))
}

/// The ways in which an encoded body ends before its end.
pub(super) fn cuts(names: [&'static str; 5], reply: &Reply) -> Vec<Mode> {
    let middle = reply.head_len() + 30;
    let [fin, reset, stall, fin_in_chunks, reset_to_close] = names;
    vec![
        Mode::reply(fin, reply.clone().fin_at(middle))
            .cut()
            .closed(),
        Mode::reply(reset, reply.clone().reset_at(middle))
            .reset()
            .closed(),
        Mode::reply(stall, reply.clone().stall_at(middle))
            .times_out()
            .closed(),
        Mode::reply(fin_in_chunks, reply.clone().chunked().fin_at(middle))
            .cut()
            .closed(),
        Mode::reply(reset_to_close, reply.clone().until_close().reset_at(middle))
            .reset()
            .closed(),
    ]
}

/// Made once, and only where it is asked for: that takes a second.
fn bomb(status: u16) -> Reply {
    static BYTES: OnceLock<Bytes> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| gzip_zeros(BOMB).into());
    Reply::new(status)
        .header("content-encoding", "gzip")
        .body(bytes.clone())
}

fn bombs() -> Vec<Mode> {
    let too_large = |name, make: fn() -> Reply| {
        let mode = Mode::script(name, move || make().into());
        mode.too_large().takes(SLOW).closed()
    };
    vec![
        too_large("gzip bomb", || bomb(200)),
        too_large("gzip bomb in chunks", || bomb(200).chunked()),
        too_large("gzip bomb to the close", || bomb(200).until_close()),
        too_large("gzip bomb in a 401", || bomb(401)),
        too_large("gzip bomb in a 500", || bomb(500)),
        Mode::script("gzip bomb in a redirect", move || {
            Script::new()
                .on("/", bomb(302).header("location", "/next"))
                .on("/next", Reply::new(200).body("next"))
        })
        .gives("next")
        .takes(SLOW)
        .trips(2),
    ]
}
