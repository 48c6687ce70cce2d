//! A call is slowed down over every adapter alike, and ends when it has to.
//!
//! Time is real here: the least that a rate takes is exact, and the most is
//! only bounded.

#![expect(
    clippy::unwrap_used,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

use std::time::{Duration, Instant};

use tollgate::{
    Body, CancelHandle, Error, Response, Result,
    adapter::conformance::{Reply, Script, Server},
    client::{Call, Client},
};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

/// Half of it goes at once, and the rest takes a tenth of it.
const RATE: u64 = 100_000;
const LENGTH: usize = 60_000;
const LEAST: Duration = Duration::from_millis(100);
const AMPLE: Duration = Duration::from_secs(30);

struct Stage<L: Lane> {
    lane: L,
    server: Server,
    client: Client<L::Engine>,
}

impl<L: Lane> Stage<L> {
    fn set() -> Self {
        let download = Reply::new(200).body(bytes(LENGTH));
        let script = Script::new().on("/up", Reply::new(204));
        let server = Server::start(script.on("/down", download)).unwrap();
        let lane = L::start(Limits::default()).unwrap();
        let builder = lane.builder().base_url(server.origin());
        let builder = builder.max_upload_rate(RATE).max_download_rate(RATE);
        let client = builder.timeout(AMPLE).build().unwrap();
        Self {
            lane,
            server,
            client,
        }
    }

    fn took(&self, call: Call<L::Engine>) -> (Result<Response>, Duration) {
        #[expect(
            clippy::disallowed_methods,
            reason = "how long the call takes is the law"
        )]
        let now = Instant::now;
        let begin = now();
        let result = self.lane.send(call);
        (result, now() - begin)
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

fn in_chunks(length: usize) -> Body {
    Body::from_reader(std::io::Cursor::new(bytes(length)))
}

/// Plays a law on every lane.
macro_rules! everywhere {
    ($law:ident) => {
        $law::<ReqwestAsync>();
        $law::<ReqwestBlocking>();
        $law::<UreqBlocking>();
        $law::<UreqOffload>();
    };
}

#[test]
fn an_upload_takes_its_time_and_arrives_whole() {
    fn law<L: Lane>() {
        let stage = Stage::<L>::set();
        for body in [bytes(LENGTH).into(), in_chunks(LENGTH)] {
            let (result, took) = stage.took(stage.client.put("/up").body(body));
            result.unwrap();
            assert!(took >= LEAST, "{}: {took:?}", L::name());
        }
        let requests = stage.server.requests();
        assert_eq!(requests.len(), 2);
        assert!(requests.iter().all(|it| it.body()[..] == bytes(LENGTH)[..]));
    }
    everywhere!(law);
}

#[test]
fn a_download_takes_its_time_and_arrives_whole() {
    fn law<L: Lane>() {
        let stage = Stage::<L>::set();
        let (result, took) = stage.took(stage.client.get("/down"));
        assert!(result.unwrap().bytes().unwrap()[..] == bytes(LENGTH)[..]);
        assert!(took >= LEAST, "{}: {took:?}", L::name());
        let call = stage.client.get("/down").stream();
        let response = stage.lane.send(call).unwrap();
        let read = stage.lane.read(response.into_body()).unwrap();
        assert!(read == bytes(LENGTH));
    }
    everywhere!(law);
}

fn check<L: Lane>((result, took): (Result<Response>, Duration), ends: fn(&Error) -> bool) {
    let error = result.unwrap_err();
    assert!(ends(&error), "{}: {error}", L::name());
    assert!(took < AMPLE / 2, "{}: {took:?}", L::name());
}

#[test]
fn a_wait_for_the_rate_ends_with_the_deadline() {
    fn law<L: Lane>() {
        let stage = Stage::<L>::set();
        let deadline = Duration::from_millis(200);
        let over = |error: &Error| error.to_string().contains("deadline of 200ms has passed");
        for body in [bytes(LENGTH).into(), in_chunks(LENGTH)] {
            let call = stage.client.put("/up").body(body).max_upload_rate(100);
            check::<L>(stage.took(call.deadline(deadline)), over);
        }
        let call = stage.client.get("/down").max_download_rate(100);
        check::<L>(stage.took(call.deadline(deadline)), over);
    }
    everywhere!(law);
}

#[test]
fn a_wait_for_the_rate_ends_when_the_call_is_cancelled() {
    fn law<L: Lane>() {
        let stage = Stage::<L>::set();
        let cancelled = |error: &Error| error.to_string().contains("cancelled: enough");
        let upload = stage.client.put("/up").body(in_chunks(LENGTH));
        let download = stage.client.get("/down");
        for call in [upload.max_upload_rate(100), download.max_download_rate(100)] {
            let handle = CancelHandle::new();
            let other = handle.clone();
            let timer = std::thread::spawn(move || {
                std::thread::park_timeout(Duration::from_millis(100));
                other.cancel_with("enough");
            });
            check::<L>(stage.took(call.cancel_handle(&handle)), cancelled);
            timer.join().unwrap();
            // A client below may drop the body on a thread of its own.
            let left = || handle.waiting() > 0;
            for _ in (0..10_000).take_while(|_| left()) {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            assert!(!left(), "{}: a listener is left", L::name());
        }
    }
    everywhere!(law);
}
