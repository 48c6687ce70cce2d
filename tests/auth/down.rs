//! The token server is down, busy, or of no use: how often it is asked, and
//! whom it concerns.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tollgate::{
    AdapterError, ErrorKind, MockAdapter, MockReply, Runtime,
    auth::{LostAnswer, RefreshClass, RefreshError, SessionState, Token, TokenStore},
    runtime::{ManualRuntime, block_on},
};

use crate::{
    support::{BASE, Drive, Log, Odd, World, eventually, seconds, settled, some},
    tries::leaping,
};

fn class_of(error: &tollgate::Error) -> RefreshClass {
    RefreshError::find_in(error).unwrap().class()
}

/// A token that is good for five minutes, and should be replaced now.
fn to_be_replaced() -> World {
    let now = ManualRuntime::new().wall();
    let token = Token::new("a1").refresh("r1");
    let world = World::with(token.expires_in(seconds(3600), now));
    world.time.advance(seconds(3300));
    world
}

fn busy() -> Odd {
    Odd {
        retry_after: Some("30"),
        ..Odd::html(429)
    }
}

/// Bug 29, case 34. A hundred calls in ten seconds, each with the old token.
fn a_busy_server_is_left_alone_while_the_token_lives<E: Drive>() {
    let world = to_be_replaced();
    world.server.answer(busy());
    let refresh = world
        .pair()
        .early(seconds(1800))
        .refresh_attempts(3)
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    // The first reads the store.
    E::send(client.get("/me")).unwrap();
    for _ in 0..100 {
        E::send(client.get("/me")).unwrap();
        settled(&refresh);
        world.time.advance(Duration::from_millis(100));
    }
    assert_eq!(world.server.refreshes(), 1);
    assert_eq!(world.sent_tokens(), some(&["a1"; 101]));
    let (left, error) = {
        let status = refresh.status();
        let (left, error) = status.cooling().unwrap();
        (left, error.class())
    };
    assert_eq!((left, error), (seconds(20), RefreshClass::NotSent));
    world.time.advance(seconds(20));
    drop(E::send(client.get("/me")));
    eventually("it is asked again", || refresh.counters().refreshed == 1);
    assert_eq!(world.server.refreshes(), 2);
}

/// Bug 29. The same where the token is refused: one attempt, one answer.
fn a_busy_server_is_left_alone_where_nothing_else_helps<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(busy());
    let refresh = world.pair().refresh_attempts(3).build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..100 {
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(class_of(&error), RefreshClass::NotSent);
        world.time.advance(Duration::from_millis(100));
    }
    assert_eq!(world.server.refreshes(), 1);
    assert_eq!(world.calls().len(), 1, "a refused token is not sent again");
    world.time.advance(seconds(20));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "r1"]);
}

/// Case 28. All come at once when the pause is over.
fn after_the_pause_many_calls_make_one_attempt<E: Drive>() {
    let world = World::new();
    world.server.expire();
    for _ in 0..20 {
        world.server.answer(Odd::html(500));
    }
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/me")).unwrap_err();
    for attempts in 2..5 {
        world.time.advance(seconds(30));
        let calls = (0..8).map(|_| client.get("/me")).collect();
        for result in E::send_all(calls) {
            assert_eq!(class_of(&result.unwrap_err()), RefreshClass::Ambiguous);
        }
        assert_eq!(world.server.refreshes(), attempts);
    }
}

/// Bug 26. Also where the name cannot be resolved, or the line is cut.
fn a_fault_of_the_network_costs_no_call_while_the_token_lives<E: Drive>() {
    for kind in [ErrorKind::Dns, ErrorKind::Connect, ErrorKind::Transport] {
        let world = to_be_replaced();
        let (server, online) = (Arc::clone(&world.server), Arc::new(AtomicBool::new(false)));
        let is_online = Arc::clone(&online);
        let mock = MockAdapter::new()
            .handler(move |request| {
                let reached = request.uri().path() != "/token" || is_online.load(SeqCst);
                if !reached {
                    return Err(AdapterError::new(kind, "a fault"));
                }
                Ok(server.handle(request))
            })
            .with_runtime(world.time.clone());
        let client = E::builder(mock).base_url(BASE).build().unwrap();
        let refresh = world.pair().early(seconds(1800)).build().unwrap();
        client.interceptors.use_pair(refresh.clone());
        E::send(client.get("/me")).unwrap();
        for failures in 1..4 {
            E::send(client.get("/me")).unwrap();
            eventually("it has failed", || refresh.counters().failed == failures);
            world.time.advance(seconds(31));
        }
        online.store(true, SeqCst);
        E::send(client.get("/me")).unwrap();
        eventually("the network is back", || refresh.counters().refreshed == 1);
        assert_eq!(world.server.presented(), ["r1"]);
    }
}

