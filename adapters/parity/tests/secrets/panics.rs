//! C4: what a hook holds that panics.

use tollgate::{
    ErrorKind, Request, Response,
    adapter::conformance::{Reply, Server},
    auth::{Secret, Token},
};
use tollgate_parity::{Lane, Limits};

use crate::{canaries::HELD, capture, prints::Prints, scene::everywhere};

#[derive(Debug)]
#[expect(dead_code, reason = "it is held, and printed")]
struct Holder {
    token: Token,
    secret: Secret,
}

fn holder() -> Holder {
    Holder {
        token: Token::new(HELD).refresh(HELD),
        secret: Secret::from(HELD),
    }
}

fn panics<L: Lane>(prints: &Prints) {
    let server = Server::start(Reply::new(200).header("set-cookie", HELD)).unwrap();
    let lane = L::start(Limits::default()).unwrap();
    let client = lane.builder().base_url(server.origin()).build().unwrap();
    let fails = |what: &str| {
        let call = client
            .get(format!("/?access_token={HELD}"))
            .bearer_auth(HELD);
        let error = prints.end(what, lane.send(call)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interceptor, "{what}: {error}");
        assert!(error.to_string().contains("panicked"), "{what}: {error}");
        client.interceptors.request.clear();
        client.interceptors.response.clear();
    };
    let (request, response) = (&client.interceptors.request, &client.interceptors.response);

    let held = holder();
    request.use_sync(move |request: Request| panic!("with {held:?} and {request:#?}"));
    fails("a message with a token");
    let held = holder();
    request.use_(async move |request: Request| {
        drop(request);
        std::panic::panic_any(held.token.clone())
    });
    fails("a token as the payload");
    let held = holder();
    response.use_sync(move |response: Response| panic!("with {response:?} and {held:#?}"));
    fails("a message with an answer");
    prints.client(&client);
}

everywhere! {
    a_panic_of_a_hook_that_holds_a_token_shows_no_secret: panics;
}

#[test]
fn what_a_panic_says_is_captured() {
    let captured = capture::capture(true);
    let ended = std::thread::spawn(|| panic!("with {HELD}")).join();
    assert!(ended.is_err());
    let shown = captured.shown();
    let places: Vec<_> = shown.keys().map(String::as_str).collect();
    assert_eq!(places, ["panic"]);
}
