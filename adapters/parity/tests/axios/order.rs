//! Cases 18 to 25, and 39 to 41: who runs, in which order, and when.

use tollgate::{Error, Order, Request};

use crate::{
    case::cases,
    lanes::Stage,
    support::{Do, World, pending_once},
};

cases! {
    18 requests_run_last_registered_first_and_responses_first_registered_first;
    19 fifo_is_an_option_of_the_client_and_of_one_call;
    21 what_three_hooks_set_is_sent;
    22 what_a_hook_sets_after_a_wait_is_sent;
    23 nothing_runs_before_the_call_is_sent
        deviates "the same log for another reason: a call of ours does not begin until it is sent";
    24 hooks_without_a_wait_run_when_the_call_is_sent_as_well
        deviates "axios runs them before `request` returns; here one rule holds for all hooks";
    25 one_hook_that_waits_changes_no_order
        deviates "axios changes the moment at which all run; here it is the same";
    39 a_hook_whose_condition_holds_runs;
    40 a_hook_whose_condition_fails_takes_no_part_with_either_half;
    41 a_hook_that_is_skipped_changes_nothing_for_the_others
        deviates "axios keeps its synchronous path; here there is one path";
}

const LIFO: &str = "q3.ok | q2.ok | q1.ok | T GET /u | s1.ok | s2.ok | s3.ok | => 200";
const FIFO: &str = "q1.ok | q2.ok | q3.ok | T GET /u | s1.ok | s2.ok | s3.ok | => 200";

fn three_and_three<L: Stage>(world: &World<'_, L>) {
    for name in ["q1", "q2", "q3"] {
        world.request(name, Do::Pass, Do::Pass);
    }
    for name in ["s1", "s2", "s3"] {
        world.response(name, Do::Pass, Do::Pass);
    }
}

fn requests_run_last_registered_first_and_responses_first_registered_first<L: Stage>(
    world: &World<'_, L>,
) {
    three_and_three(world);
    world.get("/u").unwrap();
    world.logged(LIFO);
}

fn fifo_is_an_option_of_the_client_and_of_one_call<L: Stage>(world: &World<'_, L>) {
    three_and_three(world);
    let call = world.client.get("/u").order(Order::Fifo);
    world.finish(call).unwrap();
    world.logged(FIFO);
    let fifo = world.with(|builder| builder.order(Order::Fifo));
    three_and_three(&fifo);
    fifo.get("/u").unwrap();
    fifo.logged(FIFO);
    let call = fifo.client.get("/u").order(Order::Lifo);
    fifo.finish(call).unwrap();
    fifo.logged(LIFO);
}

fn what_three_hooks_set_is_sent<L: Stage>(world: &World<'_, L>) {
    let names = ["x-one", "x-two", "x-three"];
    for name in names {
        let hook = move |mut request: Request| {
            request.headers_mut().insert(name, "set".parse()?);
            Ok(request)
        };
        world.client.interceptors.request.use_sync(hook);
    }
    let sent = world.sent(world.client.get("/u"));
    assert!(names.iter().all(|name| sent.header(name) == Some("set")));
}

fn what_a_hook_sets_after_a_wait_is_sent<L: Stage>(world: &World<'_, L>) {
    let hook = async |mut request: Request| {
        for _ in 0..10 {
            pending_once().await;
        }
        request.headers_mut().insert("x-late", "set".parse()?);
        Ok(request)
    };
    world.client.interceptors.request.use_(hook);
    let sent = world.sent(world.client.get("/u"));
    assert_eq!(sent.header("x-late"), Some("set"));
}

/// Makes a call, says so, and sends it.
fn make_and_send<L: Stage>(world: &World<'_, L>) {
    let call = world.client.get("/u");
    world.log.add("after call");
    world.finish(call).unwrap();
}

fn nothing_runs_before_the_call_is_sent<L: Stage>(world: &World<'_, L>) {
    world.request("q", Do::Pass, Do::Pass);
    make_and_send(world);
    world.logged("after call | q.ok | T GET /u | => 200");
}

/// Registers a plain closure, which cannot wait.
fn plain<L: Stage>(world: &World<'_, L>) {
    let log = world.log.clone();
    world.client.interceptors.request.use_sync(move |request| {
        log.add("plain");
        Ok(request)
    });
}

fn hooks_without_a_wait_run_when_the_call_is_sent_as_well<L: Stage>(world: &World<'_, L>) {
    plain(world);
    plain(world);
    make_and_send(world);
    world.logged("after call | plain | plain | T GET /u | => 200");
}

fn one_hook_that_waits_changes_no_order<L: Stage>(world: &World<'_, L>) {
    plain(world);
    let log = world.log.clone();
    let waits = async move |request: Request| {
        pending_once().await;
        log.add("waits");
        Ok(request)
    };
    world.client.interceptors.request.use_(waits);
    plain(world);
    make_and_send(world);
    world.logged("after call | plain | waits | plain | T GET /u | => 200");
}

fn a_hook_whose_condition_holds_runs<L: Stage>(world: &World<'_, L>) {
    let log = world.log.clone();
    let when = |request: &Request| request.method() == http::Method::GET;
    let conditional = world.client.interceptors.request.run_when(when);
    conditional.use_sync(move |request| {
        log.add("get");
        Ok(request)
    });
    world.get("/u").unwrap();
    world.logged("get | T GET /u | => 200");
    world.finish(world.client.post("/u")).unwrap();
    world.logged("T POST /u | => 200");
}

fn a_hook_whose_condition_fails_takes_no_part_with_either_half<L: Stage>(world: &World<'_, L>) {
    let all = &world.client.interceptors;
    world.request("outer", Do::Pass, Do::Pass);
    let (ok, err) = (world.log.clone(), world.log.clone());
    all.request
        .run_when(|request| request.method() == http::Method::POST)
        .use_both(
            async move |request: Request| {
                ok.add("skipped.ok");
                Ok(request)
            },
            async move |error: Error| {
                err.add("skipped.err");
                Err(error)
            },
        );
    world.get("/u").unwrap();
    world.logged("outer.ok | T GET /u | => 200");
    world.request("fails", Do::Fail("no"), Do::Pass);
    world.get("/u").unwrap_err();
    world.logged("fails.ok | outer.err | => Interceptor");
    world.finish(world.client.post("/u")).unwrap_err();
    world.logged("fails.ok | skipped.err | outer.err | => Interceptor");
}

fn a_hook_that_is_skipped_changes_nothing_for_the_others<L: Stage>(world: &World<'_, L>) {
    plain(world);
    let skipped = world.client.interceptors.request.run_when(|_| false);
    skipped.use_(async |_: Request| Err(Error::message("it was skipped")));
    make_and_send(world);
    world.logged("after call | plain | T GET /u | => 200");
}
