//! Where axios's adapters differ from each other, ours do not: each row of the
//! list on all four lanes.
//!
//! | with axios, one adapter says or does | where it is held here |
//! |---|---|
//! | a late head: `ECONNABORTED` or `ETIMEDOUT` | `axios`: 89 |
//! | a drip: the whole answer, or a timeout | `axios`: 90 |
//! | a stall after the head: `ERR_BAD_RESPONSE`, or a timeout | `axios`: 91 |
//! | a timeout over a redirect | here |
//! | a timeout's own message, honoured or not | `errors`: one text for all |
//! | refused, no such name, reset: a code of each, or `ERR_NETWORK` | `errors` |
//! | too many redirects: a code, a 302, or `ERR_NETWORK`; a limit that is ignored | `errors`, `axios`: 124 |
//! | a body that is cut: with its answer, or without code and answer | here |
//! | a body that is no gzip: the same | here |
//! | gzip: `content-encoding` taken off, or kept | here |
//! | a cancel: its reason, or `canceled` | `axios`: 81, 82 |
//! | a cancelled call's request: there, or not | `axios`: 88 |
//! | another scheme: `ERR_BAD_REQUEST` or `ERR_NETWORK` | `errors` |
//! | GET with a body: sent, or an error | here |
//! | a number as the body: an error, or sent | here |
//! | a form: multipart, or `[object FormData]` | conformance: `a_form_arrives_with_its_length` |
//! | no user agent: none, or the runtime's | here |

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: what is not there fails it"
)]

use std::time::{Duration, Instant};

use tollgate::{
    Body, Error, ErrorCode, ErrorKind, Response,
    adapter::conformance::{Received, Reply, Script, Server, gzip},
    client::{Call, Client},
    runtime::{Runtime, ThreadRuntime},
};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

/// The limit of a first try; it doubles from try to try.
const LIMIT: Duration = Duration::from_millis(300);
/// How late a call may end on a busy machine, once in [`TRIES`].
const GRACE: Duration = Duration::from_secs(1);
const TRIES: usize = 5;

/// A server, and a client of it.
struct World<L: Lane> {
    lane: L,
    client: Client<L::Engine>,
    server: Server,
}

impl<L: Lane> World<L> {
    fn new(script: impl Into<Script>) -> Self {
        let lane = L::start(Limits::default()).unwrap();
        let server = Server::start(script).unwrap();
        let client = lane.builder().base_url(server.origin()).build().unwrap();
        Self {
            lane,
            client,
            server,
        }
    }

    fn send(&self, call: Call<L::Engine>) -> tollgate::Result<Response> {
        self.lane.send(call)
    }

    fn sent(&self, call: Call<L::Engine>) -> Received {
        self.send(call).unwrap();
        self.server.requests().pop().unwrap()
    }

    /// Fails in memory and as a stream.
    fn fails_both_ways(&self, call: impl Fn() -> Call<L::Engine>) -> [Error; 2] {
        let buffered = self.send(call()).unwrap_err();
        let body = self.send(call().stream()).unwrap().into_body();
        [buffered, self.lane.read(body).unwrap_err().into()]
    }
}

