//! Law 11, second half: `timeout` covers an attempt, `deadline` the call.

use std::{future::pending, time::Duration};

use tollgate::{
    Attempt, Body, Error, ErrorCode, MockAdapter, MockReply, Request, Response, ResponseFlow,
    client::Call,
    runtime::{ManualRuntime, Runtime},
};

use crate::support::{Do, Log, Reply, Way, World, everywhere, stalling_body, wait_until};

const SECOND: Duration = Duration::from_secs(1);

/// Sends a call on another thread, and moves the time whenever it sleeps.
pub(crate) fn in_time<W: Way>(
    world: &World<W>,
    time: &ManualRuntime,
    call: Call<W::Engine>,
    step: Duration,
) -> tollgate::Result<Response> {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| world.finish(call));
        wait_until("the call is over", || {
            if time.sleeping() > 0 {
                time.advance(step);
            }
            running.is_finished()
        });
        running.join().unwrap()
    })
}

fn stopped_clock<W: Way>(world: &World<W>) -> (World<W>, ManualRuntime) {
    let time = ManualRuntime::new();
    let world = world.with(|builder| builder.runtime(time.clone()).timeout(30 * SECOND));
    (world, time)
}

#[test]
fn an_attempt_that_gets_no_answer_times_out() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        world.mock.push(MockReply::never());
        world.response("S", Do::Pass, Do::Pass);
        let begin = time.now();
        let error = in_time(&world, &time, world.client.get("/u"), SECOND).unwrap_err();
        world.logged("S.err | => Timeout");
        assert!(time.now() - begin >= 30 * SECOND, "not before its time");
        assert!(error.is_timeout());
        assert_eq!(error.code(), ErrorCode::TimedOut);
        let text = error.to_string();
        assert!(
            text.contains("the attempt's timeout of 30s has passed"),
            "{text}"
        );
        assert!(text.contains("raise `timeout`"), "{text}");
        assert_eq!(time.sleeping(), 0);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_call_sets_its_own_timeout_or_none() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        // Later than `in_time` ever goes: an answer that is there wins.
        world
            .mock
            .push(MockReply::status(200, "late").after(100_000 * SECOND));
        let call = world.client.get("/u").timeout(2 * SECOND);
        let error = in_time(&world, &time, call, SECOND).unwrap_err();
        assert!(error.to_string().contains("timeout of 2s"), "{error}");
        world
            .mock
            .push(MockReply::status(200, "late").after(1000 * SECOND));
        let call = world.client.get("/u").without_timeout();
        let response = in_time(&world, &time, call, 100 * SECOND).unwrap();
        assert!(response.elapsed() >= 1000 * SECOND, "by the client's clock");
        assert_eq!(time.sleeping(), 0);
    }
    everywhere!(law);
}

#[test]
fn each_attempt_has_its_own_timeout() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        world
            .mock
            .push(MockReply::status(503, "").after(20 * SECOND));
        world
            .mock
            .push(MockReply::status(503, "").after(20 * SECOND));
        world.response("again", Do::Pass, Do::Replay(3));
        in_time(&world, &time, world.client.get("/u"), SECOND).unwrap();
        world.logged("again.err | again.err | T GET /u | again.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_timed_out_attempt_can_be_replayed() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        world.mock.push(MockReply::never());
        world.response("again", Do::Pass, Do::Replay(2));
        in_time(&world, &time, world.client.get("/u"), SECOND).unwrap();
        world.logged("again.err | T GET /u | again.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn the_timeout_covers_the_body_to_its_last_byte() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        world.script([Reply::Body(200, stalling_body())]);
        let error = in_time(&world, &time, world.client.get("/u"), SECOND).unwrap_err();
        assert!(error.is_timeout() && error.is_status(200), "{error:?}");
        assert_eq!(time.sleeping(), 0);
    }
    everywhere!(law);
}

#[test]
fn the_timeout_covers_all_hops_of_an_attempt() {
    fn law<W: Way>(_: &World<W>) {
        let time = ManualRuntime::new();
        let (clock, log) = (time.clone(), Log::default());
        let (begin, told) = (time.now(), log.clone());
        let mock = MockAdapter::new()
            .with_runtime(time)
            .handler(move |request| {
                let until = Attempt::of(request).deadline().unwrap();
                told.add(format!("{:?}", until - begin));
                clock.advance(20 * SECOND);
                let mut response = http::Response::new(Body::empty());
                *response.status_mut() = http::StatusCode::FOUND;
                response
                    .headers_mut()
                    .insert("location", "/next".parse().unwrap());
                Ok(response)
            });
        let client = W::build(W::builder(mock).timeout(30 * SECOND));
        assert!(W::send(client.get("http://h/")).unwrap_err().is_timeout());
        assert_eq!(log.take(), ["30s", "30s"]);
    }
    everywhere!(law);
}

