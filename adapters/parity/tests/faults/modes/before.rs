//! Before an answer: connecting, accepting, and the wait for a head.

use std::time::Duration;

use tollgate::{
    ErrorCode, ErrorKind,
    adapter::conformance::{Reply, Step},
};

use crate::mode::{Mode, Place, flood, write};

pub(super) fn modes() -> Vec<Mode> {
    let mut modes = connecting();
    modes.extend(accepted());
    modes.extend(asked());
    modes
}

fn connecting() -> Vec<Mode> {
    vec![
        Mode::at("nobody listens", Place::Nobody)
            .fails(ErrorKind::Connect, ErrorCode::ConnectionRefused),
        Mode::at("nobody accepts", Place::Full).times_out(),
        Mode::at("no such name", Place::NoName)
            .fails(ErrorKind::Dns, ErrorCode::NotFound)
            // As long as the resolver needs.
            .takes(Duration::from_secs(2)),
    ]
}

/// The server acts before it has read a byte.
fn accepted() -> Vec<Mode> {
    vec![
        Mode::opening("fin at accept", [Step::Fin]).cut().closed(),
        Mode::opening("fin at accept, of a post", [Step::Fin])
            .post(10)
            .cut()
            .closed(),
        Mode::opening("reset at accept", [Step::Reset])
            .reset()
            .fails(ErrorKind::Connect, ErrorCode::ConnectionReset)
            .varies("whether the reset comes before the connection is made is a race")
            .closed(),
        Mode::opening("stall at accept", [Step::Stall])
            .times_out()
            .closed(),
        Mode::opening("late start", [Step::Pause(Duration::from_millis(100))])
            .refuses(404)
            .takes(Duration::from_millis(100)),
        Mode::opening(
            "banner at accept",
            [write("SSH-2.0-OpenSSH_9.2\r\n"), Step::Fin],
        )
        .garbage()
        .varies("what comes before the request is no answer to reqwest")
        .closed(),
        Mode::opening(
            "408 at accept",
            [
                // As RFC 9110, 15.5.9, asks for: the end may be seen later.
                write("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
                Step::Fin,
            ],
        )
        .refuses(408)
        .garbage()
        .varies("whether the answer comes before the request is a race")
        .closed(),
        Mode::opening("flood at accept", [flood("garbage ")])
            .garbage()
            .varies("what comes before the request is no answer to reqwest")
            .closed(),
    ]
}

/// The server acts within the request, or right after it.
fn asked() -> Vec<Mode> {
    vec![
        Mode::opening("fin in the request's head", [Step::Read(9), Step::Fin])
            .cut()
            .closed(),
        Mode::opening("reset in the request's head", [Step::Read(9), Step::Reset])
            .reset()
            .closed(),
        Mode::opening("fin after the request's head", [Step::ReadHead, Step::Fin])
            .cut()
            .closed(),
        Mode::opening(
            "reset after the request's head",
            [Step::ReadHead, Step::Reset],
        )
        .reset()
        .closed(),
        Mode::reply("fin instead of an answer", Reply::raw("").fin_at(0))
            .cut()
            .closed(),
        Mode::reply(
            "fin instead of an answer, of a post",
            Reply::raw("").fin_at(0),
        )
        .post(10)
        .cut()
        .closed(),
        Mode::reply("reset instead of an answer", Reply::raw("").reset_at(0))
            .reset()
            .closed(),
        Mode::reply(
            "reset instead of an answer, of a post",
            Reply::raw("").reset_at(0),
        )
        .post(10)
        .reset()
        .closed(),
        Mode::reply("no answer", Reply::stall())
            .times_out()
            .closed(),
        Mode::reply("no answer, of a post", Reply::stall())
            .post(10)
            .times_out()
            .closed(),
        Mode::reply("no answer, of a head", Reply::stall())
            .head()
            .times_out()
            .closed(),
        Mode::reply(
            "late answer",
            Reply::new(200)
                .body("late")
                .after(Duration::from_millis(100)),
        )
        .gives("late")
        .takes(Duration::from_millis(100))
        .kept(),
    ]
}
