//! Bodies in brotli, and in one encoding after the other.

use bytes::Bytes;
use tollgate::adapter::conformance::{Reply, Script, gzip};

use crate::{
    brotli::{brotli, brotli_zeros},
    mode::Mode,
    modes::encodings::{self, SLOW, TEXT},
};

/// Decodes to 64 times the limit, in 16 MiB each.
const BOMB_BLOCKS: usize = 4;

fn encoded(status: u16, body: impl Into<Bytes>) -> Reply {
    Reply::new(status)
        .header("content-encoding", "br")
        .body(body)
}

pub(super) fn modes() -> Vec<Mode> {
    let mut modes = broken();
    modes.extend(cut());
    modes.extend(bombs());
    modes.extend(chains());
    modes
}

/// The message is whole; what is in it need not be.
fn broken() -> Vec<Mode> {
    let whole = brotli(TEXT.as_bytes());
    let mut half = whole.clone();
    half.truncate(whole.len() - 10);
    let mut surplus = whole.clone();
    surplus.extend(b"surplus");
    vec![
        // Not kept by ureq, whose decoder stops before the end of the message.
        Mode::reply("brotli", encoded(200, whole.clone())).gives(TEXT),
        Mode::reply("brotli in chunks", encoded(200, whole).chunked()).gives(TEXT),
        Mode::reply("brotli without its end", encoded(200, half.clone())).undecodable(),
        Mode::reply(
            "brotli without its end, in chunks",
            encoded(200, half.clone()).chunked(),
        )
        .undecodable(),
        Mode::reply(
            "brotli without its end, to the close",
            encoded(200, half).until_close(),
        )
        .undecodable()
        .cut()
        .varies("whether the close is the end of the body or a cut nobody can tell")
        .left(),
        Mode::reply(
            "garbage called brotli",
            encoded(200, "this is no brotli at all"),
        )
        .undecodable(),
        Mode::reply("brotli and surplus", encoded(200, surplus))
            .gives(TEXT)
            .undecodable()
            .varies("whether a decoder minds what comes after the end of its format"),
    ]
}

fn cut() -> Vec<Mode> {
    let names = [
        "fin in a brotli body",
        "reset in a brotli body",
        "stall in a brotli body",
        "fin in a brotli body in chunks",
        "reset in a brotli body to the close",
    ];
    encodings::cuts(names, &encoded(200, brotli(TEXT.as_bytes())))
}

fn bombs() -> Vec<Mode> {
    let bomb = |status| encoded(status, brotli_zeros(BOMB_BLOCKS));
    let too_large = |name, reply: Reply| Mode::reply(name, reply).too_large().takes(SLOW);
    vec![
        too_large("brotli bomb", bomb(200)),
        too_large("brotli bomb in chunks", bomb(200).chunked()),
        too_large("brotli bomb in a 401", bomb(401)),
        Mode::script("brotli bomb in a redirect", move || {
            Script::new()
                .on("/", bomb(302).header("location", "/next"))
                .on("/next", Reply::new(200).body("next"))
        })
        .gives("next")
        .takes(SLOW)
        .trips(2),
    ]
}

/// Encodings of encodings are not decoded: nobody asked for them. They arrive
/// as they are, and small.
fn chains() -> Vec<Mode> {
    let once = gzip(TEXT.as_bytes());
    let twice = gzip(&once);
    let chain = |value: &str, body: &[u8]| {
        Reply::new(200)
            .header("content-encoding", value.to_owned())
            .body(body.to_vec())
    };
    let thousand = vec!["gzip"; 1000].join(", ");
    let lines = (0..1000).fold(Reply::new(200).body(twice.clone()), |reply, _| {
        reply.header("content-encoding", "gzip")
    });
    vec![
        Mode::reply("gzip in gzip", chain("gzip, gzip", &twice)).or_still_encoded(twice.clone()),
        Mode::reply("gzip in brotli", chain("gzip, br", &brotli(&once)))
            .or_still_encoded(brotli(&once)),
        Mode::reply("a thousand encodings", chain(&thousand, &twice))
            .or_still_encoded(twice.clone()),
        Mode::reply("a thousand encodings in as many headers", lines)
            .garbage()
            .closed(),
        // The second header is not looked at, and is taken off with the first.
        Mode::reply(
            "gzip in gzip, in two headers",
            chain("gzip", &twice).header("content-encoding", "gzip"),
        )
        .or_still_encoded(once),
    ]
}
