//! Cases 53 to 57: what makes an answer an error.

use std::error::Error as StdError;

use serde_json::{Value, json};
use tollgate::{ErrorCode, ErrorKind, adapter::conformance::Reply};

use crate::{
    case::cases,
    lanes::Stage,
    support::{Do, World},
};

cases! {
    53 a_body_that_is_no_json_is_a_decode_error_with_its_answer
        deviates "a body is decoded where the caller asks for it, after the response hooks";
    54 the_answer_of_an_error_is_decoded_like_any_other;
    55 the_status_is_judged_by_the_core_and_not_by_the_adapter
        deviates "axios leaves it to each adapter, so that one of the user's own may forget it";
    56 a_refused_status_is_an_error_with_request_and_answer;
    57 a_status_that_client_or_call_accepts_is_no_error;
}

fn a_body_that_is_no_json_is_a_decode_error_with_its_answer<L: Stage>(world: &World<'_, L>) {
    let body = r#"{foo: "bar"}"#;
    world.script([Reply::new(200).body(body)]);
    let response = world.get("/u").unwrap();
    let error = response.json::<Value>().unwrap_err();
    assert!(error.is_decode());
    assert_eq!(error.code(), ErrorCode::BadResponse);
    assert!(error.is_status(200));
    assert_eq!(error.request().unwrap().uri().path(), "/u");
    assert_eq!(error.response().unwrap().text().unwrap(), body);
    let cause = StdError::source(&error).unwrap().to_string();
    assert_eq!(cause, "key must be a string at line 1 column 2");
}

fn the_answer_of_an_error_is_decoded_like_any_other<L: Stage>(world: &World<'_, L>) {
    world.script([Reply::new(400).body(r#"{"why":"tired"}"#)]);
    let error = world.get("/u").unwrap_err();
    world.logged("T GET /u | => Status");
    let body: Value = error.response().unwrap().json().unwrap();
    assert_eq!(body, json!({"why": "tired"}));
}

/// No adapter judges: each hands every status over as an answer, and the mock
/// stands for one of the user's own.
fn the_status_is_judged_by_the_core_and_not_by_the_adapter<L: Stage>(world: &World<'_, L>) {
    world.script([
        Reply::new(500),
        Reply::new(304),
        Reply::new(404),
        Reply::new(500),
    ]);
    world.response("s", Do::Pass, Do::Pass);
    for code in [
        ErrorCode::BadResponse,
        ErrorCode::BadResponse,
        ErrorCode::BadRequest,
    ] {
        assert_eq!(world.get("/u").unwrap_err().code(), code);
        world.logged("T GET /u | s.err | => Status");
    }
    let call = world.client.get("/u").accept_any_status();
    assert_eq!(world.finish(call).unwrap().status(), 500);
    world.logged("T GET /u | s.ok | => 500");
}

fn a_refused_status_is_an_error_with_request_and_answer<L: Stage>(world: &World<'_, L>) {
    world.script([Reply::new(500).header("x-why", "tired").body("no")]);
    let error = world.get("/u").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status);
    let text = error.to_string();
    assert!(
        text.contains("request failed with status code 500"),
        "{text}"
    );
    let request = error.request().unwrap();
    assert_eq!(request.method(), http::Method::GET);
    assert_eq!(request.uri(), world.server.url("/u").as_str());
    let response = error.response().unwrap();
    assert_eq!(response.headers()["x-why"], "tired");
    assert_eq!(response.text().unwrap(), "no");
}

fn a_status_that_client_or_call_accepts_is_no_error<L: Stage>(world: &World<'_, L>) {
    let picky = world.with(|builder| builder.validate_status(|status| status == 418));
    picky.script([418, 200, 500].map(Reply::new));
    picky.get("/u").unwrap();
    picky.get("/u").unwrap_err();
    let call = picky.client.get("/u").accept_any_status();
    picky.finish(call).unwrap();
    let lax = world.with(tollgate::client::ClientBuilder::accept_any_status);
    lax.script([500, 500].map(Reply::new));
    lax.get("/u").unwrap();
    let call = lax.client.get("/u").validate_status(|status| status != 500);
    lax.finish(call).unwrap_err();
    world.logged(
        "T GET /u | => 418 | T GET /u | => Status | T GET /u | => 500 | T GET /u | => 500 | \
         T GET /u | => Status",
    );
}
