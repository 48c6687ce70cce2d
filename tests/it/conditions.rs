//! Law 6, first half: `run_when`.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tollgate::{Error, Request};

use crate::support::{Do, Log, Reply, Way, World, everywhere};

/// A condition that logs what it sees.
fn seen(log: &Log, name: &'static str, holds: bool) -> impl Fn(&Request) -> bool + use<> {
    let log = log.clone();
    move |request| {
        log.add(format!("{name}? {}", request.uri().path()));
        holds
    }
}

#[test]
fn conditions_see_the_merged_request_in_the_order_of_registration() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.header("x-default", "1"));
        let all = &world.client.interceptors;
        let log = &world.log;
        let merged = seen(log, "A", true);
        let a = all.request.run_when(move |request| {
            assert_eq!(request.headers()["x-default"], "1");
            assert_eq!(request.uri().query(), Some("a=1"));
            merged(request)
        });
        a.use_sync(Ok);
        all.request
            .run_when(seen(log, "B", true))
            .use_(async |mut request: Request| {
                *request.uri_mut() = "http://h/changed".parse()?;
                Ok(request)
            });
        all.response.run_when(seen(log, "R", true)).use_sync(Ok);
        all.request.run_when(seen(log, "C", true)).use_sync(Ok);
        world
            .finish(world.client.get("/u").query(&[("a", 1)]))
            .unwrap();
        world.logged("A? /u | B? /u | C? /u | R? /u | T GET /changed | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_skipped_interceptor_takes_no_part_with_either_half() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(200), Reply::Status(500)]);
        let all = &world.client.interceptors;
        let log = &world.log;
        all.request
            .run_when(|request| request.method() == http::Method::POST)
            .use_both(
                async |_| panic!("it was skipped"),
                async |_| panic!("it was skipped"),
            );
        all.response.run_when(seen(log, "R", false)).use_both(
            async |_| panic!("it was skipped"),
            async |_| panic!("it was skipped"),
        );
        world.get("/ok").unwrap();
        world.logged("R? /ok | T GET /ok | => 200");
        world.get("/500").unwrap_err();
        world.logged("R? /500 | T GET /500 | => Status");
        world.request("B", Do::Fail("b broke"), Do::Pass);
        world.get("/q").unwrap_err();
        world.logged("R? /q | B.ok | => Interceptor");
    }
    everywhere!(law);
}

#[test]
fn a_condition_that_holds_changes_nothing() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        let log = world.log.clone();
        all.request
            .run_when(|_| true)
            .run_when(|_| true)
            .use_sync(move |request| {
                log.add("q");
                Ok(request)
            });
        let log = world.log.clone();
        all.response.run_when(|_| true).use_sync(move |response| {
            log.add("s");
            Ok(response)
        });
        world.get("/u").unwrap();
        world.logged("q | T GET /u | s | => 200");
        let both = all.request.run_when(|_| true).run_when(|_| false);
        both.use_sync(|_| Err(Error::message("one of two conditions is enough")));
        world.get("/u").unwrap();
        world.logged("q | T GET /u | s | => 200");
    }
    everywhere!(law);
}

#[test]
fn conditions_are_asked_once_for_each_attempt_of_its_original_request() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503), Reply::Status(503)]);
        let all = &world.client.interceptors;
        let log = world.log.clone();
        let first_only = all.request.run_when(move |request: &Request| {
            log.add(format!(
                "? {} {}",
                request.attempt(),
                request.headers().len()
            ));
            request.attempt() == 1
        });
        let log = world.log.clone();
        first_only.use_sync(move |mut request| {
            log.add("q");
            request.headers_mut().insert("x-q", "1".parse()?);
            Ok(request)
        });
        world.response("again", Do::Pass, Do::Replay(3));
        world.get("/u").unwrap();
        world.logged(
            "? 1 0 | q | T GET /u | again.err | ? 2 0 | T GET /u | again.err | \
             ? 3 0 | T GET /u | again.ok | => 200",
        );
    }
    everywhere!(law);
}

#[test]
fn a_panicking_condition_fails_its_call_by_name_and_nothing_is_sent() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        world.request("Q", Do::Pass, Do::Recover);
        let calls = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&calls);
        all.request
            .named("fussy")
            .run_when(move |_| panic_once(&count))
            .use_sync(Ok);
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("S.err | => Interceptor");
        assert_eq!(error.interceptor(), Some("fussy"));
        assert!(
            error
                .to_string()
                .contains("condition panicked: no such luck"),
            "{error}"
        );
        world.get("/u").unwrap();
        world.logged("Q.ok | T GET /u | S.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_panicking_condition_of_a_response_hook_fails_its_call_too() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        world.request("Q", Do::Pass, Do::Recover);
        let calls = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&calls);
        all.response
            .named("fussy")
            .run_when(move |_| panic_once(&count))
            .use_sync(Ok);
        world.response("S", Do::Pass, Do::Answer(204));
        world.get("/u").unwrap();
        world.logged("S.err | => 204");
        assert_eq!(world.mock.count(), 0);
        world.get("/u").unwrap();
        world.logged("Q.ok | T GET /u | S.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_panicking_condition_brings_no_skipped_hook_back() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        all.request
            .named("fussy")
            .run_when(|_| panic!("no such luck"))
            .use_sync(Ok);
        let never = all.response.run_when(seen(&world.log, "R", false));
        never.use_rejected(async |_| panic!("it was skipped"));
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("R? /u | S.err | => Interceptor");
        assert_eq!(error.interceptor(), Some("fussy"), "{error}");
    }
    everywhere!(law);
}

fn panic_once(calls: &AtomicU32) -> bool {
    assert!(calls.fetch_add(1, Ordering::Relaxed) > 0, "no such luck");
    true
}
