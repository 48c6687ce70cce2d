//! Bodies that stall, in either direction.

use std::{
    future::poll_fn,
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, BodyError, Error, ErrorCode, ErrorKind,
    MockReply, Response, Runtime,
    runtime::{ManualRuntime, block_on},
};

use crate::support::{Way, World, everywhere, pending_once};

const SECOND: Duration = Duration::from_secs(1);

fn patient<W: Way>(world: &World<W>) -> (World<W>, ManualRuntime) {
    let time = ManualRuntime::new();
    let world = world.with(|builder| {
        let builder = builder.runtime(time.clone()).without_timeout();
        builder.min_download_rate(10, 5 * SECOND)
    });
    (world, time)
}

/// Lets time pass, and somebody else look at it.
async fn pass(time: &ManualRuntime, by: Duration) {
    time.advance(by);
    pending_once().await;
}

/// Brings a byte after each pause; time passes as it is polled.
struct Drip {
    time: ManualRuntime,
    pause: Duration,
    bytes: usize,
    paused: bool,
}

impl http_body::Body for Drip {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.bytes == 0 {
            return Poll::Ready(None);
        }
        self.paused = !self.paused;
        if self.paused {
            self.time.advance(self.pause);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.bytes -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

/// Lets a second pass at each poll, for ever.
struct Stalled(ManualRuntime);

impl http_body::Body for Stalled {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.advance(SECOND);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn check(error: &Error, what: &str, rate: &str) {
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.code(), ErrorCode::TimedOut);
    let text = error.to_string();
    assert!(
        text.contains(&format!("the {what} came to {rate}")),
        "{text}"
    );
    assert!(text.contains("the limit is 10"), "{text}");
    assert!(text.contains(&format!("lower `min_{what}_rate`")), "{text}");
}

#[test]
fn a_download_that_stops_fails_after_its_window() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = patient(world);
        for stream in [false, true] {
            let body = Body::stream(Stalled(time.clone()));
            world.mock.push(MockReply::status(200, body));
            let begin = time.now();
            let call = world.client.get("/u");
            let error = if stream {
                let body = world.finish(call.stream()).unwrap().into_body();
                let read = body.into_reader().read(&mut [0]);
                Error::from(read.unwrap_err())
            } else {
                let error = world.finish(call).unwrap_err();
                assert!(error.is_status(200), "the head had come");
                error
            };
            assert_eq!(time.now() - begin, 5 * SECOND);
            check(&error, "download", "0 bytes per second over 5s");
            assert_eq!(time.sleeping(), 0);
        }
    }
    everywhere!(law);
}

#[test]
fn a_download_is_held_to_its_rate_in_every_window() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = patient(world);
        let drip = |per_second: u32, bytes| {
            let (time, pause, paused) = (time.clone(), SECOND / per_second, false);
            let body = Body::stream(Drip {
                time,
                pause,
                bytes,
                paused,
            });
            world.mock.push(MockReply::status(200, body));
        };
        let get = || world.client.get("/u");
        // For more than two windows.
        drip(20, 250);
        let response = world.finish(get()).unwrap();
        assert_eq!(response.bytes().unwrap().len(), 250);
        drip(11, 250);
        world.finish(get()).unwrap();
        // Too slow, but over before the window is.
        drip(2, 9);
        world.finish(get()).unwrap();
        drip(2, 11);
        check(
            &world.finish(get()).unwrap_err(),
            "download",
            "1 bytes per second over 5s",
        );
        // A call of its own mind.
        drip(2, 20);
        world.finish(get().without_min_download_rate()).unwrap();
        drip(2, 20);
        world.finish(get().min_download_rate(1, SECOND)).unwrap();
        assert_eq!(time.sleeping(), 0);
    }
    everywhere!(law);
}

/// Each read takes a second and never waits.
struct Slow(ManualRuntime, usize);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.advance(SECOND);
        self.1 -= 1;
        if let Some(first) = buffer.first_mut() {
            *first = b'x';
        }
        Ok(usize::from(self.1 > 0))
    }
}

