//! Cases 81 to 91: cancellation and time.

use std::{
    future::pending,
    thread,
    time::{Duration, Instant},
};

use tollgate::{
    CancelHandle, Error, ErrorCode, ErrorKind, Response, adapter::conformance::Reply, client::Call,
};

use crate::{
    case::cases,
    lanes::Stage,
    support::{Do, World, wait_until},
};

cases! {
    81 a_call_that_is_cancelled_before_is_not_sent;
    82 a_call_that_is_cancelled_in_flight_ends_with_its_connection;
    83 one_handle_cancels_many_calls;
    85 a_cancel_while_a_response_hook_waits_skips_the_later_ones
        deviates "axios looks at the signal in its adapter only, and the call is a success";
    87 a_finished_call_leaves_no_listener;
    88 a_cancel_is_no_failure_of_the_network
        deviates "axios's error of a `CancelToken` carries no request";
    89 a_call_without_an_answer_ends_at_its_timeout;
    90 a_slow_drip_ends_at_the_timeout
        deviates "axios's timeout starts anew with every byte on node";
    91 a_body_that_stalls_is_a_timeout
        deviates "axios calls it `ERR_BAD_RESPONSE` once the head has come";
}

/// The limit of a first try; it doubles from try to try.
const LIMIT: Duration = Duration::from_millis(250);
/// How late a call may end on a busy machine, once in [`TRIES`].
const GRACE: Duration = Duration::from_secs(1);
const TRIES: usize = 5;

fn a_call_that_is_cancelled_before_is_not_sent<L: Stage>(world: &World<'_, L>) {
    let handle = CancelHandle::new();
    handle.cancel_with("too late");
    world.request("q", Do::Pass, Do::Recover);
    world.response("s", Do::Pass, Do::Pass);
    let call = world.client.get("/u").cancel_handle(&handle);
    let error = world.finish(call).unwrap_err();
    world.logged("q.err | s.err | => Cancelled");
    assert!(error.to_string().contains("too late"), "{error}");
    assert_eq!(world.count(), 0);
}

/// Sends on another thread, and cancels once `reached` holds.
fn cancelled<L: Stage>(
    world: &World<'_, L>,
    call: Call<L::Engine>,
    reached: impl Fn(&CancelHandle) -> bool,
) -> Error {
    let handle = CancelHandle::new();
    let call = call.cancel_handle(&handle);
    let result = thread::scope(|scope| {
        let running = scope.spawn(|| world.finish(call));
        wait_until("the call waits", || reached(&handle));
        handle.cancel_with("enough");
        running.join().unwrap()
    });
    assert_eq!(handle.waiting(), 0, "a listener is left");
    result.unwrap_err()
}

fn a_call_that_is_cancelled_in_flight_ends_with_its_connection<L: Stage>(world: &World<'_, L>) {
    world.hang();
    world.response("s", Do::Pass, Do::Pass);
    let error = cancelled(world, world.client.get("/u"), |_| world.count() == 1);
    world.logged("s.err | => Cancelled");
    assert!(error.to_string().contains("enough"), "{error}");
    let closed = world.server.wait_until_closed(Duration::from_secs(5));
    assert!(closed, "the connection stays open");
}

fn one_handle_cancels_many_calls<L: Stage>(world: &World<'_, L>) {
    let handle = CancelHandle::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            world.hang();
            let call = world.client.get("/u").cancel_handle(&handle);
            scope.spawn(move || assert!(world.fails(call).is_cancelled()));
        }
        wait_until("both calls wait", || world.count() == 2);
        handle.cancel();
    });
    assert_eq!(handle.waiting(), 0);
}

fn a_cancel_while_a_response_hook_waits_skips_the_later_ones<L: Stage>(world: &World<'_, L>) {
    let log = world.log.clone();
    let waits = async move |response: Response| {
        log.add("waits");
        pending::<()>().await;
        Ok(response)
    };
    world.client.interceptors.response.use_(waits);
    world.response("s", Do::Pass, Do::Pass);
    // The hook is reached when the call has been answered.
    let error = cancelled(world, world.client.get("/u"), |handle| {
        world.log.lines().iter().any(|it| it == "waits") && handle.waiting() > 0
    });
    world.logged("T GET /u | waits | s.err | => Cancelled");
    assert!(error.is_cancelled());
}

fn a_finished_call_leaves_no_listener<L: Stage>(world: &World<'_, L>) {
    let handle = CancelHandle::new();
    world.request("q", Do::Pass, Do::Pass);
    world.script([Reply::new(200), Reply::new(500)]);
    let call = || world.client.get("/u").cancel_handle(&handle);
    world.finish(call()).unwrap();
    assert_eq!(handle.waiting(), 0);
    world.finish(call()).unwrap_err();
    assert_eq!(handle.waiting(), 0);
    handle.cancel();
    world.get("/other").unwrap();
    world.logged(
        "q.ok | T GET /u | => 200 | q.ok | T GET /u | => Status | q.ok | T GET /other | => 200",
    );
}

fn a_cancel_is_no_failure_of_the_network<L: Stage>(world: &World<'_, L>) {
    world.hang();
    let error = cancelled(world, world.client.get("/u"), |_| world.count() == 1);
    assert!(error.is_cancelled());
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_eq!(error.code().as_str(), "ERR_CANCELED");
    assert!(!error.is_connect() && !error.is_timeout());
    assert_eq!(error.request().unwrap().uri().path(), "/u");
}

/// Makes calls that have to end at their timeout, until one has come so far by
/// then, and is not late.
fn times_out<L: Stage>(
    world: &World<'_, L>,
    call: impl Fn() -> Call<L::Engine>,
    so_far: impl Fn(&Error) -> bool,
) -> Error {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the call takes is the law"
    )]
    let now = Instant::now;
    let mut limit = LIMIT;
    let mut late = Vec::new();
    for _ in 0..TRIES {
        let start = now();
        let error = world.fails(call().timeout(limit));
        let took = now() - start;
        assert!(took >= limit, "it took {took:?} only");
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.code(), ErrorCode::TimedOut);
        assert!(error.to_string().contains(&format!("{limit:?}")), "{error}");
        if took < limit + GRACE && so_far(&error) {
            return error;
        }
        late.push((took, error));
        limit *= 2;
    }
    panic!("late: {late:?}");
}

/// The same of a call whose head comes, and whose body does not in time.
fn times_out_in_the_body<L: Stage>(world: &World<'_, L>, reply: Reply) {
    let server = world.serve(reply);
    let client = world.client_with(|builder| builder.base_url(server.origin()));
    let error = times_out(world, || client.get("/u"), |error| error.is_status(200));
    assert_eq!(error.attempts(), 1);
}

fn a_call_without_an_answer_ends_at_its_timeout<L: Stage>(world: &World<'_, L>) {
    let call = || {
        world.hang();
        world.client.get("/u")
    };
    let error = times_out(world, call, |_| true);
    assert!(error.response().is_none());
}

fn a_slow_drip_ends_at_the_timeout<L: Stage>(world: &World<'_, L>) {
    let pause = Duration::from_millis(50);
    let drip = Reply::new(200).pieces(["x"; 400]).every(pause);
    times_out_in_the_body(world, drip);
}

fn a_body_that_stalls_is_a_timeout<L: Stage>(world: &World<'_, L>) {
    let whole = Reply::new(200).body("0123456789");
    let at = whole.head_len() + 4;
    times_out_in_the_body(world, whole.stall_at(at));
}
