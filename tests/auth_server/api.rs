//! The API, its refusals, and the foreign origin.

use std::time::Duration;

use tollgate::{
    auth::conformance::{ApiFault, StrictAuthServer},
    runtime::{Runtime, ThreadRuntime},
};

use crate::wire::{Answer, call, eventually, form_of, post_and_leave, send, sign_in};

fn refusing(refusal: ApiFault) -> Answer {
    let server = StrictAuthServer::builder()
        .refusal(refusal)
        .start()
        .unwrap();
    call(&server, "bad")
}

#[test]
fn a_good_token_gets_path_and_user() {
    let server = StrictAuthServer::start().unwrap();
    let (access, _) = sign_in(&server);
    let url = format!("{}/items/1?full=1", server.api_url());
    let answer = send(&url, &format!("GET\nauthorization: bearer {access}"), "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text("path"), "/items/1?full=1");
    assert_eq!(answer.text("user"), "ada");
}

#[test]
fn a_refusal_looks_as_it_was_chosen() {
    let challenges = |answer: &Answer| answer.headers("www-authenticate").len();

    let plain = refusing(ApiFault::Unauthorized);
    assert_eq!(plain.status, 401);
    assert_eq!(
        plain.headers("www-authenticate"),
        ["Bearer realm=\"api\", error=\"invalid_token\""]
    );
    let bare = refusing(ApiFault::BareUnauthorized);
    assert_eq!((bare.status, challenges(&bare)), (401, 0));
    let one = refusing(ApiFault::ChallengesInOne);
    assert_eq!((one.status, challenges(&one)), (401, 1));
    let text = one.headers("www-authenticate")[0];
    assert!(
        text.starts_with("Basic ") && text.contains(", Bearer "),
        "{text}"
    );
    let two = refusing(ApiFault::ChallengesInTwo);
    assert_eq!((two.status, challenges(&two)), (401, 2));
    let forbidden = refusing(ApiFault::Forbidden);
    assert_eq!((forbidden.status, challenges(&forbidden)), (403, 0));
    let scope = refusing(ApiFault::InsufficientScope("a b\"\r\n".to_owned()));
    assert_eq!(scope.status, 403);
    assert_eq!(
        scope.headers("www-authenticate"),
        ["Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"a b\""]
    );
    let graph = refusing(ApiFault::GraphQl);
    assert_eq!(graph.status, 200);
    assert_eq!(
        graph.json()["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
    assert_eq!(refusing(ApiFault::Pass).status, 200);
}

#[test]
fn a_call_without_a_token_gets_no_error_code() {
    let server = StrictAuthServer::start().unwrap();
    let answer = send(&server.api_url(), "GET", "");
    assert_eq!(answer.headers("www-authenticate"), ["Bearer realm=\"api\""]);
    let other = send(&server.api_url(), "GET\nauthorization: Basic YTpi", "");
    assert_eq!(other.headers("www-authenticate"), ["Bearer realm=\"api\""]);
}

#[test]
fn a_script_comes_before_what_is_always_so() {
    let server = StrictAuthServer::start().unwrap();
    let (access, _) = sign_in(&server);
    server.always_fail_calls(Some(ApiFault::Unauthorized));
    server.fail_calls([ApiFault::Forbidden, ApiFault::Pass]);
    let statuses: Vec<u16> = (0..4).map(|_| call(&server, &access).status).collect();
    assert_eq!(statuses, [403, 200, 401, 401]);
    server.always_fail_calls(None);
    assert_eq!(call(&server, &access).status, 200);
    let report = server.report();
    assert_eq!((report.api_calls(), report.accepted()), (5, 2));
    assert_eq!(report.unauthorized(), 2);
}

#[test]
fn calls_are_kept_with_their_bytes() {
    let server = StrictAuthServer::start().unwrap();
    let (access, _) = sign_in(&server);
    let url = format!("{}/x?token={access}", server.api_url());
    send(
        &url,
        &format!("PUT\nauthorization: Bearer {access}"),
        "secret body",
    );
    server.expire_all();
    send(
        &url,
        &format!("PUT\nauthorization: Bearer {access}"),
        "secret body",
    );
    let calls = server.api_calls();
    assert_eq!(calls[0].body(), calls[1].body());
    assert_eq!(calls[0].body(), "secret body");
    assert_eq!((calls[0].status(), calls[1].status()), (200, 401));
    assert_eq!(calls[1].method(), "PUT");
    assert_eq!(calls[1].user(), Some("ada"));
    assert_eq!(calls[1].target(), format!("/x?token={access}"));
    let text = format!("{calls:?} {server:?}");
    assert!(
        !text.contains(&*access) && !text.contains("secret body"),
        "{text}"
    );
}

#[test]
fn the_foreign_origin_knows_a_token_when_it_sees_one() {
    let server = StrictAuthServer::builder().jwt().start().unwrap();
    let (access, token) = sign_in(&server);
    server.fail_calls([ApiFault::Foreign(401)]);
    let answer = call(&server, &access);
    assert_eq!(answer.status, 307);
    let location = answer.headers("location")[0].to_owned();
    assert_eq!(location, format!("{}/401", server.foreign_url()));
    assert_ne!(server.foreign_url(), server.origin());

    assert_eq!(send(&location, "GET", "").status, 401);
    assert_eq!(send(server.foreign_url(), "GET", "").status, 200);
    assert_eq!(
        (
            server.report().foreign_calls(),
            server.report().foreign_tokens()
        ),
        (2, 0)
    );
    send(
        &location,
        &format!("GET\nauthorization: Bearer {access}"),
        "",
    );
    send(&location, "POST", &format!("a {token} b"));
    send(&format!("{location}?t={access}"), "GET", "");
    assert_eq!(
        (
            server.report().foreign_calls(),
            server.report().foreign_tokens()
        ),
        (5, 3)
    );
}

#[test]
fn a_latency_is_waited_for() {
    let latency = Duration::from_millis(30);
    let server = StrictAuthServer::builder()
        .api_latency(latency)
        .token_latency(Duration::from_secs(600))
        .start()
        .unwrap();
    let (access, token) = sign_in(&server);
    let started = ThreadRuntime.now();
    assert_eq!(call(&server, &access).status, 200);
    assert!(ThreadRuntime.now() - started >= latency);
    // The longer one ends with the server.
    let waiting = post_and_leave(&server.token_url(), &form_of(&token));
    eventually("it came", || server.report().refreshes() == 1);
    drop(server);
    drop(waiting);
    assert!(ThreadRuntime.now() - started < Duration::from_secs(60));
}
