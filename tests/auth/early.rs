//! The time before a token expires: calls go out at once, one refresh is made
//! in the background.

use tollgate::{
    ErrorKind,
    auth::{RefreshClass, SessionState, Token},
    client::Async,
    runtime::{ManualRuntime, Runtime},
};

use crate::support::{Drive, Log, Odd, World, eventually, seconds, settled, some};

/// An hour's token, of which `left` seconds are left.
fn aged(left: u64) -> World {
    let now = ManualRuntime::new().wall();
    let token = Token::new("a1").refresh("r1");
    let world = World::with(token.expires_in(seconds(3600), now));
    world.time.advance(seconds(3600 - left));
    world
}

fn the_old_token_goes_out_at_once_and_one_refresh_is_made<E: Drive>() {
    let world = aged(61 + 7);
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    // The first reads the store.
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.status().state(), SessionState::Advisory);
    let calls = (0..16).map(|_| client.get("/me")).collect();
    for result in E::send_all(calls) {
        result.unwrap();
    }
    gate.await_arrivals(1);
    assert!(refresh.status().is_refreshing());
    assert_eq!(world.sent_tokens(), some(&["a1"; 17]));
    gate.open();
    settled(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens()[17..], some(&["a2"]));
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(refresh.status().state(), SessionState::Fresh);
    assert_eq!(refresh.counters().coalesced, 0, "nobody has waited");
}

fn a_failure_concerns_nobody_and_waits_before_the_next_try<E: Drive>() {
    let world = aged(80);
    let refresh = world.pair().build().unwrap();
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    for _ in 0..2 {
        world.server.answer(Odd::html(503));
    }
    for _ in 0..10 {
        E::send(client.get("/me")).unwrap();
        settled(&refresh);
    }
    assert_eq!(world.server.refreshes(), 1, "the failure is not repeated");
    let status = refresh.status();
    let (left, error) = status.cooling().unwrap();
    assert!(left <= seconds(1) && error.class() == RefreshClass::NotSent);
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();
    settled(&refresh);
    assert_eq!(world.server.refreshes(), 2);
    world.time.advance(seconds(2));
    E::send(client.get("/me")).unwrap();
    settled(&refresh);
    assert_eq!(world.server.presented(), ["r1", "r1", "r1"]);
    // This server takes only the newest token: the last call may have been
    // overtaken by the refresh that it started.
    assert_eq!(world.sent_tokens()[..12], some(&["a1"; 12]));
    log.expect(&["failed", "failed", "refreshed"]);
}

/// The token is good, the identity provider is down: nobody notices.
fn a_server_that_is_down_costs_no_call_while_the_token_lives<E: Drive>() {
    let world = aged(300);
    let refresh = world.pair().early(seconds(1800)).build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..200 {
        world.server.answer(Odd::html(503));
        E::send(client.get("/me")).unwrap();
        settled(&refresh);
        world.time.advance(seconds(1));
    }
    // 1, 2, 4, 8, 16 and then 30 s apart, less a fifth at most.
    let asked = world.server.refreshes();
    assert!((7..=14).contains(&asked), "{asked}");
}

fn from_the_leeway_on_calls_wait<E: Drive>() {
    let world = aged(59);
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a2"]));
    assert_eq!(world.server.refreshes(), 1);
}

fn a_call_that_has_to_wait_joins_the_refresh_in_the_background<E: Drive>() {
    let world = aged(80);
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    E::send(client.get("/me")).unwrap();
    E::send(client.get("/me")).unwrap();
    gate.await_arrivals(1);
    world.time.advance(seconds(5));
    world.server.expire();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(client.get("/me")));
        eventually("it waits", || refresh.counters().coalesced == 1);
        gate.open();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(world.server.presented(), ["r1"]);
}

fn it_can_be_switched_off<E: Drive>() {
    let world = aged(61 + 7);
    let refresh = world.pair().early(seconds(0)).build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.status().state(), SessionState::Fresh);
    assert!(!refresh.status().is_refreshing());
    assert_eq!(world.server.refreshes(), 0);
}

/// Case 26: equal expiry, different times; the same seed, the same time.
#[test]
fn sessions_differ_in_when_they_begin_unless_their_seed_is_the_same() {
    let begins = |seed| {
        let world = World::new();
        let token = Token::new("a1").refresh("r1");
        let token = token.expires_in(seconds(3600), world.now());
        let refresh = world.pair().jitter_seed(seed).build().unwrap();
        tollgate::runtime::block_on(refresh.sign_in(token)).unwrap();
        let client = world.client::<Async>(&refresh);
        tollgate::runtime::block_on(client.get("/me").send()).unwrap();
        world.time.advance(seconds(3300));
        (0..240)
            .find(|_| {
                world.time.advance(seconds(1));
                refresh.status().state() == SessionState::Advisory
            })
            .unwrap()
    };
    assert_eq!(begins(1), begins(1));
    let times: std::collections::HashSet<u64> = (1..9).map(begins).collect();
    assert!(times.len() >= 6, "{times:?}");
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let world = World::new();
    for (builder, text) in [
        (world.pair().refresh_attempts(0), "`refresh_attempts` is 0"),
        (
            world.pair().refresh_attempts(11),
            "`refresh_attempts` is 11",
        ),
        (
            world.pair().recheck_store(seconds(0)),
            "`recheck_store` is 0",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Builder);
        assert!(error.to_string().contains(text), "{error}");
    }
}

both!(
    the_old_token_goes_out_at_once_and_one_refresh_is_made,
    a_failure_concerns_nobody_and_waits_before_the_next_try,
    a_server_that_is_down_costs_no_call_while_the_token_lives,
    from_the_leeway_on_calls_wait,
    a_call_that_has_to_wait_joins_the_refresh_in_the_background,
    it_can_be_switched_off,
);
