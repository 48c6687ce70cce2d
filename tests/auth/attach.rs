//! Where the token goes, and where it does not.

use http::header::AUTHORIZATION;
use tollgate::{
    ErrorKind, MockAdapter, MockReply, Request,
    auth::{MemoryStore, MissingToken, RefreshError, SkipAuth, Token, TokenRefresh},
    runtime::block_on,
};

use crate::support::{Drive, World, pair_over, seconds, some};

fn one_header_is_attached<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/me")).unwrap();
    let calls = world.calls();
    let values: Vec<_> = calls[0].headers().get_all(AUTHORIZATION).iter().collect();
    assert_eq!(values, ["Bearer a1"]);
    assert!(values[0].is_sensitive());
}

fn the_callers_header_is_left_alone<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let error = E::send(client.get("/me").bearer_auth("mine")).unwrap_err();
    assert!(error.is_status(401));
    assert_eq!(world.sent_tokens(), some(&["mine"]));
    assert_eq!(world.server.refreshes(), 0, "the refusal is not ours");
}

fn an_opted_out_call_gets_no_token_and_no_refresh<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let error = E::send(client.get("/public").extension(SkipAuth)).unwrap_err();
    assert!(error.is_status(401));
    assert_eq!(world.sent_tokens(), [None]);
    assert_eq!(world.server.refreshes(), 0);
}

fn another_origin_gets_no_token_and_cannot_bait_a_refresh<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    for url in [
        "https://evil.test/x",
        "https://api.test.evil.test/x",
        "https://api.test:8443/x",
        "http://api.test/x",
    ] {
        let error = E::send(client.get(url)).unwrap_err();
        assert!(error.is_status(401), "{error}");
    }
    assert_eq!(world.sent_tokens(), [None, None, None, None]);
    assert_eq!(world.server.refreshes(), 0);
}

fn named_origins_replace_the_base<E: Drive>() {
    let world = World::new();
    let refresh = world
        .pair()
        .origins(["https://files.test", "https://eu.api.test:8443/v1"])
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("https://files.test/a")).unwrap();
    E::send(client.get("https://eu.api.test:8443/b")).unwrap();
    E::send(client.get("/c")).unwrap_err();
    let expected = [some(&["a1", "a1"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), expected);
}

fn plain_http_is_refused_except_on_loopback<E: Drive>() {
    for (base, allowed) in [
        ("http://api.test", false),
        ("http://127.0.0.1:8080", true),
        ("http://localhost", true),
        ("http://[::1]:1", true),
    ] {
        let world = World::new();
        let refresh = world.pair().build().unwrap();
        let client = E::builder(world.mock.clone())
            .base_url(base)
            .build()
            .unwrap();
        client.interceptors.use_pair(refresh);
        let result = E::send(client.get("/x"));
        assert_eq!(result.is_ok(), allowed, "{base}");
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Builder);
            assert!(error.to_string().contains("without encryption"), "{error}");
            assert_eq!(world.mock.count(), 0, "nothing is sent");
        }
    }
    let world = World::new();
    let refresh = world.pair().allow_plaintext(true).build().unwrap();
    let client = E::builder(world.mock.clone())
        .base_url("http://api.test")
        .build()
        .unwrap();
    client.interceptors.use_pair(refresh);
    E::send(client.get("/x")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1"]));
}

fn without_a_base_and_without_origins_the_call_fails_clearly<E: Drive>() {
    let world = World::new();
    let client = E::builder(world.mock.clone()).build().unwrap();
    client.interceptors.use_pair(world.pair().build().unwrap());
    let error = E::send(client.get("https://api.test/x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Builder);
    let text = error.to_string();
    assert!(
        text.contains("base_url") && text.contains("origins"),
        "{text}"
    );
    assert_eq!(world.mock.count(), 0);
}

fn a_redirect_elsewhere_carries_no_token_and_its_401_is_not_ours<E: Drive>() {
    let world = World::new();
    world
        .mock
        .push(MockReply::status(302, "").header("location", "https://evil.test/in"));
    let client = world.client::<E>(&world.pair().build().unwrap());
    let error = E::send(client.get("/start")).unwrap_err();
    assert!(error.is_status(401));
    let expected = [some(&["a1"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), expected);
    assert_eq!(world.server.refreshes(), 0);
}

fn an_interceptor_that_changes_the_origin_takes_the_token_off<E: Drive>() {
    let world = World::new();
    let client = E::builder(world.mock.clone())
        .base_url("https://api.test")
        .build()
        .unwrap();
    // Registered first, so it runs last: after the token was attached.
    client
        .interceptors
        .request
        .use_sync(|mut request: Request| {
            *request.uri_mut() = "https://evil.test/x".parse()?;
            Ok(request)
        });
    client.interceptors.use_pair(world.pair().build().unwrap());
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.sent_tokens(), [None]);
    assert_eq!(world.server.refreshes(), 0);
}

fn without_a_session_the_call_is_sent_bare<E: Drive>() {
    let world = World::over(MemoryStore::empty());
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..2 {
        let error = E::send(client.get("/me")).unwrap_err();
        assert!(error.is_status(401));
    }
    assert_eq!(world.sent_tokens(), [None, None]);
    assert_eq!(world.server.refreshes(), 0);
    assert_eq!(refresh.counters().attempts, 0);
}

/// Case 6. The policy that sends nothing.
fn without_a_session_a_call_can_fail_before_it_is_sent<E: Drive>() {
    let world = World::over(MemoryStore::empty());
    let refresh = world.pair().missing_token(MissingToken::Fail);
    let refresh = refresh.build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..2 {
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionExpired);
        assert!(error.to_string().contains("nobody is signed in"), "{error}");
    }
    assert_eq!(world.mock.count(), 0);
    E::send(client.get("/public").extension(SkipAuth)).unwrap_err();
    assert_eq!(world.sent_tokens(), [None]);
    block_on(refresh.sign_in(world.server.issue("b1", "s1"))).unwrap();
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.counters().attempts, 0);
}

