//! The status policy, which lives in the core and not in adapters.

use tollgate::{ErrorCode, ErrorKind, Response};

use crate::support::{Do, Reply, Way, World, everywhere};

#[test]
fn a_status_outside_2xx_is_an_error_with_its_response() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Body(500, r#"{"why":"tired"}"#.into())]);
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("T GET /u | S.err | => Status");
        let text = error.to_string();
        assert_eq!(text, "GET http://h/u: request failed with status code 500");
        assert!(error.is_status(500));
        assert_eq!(error.status().unwrap().as_u16(), 500);
        assert_eq!(error.request().unwrap().uri(), "http://h/u");
        let response = error.into_response().unwrap();
        let body: serde_json::Value = response.json().unwrap();
        assert_eq!(body["why"], "tired", "it is decoded like any other");
        assert_eq!(response.attempts(), 1);
    }
    everywhere!(law);
}

#[test]
fn each_status_is_judged_by_its_class_and_has_axios_code() {
    fn law<W: Way>(world: &World<W>) {
        for (status, accepted) in [(200, true), (204, true), (299, true)] {
            world.script([Reply::Status(status)]);
            assert_eq!(world.get("/u").is_ok(), accepted, "{status}");
        }
        for (status, code) in [
            (304, ErrorCode::BadResponse),
            (302, ErrorCode::BadResponse),
            (400, ErrorCode::BadRequest),
            (404, ErrorCode::BadRequest),
            (499, ErrorCode::BadRequest),
            (500, ErrorCode::BadResponse),
            (599, ErrorCode::BadResponse),
        ] {
            world.script([Reply::Status(status)]);
            let error = world.get("/u").unwrap_err();
            assert_eq!(
                (error.kind(), error.code()),
                (ErrorKind::Status, code),
                "{status}"
            );
        }
    }
    everywhere!(law);
}

#[test]
fn client_and_call_may_accept_other_statuses() {
    fn law<W: Way>(world: &World<W>) {
        let picky = world.with(|builder| builder.validate_status(|status| status == 418));
        picky.script([Reply::Status(418), Reply::Status(200), Reply::Status(500)]);
        picky.get("/u").unwrap();
        picky.get("/u").unwrap_err();
        let call = picky.client.get("/u").accept_any_status();
        assert_eq!(picky.finish(call).unwrap().status(), 500);
        let lax = world.with(|builder| builder.accept_any_status());
        lax.script([Reply::Status(500), Reply::Status(500)]);
        lax.get("/u").unwrap();
        let call = lax.client.get("/u").validate_status(|status| status != 500);
        lax.finish(call).unwrap_err();
        world.logged(
            "T GET /u | => 418 | T GET /u | => Status | T GET /u | => 500 | \
             T GET /u | => 500 | T GET /u | => Status",
        );
    }
    everywhere!(law);
}

#[test]
fn the_policy_of_a_call_holds_for_its_replays() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503), Reply::Status(418)]);
        world.response("again", Do::Pass, Do::Replay(2));
        let call = world
            .client
            .get("/u")
            .validate_status(|status| status == 418);
        world.finish(call).unwrap();
        world.logged("T GET /u | again.err | T GET /u | again.ok | => 418");
    }
    everywhere!(law);
}

#[test]
fn what_a_response_hook_answers_is_not_judged_again() {
    fn law<W: Way>(world: &World<W>) {
        world.response("S", Do::Answer(404), Do::Pass);
        world.response("after", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("T GET /u | S.ok | after.ok | => 404");
    }
    everywhere!(law);
}

#[test]
fn a_refused_stream_is_read_into_the_error() {
    fn law<W: Way>(world: &World<W>) {
        let chunks = || crate::support::chunks([Ok("not "), Ok("found")]);
        world.script([Reply::Body(404, chunks()), Reply::Body(200, chunks())]);
        let error = world.finish(world.client.get("/u").stream()).unwrap_err();
        assert_eq!(error.response().unwrap().text().unwrap(), "not found");
        let response = world.finish(world.client.get("/u").stream()).unwrap();
        assert_eq!(response.text().unwrap_err().kind(), ErrorKind::Unsupported);
        let body = std::io::read_to_string(response.into_body().into_reader()).unwrap();
        assert_eq!(body, "not found");
    }
    everywhere!(law);
}

#[test]
fn a_body_that_is_no_json_is_a_decode_error_with_the_response() {
    fn law<W: Way>(world: &World<W>) {
        world.script([
            Reply::Body(200, r#"{foo: "bar"}"#.into()),
            Reply::Status(204),
        ]);
        let response: Response = world.get("/u").unwrap();
        let error = response.json::<serde_json::Value>().unwrap_err();
        assert!(error.is_decode());
        assert_eq!(error.code(), ErrorCode::BadResponse);
        assert_eq!(error.status().unwrap(), 200);
        assert_eq!(error.request().unwrap().uri(), "http://h/u");
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(
            source.to_string(),
            "key must be a string at line 1 column 2"
        );
        assert_eq!(error.response().unwrap().text().unwrap(), r#"{foo: "bar"}"#);
        world.script([Reply::Body(200, "".into())]);
        let error = world.get("/u").unwrap();
        drop(error);
        let empty = world.get("/u").unwrap();
        assert!(
            empty
                .json::<()>()
                .unwrap_err()
                .to_string()
                .contains("is empty")
        );
    }
    everywhere!(law);
}

#[test]
fn an_adapter_of_ones_own_obeys_the_policy_too() {
    fn law<W: Way>(_: &World<W>) {
        let mock = tollgate::MockAdapter::new().handler(|_| {
            let mut response = http::Response::new(tollgate::Body::empty());
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            Ok(response)
        });
        let client = W::build(W::builder(mock));
        assert!(W::send(client.get("http://h/")).unwrap_err().is_status(500));
    }
    everywhere!(law);
}
