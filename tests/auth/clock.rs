//! Clocks that stop, jump and go wrong, and lifetimes that make no sense.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use tollgate::{
    Client, Runtime,
    auth::{RefreshError, SessionState, Token, TokenRefresh, TokenStore},
    runtime::{ManualRuntime, block_on},
};

use crate::{
    jwt::jwt,
    support::{Count, Drive, Odd, World, eventually, seconds, some},
};

const HOUR: Duration = Duration::from_secs(3600);

/// An hour's token, just given.
fn hourly() -> World {
    let now = ManualRuntime::new().wall();
    World::with(Token::new("a1").refresh("r1").expires_in(HOUR, now))
}

/// Case 25, bug 37. The wall clock went on, the other one stood still.
fn after_a_sleep_of_the_machine_nobody_is_refused<E: Drive>() {
    let world = hourly();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/before")).unwrap();
    world.server.expire();
    world.time.set_wall(world.now() + HOUR);
    assert_eq!(refresh.status().state(), SessionState::Expired);
    let calls = (0..8).map(|_| client.get("/awake")).collect();
    for result in E::send_all(calls) {
        assert_eq!(result.unwrap().attempts(), 1, "no 401");
    }
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.sent_tokens()[1..], some(&["a2"; 8]));
}

/// Bug 38. The token is thought to live on, and is refused: once.
fn a_clock_that_is_set_back_costs_one_refusal<E: Drive>() {
    let world = hourly();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/before")).unwrap();
    world.time.set_wall(world.now() - 2 * HOUR);
    world.time.advance(HOUR);
    world.server.expire();
    for _ in 0..5 {
        E::send(client.get("/after")).unwrap();
        world.time.advance(seconds(60));
    }
    assert_eq!(world.server.presented(), ["r1"]);
    let sent = some(&["a1", "a1", "a2", "a2", "a2", "a2", "a2"]);
    assert_eq!(world.sent_tokens(), sent);
}

/// Bug 38. The first jump beyond the expiry costs one refresh, and no other.
fn a_clock_that_jumps_to_and_fro_makes_no_loop<E: Drive>() {
    let world = hourly();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..6 {
        world.time.set_wall(world.now() + HOUR);
        for _ in 0..4 {
            E::send(client.get("/ahead")).unwrap();
        }
        world.time.set_wall(world.now() - HOUR);
        for _ in 0..4 {
            E::send(client.get("/back")).unwrap();
        }
        assert_eq!(world.server.presented(), ["r1"]);
        world.time.advance(seconds(10));
    }
    assert_eq!(refresh.counters().replays, 0, "nobody was refused");
}

/// Case 28. A pause is not ended, and not prolonged, by setting the clock.
fn a_pause_does_not_go_by_the_clock_that_can_be_set<E: Drive>() {
    for set in [HOUR.as_secs().cast_signed(), -3600] {
        let world = World::new();
        world.server.expire();
        world.server.answer(Odd::html(500));
        let client = world.client::<E>(&world.pair().build().unwrap());
        E::send(client.get("/me")).unwrap_err();
        let by = Duration::from_secs(set.unsigned_abs());
        let wall = if set > 0 {
            world.now() + by
        } else {
            world.now() - by
        };
        world.time.set_wall(wall);
        let error = E::send(client.get("/me")).unwrap_err();
        assert!(RefreshError::find_in(&error).is_some());
        assert_eq!(world.server.refreshes(), 1, "set by {set} s");
        world.time.advance(seconds(1));
        E::send(client.get("/me")).unwrap();
        assert_eq!(world.server.refreshes(), 2, "set by {set} s");
    }
}

/// Case 62. Nor is a look into the store put off by it.
fn a_sign_out_elsewhere_is_seen_though_the_clock_is_set_back<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().recheck_store(seconds(1)).build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    block_on(world.pair().build().unwrap().sign_out()).unwrap();
    world.time.set_wall(world.now() - HOUR);
    E::send(client.get("/me")).unwrap();
    eventually("it is seen", || {
        refresh.status().state() == SessionState::Empty
    });
}