/// Bug 27. Whatever the fault, nobody has to start again.
fn the_session_outlives_every_fault_of_the_network<E: Drive>() {
    for kind in [
        ErrorKind::Dns,
        ErrorKind::Connect,
        ErrorKind::Tls,
        ErrorKind::Timeout,
        ErrorKind::Transport,
    ] {
        let world = World::new();
        let refresh = world.pair().build().unwrap();
        let log = Log::default();
        log.listen(&refresh);
        let client = world.client::<E>(&refresh);
        world.mock.push(MockReply::status(401, ""));
        world
            .mock
            .push(MockReply::error(AdapterError::new(kind, "a fault")));
        E::send(client.get("/me")).unwrap_err();
        assert_eq!(refresh.status().state(), SessionState::Rejected);
        world.time.advance(seconds(30));
        world.server.expire();
        E::send(client.get("/me")).unwrap();
        assert_eq!(world.server.presented(), ["r1"], "{kind:?}");
        log.expect(&["failed", "refreshed"]);
    }
}

/// Case 35. It may have been processed: what follows is the policy's.
fn a_read_timeout_is_not_asked_again_blindly<E: Drive>() {
    for (policy, asked) in [(LostAnswer::RetryOnce, 2), (LostAnswer::GiveUp, 1)] {
        let world = World::new();
        let refresh = world
            .pair()
            .refresh_attempts(5)
            .after_lost_answer(policy)
            .build()
            .unwrap();
        let client = leaping::<E>(&world, &world.mock, &refresh);
        world.mock.push(MockReply::status(401, ""));
        for _ in 0..5 {
            let lost = AdapterError::timeout();
            world.mock.push(MockReply::error(lost));
        }
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(class_of(&error), RefreshClass::Ambiguous);
        assert_eq!(refresh.counters().attempts, asked, "{policy:?}");
    }
}

/// Bug 31. The API refuses even the newest token: that is its fault, not the
/// user's, and it heals without anybody.
fn an_api_that_refuses_every_token_signs_nobody_out<E: Drive>() {
    let world = World::new();
    world.server.always_refuse();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let mut answers = Vec::new();
    for _ in 0..58 {
        answers.push(E::send(client.get("/me")).unwrap_err());
        world.time.advance(Duration::from_millis(500));
    }
    let (refused, held_up) = answers.split_at(5);
    assert!(refused.iter().all(|it| it.is_status(401)));
    for error in held_up {
        assert_eq!(class_of(error), RefreshClass::Excessive);
    }
    assert_eq!(world.server.refreshes(), 5, "not by the rate of calls");
    assert_eq!(refresh.counters().rejected, 0);
    let stored = block_on(world.store.load()).unwrap();
    let token = stored.token().unwrap();
    assert_eq!(token.refresh_token().unwrap().expose(), "r6");
    world.server.relent();
    world.time.advance(seconds(1));
    for _ in 0..3 {
        E::send(client.get("/me")).unwrap();
    }
    assert_eq!(world.server.refreshes(), 6);
    assert_eq!(world.server.reused(), 0);
}

both!(
    a_busy_server_is_left_alone_while_the_token_lives,
    a_busy_server_is_left_alone_where_nothing_else_helps,
    after_the_pause_many_calls_make_one_attempt,
    a_fault_of_the_network_costs_no_call_while_the_token_lives,
    the_session_outlives_every_fault_of_the_network,
    a_read_timeout_is_not_asked_again_blindly,
    an_api_that_refuses_every_token_signs_nobody_out,
);
