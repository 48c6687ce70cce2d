//! A head that is too large is the same error, whoever has counted it.

use tollgate::{
    ErrorKind,
    adapter::conformance::{Reply, Server},
};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

use crate::Seen;

/// The limit of the lanes.
const LIMIT: usize = 4096;

/// What the names and values of an answer's own headers have.
const OWN: usize = "content-length".len() + "0".len();

/// An answer of so many headers, with so many bytes in names and values.
fn answer(headers: usize, bytes: usize) -> Reply {
    let mut reply = Reply::new(200);
    let mut left = bytes - OWN;
    for _ in 2..headers {
        reply = reply.header("x", "y");
        left -= "xy".len();
    }
    reply.header("x", vec![b'y'; left - "x".len()])
}

/// The same, with bytes that do not count.
fn padded(bytes: usize) -> Reply {
    let (reason, value) = ("r".repeat(3000), "y".repeat(bytes - OWN - 1));
    Reply::raw(format!(
        "HTTP/1.1 200 {reason}\r\nx:     {value}   \r\ncontent-length: 0\r\n\r\n"
    ))
}

fn seen<L: Lane>() -> Vec<(&'static str, Result<u16, Seen>)> {
    let limits = Limits {
        head_bytes: Some(LIMIT),
        ..Limits::default()
    };
    let lane = L::start(limits).unwrap();
    let client = lane.builder().build().unwrap();
    let cases = [
        ("all bytes", answer(2, LIMIT)),
        ("all bytes, in 100 headers", answer(100, LIMIT)),
        ("all bytes, and what does not count", padded(LIMIT)),
        ("one byte more", answer(2, LIMIT + 1)),
        ("one byte more, in 100 headers", answer(100, LIMIT + 1)),
        ("one byte more, and what does not count", padded(LIMIT + 1)),
        ("101 headers", answer(101, 1000)),
        ("127 headers", answer(127, 1000)),
        ("128 headers", answer(128, 1000)),
        ("129 headers", answer(129, 1000)),
        ("1000 headers", answer(1000, 3000)),
        ("as many bytes as ureq reads", answer(2, LIMIT + (16 << 10))),
        ("as many bytes as hyper reads", answer(2, 410_000)),
        ("more bytes than hyper reads", answer(2, 500_000)),
    ];
    cases
        .into_iter()
        .map(|(name, reply)| {
            let server = Server::start(reply).unwrap();
            let result = lane.send(client.get(server.url("/")));
            let result = result.map(|answer| answer.status().as_u16());
            if let Err(error) = &result {
                assert_eq!(error.kind(), ErrorKind::Transport, "{name}: {error:?}");
                assert_eq!(error.code().as_str(), "ERR_BAD_RESPONSE", "{name}");
            }
            (name, result.map_err(|error| Seen::of(&error)))
        })
        .collect()
}

#[test]
fn heads_are_counted_alike_on_every_lane() {
    let first = seen::<ReqwestAsync>();
    for (name, result) in &first {
        assert_eq!(
            result.is_ok(),
            name.starts_with("all"),
            "{name}: {result:?}"
        );
        if let Err(seen) = result {
            let text = "the answer's head is larger than 4096 bytes or 100 headers";
            assert!(seen.text.contains(text), "{name}: {}", seen.text);
        }
    }
    for other in [
        seen::<ReqwestBlocking>(),
        seen::<UreqBlocking>(),
        seen::<UreqOffload>(),
    ] {
        assert_eq!(first, other);
    }
}
