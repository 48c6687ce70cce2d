//! Laws 1 to 3: `then(fulfilled, rejected)`, fail closed, recovery.

use tollgate::{Error, ErrorKind, Order, Response};

use crate::support::{Do, Reply, Way, World, everywhere};

#[test]
fn a_request_hook_does_not_see_its_own_failure() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Pass);
        world.request("B", Do::Fail("b broke"), Do::Recover);
        world.request("C", Do::Pass, Do::Recover);
        world.response("R1", Do::Pass, Do::Pass);
        world.response("R2", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("C.ok | B.ok | A.err | R1.err | R2.err | => Interceptor");
        assert_eq!(error.interceptor(), Some("B"));
        assert!(error.to_string().contains("b broke"), "{error}");
    }
    everywhere!(law);
}

#[test]
fn in_fifo_order_the_next_hook_is_the_later_registered_one() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Recover);
        world.request("B", Do::Fail("b broke"), Do::Recover);
        world.request("C", Do::Pass, Do::Pass);
        world.response("R", Do::Pass, Do::Pass);
        let call = world.client.get("/u").order(Order::Fifo);
        world.finish(call).unwrap_err();
        world.logged("A.ok | B.ok | C.err | R.err | => Interceptor");
    }
    everywhere!(law);
}

#[test]
fn a_response_hook_does_not_see_its_own_failure() {
    fn law<W: Way>(world: &World<W>) {
        world.response("R1", Do::Fail("r1 broke"), Do::Answer(200));
        world.response("R2", Do::Pass, Do::Pass);
        world.response("R3", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("T GET /u | R1.ok | R2.err | R3.err | => Interceptor");
        assert_eq!(error.interceptor(), Some("R1"));
    }
    everywhere!(law);
}

#[test]
fn an_unrecovered_request_error_is_never_sent_and_reaches_the_response_side() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Fail("no tenant"), Do::Recover);
        world.response("R1", Do::Pass, Do::Pass);
        world.response("R2", Do::Pass, Do::Fail("seen"));
        world.response("R3", Do::Pass, Do::Pass);
        world.get("/u").unwrap_err();
        world.logged("A.ok | R1.err | R2.err | R3.err | => Interceptor");
        assert_eq!(world.mock.count(), 0);
    }
    everywhere!(law);
}

#[test]
fn a_failing_error_half_keeps_the_call_from_being_sent() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Fail("a broke too"));
        world.request("B", Do::Fail("b broke"), Do::Pass);
        world.response("R", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("B.ok | A.err | R.err | => Interceptor");
        assert_eq!(error.interceptor(), Some("A"), "the last failure counts");
        assert_eq!(world.mock.count(), 0);
    }
    everywhere!(law);
}

#[test]
fn the_response_side_can_answer_for_a_request_that_was_not_sent() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Fail("no tenant"), Do::Pass);
        world.response("R1", Do::Pass, Do::Answer(203));
        world.response("R2", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("A.ok | R1.err | R2.ok | => 203");
    }
    everywhere!(law);
}

#[test]
fn a_request_hook_recovers_with_the_original_request() {
    fn law<W: Way>(world: &World<W>) {
        world.request("Z", Do::Pass, Do::Pass);
        world.request("A", Do::Pass, Do::Recover);
        world.request("B", Do::Fail("b broke"), Do::Pass);
        let interceptors = &world.client.interceptors;
        interceptors.request.use_sync(|mut request| {
            request.headers_mut().insert("x-early", "1".parse()?);
            *request.uri_mut() = "http://h/elsewhere".parse()?;
            Ok(request)
        });
        world.response("R", Do::Pass, Do::Pass);
        let call = world.client.put("/u?a=1").header("x-call", "2").body("b");
        world.finish(call).unwrap();
        world.logged("B.ok | A.err | Z.ok | T PUT /u?a=1 | R.ok | => 200");
        let sent = &world.mock.requests()[0];
        assert_eq!(sent.headers()["x-call"], "2");
        assert!(!sent.headers().contains_key("x-early"), "it starts anew");
        assert_eq!(&sent.body()[..], b"b");
    }
    everywhere!(law);
}

#[test]
fn a_request_error_half_can_answer_the_call() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Pass);
        world.request("B", Do::Pass, Do::Answer(202));
        world.request("C", Do::Fail("c broke"), Do::Pass);
        world.response("R", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("C.ok | B.err | R.ok | => 202");
    }
    everywhere!(law);
}

