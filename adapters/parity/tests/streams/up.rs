//! Uploads from a stream.

use std::{
    error::Error as StdError,
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;
use tollgate::{
    Body, BodyError, Error, ErrorKind,
    adapter::conformance::{Reply, Script, Server},
};
use tollgate_parity::{Lane, Limits};

use crate::{AMPLE, everywhere};

const COUNT: u8 = 40;
const LENGTH: usize = 5000;

#[derive(Debug)]
struct Torn;

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source is torn")
    }
}

impl StdError for Torn {}

/// Gives a chunk at every second poll, and at the end perhaps an error.
struct Source {
    given: u8,
    waits: bool,
    end: Option<BodyError>,
}

impl Source {
    fn new(end: Option<BodyError>) -> Self {
        Self {
            given: 0,
            waits: false,
            end,
        }
    }
}

impl Stream for Source {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.waits = !self.waits;
        if self.waits {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.given == COUNT {
            return Poll::Ready(self.end.take().map(Err));
        }
        self.given += 1;
        Poll::Ready(Some(Ok(vec![self.given; LENGTH].into())))
    }
}

fn server() -> Server {
    let script = Script::new().on("/clean", Reply::new(200).body("clean"));
    Server::start(script.on("/up", Reply::new(204))).unwrap()
}

#[test]
fn a_stream_arrives_whole_and_in_order() {
    fn law<L: Lane>() {
        let lane = L::start(Limits::default()).unwrap();
        let server = server();
        let client = lane.builder().timeout(AMPLE).build().unwrap();
        let call = client.put(server.url("/up"));
        lane.send(call.body(Body::from_stream(Source::new(None))))
            .unwrap();
        let requests = server.requests();
        let [request] = &*requests else {
            panic!("{}: {} requests", L::name(), requests.len());
        };
        let sent: Vec<u8> = (1..=COUNT).flat_map(|it| [it; LENGTH]).collect();
        assert!(request.body() == &sent[..], "{}", L::name());
        let coding = request.headers().get("transfer-encoding");
        assert_eq!(coding.unwrap(), "chunked", "{}", L::name());
    }
    everywhere!(law);
}

/// Sends a stream that ends so, and a clean call after it.
fn failed<L: Lane>(end: BodyError) -> Error {
    let lane = L::start(Limits::default()).unwrap();
    let server = server();
    let client = lane.builder().timeout(AMPLE).build().unwrap();
    let call = client.put(server.url("/up"));
    let call = call.body(Body::from_stream(Source::new(Some(end))));
    let error = lane.send(call).unwrap_err();
    assert!(server.wait_until_closed(AMPLE), "{}", L::name());
    assert!(server.requests().is_empty(), "{}: it is whole", L::name());
    let response = lane.send(client.get(server.url("/clean"))).unwrap();
    assert_eq!(response.text().unwrap(), "clean", "{}", L::name());
    error
}

/// Finds an error of this type among the causes of another.
fn cause<E: StdError + 'static>(error: &Error) -> Option<&E> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

#[test]
fn a_stream_that_fails_fails_the_request_and_stands_among_the_causes() {
    fn law<L: Lane>() {
        let error = failed::<L>(Torn.into());
        assert!(cause::<Torn>(&error).is_some(), "{}: {error:?}", L::name());
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{}", L::name());
        let request = error.request().unwrap();
        assert_eq!(request.uri().path(), "/up", "{}", L::name());
        let error = failed::<L>(io::Error::from(io::ErrorKind::StorageFull).into());
        let cause = cause::<io::Error>(&error).map(io::Error::kind);
        assert_eq!(cause, Some(io::ErrorKind::StorageFull), "{}", L::name());
    }
    everywhere!(law);
}

#[test]
fn an_error_of_ours_in_a_stream_is_the_error_of_the_call() {
    fn law<L: Lane>() {
        let ours = Error::new(ErrorKind::InvalidRequest, "the third row has no name");
        let error = failed::<L>(ours.into());
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{}", L::name());
        let text = error.to_string();
        assert!(text.contains("the third row"), "{}: {text}", L::name());
    }
    everywhere!(law);
}