#[test]
fn a_blocking_reader_is_timed_by_its_reads_and_not_by_who_reads_it() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = patient(world);
        let push = || {
            let body = Body::from_reader(Slow(time.clone(), 100));
            world.mock.push(MockReply::status(200, body));
        };
        push();
        let error = world.finish(world.client.get("/u")).unwrap_err();
        check(&error, "download", "1 bytes per second over 5s");
        // The same rate is enough for a limit of 1; the pauses are not counted.
        push();
        let call = world.client.get("/u").min_download_rate(1, 5 * SECOND);
        let response = world.finish(call.stream().without_read_timeout()).unwrap();
        let mut reader = response.into_body().into_reader();
        let mut byte = [0];
        for _ in 0..20 {
            time.advance(100 * SECOND);
            assert_eq!(reader.read(&mut byte).unwrap(), 1);
        }
    }
    everywhere!(law);
}

/// Takes a body frame by frame, with a pause after each; stops taking after
/// some frames.
struct Taker {
    time: ManualRuntime,
    pause: Duration,
    frames: u32,
}

impl Taker {
    async fn take(&self, mut request: http::Request<Body>) -> Result<u64, AdapterError> {
        let mut taken = 0;
        let mut frames = 0;
        let mut body = Pin::new(request.body_mut());
        while let Some(frame) = poll_fn(|it| body.as_mut().poll_frame(it)).await {
            let frame = frame.map_err(|error| {
                AdapterError::new(ErrorKind::Transport, "the body broke").with_source(error)
            })?;
            taken += frame.data_ref().map_or(0, Bytes::len) as u64;
            frames += 1;
            pass(&self.time, self.pause).await;
            if frames == self.frames {
                loop {
                    pass(&self.time, SECOND).await;
                }
            }
        }
        // The server thinks about it, for longer than any window.
        for _ in 0..100 {
            pass(&self.time, SECOND).await;
        }
        Ok(taken)
    }
}

fn answer(taken: u64) -> http::Response<Body> {
    http::Response::new(taken.to_string().into())
}

#[async_trait]
impl Adapter for Taker {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        self.take(request).await.map(answer)
    }
}

impl BlockingAdapter for Taker {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        block_on(self.take(request)).map(answer)
    }
}

/// Uploads to a server that pauses after each piece, in an engine.
fn upload(
    blocking: bool,
    (pause, frames): (Duration, u32),
    limit: (u64, Duration),
    body: Body,
) -> (tollgate::Result<Response>, Duration) {
    let time = ManualRuntime::new();
    let begin = time.now();
    let runtime = time.clone();
    let taker = Taker {
        time: time.clone(),
        pause,
        frames,
    };
    let result = if blocking {
        let builder = tollgate::blocking::Client::builder(taker).runtime(runtime);
        let client = builder.without_timeout().build().unwrap();
        let call = client.post("http://h/").min_upload_rate(limit.0, limit.1);
        call.body(body).send()
    } else {
        let builder = tollgate::Client::builder(taker).runtime(runtime);
        let builder = builder.min_upload_rate(limit.0, limit.1);
        let client = builder.without_timeout().build().unwrap();
        block_on(client.post("http://h/").body(body).send())
    };
    assert_eq!(time.sleeping(), 0);
    (result, time.now() - begin)
}

const MIB: usize = 1 << 20;

fn bodies() -> [Body; 2] {
    let unknown = io::repeat(0).take(MIB as u64);
    [vec![0; MIB].into(), Body::from_reader(unknown)]
}

/// A blocking adapter cannot be stopped from outside: there, one that takes
/// nothing at all has to ask, as those for reqwest and ureq do.
#[test]
fn an_upload_that_stops_fails_after_its_window_in_the_async_engine() {
    for body in bodies() {
        let (result, took) = upload(false, (SECOND / 4, 3), (10, 5 * SECOND), body);
        check(&result.unwrap_err(), "upload", "0 bytes per second over 5s");
        assert!(took <= 11 * SECOND, "two windows at most: {took:?}");
    }
}

#[test]
fn an_upload_that_is_too_slow_fails_in_both_engines() {
    for blocking in [false, true] {
        for body in bodies() {
            let limit = (1_000_000, 5 * SECOND);
            let (result, took) = upload(blocking, (2 * SECOND, 100), limit, body);
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout);
            let text = error.to_string();
            assert!(text.contains("the limit is 1000000"), "{text}");
            assert!(took <= 8 * SECOND, "{took:?}");
        }
    }
}

#[test]
fn the_time_that_a_server_takes_to_answer_is_no_part_of_an_upload() {
    for blocking in [false, true] {
        for body in bodies() {
            let limit = (10, 5 * SECOND);
            let (result, took) = upload(blocking, (SECOND / 4, 100), limit, body);
            assert_eq!(result.unwrap().text().unwrap(), MIB.to_string());
            assert!(took >= 100 * SECOND);
        }
    }
}