#[test]
fn ok_from_on_rejected_recovers_and_later_hooks_are_fulfilled_again() {
    fn law<W: Way>(world: &World<W>) {
        world.response("R1", Do::Fail("r1 broke"), Do::Pass);
        world.response("R2", Do::Pass, Do::Answer(200));
        world.response("R3", Do::Pass, Do::Pass);
        let response = world.get("/u").unwrap();
        world.logged("T GET /u | R1.ok | R2.err | R3.ok | => 200");
        assert_eq!(response.text().unwrap(), "answer 200");
    }
    everywhere!(law);
}

#[test]
fn after_a_recovery_a_later_failure_goes_to_the_next_error_half() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(500)]);
        world.response("R1", Do::Pass, Do::Answer(200));
        world.response("R2", Do::Fail("r2 broke"), Do::Pass);
        world.response("R3", Do::Pass, Do::Fail("r3 broke"));
        world.response("R4", Do::Pass, Do::Answer(200));
        world.response("R5", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("T GET /u | R1.err | R2.ok | R3.err | R4.err | R5.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn errors_of_adapter_and_status_reach_the_response_side_only() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Fail(ErrorKind::Connect), Reply::Status(404)]);
        world.request("Q", Do::Pass, Do::Recover);
        world.response("R", Do::Pass, Do::Pass);
        let error = world.get("/a").unwrap_err();
        world.logged("Q.ok | T GET /a | R.err | => Connect");
        assert!(error.is_connect());
        assert_eq!(error.interceptor(), None, "no interceptor failed");
        let error = world.get("/b").unwrap_err();
        world.logged("Q.ok | T GET /b | R.err | => Status");
        assert_eq!(error.interceptor(), None);
    }
    everywhere!(law);
}

#[test]
fn errors_of_encoding_and_of_a_body_reach_the_response_side_only() {
    fn law<W: Way>(world: &World<W>) {
        let broken = crate::support::failing_body("cut");
        world.script([Reply::Body(200, broken)]);
        world.request("Q", Do::Pass, Do::Recover);
        world.response("R", Do::Pass, Do::Pass);
        let unencodable = std::collections::HashMap::from([((1, 2), 3)]);
        let call = world.client.post("/a").json(&unencodable);
        world.finish(call).unwrap_err();
        world.logged("R.err | => InvalidRequest");
        let error = world.get("/b").unwrap_err();
        world.logged("Q.ok | T GET /b | R.err | => Transport");
        assert!(error.is_status(200), "the head of the answer is attached");
    }
    everywhere!(law);
}

#[test]
fn a_missing_half_passes_both_states_on() {
    fn law<W: Way>(world: &World<W>) {
        let interceptors = &world.client.interceptors;
        interceptors.request.use_(async |request| Ok(request));
        interceptors.request.use_sync(Ok);
        interceptors.request.use_rejected(async |error| Err(error));
        world.request("B", Do::Fail("b broke"), Do::Pass);
        interceptors.response.use_(async |response| Ok(response));
        interceptors.response.use_sync(Ok);
        interceptors
            .response
            .use_flow(async |response: Response| Ok(response.into()));
        world.response("R", Do::Pass, Do::Answer(200));
        interceptors.response.use_rejected(async |error| Err(error));
        world.response("S", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("B.ok | R.err | S.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn the_cause_of_an_error_stays_the_same_object() {
    #[derive(Debug, PartialEq)]
    struct Mine(u32);
    impl std::fmt::Display for Mine {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "mine {}", self.0)
        }
    }
    impl std::error::Error for Mine {}

    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Pass);
        let interceptors = &world.client.interceptors;
        interceptors
            .request
            .use_sync(|_| Err(Error::other(Mine(7))));
        world.response("R", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.downcast_ref(), Some(&Mine(7)));
        assert!(!error.to_string().contains("mine 7"), "left to the source");
        world.logged("A.err | R.err | => Interceptor");
    }
    everywhere!(law);
}

#[test]
fn the_same_hook_registered_twice_runs_twice() {
    fn law<W: Way>(world: &World<W>) {
        let log = world.log.clone();
        let hook = move |request| {
            log.add("f");
            Ok(request)
        };
        world.client.interceptors.request.use_sync(hook.clone());
        world.client.interceptors.request.use_sync(hook);
        world.get("/u").unwrap();
        world.logged("f | f | T GET /u | => 200");
    }
    everywhere!(law);
}
