//! A connection that is used again, and what comes over it meanwhile.

use std::time::Duration;

use tollgate::adapter::conformance::{Reply, Step};

use crate::mode::{Mode, write};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const EVIL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
const LATE: &str = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A good answer, and what the server does while the connection is idle.
fn idle(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Mode {
    let steps = [write(OK)].into_iter().chain(steps);
    Mode::reply(name, Reply::steps(steps)).gives("ok").rests()
}

pub(super) fn modes() -> Vec<Mode> {
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let soon = || Step::Pause(Duration::from_millis(20));
    vec![
        Mode::answer("answer", OK).gives("ok").kept(),
        Mode::answer("answer in chunks", chunks).gives("ok").kept(),
        idle("fin on an idle connection", [Step::Fin]).left(),
        idle("reset on an idle connection", [Step::Reset]).left(),
        idle("late fin on an idle connection", [soon(), Step::Fin]).left(),
        idle("late reset on an idle connection", [soon(), Step::Reset]).left(),
        idle(
            "408 on an idle connection",
            [soon(), write(LATE), Step::Fin],
        )
        .left(),
        idle("garbage on an idle connection", [soon(), write("garbage")]).left(),
        idle(
            "another answer on an idle connection",
            [soon(), write(EVIL)],
        )
        .left(),
        Mode::answer("two answers at once", format!("{OK}{EVIL}"))
            .gives("ok")
            .garbage()
            .left(),
        Mode::answer("body longer than its length", format!("{OK} and more"))
            .gives("ok")
            .garbage()
            .left(),
        Mode::answer("chunks and surplus", format!("{chunks}{EVIL}"))
            .gives("ok")
            .garbage()
            .left(),
        Mode::answer(
            "body where the length is 0",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nevil",
        )
        .gives("")
        .garbage()
        .left(),
    ]
}
