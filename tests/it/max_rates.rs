//! Bodies that are slowed down, in either direction.

use std::{
    future::Future,
    io::{self, Read},
    pin::Pin,
    time::{Duration, Instant, SystemTime},
};

use tollgate::{
    Body, CancelHandle, ErrorKind, MockReply, Response, Result, Runtime,
    client::{Call, Defaults},
    runtime::ManualRuntime,
};

use crate::{
    progress::told,
    support::{Way, World, everywhere, wait_until},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A sleep moves the time to its end.
#[derive(Clone, Debug)]
pub(crate) struct Hurry(pub(crate) ManualRuntime);

impl Runtime for Hurry {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let time = self.0.clone();
        Box::pin(async move { time.advance(span) })
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(task);
    }
}

fn hurried<W: Way>(world: &World<W>) -> (World<W>, ManualRuntime) {
    let time = ManualRuntime::new();
    let world = world.with(|builder| {
        let builder = builder.runtime(Hurry(time.clone())).without_timeout();
        builder.max_upload_rate(1000).max_download_rate(1000)
    });
    (world, time)
}

/// Bytes that differ, in one piece or read as they are asked for.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

pub(crate) fn bodies(length: usize) -> [Body; 2] {
    let read = Body::from_reader(io::Cursor::new(bytes(length)));
    [bytes(length).into(), read]
}

/// How long a call takes by the clock of its client.
fn took<W: Way>(time: &ManualRuntime, call: Call<W::Engine>) -> (Result<Response>, Duration) {
    let begin = time.now();
    let result = W::send(call);
    (result, time.now() - begin)
}

#[test]
fn an_upload_takes_as_long_as_its_rate_says() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = hurried(world);
        for (length, span) in [(0, 0), (500, 0), (501, 1), (3500, 3000), (100_500, 100_000)] {
            for body in bodies(length) {
                let call = world.client.post("/u").body(body);
                let (result, took) = took::<W>(&time, call);
                result.unwrap();
                assert_eq!(took, Duration::from_millis(span), "{length}");
                let sent = world.mock.requests();
                let last = sent.last().unwrap();
                assert!(last.body()[..] == bytes(length)[..], "{length}");
            }
        }
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn a_download_takes_as_long_as_its_rate_says() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = hurried(world);
        for (length, span) in [(500, 0), (3500, 3000), (100_500, 100_000)] {
            let [_, body] = bodies(length);
            world.mock.push(MockReply::status(200, body));
            let (result, took) = took::<W>(&time, world.client.get("/u"));
            assert!(result.unwrap().bytes().unwrap()[..] == bytes(length)[..]);
            assert_eq!(took, Duration::from_millis(span), "{length}");
        }
        // What is in memory has come already.
        world.mock.push(MockReply::status(200, bytes(3500)));
        assert_eq!(took::<W>(&time, world.client.get("/u")).1, Duration::ZERO);
    }
    everywhere!(law);
}

/// The server has been as quick as it could: `read_timeout` is not for our
/// own waits.
#[test]
fn a_stream_waits_as_it_is_read_and_not_for_the_server() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = hurried(world);
        let [_, body] = bodies(3500);
        world.mock.push(MockReply::status(200, body));
        let call = world.client.get("/u").stream();
        let call = call.read_timeout(Duration::from_millis(1));
        let (result, passed) = took::<W>(&time, call);
        let mut reader = result.unwrap().into_body().into_reader();
        assert_eq!(passed, Duration::ZERO);
        let begin = time.now();
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert_eq!(all, bytes(3500));
        assert_eq!(time.now() - begin, 3 * SECOND);
    }
    everywhere!(law);
}