fn an_expired_token_is_refreshed_before_it_is_sent<E: Drive>() {
    let world = World::new();
    let token = Token::new("a1").refresh("r1").expires_at(world.now());
    let refresh = pair_over(MemoryStore::new(token)).build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a2", "a2"]));
    assert_eq!(world.server.refreshes(), 1);
}

fn within_the_leeway_calls_wait_for_the_next_token<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().early(seconds(0)).build().unwrap());
    E::send(client.get("/first")).unwrap();
    world.time.advance(seconds(3600 - 60 - 6 - 1));
    E::send(client.get("/fresh")).unwrap();
    assert_eq!(world.server.refreshes(), 1);
    world.time.advance(seconds(8));
    E::send(client.get("/stale")).unwrap();
    assert_eq!(world.server.refreshes(), 2);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2", "a2", "a3"]));
}

fn within_the_leeway_a_failure_is_an_error<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/first")).unwrap();
    world.time.advance(seconds(3595));
    world.server.answer(crate::support::Odd::html(503));
    let error = E::send(client.get("/stale")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.status().unwrap().as_u16(), 503);
    assert_eq!(world.calls().len(), 2, "the API is not called");
}

fn an_unknown_expiry_is_never_refreshed_ahead<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/me")).unwrap();
    world.time.advance(seconds(10 * 365 * 86_400));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 0);
}

fn a_wall_clock_that_jumps_is_believed<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/first")).unwrap();
    // The machine slept: the wall clock went on, the monotonic one did not.
    world.time.set_wall(world.now() + seconds(7200));
    E::send(client.get("/awake")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "a2", "a3"]));
}

fn a_header_of_ones_own_carries_the_bare_token<E: Drive>() {
    let mock = MockAdapter::new();
    let client = E::builder(mock.clone())
        .base_url("https://api.test")
        .build()
        .unwrap();
    let refresh = TokenRefresh::builder(
        MemoryStore::new(Token::new("1|abc")),
        tollgate::auth::JsonRefresh::new("/refresh"),
    )
    .header("x-access-token")
    .build()
    .unwrap();
    client.interceptors.use_pair(refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(mock.requests()[0].headers()["x-access-token"], "1|abc");
    assert!(!mock.requests()[0].headers().contains_key(AUTHORIZATION));
}

fn an_ejected_pair_attaches_nothing<E: Drive>() {
    let world = World::new();
    let client = world.bare::<E>();
    let pair = client.interceptors.use_pair(world.pair().build().unwrap());
    E::send(client.get("/with")).unwrap();
    assert!(client.interceptors.eject_pair(pair));
    E::send(client.get("/without")).unwrap_err();
    let expected = [some(&["a1"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), expected);
}

fn each_client_gets_the_token_at_its_own_base<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let first = world.client::<E>(&refresh);
    let second = E::builder(world.mock.clone())
        .base_url("https://eu.test")
        .build()
        .unwrap();
    second.interceptors.use_pair(refresh);
    E::send(first.get("/a")).unwrap();
    E::send(second.get("/b")).unwrap();
    E::send(first.get("/c")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "a1", "a1"]));
    // A redirect from one base to the other is a change of origin.
    world
        .mock
        .push(MockReply::status(302, "").header("location", "https://eu.test/in"));
    E::send(first.get("/d")).unwrap_err();
    assert_eq!(
        world.sent_tokens()[3..],
        [some(&["a1"]), vec![None]].concat()
    );
}

both!(
    one_header_is_attached,
    the_callers_header_is_left_alone,
    an_opted_out_call_gets_no_token_and_no_refresh,
    another_origin_gets_no_token_and_cannot_bait_a_refresh,
    named_origins_replace_the_base,
    plain_http_is_refused_except_on_loopback,
    without_a_base_and_without_origins_the_call_fails_clearly,
    a_redirect_elsewhere_carries_no_token_and_its_401_is_not_ours,
    an_interceptor_that_changes_the_origin_takes_the_token_off,
    without_a_session_the_call_is_sent_bare,
    without_a_session_a_call_can_fail_before_it_is_sent,
    an_expired_token_is_refreshed_before_it_is_sent,
    within_the_leeway_calls_wait_for_the_next_token,
    within_the_leeway_a_failure_is_an_error,
    an_unknown_expiry_is_never_refreshed_ahead,
    a_wall_clock_that_jumps_is_believed,
    a_header_of_ones_own_carries_the_bare_token,
    an_ejected_pair_attaches_nothing,
    each_client_gets_the_token_at_its_own_base,
);
