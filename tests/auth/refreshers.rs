//! What the refreshers send, and what they make of each answer.

use http::header::AUTHORIZATION;
use tollgate::{
    MockAdapter, MockReply, Recorded,
    auth::{JsonRefresh, OAuth2Refresh, RefreshClass, RefreshError, Refresher, Secret, Token},
    runtime::{Runtime, block_on},
};

use crate::support::{BASE, Drive, seconds};

const JSON: &str = "application/json";

/// Asks a refresher once; the answer of its server is scripted.
fn ask<E: Drive>(
    refresher: &dyn Refresher,
    reply: MockReply,
) -> (Result<Token, RefreshError>, Recorded) {
    let mock = MockAdapter::new().then(reply);
    let client = E::into_async(E::builder(mock.clone()).base_url(BASE).build().unwrap());
    let old = Token::new("a1").refresh("r 1+").scope("old");
    let token = block_on(refresher.refresh(&client, &old));
    let sent = mock.requests().remove(0);
    (token, sent)
}

fn oauth2() -> OAuth2Refresh {
    OAuth2Refresh::new("/token", "my app")
}

fn answer(status: u16, kind: &str, body: &str) -> MockReply {
    MockReply::status(status, body.to_owned()).header("content-type", kind)
}

fn granted() -> MockReply {
    answer(200, JSON, r#"{"access_token":"a2","token_type":"bearer"}"#)
}

fn form(sent: &Recorded) -> &str {
    assert_eq!(sent.method(), "POST");
    assert_eq!(
        sent.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(sent.headers()["accept"], JSON);
    std::str::from_utf8(sent.body()).unwrap()
}

fn a_client_names_itself_as_the_standard_says<E: Drive>() {
    let (_, sent) = ask::<E>(&oauth2(), granted());
    let public = "grant_type=refresh_token&refresh_token=r+1%2B&client_id=my+app";
    assert_eq!(form(&sent), public);
    assert!(!sent.headers().contains_key(AUTHORIZATION));

    // RFC 6749 §2.3.1: both halves are encoded as a form's before the base64.
    let (_, sent) = ask::<E>(&oauth2().client_secret("p:w é+/"), granted());
    let basic = "Basic bXklMjBhcHA6cCUzQXclMjAlQzMlQTklMkIlMkY=";
    assert_eq!(sent.headers()[AUTHORIZATION], basic);
    assert_eq!(form(&sent), "grant_type=refresh_token&refresh_token=r+1%2B");

    let refresher = oauth2()
        .client_secret("s&=")
        .secret_in_body()
        .scope("a b")
        .parameter("audience", "x&y");
    let (_, sent) = ask::<E>(&refresher, granted());
    let all = "grant_type=refresh_token&refresh_token=r+1%2B&scope=a+b\
               &audience=x%26y&client_id=my+app&client_secret=s%26%3D";
    assert_eq!(form(&sent), all);
    assert!(!sent.headers().contains_key(AUTHORIZATION));
}

fn an_answer_is_read_as_far_as_it_makes_sense<E: Drive>() {
    for (expires_in, lifetime) in [
        ("", None),
        (r#","expires_in":60"#, Some(60.0)),
        (r#","expires_in":"60""#, Some(60.0)),
        (r#","expires_in":60.5"#, Some(60.5)),
        (r#","expires_in":-60"#, None),
        (r#","expires_in":0"#, None),
        (r#","expires_in":null"#, None),
        (r#","expires_in":"soon""#, None),
        (r#","expires_in":1e30"#, None),
    ] {
        let body = format!(r#"{{"access_token":"a2","token_type":"bearer"{expires_in}}}"#);
        let (token, _) = ask::<E>(&oauth2(), answer(200, JSON, &body));
        let token = token.unwrap();
        let known = token.lifetime().map(|it| it.as_secs_f64());
        assert_eq!(known, lifetime, "{expires_in}");
        assert_eq!(token.expiry().is_some(), lifetime.is_some());
        assert_eq!(token.refresh_token(), None, "the session keeps the old one");
    }
}

fn each_refusal_has_its_class<E: Drive>() {
    use RefreshClass::{Ambiguous, Config, NotSent, Rejected};
    const HTML: &str = "text/html";
    for (status, kind, body, class) in [
        (400, JSON, r#"{"error":"invalid_grant"}"#, Rejected),
        (401, JSON, r#"{"error":"invalid_grant"}"#, Rejected),
        (403, JSON, r#"{"error":"invalid_grant"}"#, Rejected),
        (400, JSON, r#"{"error":"invalid_token"}"#, Rejected),
        (400, JSON, r#"{"error":"expired_token"}"#, Rejected),
        (400, HTML, "<html>blocked</html>", Ambiguous),
        (403, HTML, "<html>blocked</html>", Ambiguous),
        (401, JSON, r#"{"error":"invalid_client"}"#, Config),
        (400, JSON, r#"{"error":"unauthorized_client"}"#, Config),
        (400, JSON, r#"{"error":"unsupported_grant_type"}"#, Config),
        (404, HTML, "", Config),
        (429, HTML, "", NotSent),
        (503, HTML, "", NotSent),
        (400, JSON, r#"{"error":"slow_down"}"#, NotSent),
        (400, JSON, r#"{"error":"temporarily_unavailable"}"#, NotSent),
        (500, JSON, r#"{"error":"invalid_grant"}"#, Ambiguous),
        (502, HTML, "", Ambiguous),
        (504, HTML, "", Ambiguous),
        (200, HTML, "<html>log in</html>", Ambiguous),
        (200, JSON, r#"{"error":"invalid_grant"}"#, Rejected),
    ] {
        let refreshers: [&dyn Refresher; 2] = [&oauth2(), &JsonRefresh::new("/token")];
        for refresher in refreshers {
            let (token, _) = ask::<E>(refresher, answer(status, kind, body));
            let error = token.unwrap_err();
            assert_eq!(error.class(), class, "{status} {body}");
            assert_eq!(error.status().unwrap().as_u16(), status);
        }
    }
}

fn a_busy_server_says_how_long_in_seconds_or_by_date<E: Drive>() {
    for (status, value, expected) in [
        (429, "30", Some(30)),
        (503, "Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
        (503, "never", None),
        (429, "86400", Some(3600)),
    ] {
        let reply = MockReply::status(status, "")
            .header("retry-after", value)
            .header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let error = ask::<E>(&oauth2(), reply).0.unwrap_err();
        assert_eq!(error.retry_after(), expected.map(seconds), "{value}");
    }
    // Without the server's clock it is ours that counts.
    let mock = MockAdapter::new();
    let time = tollgate::runtime::ManualRuntime::new();
    let year = time
        .wall()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let past = seconds(31_556_952 * 20) < year;
    assert!(past, "the clock stands after 1990");
    let reply = MockReply::status(503, "").header("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT");
    let mock = mock.then(reply).with_runtime(time);
    let client = E::into_async(E::builder(mock).base_url(BASE).build().unwrap());
    let error = block_on(oauth2().refresh(&client, &Token::new("a").refresh("r"))).unwrap_err();
    assert_eq!(error.retry_after(), Some(seconds(0)));
}

fn a_json_of_ones_own_has_its_own_names<E: Drive>() {
    let refresher = JsonRefresh::new("/auth/renew")
        .request_field("refreshToken")
        .access_field("data.jwt")
        .refresh_field("data.next")
        .expires_in_field("data.ttl")
        .parameter("device", "d1");
    let body = r#"{"data":{"jwt":"a2","next":"r2","ttl":900}}"#;
    let (token, sent) = ask::<E>(&refresher, answer(200, JSON, body));
    assert_eq!(sent.uri(), "https://api.test/auth/renew");
    assert_eq!(
        sent.body(),
        r#"{"refreshToken":"r 1+","device":"d1"}"#.as_bytes()
    );
    let token = token.unwrap();
    assert_eq!(token.access_token(), &Secret::from("a2"));
    assert_eq!(token.refresh_token(), Some(&Secret::from("r2")));
    assert_eq!(token.lifetime(), Some(seconds(900)));
}

both!(
    a_client_names_itself_as_the_standard_says,
    an_answer_is_read_as_far_as_it_makes_sense,
    each_refusal_has_its_class,
    a_busy_server_says_how_long_in_seconds_or_by_date,
    a_json_of_ones_own_has_its_own_names,
);
