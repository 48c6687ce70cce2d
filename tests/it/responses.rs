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
use tollgate::{Body, BodyError, ErrorKind, MockReply, Request, runtime::ManualRuntime};

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

/// Takes so long to be read, and perhaps breaks off then.
struct Slow(ManualRuntime, Duration, Option<BodyError>);

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.advance(self.1);
        Poll::Ready(self.2.take().map(Err))
    }
}

/// An attempt counts from its own beginning, the call from that of the first.
#[test]
fn the_attempt_and_the_call_are_timed_apart() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        let world = world.with(|builder| builder.runtime(time.clone()));
        for (status, taken) in [(503, 2 * SECOND), (200, 3 * SECOND)] {
            let body = Body::stream(Slow(time.clone(), taken, None));
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

/// Whether no answer came, its body broke off, or its status was refused.
#[test]
fn an_error_tells_how_long_it_took_and_the_answer_whose_body_failed_where_it_came_from() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        let world = world.with(|builder| builder.runtime(time.clone()));
        let slow = |broken: Option<&str>| {
            let broken = broken.map(BodyError::from);
            Body::stream(Slow(time.clone(), 3 * SECOND, broken))
        };

        world.script([
            Reply::Redirect(302, "/v"),
            Reply::Body(200, slow(Some("torn"))),
        ]);
        let error = world.get("/u").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert_eq!(error.request().unwrap().uri(), "http://h/v");
        let response = error.response().unwrap();
        assert_eq!(response.uri().unwrap(), "http://h/v");
        assert_eq!(response.redirects(), ["http://h/u"]);
        assert_eq!((response.elapsed(), response.attempts()), (3 * SECOND, 1));
        assert_eq!((error.elapsed(), error.attempts()), (3 * SECOND, 1));

        world.script([Reply::Body(503, slow(None))]);
        let error = world.get("/u").unwrap_err();
        assert_eq!(
            (error.elapsed(), error.total_elapsed()),
            (3 * SECOND, 3 * SECOND)
        );

        let clock = time.clone();
        let slow_redirects = world.with(|builder| {
            builder.runtime(time.clone()).before_redirect(move |_| {
                clock.advance(SECOND);
                Ok(())
            })
        });
        world.script([Reply::Redirect(302, "/v"), Reply::Fail(ErrorKind::Connect)]);
        let error = slow_redirects.get("/u").unwrap_err();
        assert_eq!(
            (error.elapsed(), error.kind()),
            (SECOND, ErrorKind::Connect)
        );
        assert!(error.response().is_none());

        let error = world.get("http://[").unwrap_err();
        assert_eq!(
            (error.elapsed(), error.total_elapsed()),
            (Duration::ZERO, Duration::ZERO)
        );
        world.log.take();
    }
    everywhere!(law);
}