macro_rules! everywhere {
    ($($(#[$meta:meta])* $name:ident => $law:ident;)*) => {
        $($(#[$meta])* #[test] fn $name() {
            $law::<ReqwestAsync>();
            $law::<ReqwestBlocking>();
            $law::<UreqBlocking>();
            $law::<UreqOffload>();
        })*
    };
}

everywhere! {
    a_timeout_holds_for_all_hops_together => hops;
    a_body_that_is_cut_is_an_error_with_its_answer => cuts;
    a_body_that_is_no_gzip_is_an_error_with_its_answer => no_gzip;
    what_was_decoded_says_so_by_its_headers => decoded;
    a_get_may_have_a_body => bodies_of_get;
    json_may_be_any_value => values;
    there_is_no_user_agent_that_nobody_set => user_agent;
}

fn now() -> Instant {
    ThreadRuntime.now()
}

fn hops<L: Lane>() {
    let mut limit = LIMIT;
    let mut late = Vec::new();
    for _ in 0..TRIES {
        match hops_within::<L>(limit) {
            Ok(()) => return,
            Err(text) => late.push(text),
        }
        limit *= 2;
    }
    panic!("{}: {late:?}", L::name());
}

/// Each of two hops takes two thirds of the limit; an error tells what was late.
fn hops_within<L: Lane>(limit: Duration) -> Result<(), String> {
    let part = limit * 2 / 3;
    let world = World::<L>::new(
        Script::new()
            .on("/", Reply::new(302).header("location", "/end").after(part))
            .on("/end", Reply::new(200).after(part)),
    );
    let started = now();
    let result = world.send(world.client.get("/").timeout(limit));
    let took = now() - started;
    let Err(error) = result else {
        return Err(format!("both hops are through after {took:?}"));
    };
    assert_eq!(error.code(), ErrorCode::TimedOut, "{}", L::name());
    assert!(took >= limit, "{}: {took:?}", L::name());
    let path = error.request().unwrap().uri().path();
    if path != "/end" || error.redirects().len() != 1 || took >= limit + GRACE {
        return Err(format!("at {path} after {took:?}"));
    }
    let alone = world.send(world.client.get("/end").timeout(limit));
    alone.map(drop).map_err(|error| error.to_string())
}

/// Checks that an error has request and answer.
fn has_answer(error: &Error, kind: ErrorKind, what: &str) {
    assert_eq!(error.kind(), kind, "{what}: {error:?}");
    assert_eq!(error.request().unwrap().uri().path(), "/u", "{what}");
    let answer = error.response().unwrap();
    assert_eq!(answer.status(), 206, "{what}");
    assert_eq!(answer.headers()["x-head"], "there", "{what}");
    assert_eq!(error.attempts(), 1, "{what}");
}

fn cuts<L: Lane>() {
    let whole = Reply::new(206).header("x-head", "there").body("0123456789");
    let chunks = whole.clone().chunked();
    let (at, in_chunks) = (whole.head_len() + 4, chunks.head_len() + 4);
    for (reply, code) in [
        (whole.clone().fin_at(at), ErrorCode::Network),
        (whole.reset_at(at), ErrorCode::ConnectionReset),
        (chunks.clone().fin_at(in_chunks), ErrorCode::Network),
        (chunks.reset_at(in_chunks), ErrorCode::ConnectionReset),
    ] {
        let world = World::<L>::new(reply);
        let [buffered, streamed] = world.fails_both_ways(|| world.client.get("/u"));
        for error in [&buffered, &streamed] {
            has_answer(error, ErrorKind::Transport, &L::name());
            assert_eq!(error.code(), code, "{}", L::name());
        }
        assert_eq!(buffered.to_string(), streamed.to_string());
    }
}

fn no_gzip<L: Lane>() {
    let mut damaged = gzip(b"0123456789");
    damaged.truncate(damaged.len() - 6);
    for body in [damaged, b"this is no gzip at all".to_vec()] {
        let reply = Reply::new(206).header("x-head", "there");
        let world = World::<L>::new(reply.header("content-encoding", "gzip").body(body));
        for error in world.fails_both_ways(|| world.client.get("/u")) {
            has_answer(&error, ErrorKind::Decode, &L::name());
            assert_eq!(error.code(), ErrorCode::BadResponse);
        }
    }
}

fn decoded<L: Lane>() {
    let reply = Reply::new(200).header("content-encoding", "gzip");
    let world = World::<L>::new(reply.body(gzip(b"text")));
    let response = world.send(world.client.get("/u")).unwrap();
    assert_eq!(response.text().unwrap(), "text");
    for name in ["content-encoding", "content-length"] {
        assert!(
            !response.headers().contains_key(name),
            "{}: {name}",
            L::name()
        );
    }
}

fn bodies_of_get<L: Lane>() {
    let world = World::<L>::new(Reply::new(200));
    for method in ["GET", "DELETE", "OPTIONS"] {
        let bodies: [fn() -> Body; 3] = [
            || Body::from("text"),
            || Body::from_reader(&b"text"[..]),
            || Body::from_reader(&b"text"[..]).with_length(4),
        ];
        for body in bodies {
            let call = world.client.request(method.parse().unwrap(), "/u");
            let sent = world.sent(call.body(body()));
            assert_eq!(sent.method(), method);
            assert_eq!(sent.body(), "text", "{}: {method}", L::name());
        }
    }
}

fn values<L: Lane>() {
    let world = World::<L>::new(Reply::new(200));
    let post = || world.client.post("/u");
    for (call, expected) in [
        (post().json(&5), "5"),
        (post().json(&-0.5), "-0.5"),
        (post().json("text"), "\"text\""),
        (post().json(&true), "true"),
        (post().json(&()), "null"),
        (post().json(&[1, 2]), "[1,2]"),
    ] {
        let sent = world.sent(call);
        assert_eq!(sent.body(), expected, "{}", L::name());
        assert_eq!(sent.header("content-type"), Some("application/json"));
    }
}

fn user_agent<L: Lane>() {
    let world = World::<L>::new(Reply::new(200));
    let sent = world.sent(world.client.get("/u"));
    assert_eq!(sent.header("user-agent"), None, "{}", L::name());
    let own = world.client.get("/u").header("user-agent", "orders/1");
    assert_eq!(world.sent(own).header("user-agent"), Some("orders/1"));
}
