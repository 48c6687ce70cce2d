//! While the request's body is on its way.

use std::time::Duration;

use tollgate::adapter::conformance::Step;

use crate::mode::{FLOODED, Mode, write};

/// More than the buffers of two sockets hold.
const LARGE: usize = 32 << 20;

/// Longer than any limit of the table.
const DEAF: Step = Step::Pause(Duration::from_millis(700));

const TOO_LARGE: &str = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 5\r\n\r\nlarge";
const CLOSING: &str =
    "HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 5\r\n\r\nlarge";

pub(super) fn modes() -> Vec<Mode> {
    let mut modes = unanswered();
    modes.extend(overtaken());
    modes.extend(overtaken_without_end());
    modes
}

fn unanswered() -> Vec<Mode> {
    vec![
        Mode::opening("upload not read", [Step::ReadHead, DEAF, Step::Stall])
            .post(LARGE)
            .times_out()
            .closed(),
        Mode::opening(
            "upload without end not read",
            [Step::ReadHead, DEAF, Step::Stall],
        )
        .post_endless()
        .times_out()
        .closed(),
        Mode::opening("upload without end read", [Step::ReadHead, Step::Stall])
            .post_endless()
            .times_out()
            .closed(),
        Mode::opening(
            "upload read by half",
            [Step::ReadHead, Step::Read(LARGE / 2), DEAF, Step::Stall],
        )
        .post(LARGE)
        .times_out()
        .closed(),
        Mode::opening(
            "reset in the upload",
            [Step::ReadHead, Step::Read(100_000), Step::Reset],
        )
        .post(LARGE)
        .reset()
        .takes(FLOODED)
        .closed(),
        Mode::opening(
            "reset in an upload without end",
            [Step::ReadHead, Step::Read(100_000), Step::Reset],
        )
        .post_endless()
        .reset()
        .takes(FLOODED)
        .closed(),
        Mode::opening(
            "fin in the upload",
            [Step::ReadHead, Step::Read(100_000), Step::Fin],
        )
        .post(LARGE)
        .cut()
        .takes(FLOODED)
        .closed(),
        Mode::opening(
            "fin in an upload without end",
            [Step::ReadHead, Step::Read(100_000), Step::Fin],
        )
        .post_endless()
        .cut()
        .takes(FLOODED)
        .closed(),
    ]
}

/// The server answers as soon as it has the head, and does this then.
fn early(name: &'static str, answer: &'static str, then: impl IntoIterator<Item = Step>) -> Mode {
    let steps = [Step::ReadHead, write(answer)];
    Mode::opening(name, steps.into_iter().chain(then)).takes(FLOODED)
}

/// The answer comes before the request's body is through.
fn overtaken() -> Vec<Mode> {
    vec![
        early("early 413, upload read on", CLOSING, [Step::Stall])
            .post(LARGE)
            .refuses(413)
            .closed(),
        early("early 413, then fin", TOO_LARGE, [Step::Fin])
            .post(LARGE)
            .refuses(413)
            .closed(),
        early("early 413, upload not read", TOO_LARGE, [DEAF, Step::Stall])
            .post(LARGE)
            .refuses(413),
        early("early 413, then reset", TOO_LARGE, [Step::Reset])
            .post(2 * LARGE)
            .refuses(413)
            .reset()
            .varies("whether the answer or the reset is seen first is a race")
            .closed(),
        early(
            "early 413, then reset in the upload",
            TOO_LARGE,
            [Step::Read(LARGE / 4), Step::Reset],
        )
        .post(2 * LARGE)
        .refuses(413)
        .reset()
        .varies("whether the answer or the reset is seen first is a race")
        .closed(),
        early(
            "early head, then nothing",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
            [Step::Stall],
        )
        .post(LARGE)
        .times_out()
        .closed(),
    ]
}

/// The same, where the upload would go on for ever.
fn overtaken_without_end() -> Vec<Mode> {
    let ok = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    vec![
        early(
            "early 413 to an upload without end, read on",
            TOO_LARGE,
            [Step::Stall],
        )
        .post_endless()
        .refuses(413)
        .closed(),
        early(
            "early 413 to an upload without end, then fin",
            CLOSING,
            [Step::Fin],
        )
        .post_endless()
        .refuses(413)
        .closed(),
        early(
            "early 200 to an upload without end, then fin",
            ok,
            [Step::Fin],
        )
        .post_endless()
        .gives("ok")
        .closed(),
    ]
}
