//! What comes without measure does not grow without measure.

use std::time::Duration;

use tollgate::adapter::conformance::{Reply, Script, Server, Step, gzip_zeros};
use tollgate_parity::peak;

use crate::{
    alone::{on_each_lane, tell},
    brotli::brotli_zeros,
    cell::outcome_of,
    lane::{Ask, LANES, Lane, MAX_RESPONSE_BYTES, lane},
    mode::{Outcome, flood, write},
};

/// What a call may take beyond its limit.
const ROOM: u64 = 32 << 20;

/// Where nothing else ends a call.
const LIMIT: Duration = Duration::from_secs(1);

/// Decodes to 256 times the limit.
const BOMB: usize = 256 << 20;

const HUGE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9000000000000000000\r\n\r\n";

#[test]
fn a_bomb_takes_no_more_memory_than_its_limit_and_some_room() {
    let test = "memory::a_bomb_takes_no_more_memory_than_its_limit_and_some_room";
    let told = on_each_lane(test, |name| {
        let lane = lane(name);
        let bomb = gzip_zeros(BOMB);
        for (name, reply) in bombs(&bomb) {
            let script = Script::new()
                .on("/next", Reply::new(404))
                .otherwise(move |_| reply.clone());
            let grown = growth(&*lane, script);
            tell(&format!("{name} {} KiB", grown >> 10));
            assert!(grown <= MAX_RESPONSE_BYTES + ROOM, "{name}: {grown} bytes");
        }
        lane.close();
    });
    for (lane, lines) in LANES.iter().zip(told.unwrap_or_default()) {
        println!("{lane}: {}", lines.join(", "));
    }
}

fn bombs(bomb: &[u8]) -> Vec<(&'static str, Reply)> {
    let packed = |status| {
        let reply = Reply::new(status).header("content-encoding", "gzip");
        reply.header("location", "/next").body(bomb.to_vec())
    };
    let brotli = |status| {
        let reply = Reply::new(status).header("content-encoding", "br");
        let body = brotli_zeros(BOMB >> 24);
        reply.header("location", "/next").body(body)
    };
    let endless = |head: &'static str, again| Reply::steps([write(head), flood(again)]);
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;";
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    vec![
        ("gzip", packed(200)),
        ("gzip in a 401", packed(401)),
        ("gzip in a redirect", packed(302)),
        ("brotli", brotli(200)),
        ("brotli in a 401", brotli(401)),
        ("brotli in a redirect", brotli(302)),
        ("body", endless("HTTP/1.1 200 OK\r\n\r\n", "x")),
        ("header", endless("HTTP/1.1 200 OK\r\nx: ", "y")),
        ("chunk extension", endless(chunked, "x")),
        ("interim answers", endless(interim, interim)),
        ("length", Reply::steps([write(HUGE), Step::Stall])),
    ]
}

/// Returns by how much a call raises the peak, in bytes; 0 without `/proc`.
fn growth(lane: &dyn Lane, script: Script) -> u64 {
    let server = Server::start(script).unwrap();
    let ask = Ask {
        method: "GET",
        url: server.url("/"),
        timeout: Some(LIMIT),
        ..Ask::default()
    };
    let before = peak(true);
    let outcome = outcome_of(lane.send(&ask)).unwrap();
    assert!(!matches!(outcome, Outcome::Gives(..)), "{outcome:?}");
    peak(false).saturating_sub(before)
}
