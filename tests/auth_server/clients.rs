//! Who may ask, and how.

use tollgate::auth::conformance::StrictAuthServer;

use crate::wire::{form_of, post, post_as, send, sign_in};

#[test]
fn a_client_with_a_basic_secret_has_to_show_it() {
    // `a:p` and `s c%` form-encoded, as RFC 6749 §2.3.1 has it.
    let server = StrictAuthServer::builder()
        .client_secret_basic("a:p", "s c%")
        .start()
        .unwrap();
    let (_, token) = sign_in(&server);
    let form = form_of(&token);
    let right = "Basic YSUzQXA6cyUyMGMlMjU=";
    for (authorization, more) in [
        ("Basic YTpw", ""),
        ("Bearer YSUzQXA6cyUyMGMlMjU=", ""),
        (right, "&client_secret=s"),
    ] {
        let answer = post_as(&server.token_url(), authorization, &format!("{form}{more}"));
        assert_eq!(
            (answer.status, &*answer.text("error")),
            (401, "invalid_client")
        );
        assert_eq!(
            answer.headers("www-authenticate"),
            ["Basic realm=\"token\""]
        );
    }
    assert_eq!(post(&server.token_url(), &form).status, 401);
    assert_eq!(server.report().refreshes(), 0);
    assert_eq!(post_as(&server.token_url(), right, &form).status, 200);
    assert_eq!(post(&server.revocation_url(), "token=x").status, 401);
    assert_eq!(
        post_as(&server.revocation_url(), right, "token=x").status,
        200
    );
}

#[test]
fn a_client_with_a_secret_in_the_body_has_to_show_it() {
    let server = StrictAuthServer::builder()
        .client_secret_post("app", "s&1")
        .start()
        .unwrap();
    let (_, token) = sign_in(&server);
    let form = form_of(&token);
    for wrong in [
        "",
        "&client_id=app",
        "&client_id=app&client_secret=s",
        "&client_secret=s%261",
    ] {
        let answer = post(&server.token_url(), &format!("{form}{wrong}"));
        assert_eq!(
            (answer.status, &*answer.text("error")),
            (401, "invalid_client")
        );
    }
    let right = format!("{form}&client_id=app&client_secret=s%261");
    assert_eq!(post(&server.token_url(), &right).status, 200);
}

#[test]
fn a_public_client_is_named_if_asked_for() {
    let server = StrictAuthServer::builder()
        .client_id("app")
        .start()
        .unwrap();
    let (_, token) = sign_in(&server);
    let form = form_of(&token);
    assert_eq!(post(&server.token_url(), &form).status, 401);
    let other = format!("{form}&client_id=other");
    assert_eq!(post(&server.token_url(), &other).status, 401);
    let right = format!("{form}&client_id=app");
    assert_eq!(post(&server.token_url(), &right).status, 200);
    assert_eq!(server.report().refresh_calls(), 3);
}

#[test]
fn what_is_no_request_of_oauth_is_refused() {
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    let url = server.token_url();
    for (form, error) in [
        ("", "invalid_request"),
        ("grant_type=refresh_token", "invalid_request"),
        ("grant_type=password&username=a", "unsupported_grant_type"),
        (
            "grant_type=refresh_token&refresh_token=a&refresh_token=b",
            "invalid_request",
        ),
        ("grant_type=refresh_token&refresh_token=a", "invalid_grant"),
        ("grant_type=authorization_code&code=a", "invalid_grant"),
    ] {
        let answer = post(&url, form);
        assert_eq!(
            (answer.status, &*answer.text("error")),
            (400, error),
            "{form}"
        );
    }
    // The right body of the wrong type.
    let json = send(
        &url,
        "POST\ncontent-type: application/json",
        &form_of(&token),
    );
    assert_eq!(json.text("error"), "invalid_request");
    let get = send(&url, "GET", "");
    assert_eq!((get.status, get.headers("allow")), (405, vec!["POST"]));
    assert_eq!(send(server.origin(), "GET", "").status, 404);
    assert_eq!(
        send(&format!("{}x", server.api_url()), "GET", "").status,
        404
    );
    assert_eq!(server.report().refreshes(), 0);
}
