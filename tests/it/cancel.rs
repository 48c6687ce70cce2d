//! Law 11, first half: cancellation is honoured wherever a call is.

use std::{
    future::{Future, pending},
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use tollgate::{
    CancelHandle, Client, Error, ErrorCode, MockAdapter, MockReply, Request, Response,
    ResponseFlow, client::Call, runtime::ManualRuntime,
};

use crate::support::{Do, Log, Reply, Style, Way, World, everywhere, stalling_body, wait_until};

/// Sends on another thread, and cancels as soon as the call, which has been sent
/// so many times by then, waits for it.
fn cancelled_in_flight<W: Way>(world: &World<W>, call: Call<W::Engine>, sent: usize) -> Error {
    let handle = CancelHandle::new();
    let call = call.cancel_handle(&handle);
    let result = std::thread::scope(|scope| {
        let running = scope.spawn(|| world.finish(call));
        let waits = || world.mock.count() == sent && handle.waiting() > 0;
        wait_until("the call waits", waits);
        handle.cancel_with("enough");
        running.join().unwrap()
    });
    let error = result.unwrap_err();
    assert!(error.is_cancelled());
    assert!(
        error.to_string().contains("the call was cancelled: enough"),
        "{error}"
    );
    assert_eq!(handle.waiting(), 0, "a listener is left");
    error
}

#[test]
fn a_call_that_was_cancelled_before_is_not_sent() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        handle.cancel_with("too late");
        world.request("Q", Do::Pass, Do::Recover);
        world.response("S", Do::Pass, Do::Pass);
        let call = world.client.get("/u").cancel_handle(&handle);
        let error = world.finish(call).unwrap_err();
        world.logged("Q.err | S.err | => Cancelled");
        assert_eq!(world.mock.count(), 0);
        assert!(error.to_string().contains("too late"), "{error}");
        assert_eq!(error.code(), ErrorCode::Cancelled);
        assert_eq!(error.code().as_str(), "ERR_CANCELED");
        assert!(!error.is_connect() && !error.is_timeout());
        assert_eq!(error.request().unwrap().uri(), "http://h/u");
        world.client.interceptors.request.clear();
        let call = world.client.get("/u").cancel_handle(&handle);
        world.finish(call).unwrap_err();
        world.logged("S.err | => Cancelled");
        assert_eq!(world.mock.count(), 0);
    }
    everywhere!(law);
}

#[test]
fn a_cancellation_is_not_blamed_on_a_hook_that_only_hears_of_it() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        handle.cancel();
        world.request("Q1", Do::Pass, Do::Pass);
        world.request("Q2", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        let call = world.client.get("/u").cancel_handle(&handle);
        let error = world.finish(call).unwrap_err();
        world.logged("Q2.err | Q1.err | S.err | => Cancelled");
        assert_eq!(error.interceptor(), None, "{error}");
    }
    everywhere!(law);
}

#[test]
fn a_cancellation_between_request_hooks_keeps_the_call_from_being_sent() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        world.request("Q", Do::Pass, Do::Pass);
        let (inner, log) = (handle.clone(), world.log.clone());
        world.client.interceptors.request.use_sync(move |request| {
            log.add("cancels");
            inner.cancel();
            Ok(request)
        });
        world.response("S", Do::Pass, Do::Pass);
        let call = world.client.get("/u").cancel_handle(&handle);
        world.finish(call).unwrap_err();
        world.logged("cancels | Q.err | S.err | => Cancelled");
        assert_eq!(world.mock.count(), 0);
    }
    everywhere!(law);
}

#[test]
fn a_cancellation_by_the_last_request_hook_is_honoured_at_dispatch() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        let inner = handle.clone();
        world.client.interceptors.request.use_sync(move |request| {
            inner.cancel();
            Ok(request)
        });
        let call = world.client.get("/u").cancel_handle(&handle);
        world.finish(call).unwrap_err();
        world.logged("=> Cancelled");
        assert_eq!(world.mock.count(), 0);
    }
    everywhere!(law);
}