/// A server that hands out JWTs of five minutes, which say nothing of when
/// they were issued; its clock is `ahead` of ours, or behind it.
fn issuing(world: &World, ahead: i64, issued: &Arc<Mutex<SystemTime>>) -> TokenRefresh {
    let (server, issued) = (Arc::clone(&world.server), Arc::clone(issued));
    let count = Count::default();
    let refresher = async move |client: Client, _: Token| {
        let (number, now) = (count.add(), client.runtime().wall());
        *issued.lock().unwrap() = now;
        let exp = unix(now).saturating_add_signed(ahead) + 300;
        let access = jwt(&format!(r#"{{"n":{number},"exp":{exp}}}"#));
        Ok::<_, RefreshError>(server.issue(&access, &format!("s{number}")))
    };
    TokenRefresh::builder(Arc::clone(&world.store), refresher)
        .expiry_from_jwt(true)
        .early(Duration::ZERO)
        .jitter_seed(7)
        .build()
        .unwrap()
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Bug 38. Our clock is ten minutes behind: each token is refused once. It is
/// a little ahead: the next one is asked for sooner. It is so far ahead that a
/// new token seems to have expired: it is used until it is refused.
fn a_wrong_clock_makes_no_loop<E: Drive>() {
    for (ahead, refreshes, refusals) in [(600, 2, 2), (-50, 4, 1), (-310, 2, 2), (-86_400, 2, 2)] {
        let world = World::new();
        world.server.expire();
        let issued = Arc::new(Mutex::new(world.now()));
        let refresh = issuing(&world, ahead, &issued);
        let client = world.client::<E>(&refresh);
        for _ in 0..600 {
            if *issued.lock().unwrap() + seconds(300) <= world.now() {
                world.server.expire();
            }
            E::send(client.get("/me")).unwrap();
            world.time.advance(seconds(1));
        }
        let counters = refresh.counters();
        let seen = (counters.attempts, counters.replays);
        assert_eq!(seen, (refreshes, refusals), "{ahead} s ahead");
    }
}

/// Bug 15. The lifetime is shorter than the leeway, and many wait.
fn many_callers_of_short_lived_tokens_make_one_refresh_each_time<E: Drive>() {
    const CALLS: usize = 20;
    let world = World::new();
    world.server.expire();
    world.server.lifetime(Some(30));
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..5 {
        let calls = (0..CALLS).map(|_| client.get("/me")).collect();
        for result in E::send_all(calls) {
            result.unwrap();
        }
        world.time.advance(seconds(25));
    }
    assert_eq!(world.server.presented(), ["r1", "r2", "r3", "r4", "r5"]);
    assert_eq!(world.server.reused(), 0);
}

/// Bug 16. The pair is kept, and used until it is refused.
fn an_expiry_that_cannot_be_read_is_unknown<E: Drive>() {
    for value in [
        "\"soon\"",
        "\"2030-01-01\"",
        "-1",
        "0",
        "1e300",
        "null",
        "{}",
    ] {
        let world = World::new();
        world.server.issue("b1", "s1");
        let body = format!(r#"{{"access_token":"b1","refresh_token":"s1","expires_in":{value}}}"#);
        world.server.answer(Odd::json(200, &body));
        let client = world.client::<E>(&world.pair().build().unwrap());
        E::send(client.get("/me")).unwrap();
        let stored = block_on(world.store.load()).unwrap();
        let token = stored.token().unwrap();
        assert_eq!(token.expiry(), None, "{value}");
        assert_eq!(token.refresh_token().unwrap().expose(), "s1");
        world.time.advance(1000 * HOUR);
        E::send(client.get("/me")).unwrap();
        assert_eq!(world.server.presented(), ["r1"], "{value}");
        world.server.expire();
        E::send(client.get("/me")).unwrap();
        assert_eq!(world.server.presented(), ["r1", "s1"], "{value}");
    }
}

both!(
    after_a_sleep_of_the_machine_nobody_is_refused,
    a_clock_that_is_set_back_costs_one_refusal,
    a_clock_that_jumps_to_and_fro_makes_no_loop,
    a_pause_does_not_go_by_the_clock_that_can_be_set,
    a_sign_out_elsewhere_is_seen_though_the_clock_is_set_back,
    a_wrong_clock_makes_no_loop,
    many_callers_of_short_lived_tokens_make_one_refresh_each_time,
    an_expiry_that_cannot_be_read_is_unknown,
);
