//! Cases 121 to 124: how much is sent, and how far a call is redirected.

use tollgate::{
    Body, ErrorCode, ErrorKind,
    adapter::conformance::{Reply, Script},
};

use crate::{
    case::cases,
    lanes::Stage,
    support::{World, chunks},
};

cases! {
    121 a_body_over_the_limit_is_not_sent_to_its_end;
    122 credentials_do_not_leave_their_origin_with_a_redirect;
    124 a_loop_ends_at_the_limit_and_none_means_none;
}

fn a_body_over_the_limit_is_not_sent_to_its_end<L: Stage>(world: &World<'_, L>) {
    let client = world.client_with(|builder| builder.max_request_bytes(4));
    let error = world.fails(client.post("/u").body("12345"));
    assert_eq!(error.kind(), ErrorKind::RequestTooLarge, "{error}");
    assert_eq!(world.count(), 0, "its length was known");
    if L::WIRE {
        let stream = chunks([Ok("123"), Ok("456"), Ok("789")]);
        let error = world.fails(client.post("/u").body(stream));
        assert_eq!(error.kind(), ErrorKind::RequestTooLarge, "{error}");
        let all = world.server.bytes().concat();
        assert!(!all.windows(3).any(|bytes| bytes == b"789"), "it was sent");
    }
    let factory = Body::factory(|| chunks([Ok("1234")]));
    let sent = world.sent(client.post("/u").body(factory));
    assert_eq!(&sent.body()[..], b"1234");
}

const SECRETS: [&str; 6] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "x-session",
    "x-signature",
];

fn credentials_do_not_leave_their_origin_with_a_redirect<L: Stage>(world: &World<'_, L>) {
    let other = world.serve(Reply::new(200));
    let away = other.url("/there");
    let home = world.serve(
        Script::new()
            .on("/away", Reply::new(302).header("location", away))
            .on("/near", Reply::new(302).header("location", "/here"))
            .on("/here", Reply::new(200)),
    );
    let client = world.client_with(|builder| {
        let builder = builder.base_url(home.origin());
        builder.sensitive_headers(["x-api-key"])
    });
    let laden = |target: &str| {
        let mut session = http::HeaderValue::from_static("s");
        session.set_sensitive(true);
        let call = client.get(target).header("x-api-key", "k");
        call.sensitive_headers(["X-Signature"])
            .header("x-signature", "by the call's list")
            .header("x-session", session)
            .bearer_auth("t")
            .header("cookie", "c")
            .header("proxy-authorization", "p")
            .header("x-plain", "kept")
    };
    world.lane.send(laden("/away")).unwrap();
    let sent = &other.requests()[0];
    assert_eq!(sent.header("x-plain"), Some("kept"));
    for name in SECRETS {
        assert_eq!(sent.header(name), None, "{name} has left");
    }
    world.lane.send(laden("/near")).unwrap();
    let sent = home.requests().pop().unwrap();
    assert_eq!(sent.target(), "/here");
    for name in SECRETS {
        assert!(sent.header(name).is_some(), "{name} is lost");
    }
}

fn a_loop_ends_at_the_limit_and_none_means_none<L: Stage>(world: &World<'_, L>) {
    let turn = || Reply::new(302).header("location", "/again");
    world.script((0..4).map(|_| turn()));
    let call = world.client.get("/u").max_redirects(3);
    let error = world.finish(call).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooManyRedirects);
    world.logged("T GET /u | T GET /again | T GET /again | T GET /again | => Redirect");
    world.script([turn(), turn()]);
    let none = || world.client.get("/u").max_redirects(0);
    let error = world.finish(none()).unwrap_err();
    assert!(error.is_status(302), "the policy has judged it");
    let response = world.finish(none().accept_any_status()).unwrap();
    assert_eq!(response.headers()["location"], "/again");
    world.logged("T GET /u | => Status | T GET /u | => 302");
}
