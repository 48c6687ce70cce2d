//! What a response tells beside its status, headers and body.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use tollgate::{Body, BodyError, MockReply, Request, runtime::ManualRuntime};

use crate::support::{Do, Reply, Way, World, everywhere};

const SECOND: Duration = Duration::from_secs(1);

/// A body of these frames.
struct Frames(VecDeque<Frame<Bytes>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

fn with_trailers() -> Body {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("c0ffee"));
    Body::stream(Frames(VecDeque::from([
        Frame::data(Bytes::from_static(b"one ")),
        Frame::data(Bytes::from_static(b"two")),
        Frame::trailers(trailers),
    ])))
}

#[test]
fn trailers_of_a_body_in_memory_are_kept() {
    fn law<W: Way>(world: &World<W>) {
        world.mock.push(MockReply::status(200, with_trailers()));
        world.script([Reply::Body(200, "bare".into())]);
        let response = world.get("/u").unwrap();
        assert_eq!(response.text().unwrap(), "one two");
        assert_eq!(response.trailers().unwrap()["x-checksum"], "c0ffee");
        let copy = response.try_clone().unwrap();
        assert_eq!(copy.trailers(), response.trailers());
        assert_eq!(world.get("/u").unwrap().trailers(), None);
        // Those of a refused answer reach the error.
        world.mock.push(MockReply::status(500, with_trailers()));
        let error = world.get("/u").unwrap_err();
        let trailers = error.response().unwrap().trailers().unwrap();
        assert_eq!(trailers["x-checksum"], "c0ffee");
        world.log.take();
    }
    everywhere!(law);
}

/// Takes so long to be read.
struct Slow(ManualRuntime, Duration);

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.advance(self.1);
        Poll::Ready(None)
    }
}

/// An attempt counts from its own beginning, the call from that of the first.
#[test]
fn the_attempt_and_the_call_are_timed_apart() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        let world = world.with(|builder| builder.runtime(time.clone()));
        for (status, taken) in [(503, 2 * SECOND), (200, 3 * SECOND)] {
            let body = Body::stream(Slow(time.clone(), taken));
            world.mock.push(MockReply::status(status, body));
        }
        let clock = time.clone();
        let before_each_attempt = move |request: Request| {
            clock.advance(10 * SECOND);
            Ok(request)
        };
        world
            .client
            .interceptors
            .request
            .use_sync(before_each_attempt);
        world.response("again", Do::Pass, Do::Replay(2));
        let response = world.get("/u").unwrap();
        assert_eq!(response.attempts(), 2);
        assert_eq!(response.elapsed(), 3 * SECOND);
        assert_eq!(response.total_elapsed(), 15 * SECOND);
        world.log.take();
    }
    everywhere!(law);
}