#[test]
fn the_timeout_leaves_the_time_of_hooks_out() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        let clock = time.clone();
        world.client.interceptors.request.use_sync(move |request| {
            clock.advance(100 * SECOND);
            Ok(request)
        });
        world.get("/u").unwrap();
        world.logged("T GET /u | => 200");
    }
    everywhere!(law);
}

#[test]
fn the_deadline_covers_hooks_attempts_and_waits() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        let clock = time.clone();
        world.client.interceptors.request.use_sync(move |request| {
            clock.advance(4 * SECOND);
            Ok(request)
        });
        world.script([Reply::Status(503), Reply::Status(503), Reply::Status(503)]);
        world
            .client
            .interceptors
            .response
            .use_rejected(async |error: Error| match error.replay()? {
                ResponseFlow::Replay(replay) => Ok(replay.after(4 * SECOND).into()),
                other => Ok(other),
            });
        world.response("S", Do::Pass, Do::Pass);
        let call = world.client.get("/u").deadline(10 * SECOND);
        let error = in_time(&world, &time, call, SECOND).unwrap_err();
        // 4 s of hooks, 4 s of waiting, 4 s of hooks: over before the second attempt.
        assert_eq!(world.mock.count(), 1);
        let text = error.to_string();
        assert!(
            text.contains("the call's deadline of 10s has passed"),
            "{text}"
        );
        assert!(text.contains("raise `deadline`"), "{text}");
        assert!(error.is_timeout());
        assert_eq!(time.sleeping(), 0);
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn the_deadline_ends_a_hook_an_attempt_a_wait_and_a_body() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        let ends = |what: &str| {
            let call = world.client.get("/u").deadline(3 * SECOND);
            let error = in_time(&world, &time, call, SECOND).unwrap_err();
            assert!(
                error.to_string().contains("the call's deadline of 3s"),
                "{what}: {error}"
            );
            assert_eq!(time.sleeping(), 0, "{what}");
        };
        world.mock.push(MockReply::never());
        ends("an attempt");
        world.mock.push(MockReply::status(200, stalling_body()));
        ends("a body");
        let slow = world
            .client
            .interceptors
            .response
            .use_(async |_| pending().await);
        ends("a response hook");
        world.client.interceptors.response.eject(slow);
        world
            .client
            .interceptors
            .response
            .use_flow(async |response: Response| match response.replay() {
                ResponseFlow::Replay(replay) => Ok(replay.after(6000 * SECOND).into()),
                other => Ok(other),
            });
        ends("a wait");
        world
            .client
            .interceptors
            .request
            .use_(async |_: Request| pending().await);
        ends("a request hook");
        assert_eq!(world.mock.count(), 4);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_deadline_shorter_than_the_timeout_wins_and_the_client_may_set_it() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        let world = world.with(|builder| builder.runtime(time.clone()).deadline(2 * SECOND));
        world.mock.push(MockReply::never());
        let error = in_time(&world, &time, world.client.get("/u"), SECOND).unwrap_err();
        assert!(
            error.to_string().contains("the call's deadline of 2s"),
            "{error}"
        );
        world
            .mock
            .push(MockReply::status(200, "").after(10 * SECOND));
        let call = world.client.get("/u").without_deadline();
        in_time(&world, &time, call, SECOND).unwrap();
    }
    everywhere!(law);
}

#[test]
fn a_streamed_body_may_take_long_but_not_each_chunk() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        world.script([Reply::Body(200, stalling_body())]);
        let call = world.client.get("/u").stream().read_timeout(3 * SECOND);
        let response = world.finish(call).unwrap();
        assert!(response.bytes().is_err(), "it is not in memory");
        time.advance(100 * SECOND);
        let mut reader = response.into_body().into_reader();
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || std::io::read_to_string(&mut reader));
            wait_until("the reader is over", || {
                if time.sleeping() > 0 {
                    time.advance(SECOND);
                }
                reading.is_finished()
            });
            let error = Error::from(reading.join().unwrap().unwrap_err());
            assert!(error.is_timeout());
            assert!(error.to_string().contains("within 3s"), "{error}");
        });
        assert_eq!(time.sleeping(), 0);
    }
    everywhere!(law);
}
