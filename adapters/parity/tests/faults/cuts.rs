//! An answer that is cut at any byte, by a fin or by a reset, is never taken
//! for a whole one.

use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tollgate::{
    ErrorCode, ErrorKind,
    adapter::conformance::{Received, Reply, Script, Server, gzip},
};

use crate::{
    alone::{now, on_each_lane, sleep, tell},
    cell::{AMPLE, GRACE, outcome_of},
    lane::{Ask, LANES, Lane, lane},
    mode::Outcome,
};

const TEXT: &str = "0123456789abcdef";

/// Cuts at a time.
const HANDS: usize = 4;

/// How often one cut may be late on a busy machine.
const TRIES: usize = 10;

/// A way to tell where a body ends.
struct Framed {
    name: &'static str,
    reply: Reply,
    /// A clean close from here on gives the whole body.
    whole_from: usize,
    /// A clean close here gives what has come so far: nothing in the message
    /// says that it is a part.
    silent: Range<usize>,
}

impl Framed {
    fn new(name: &'static str, reply: Reply, missing: usize) -> Self {
        let whole_from = reply.to_bytes().len() - missing;
        Self {
            name,
            reply,
            whole_from,
            silent: 0..0,
        }
    }

    fn silent(mut self, offsets: Range<usize>) -> Self {
        self.silent = offsets;
        self
    }
}

fn framings() -> Vec<Framed> {
    let plain = Reply::new(200).pieces([&TEXT[..5], &TEXT[5..]]);
    let packed = gzip(TEXT.as_bytes());
    let (one, two) = packed.split_at(12);
    let encoded = Reply::new(200)
        .header("content-encoding", "gzip")
        .pieces([one.to_vec(), two.to_vec()]);
    // What is left when the size of the last chunk, and its line, has come.
    let last_lines = "\r\n\r\n".len();
    let to_close = plain.clone().until_close();
    let head = to_close.head_len();
    let encoded_head = encoded.clone().until_close().head_len();
    vec![
        Framed::new("length", plain.clone(), 0),
        Framed::new("chunks", plain.chunked(), last_lines),
        Framed::new("close", to_close, 0).silent(head..usize::MAX),
        Framed::new("gzip, length", encoded.clone(), 0),
        Framed::new("gzip, chunks", encoded.clone().chunked(), last_lines),
        // Nothing at all is the one part that needs no decoding.
        Framed::new("gzip, close", encoded.until_close(), 0).silent(encoded_head..encoded_head + 1),
    ]
}

#[test]
fn an_answer_cut_at_any_byte_is_never_a_whole_one() {
    let told = on_each_lane(
        "cuts::an_answer_cut_at_any_byte_is_never_a_whole_one",
        |name| {
            let lane = lane(name);
            // A pool may not have heard yet of a server that is gone: no other is to
            // get its port.
            let servers = Mutex::default();
            for framed in framings() {
                let cuts = cut_everywhere(&framed, &*lane, &servers);
                tell(&format!("{} cuts of a body by {}", cuts, framed.name));
            }
            lane.close();
        },
    );
    for (lane, lines) in LANES.iter().zip(told.unwrap_or_default()) {
        println!("{lane}: {}", lines.join(", "));
    }
}

/// Answers `/fin/AT` and `/reset/AT` by an answer that is cut there.
fn script(reply: Reply) -> Script {
    Script::new()
        .on("/clean", Reply::new(200).body("clean"))
        .otherwise(move |request: &Received| {
            let mut parts = request.path().split('/').skip(1);
            let (how, at) = (parts.next(), parts.next());
            let at = at.and_then(|at| at.parse().ok()).unwrap_or_default();
            match how {
                Some("fin") => reply.clone().fin_at(at),
                _ => reply.clone().reset_at(at),
            }
        })
}

fn cut_everywhere(framed: &Framed, lane: &dyn Lane, servers: &Mutex<Vec<Server>>) -> usize {
    let server = Server::start(script(framed.reply.clone())).unwrap();
    let length = framed.reply.to_bytes().len();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at > length {
                        break;
                    }
                    cut_at(framed, at, lane, &server, servers);
                }
            });
        }
    });
    servers.lock().unwrap().push(server);
    (length + 1) * 2
}

fn cut_at(
    framed: &Framed,
    at: usize,
    lane: &dyn Lane,
    server: &Server,
    servers: &Mutex<Vec<Server>>,
) {
    let ask = |server: &Server, path: &str| Ask {
        method: "GET",
        url: server.url(&format!("{path}?key=CANARY-query")),
        timeout: Some(AMPLE),
        ..Ask::default()
    };
    // Of a whole answer, the end that follows it may still be on its way: no
    // other call is to come on such a connection, so that the server is another.
    let is_whole = at >= framed.whole_from;
    for how in ["fin", "reset"] {
        let judged = cut(framed, at, how == "fin", || {
            let own = is_whole.then(|| Server::start(script(framed.reply.clone())).unwrap());
            let cutting = ask(own.as_ref().unwrap_or(server), &format!("/{how}/{at}"));
            let started = now();
            let outcome = outcome_of(lane.send(&cutting)).unwrap();
            let in_time = now().saturating_duration_since(started) <= GRACE;
            servers.lock().unwrap().extend(own);
            (outcome, in_time)
        });
        let what = format!("{} cut by a {how} at {at}", framed.name);
        judged.unwrap_or_else(|text| panic!("{what}: {text}"));
    }
    if !is_whole {
        let text = lane
            .send(&ask(server, "/clean"))
            .and_then(|response| response.text());
        assert_eq!(text.unwrap(), "clean", "{} cut at {at}", framed.name);
    }
}

/// Judges one cut; `send` says what came, and whether in time.
fn cut(
    framed: &Framed,
    at: usize,
    clean: bool,
    send: impl Fn() -> (Outcome, bool),
) -> Result<(), String> {
    let code = if clean {
        ErrorCode::Network
    } else {
        ErrorCode::ConnectionReset
    };
    for _ in 0..TRIES {
        let (outcome, in_time) = send();
        let right = match &outcome {
            Outcome::Gives(200, body) if *body == TEXT => at >= framed.whole_from,
            Outcome::Gives(200, body) => {
                clean && framed.silent.contains(&at) && TEXT.as_bytes().starts_with(body)
            }
            Outcome::Fails(ErrorKind::Transport, seen) => *seen == code,
            // A decoder that finds its end missing cannot know why.
            Outcome::Fails(ErrorKind::Decode, _) => framed.name == "gzip, close" && clean,
            _ => false,
        };
        if !right {
            return Err(format!("{outcome:?}"));
        }
        if in_time {
            return Ok(());
        }
        sleep(Duration::from_millis(50));
    }
    Err("it is late".to_owned())
}
