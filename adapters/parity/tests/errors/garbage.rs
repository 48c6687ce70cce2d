//! What is no HTTP is called so, whichever parser has met it.

use tollgate::{
    ErrorKind,
    adapter::conformance::{Reply, Server},
};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

use crate::Seen;

/// Raw answers, and whether what came was an answer at all.
const RAW: &[(&str, &str)] = &[
    ("SSH-2.0-OpenSSH_9.2\r\n", "ERR_BAD_RESPONSE"),
    ("<html>an answer of HTTP/0.9</html>", "ERR_BAD_RESPONSE"),
    ("HTTP/1.1 abc What\r\n\r\n", "ERR_BAD_RESPONSE"),
    ("HTTP/1.1 99 Short\r\n\r\n", "ERR_BAD_RESPONSE"),
    ("HTTP/1.1 1000 Long\r\n\r\n", "ERR_BAD_RESPONSE"),
    ("HTTP/9.9 200 OK\r\n\r\n", "ERR_BAD_RESPONSE"),
    (
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "ERR_BAD_RESPONSE",
    ),
    ("\u{15}\u{3}\u{1}\0\u{2}\u{2}(", "ERR_BAD_RESPONSE"),
    (
        "\0\0\u{12}\u{4}\0\0\0\0\0\0\u{3}\0\0\0d",
        "ERR_BAD_RESPONSE",
    ),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nab",
        "ERR_BAD_RESPONSE",
    ),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 0x4\r\n\r\nabcd",
        "ERR_BAD_RESPONSE",
    ),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551620\r\n\r\nab",
        "ERR_BAD_RESPONSE",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello",
        "ERR_BAD_RESPONSE",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n",
        "ERR_BAD_RESPONSE",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        "ERR_NETWORK",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "ERR_NETWORK",
    ),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n",
        "ERR_NETWORK",
    ),
    ("HTTP/1.1 200 OK\r\ncontent-le", "ERR_NETWORK"),
    ("HTTP/1.", "ERR_NETWORK"),
    ("HTT", "ERR_NETWORK"),
];

fn seen<L: Lane>(raw: &'static str) -> Seen {
    let server = Server::start(Reply::raw(raw)).unwrap();
    let lane = L::start(Limits::default()).unwrap();
    let client = lane.builder().build().unwrap();
    let error = lane.send(client.get(server.url("/"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{raw:?}: {error:?}");
    Seen::of(&error)
}

#[test]
fn garbage_is_the_same_error_on_all_lanes() {
    let mut faults = Vec::new();
    for (raw, code) in RAW {
        let first = seen::<ReqwestAsync>(raw);
        if first.json["code"] != *code {
            faults.push(format!("{raw:?} is {first:?}"));
        }
        for (lane, other) in [
            (ReqwestBlocking::name(), seen::<ReqwestBlocking>(raw)),
            (UreqBlocking::name(), seen::<UreqBlocking>(raw)),
            (UreqOffload::name(), seen::<UreqOffload>(raw)),
        ] {
            if other != first {
                faults.push(format!("{raw:?} is {first:?}\n  and on {lane} {other:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
