//! Redirects.

use std::time::Duration;

use tollgate::{
    ErrorCode, ErrorKind,
    adapter::conformance::{Reply, Script},
};

use crate::mode::{Mode, flood, write};

fn to(location: impl Into<bytes::Bytes>) -> Reply {
    Reply::new(302).header("location", location)
}

/// A redirect whose answer is not what it should be; the next one is.
fn then_next(name: &'static str, first: Reply) -> Mode {
    Mode::script(name, move || {
        Script::new()
            .on("/", first.clone())
            .on("/next", Reply::new(200).body("next"))
            .on("/fin", Reply::raw("").fin_at(0))
            .on("/stall", Reply::stall())
    })
    .trips(2)
}

pub(super) fn modes() -> Vec<Mode> {
    let mut modes = bad_ways();
    modes.extend(bad_bodies());
    modes
}

fn bad_ways() -> Vec<Mode> {
    let failed = |name, location: &'static [u8]| {
        Mode::reply(name, to(location)).fails(ErrorKind::Redirect, ErrorCode::RedirectFailed)
    };
    vec![
        Mode::reply("redirect to itself", to("/"))
            .fails(ErrorKind::Redirect, ErrorCode::TooManyRedirects)
            .trips(11),
        Mode::script("redirects without end", || {
            Script::new().otherwise(|request| {
                let path = format!("{}x", request.path());
                to(path)
            })
        })
        .fails(ErrorKind::Redirect, ErrorCode::TooManyRedirects)
        .trips(11),
        Mode::reply("redirect without location", Reply::new(302))
            .refuses(302)
            .kept(),
        failed("redirect to a file", b"file:///etc/passwd"),
        failed("redirect to data", b"data:text/plain,hi"),
        failed("redirect to javascript", b"javascript:alert(1)"),
        failed(
            "redirect to a port that is none",
            b"http://127.0.0.1:99999/",
        ),
        failed("redirect to a host that is none", b"http://[::bad/"),
        failed("redirect to bytes that are no text", b"/\xff\xfe"),
        Mode::reply(
            "redirect to a name that does not exist",
            to("http://tollgate-faults.invalid/"),
        )
        .fails(ErrorKind::Dns, ErrorCode::NotFound)
        .takes(Duration::from_secs(2)),
    ]
}

/// The redirect is good, its body is not.
fn bad_bodies() -> Vec<Mode> {
    let whole = to("/next").body("moved");
    let head = whole.head_len();
    vec![
        then_next("redirect cut in its body", whole.clone().fin_at(head + 2)).gives("next"),
        then_next(
            "redirect reset in its body",
            whole.clone().reset_at(head + 2),
        )
        .gives("next"),
        then_next(
            "redirect with a body without end",
            Reply::steps([
                write("HTTP/1.1 302 Found\r\nlocation: /next\r\n\r\n"),
                flood("moved "),
            ]),
        )
        .gives("next"),
        then_next("redirect to a fin", to("/fin")).cut(),
        then_next("redirect to a stall", to("/stall")).times_out(),
        // What is left of it is waited for so long.
        then_next("redirect that stalls in its body", whole.stall_at(head + 2))
            .takes(Duration::from_millis(250))
            .gives("next"),
    ]
}