#[test]
fn a_call_inherits_a_rate_replaces_it_or_takes_it_off() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = hurried(world);
        let up = |set: &dyn Fn(Call<W::Engine>) -> Call<W::Engine>| {
            let call = world.client.post("/u").body(bytes(3500));
            took::<W>(&time, set(call)).1
        };
        let down = |set: &dyn Fn(Call<W::Engine>) -> Call<W::Engine>| {
            let [_, body] = bodies(3500);
            world.mock.push(MockReply::status(200, body));
            took::<W>(&time, set(world.client.get("/u"))).1
        };
        assert_eq!(up(&|it| it), 3 * SECOND);
        assert_eq!(up(&|it| it.max_upload_rate(2000)), SECOND * 5 / 4);
        assert_eq!(up(&|it| it.max_upload_rate(0)), 3499 * SECOND);
        assert_eq!(up(&|it| it.without_max_upload_rate()), Duration::ZERO);
        assert_eq!(down(&|it| it), 3 * SECOND);
        assert_eq!(down(&|it| it.max_download_rate(2000)), SECOND * 5 / 4);
        assert_eq!(down(&|it| it.without_max_download_rate()), Duration::ZERO);
        let config = world.client.config();
        assert_eq!(config.max_upload_rate(), Some(1000));
        assert_eq!(config.max_download_rate(), Some(1000));
        let child = W::build(world.client.derive().without_max_upload_rate());
        let call = child.post("/u").body(bytes(3500));
        assert_eq!(took::<W>(&time, call).1, Duration::ZERO);
        let off = Defaults::without_max_download_rate;
        world.client.update_defaults(off).unwrap();
        assert_eq!(down(&|it| it), Duration::ZERO);
        assert_eq!(up(&|it| it), 3 * SECOND);
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn the_time_of_a_call_goes_on_while_it_is_slowed_down() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = hurried(world);
        let check = |(result, passed): (Result<Response>, Duration), what: &str| {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(passed, 2 * SECOND);
        };
        let deadline = "the call's deadline of 2s has passed";
        let timeout = "the attempt's timeout of 2s has passed";
        for body in bodies(3500) {
            let call = || world.client.post("/u");
            let late = call().body(body).deadline(2 * SECOND);
            check(took::<W>(&time, late), deadline);
            let late = call().body(bytes(3500)).timeout(2 * SECOND);
            check(took::<W>(&time, late), timeout);
        }
        let push = || {
            let [_, body] = bodies(3500);
            world.mock.push(MockReply::status(200, body));
            world.client.get("/u")
        };
        check(took::<W>(&time, push().deadline(2 * SECOND)), deadline);
        check(took::<W>(&time, push().timeout(2 * SECOND)), timeout);
        let stream = W::send(push().stream().deadline(2 * SECOND)).unwrap();
        let mut read = Vec::new();
        let mut reader = stream.into_body().into_reader();
        let error = reader.read_to_end(&mut read).unwrap_err();
        let error = tollgate::Error::from(error);
        assert!(error.to_string().contains(deadline), "{error}");
        assert!(read.len() >= 2000 && read.len() < 3000);
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn a_call_that_waits_for_its_rate_can_be_cancelled() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            let builder = builder.max_upload_rate(1).max_download_rate(1);
            builder.without_timeout().without_read_timeout()
        });
        let [_, body] = bodies(3500);
        let download = world.client.get("/u");
        let stream = world.client.get("/u").stream();
        let upload = world.client.post("/u").body(body);
        for (is_stream, is_upload, call) in [
            (false, false, download),
            (true, false, stream),
            (false, true, upload),
        ] {
            if !is_upload {
                let [_, body] = bodies(3500);
                world.mock.push(MockReply::status(200, body));
            }
            let handle = CancelHandle::new();
            let call = call.cancel_handle(&handle);
            let error = std::thread::scope(|scope| {
                let running = scope.spawn(|| -> Result<Response> {
                    let response = W::send(call)?;
                    if !is_stream {
                        return Ok(response);
                    }
                    let mut reader = response.into_body().into_reader();
                    match reader.read_to_end(&mut Vec::new()) {
                        Ok(_) => panic!("a body at one byte a second is over"),
                        Err(error) => Err(error.into()),
                    }
                });
                wait_until("the call waits", || handle.waiting() > 0);
                handle.cancel_with("enough");
                running.join().unwrap().unwrap_err()
            });
            assert!(error.is_cancelled(), "{error}");
            assert!(error.to_string().contains("the call was cancelled: enough"));
            assert_eq!(handle.waiting(), 0, "a listener is left");
        }
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn progress_is_told_as_the_bytes_go() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = hurried(world);
        let call = world.client.post("/u").body(bytes(1500));
        let call = call.on_upload_progress(told(&world.log, "up"));
        world.finish(call.without_on_download_progress()).unwrap();
        world.logged(
            "up#1 500/1500 +500 | up#1 1000/1500 +500 2000/s 250ms | \
             up#1 1500/1500 +500 1500/s 0ms done | T POST /u | => 200",
        );
    }
    everywhere!(law);
}
