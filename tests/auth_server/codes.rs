//! The authorization-code flow, PKCE, and revocation.

use tollgate::auth::conformance::StrictAuthServer;

use crate::wire::{Answer, call, post, refresh, send, sign_in};

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "http%3A%2F%2F127.0.0.1%3A9%2Fcb%3Fa%3Db";

fn authorize(server: &StrictAuthServer, more: &str) -> Answer {
    let url = format!(
        "{}?response_type=code&client_id=app&redirect_uri={BACK}&state=x%26y{more}",
        server.authorize_url()
    );
    send(&url, "GET", "")
}

/// Gets a code with the challenge of RFC 7636.
fn code(server: &StrictAuthServer) -> String {
    let more = format!("&code_challenge={CHALLENGE}&code_challenge_method=S256");
    code_of(&authorize(server, &more))
}

fn code_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 302);
    let location = answer.headers("location")[0];
    let rest = location
        .strip_prefix("http://127.0.0.1:9/cb?a=b&code=")
        .unwrap();
    let (code, state) = rest.split_once('&').unwrap();
    assert_eq!(state, "state=x%26y");
    code.to_owned()
}

fn exchange(server: &StrictAuthServer, code: &str, verifier: &str) -> Answer {
    let form = format!(
        "grant_type=authorization_code&client_id=app&code={code}&redirect_uri={BACK}&code_verifier={verifier}"
    );
    post(&server.token_url(), &form)
}

#[test]
fn a_code_is_exchanged_with_its_verifier() {
    let server = StrictAuthServer::builder().user("bob").start().unwrap();
    let answer = exchange(&server, &code(&server), VERIFIER);
    assert_eq!(answer.status, 200);
    assert_eq!(
        call(&server, &answer.text("access_token")).text("user"),
        "bob"
    );
    assert_eq!(refresh(&server, &answer.text("refresh_token")).status, 200);

    let plain = code_of(&authorize(&server, &format!("&code_challenge={VERIFIER}")));
    assert_eq!(exchange(&server, &plain, VERIFIER).status, 200);
    assert_eq!(server.report().families(), 2);
}

#[test]
fn a_code_is_refused_without_its_verifier_its_address_or_its_client() {
    let server = StrictAuthServer::start().unwrap();
    let short = "short";
    for (challenge, verifier, client, back) in [
        (CHALLENGE, CHALLENGE, "app", BACK),
        (CHALLENGE, "", "app", BACK),
        (CHALLENGE, VERIFIER, "other", BACK),
        (
            CHALLENGE,
            VERIFIER,
            "app",
            "http%3A%2F%2F127.0.0.1%3A9%2Fcb",
        ),
    ] {
        let more = format!("&code_challenge={challenge}&code_challenge_method=S256");
        let code = code_of(&authorize(&server, &more));
        let form = format!(
            "grant_type=authorization_code&client_id={client}&code={code}&redirect_uri={back}&code_verifier={verifier}"
        );
        let answer = post(&server.token_url(), &form);
        assert_eq!(
            (answer.status, &*answer.text("error")),
            (400, "invalid_grant")
        );
        // It was spent by the attempt.
        assert_eq!(exchange(&server, &code, VERIFIER).status, 400);
    }
    // RFC 7636 §4.1 wants 43 characters at least.
    let code = code_of(&authorize(&server, &format!("&code_challenge={short}")));
    assert_eq!(exchange(&server, &code, short).status, 400);
    assert_eq!(server.report().families(), 0);
}

#[test]
fn a_code_that_comes_again_revokes_what_it_gave() {
    let server = StrictAuthServer::start().unwrap();
    let code = code(&server);
    let first = exchange(&server, &code, VERIFIER);
    assert_eq!(first.status, 200);
    assert_eq!(
        exchange(&server, &code, VERIFIER).text("error"),
        "invalid_grant"
    );
    assert_eq!(call(&server, &first.text("access_token")).status, 401);
    assert_eq!(server.report().families_revoked(), 1);
}

#[test]
fn a_request_without_pkce_or_code_is_sent_back_with_an_error() {
    let server = StrictAuthServer::start().unwrap();
    let answer = authorize(&server, "");
    let location = answer.headers("location")[0];
    assert!(
        location.ends_with("&error=invalid_request&state=x%26y"),
        "{location}"
    );
    let token = format!(
        "{}?response_type=token&client_id=app&redirect_uri={BACK}",
        server.authorize_url()
    );
    let location = send(&token, "GET", "");
    let location = location.headers("location")[0];
    assert!(
        location.ends_with("&error=unsupported_response_type"),
        "{location}"
    );
    // Nobody is sent to an address that is missing or no address.
    for query in [
        "response_type=code&client_id=app",
        "client_id=app&redirect_uri=a%0d%0ab",
    ] {
        let url = format!("{}?{query}", server.authorize_url());
        assert_eq!(send(&url, "GET", "").status, 400);
    }
}

#[test]
fn a_client_with_a_secret_may_do_without_pkce() {
    let server = StrictAuthServer::builder()
        .client_secret_post("app", "s")
        .start()
        .unwrap();
    let code = code_of(&authorize(&server, ""));
    let form = format!(
        "grant_type=authorization_code&client_id=app&client_secret=s&code={code}&redirect_uri={BACK}"
    );
    assert_eq!(post(&server.token_url(), &form).status, 200);
    let unknown = format!(
        "{}?response_type=code&client_id=other&redirect_uri={BACK}",
        server.authorize_url()
    );
    assert_eq!(send(&unknown, "GET", "").status, 400);
}

#[test]
fn a_revoked_refresh_token_takes_its_family_along() {
    let server = StrictAuthServer::start().unwrap();
    let (access, token) = sign_in(&server);
    let url = server.revocation_url();
    assert_eq!(post(&url, "token=unknown").status, 200);
    assert_eq!(server.report().revocations(), 0);
    assert_eq!(post(&url, "").text("error"), "invalid_request");
    assert_eq!(call(&server, &access).status, 200);
    assert_eq!(post(&url, &format!("token={token}")).status, 200);
    assert_eq!(call(&server, &access).status, 401);
    assert_eq!(refresh(&server, &token).status, 400);
    let report = server.report();
    assert_eq!((report.revocations(), report.families_revoked()), (1, 1));
    assert_eq!(report.reuses(), 0);
}

#[test]
fn a_revoked_access_token_goes_alone() {
    let server = StrictAuthServer::start().unwrap();
    let (access, token) = sign_in(&server);
    let form = format!("token={access}&token_type_hint=refresh_token");
    assert_eq!(post(&server.revocation_url(), &form).status, 200);
    assert_eq!(call(&server, &access).status, 401);
    assert_eq!(refresh(&server, &token).status, 200);
    assert_eq!(server.report().families_revoked(), 0);
}