#[test]
fn nobody_recovers_a_cancelled_call() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        handle.cancel();
        world.request("Q1", Do::Pass, Do::Pass);
        world.request("Q2", Do::Pass, Do::Recover);
        world.response("S1", Do::Pass, Do::Answer(200));
        world.response("S2", Do::Pass, Do::Pass);
        world.response("S3", Do::Pass, Do::Answer(200));
        let call = world.client.get("/u").cancel_handle(&handle);
        world.finish(call).unwrap_err();
        world.logged("Q2.err | Q1.err | S1.err | S2.err | S3.err | => Cancelled");
        assert_eq!(world.mock.count(), 0);
    }
    everywhere!(law);
}

/// Says so when its future is dropped.
struct Guard(Log);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

#[test]
fn a_cancellation_during_a_request_hook_drops_it_at_its_await() {
    fn law<W: Way>(world: &World<W>) {
        world.request("Q", Do::Pass, Do::Pass);
        let log = world.log.clone();
        world
            .client
            .interceptors
            .request
            .named("slow")
            .use_(async move |request: Request| {
                let _guard = Guard(log.clone());
                pending::<()>().await;
                Ok(request)
            });
        world.response("S", Do::Pass, Do::Pass);
        let error = cancelled_in_flight(world, world.client.get("/u"), 0);
        world.logged("dropped | Q.err | S.err | => Cancelled");
        if world.style != Style::Later {
            // An error half that waits is dropped, and the error with it.
            assert_eq!(
                error.interceptor(),
                Some("slow"),
                "it is where the call stood"
            );
        }
        assert_eq!(world.mock.count(), 0);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_cancellation_during_the_adapter_ends_the_call() {
    fn law<W: Way>(world: &World<W>) {
        world.mock.push(MockReply::never());
        world.request("Q", Do::Pass, Do::Recover);
        world.response("S", Do::Pass, Do::Pass);
        let error = cancelled_in_flight(world, world.client.get("/u"), 1);
        world.logged("Q.ok | S.err | => Cancelled");
        assert_eq!(error.request().unwrap().uri(), "http://h/u");
        assert_eq!(world.mock.count(), 1);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_cancellation_during_the_body_ends_the_call() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Body(200, stalling_body())]);
        let error = cancelled_in_flight(world, world.client.get("/u"), 1);
        world.logged("T GET /u | => Cancelled");
        assert!(error.is_status(200), "the head had come");
    }
    everywhere!(law);
}

#[test]
fn a_cancellation_while_a_response_hook_waits_skips_the_later_ones() {
    fn law<W: Way>(world: &World<W>) {
        let log = world.log.clone();
        world
            .client
            .interceptors
            .response
            .use_(async move |response: Response| {
                let _guard = Guard(log.clone());
                pending::<()>().await;
                Ok(response)
            });
        world.response("S", Do::Pass, Do::Pass);
        cancelled_in_flight(world, world.client.get("/u"), 1);
        world.logged("T GET /u | dropped | S.err | => Cancelled");
    }
    everywhere!(law);
}

#[test]
fn a_cancellation_by_the_last_response_hook_still_counts() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        let inner = handle.clone();
        world
            .client
            .interceptors
            .response
            .use_sync(move |response| {
                inner.cancel();
                Ok(response)
            });
        let call = world.client.get("/u").cancel_handle(&handle);
        world.finish(call).unwrap_err();
        world.logged("T GET /u | => Cancelled");
    }
    everywhere!(law);
}

/// Registers a hook that replays after an hour.
fn backs_off<W: Way>(world: &World<W>) {
    world
        .client
        .interceptors
        .response
        .use_rejected(async |error: Error| {
            let ResponseFlow::Replay(replay) = error.replay()? else {
                unreachable!("a replay is a replay");
            };
            Ok(replay.after(Duration::from_secs(3600)).into())
        });
}

#[test]
fn a_cancellation_during_back_off_ends_the_wait() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        let world = world.with(|builder| builder.runtime(time.clone()));
        world.script([Reply::Status(503)]);
        backs_off(&world);
        world.response("S", Do::Pass, Do::Pass);
        cancelled_in_flight(&world, world.client.get("/u"), 1);
        world.logged("T GET /u | S.err | => Cancelled");
        assert_eq!(time.sleeping(), 0, "a sleep is left");
    }
    everywhere!(law);
}

