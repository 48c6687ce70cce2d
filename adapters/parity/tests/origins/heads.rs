//! Heads of answers that are too much or not quite right: an error at once, in
//! little room, alike on every lane.
//!
//! `faults/modes/heads.rs` has those that end with the connection; here it is
//! left open, so that only the head can be the reason.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use tollgate::{
    ErrorCode, ErrorKind,
    adapter::conformance::{Reply, Script, Server, Step},
    runtime::{Runtime, ThreadRuntime, block_on},
};
use tollgate_parity::{Lane, peak};

use crate::{
    child::{is_child, run_alone},
    support::{Adapters, on_every_lane},
};

/// How long the error may take from where the server answers, once in [`TRIES`].
const AT_ONCE: Duration = Duration::from_millis(100);

const TRIES: u32 = 20;

/// Before the second try; it grows from try to try.
const PAUSE: Duration = Duration::from_millis(10);

/// What a call may take, once in [`TRIES`]: the server's end and what is set up
/// by a first call are in this process, too.
const ROOM: u64 = 1 << 20;

fn heads() -> Vec<(&'static str, Bytes)> {
    let head = |lines: &[u8]| {
        let mut head = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n".to_vec();
        head.extend(lines);
        head.extend(b"\r\n\r\n");
        Bytes::from(head)
    };
    let many: Vec<_> = (0..200_000).map(|at| format!("x-{at}: y")).collect();
    let long = [b"x: ".to_vec(), vec![b'y'; 20 << 20]].concat();
    let name = [vec![b'x'; 20 << 20], b": y".to_vec()].concat();
    let cookies = vec!["set-cookie: a=b; path=/; secure"; 200_000];
    vec![
        ("200 000 headers", head(many.join("\r\n").as_bytes())),
        ("200 000 cookies", head(cookies.join("\r\n").as_bytes())),
        ("a value of 20 MiB", head(&long)),
        ("a name of 20 MiB", head(&name)),
        ("a folded value", head(b"x: a\r\n b")),
        ("a folded length", head(b" 0")),
        ("nul in a value", head(b"x: a\0b")),
        ("nul in a name", head(b"x\0y: a")),
        ("bare cr in a value", head(b"x: a\rb")),
        ("bare cr before a name", head(b"\rx: a")),
        ("bare cr in a name", head(b"x\r: a")),
        ("a control character in a value", head(b"x: a\x01b")),
        ("delete in a value", head(b"x: a\x7fb")),
        ("space in a name", head(b"x y: a")),
    ]
}

/// What a call came to, in how much time and room.
struct Seen {
    end: (ErrorKind, ErrorCode),
    took: Duration,
    grown: u64,
}

fn see<L: Lane>(lane: &L, head: &Bytes) -> Seen {
    let steps = [Step::Write(head.clone()), Step::Stall];
    let start = Arc::new(OnceLock::new());
    let asked = Arc::clone(&start);
    let server = Server::start(Script::new().otherwise(move |_| {
        asked.get_or_init(|| ThreadRuntime.now());
        Reply::steps(steps.clone())
    }));
    let server = server.unwrap();
    let client = lane.builder().build().unwrap();
    let before = peak(true);
    let error = lane.send(client.get(server.url("/"))).unwrap_err();
    let end = ThreadRuntime.now();
    Seen {
        end: (error.kind(), error.code()),
        took: end.saturating_duration_since(*start.get().unwrap()),
        grown: peak(false).saturating_sub(before),
    }
}

/// Tries until it is at once and in little room, a few times at most.
fn best<L: Lane>(lane: &L, head: &Bytes) -> Seen {
    let mut best = see(lane, head);
    for tries in 1..TRIES {
        if best.took <= AT_ONCE && best.grown <= ROOM {
            break;
        }
        block_on(ThreadRuntime.sleep(PAUSE * tries));
        let again = see(lane, head);
        assert_eq!(again.end, best.end);
        best.took = best.took.min(again.took);
        best.grown = best.grown.min(again.grown);
    }
    best
}

#[test]
fn a_head_that_is_none_is_an_error_at_once_and_in_little_room() {
    let test = "heads::a_head_that_is_none_is_an_error_at_once_and_in_little_room";
    if !is_child(test) {
        return run_alone(test, &[]);
    }
    let mut faults = Vec::new();
    for (name, head) in heads() {
        let mut ends = Vec::new();
        on_every_lane!(Adapters::plain(), |lane| {
            let seen = best(lane, &head);
            ends.push(seen.end);
            if seen.took > AT_ONCE || seen.grown > ROOM {
                faults.push(format!("{name}: {:?}, {} bytes", seen.took, seen.grown));
            }
        });
        if ends != [(ErrorKind::Transport, ErrorCode::BadResponse); 4] {
            faults.push(format!("{name}: {ends:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
