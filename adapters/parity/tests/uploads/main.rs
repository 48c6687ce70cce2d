//! A body of the caller's that breaks its word fails the call, over every
//! adapter alike: nothing of it is lost without a word.

#![expect(
    clippy::unwrap_used,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

use std::{io, task::Poll};

use futures::stream;
use tollgate::{
    Body, Error, ErrorKind, Response, Result,
    adapter::conformance::{Reply, Script, Server},
};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

/// What one lane sends to a server that takes everything.
fn sender<L: Lane>() -> (Server, impl Fn(Option<u64>, Body) -> Result<Response>) {
    let server = Server::start(Script::new().on("/up", Reply::new(204))).unwrap();
    let lane = L::start(Limits::default()).unwrap();
    let url = server.url("/up");
    let client = lane.builder().build().unwrap();
    let send = move |header: Option<u64>, body| {
        let call = client.put(&url).body(body);
        lane.send(match header {
            Some(length) => call.header("content-length", length),
            None => call,
        })
    };
    (server, send)
}

fn chunks<const N: usize>(texts: [&'static str; N]) -> Body {
    Body::from_stream(stream::iter(texts.map(io::Result::Ok)))
}

/// Panics at its second chunk.
fn panicking() -> Body {
    let mut first = true;
    Body::from_stream(stream::poll_fn(move |_| {
        assert!(std::mem::take(&mut first), "planned");
        Poll::Ready(Some(io::Result::Ok("once")))
    }))
}

fn a_body_that_panics<L: Lane>() {
    let (_server, put) = sender::<L>();
    let error = put(None, panicking()).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Interceptor, "{text}");
    assert!(text.ends_with("the adapter panicked: planned"), "{text}");
    assert!(!error.is_retryable());
    let after = put(None, chunks(["fine"])).unwrap();
    assert_eq!(after.status(), 204);
}

fn a_body_that_is_declared_empty_and_is_not<L: Lane>() {
    fn refused(result: Result<Response>) {
        let error: Error = result.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{text}");
        assert!(text.contains("longer than the declared 0 bytes"), "{text}");
    }
    let (server, put) = sender::<L>();
    refused(put(None, chunks(["lost"]).with_length(0)));
    let factory = Body::factory(|| chunks(["lost"])).with_length(0);
    refused(put(None, factory));
    refused(put(Some(0), chunks(["lost"])));
    assert_eq!(server.requests().len(), 0);
    for empty in [chunks([]), chunks([""]), Body::factory(Body::empty)] {
        let response = put(None, empty.with_length(0)).unwrap();
        assert_eq!(response.status(), 204);
    }
}

macro_rules! everywhere {
    ($($name:ident: $law:ident;)*) => {$(
        #[test]
        fn $name() {
            $law::<ReqwestAsync>();
            $law::<ReqwestBlocking>();
            $law::<UreqBlocking>();
            $law::<UreqOffload>();
        }
    )*};
}

everywhere! {
    a_body_that_panics_fails_its_call_and_no_other: a_body_that_panics;
    bytes_of_a_body_that_is_declared_empty_are_not_lost_in_silence: a_body_that_is_declared_empty_and_is_not;
}