#[test]
fn one_handle_cancels_many_calls() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                world.mock.push(MockReply::never());
                let call = world.client.get("/u").cancel_handle(&handle);
                scope.spawn(move || assert!(W::send(call).unwrap_err().is_cancelled()));
            }
            wait_until("all calls wait", || handle.waiting() >= 4);
            handle.cancel();
        });
        assert_eq!(handle.waiting(), 0);
        assert_eq!(world.mock.count(), 4);
    }
    everywhere!(law);
}

#[test]
fn a_finished_call_leaves_no_listener() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        world.request("Q", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        world
            .mock
            .push(MockReply::status(200, "late").after(Duration::from_millis(5)));
        world
            .finish(world.client.get("/u").cancel_handle(&handle))
            .unwrap();
        assert_eq!(handle.waiting(), 0);
        handle.cancel();
        world.get("/other").unwrap();
        world.logged("Q.ok | S.ok | => 200 | Q.ok | T GET /other | S.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_streamed_body_stops_when_the_call_is_cancelled() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        world.script([Reply::Body(200, stalling_body())]);
        let call = world.client.get("/u").stream().cancel_handle(&handle);
        let mut body = world.finish(call).unwrap().into_body().into_reader();
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || std::io::read_to_string(&mut body));
            wait_until("the reader waits", || handle.waiting() > 0);
            handle.cancel();
            let error = reading.join().unwrap().unwrap_err();
            assert!(Error::from(error).is_cancelled());
        });
        assert_eq!(handle.waiting(), 0);
    }
    everywhere!(law);
}

/// Polls a call once, drops it, and looks for what it has left behind.
fn dropped_after_one_poll(client: &Client, time: &ManualRuntime, sleeps: usize) {
    let handle = CancelHandle::new();
    let call = client.get("http://h/").cancel_handle(&handle);
    {
        let mut sending = pin!(call.deadline(Duration::from_secs(9)).send());
        let polled = sending
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        assert_eq!(handle.waiting(), 1);
        assert_eq!(time.sleeping(), sleeps);
    }
    assert_eq!(handle.waiting(), 0, "a listener is left");
    assert_eq!(time.sleeping(), 0, "a sleep is left");
}

#[test]
fn a_dropped_future_leaves_neither_listener_nor_sleep() {
    let time = ManualRuntime::new();
    let mock = MockAdapter::new().with_runtime(time.clone());
    let client = Client::new(mock.clone());
    mock.push(MockReply::never());
    dropped_after_one_poll(&client, &time, 1);
    mock.push(MockReply::status(200, stalling_body()));
    dropped_after_one_poll(&client, &time, 1);
    mock.push(MockReply::status(503, ""));
    client
        .interceptors
        .response
        .use_rejected(async |error: Error| match error.replay()? {
            ResponseFlow::Replay(replay) => Ok(replay.after(Duration::from_secs(5)).into()),
            other => Ok(other),
        });
    dropped_after_one_poll(&client, &time, 2);
    client.interceptors.response.use_(async |_| pending().await);
    dropped_after_one_poll(&client, &time, 1);
    client.interceptors.request.use_(async |_| pending().await);
    dropped_after_one_poll(&client, &time, 1);
    assert_eq!(mock.count(), 4);
}

/// Those of tokio-util's users, who have a tree of tokens.
#[test]
fn a_cancellation_token_cancels_the_calls_of_its_handle() {
    fn law<W: Way>(world: &World<W>) {
        let parent = tokio_util::sync::CancellationToken::new();
        let handle = CancelHandle::from(parent.child_token());
        world.mock.push(MockReply::never());
        let call = world.client.get("/u").cancel_handle(&handle);
        std::thread::scope(|scope| {
            let running = scope.spawn(|| world.finish(call));
            wait_until("the call is under way", || world.mock.count() == 1);
            parent.cancel();
            let error = running.join().unwrap().unwrap_err();
            assert!(error.is_cancelled(), "{error}");
        });
        // One that comes later is not sent.
        let late = world.client.get("/u").cancel_handle(&handle);
        assert!(world.finish(late).unwrap_err().is_cancelled());
        assert_eq!(world.mock.count(), 1);
        // A handle's own cancellation is its own.
        let token = tokio_util::sync::CancellationToken::new();
        let handle = CancelHandle::from(token.clone());
        handle.cancel_with("enough");
        assert_eq!(handle.reason().unwrap(), "enough");
        assert!(!token.is_cancelled());
        world.log.take();
    }
    everywhere!(law);
}
