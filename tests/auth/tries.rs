//! A refresh that asks more than once, and what a lost answer means.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tollgate::{
    AdapterError, Error, ErrorKind, MockAdapter,
    auth::{LostAnswer, RefreshClass, RefreshError, SessionState, Token, TokenRefresh},
    client::Client,
    runtime::{BoxFuture, ManualRuntime, Runtime},
};

use crate::support::{BASE, Count, Drive, Log, Odd, World, eventually, seconds, some};

fn class_of(error: &Error) -> RefreshClass {
    RefreshError::find_in(error).unwrap().class()
}

/// The world's clock, which leaps over the pauses between tries: a sleep that is
/// shorter than the time of a refresh moves it on to its end, and is over.
#[derive(Debug)]
struct Leaping(ManualRuntime);

impl Runtime for Leaping {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if duration >= seconds(10) {
            return self.0.sleep(duration);
        }
        let time = self.0.clone();
        Box::pin(async move { time.advance(duration) })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
}

/// A client with the pair, whose clock leaps over the pauses between tries.
pub(crate) fn leaping<E: Drive>(
    world: &World,
    mock: &MockAdapter,
    refresh: &TokenRefresh,
) -> Client<E> {
    let client = E::builder(mock.clone())
        .base_url(BASE)
        .runtime(Leaping(world.time.clone()))
        .build()
        .unwrap();
    client.interceptors.use_pair(refresh.clone());
    client
}

fn a_server_that_has_not_processed_it_is_asked_again<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::html(503));
    world.server.answer(Odd::html(429));
    let refresh = world.pair().refresh_attempts(3).build().unwrap();
    let log = Log::default();
    log.listen(&refresh);
    let client = leaping::<E>(&world, &world.mock, &refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "r1", "r1"]);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2"]));
    assert_eq!(refresh.counters().attempts, 3);
    log.expect(&["refreshed"]);
}

fn the_tries_have_an_end_and_one_answer<E: Drive>() {
    let world = World::new();
    world.server.expire();
    for _ in 0..9 {
        world.server.answer(Odd::html(503));
    }
    let refresh = world.pair().refresh_attempts(3).build().unwrap();
    let client = leaping::<E>(&world, &world.mock, &refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::NotSent);
    assert_eq!(world.server.refreshes(), 3);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::NotSent);
    assert_eq!(world.server.refreshes(), 3, "the pause has begun");
}

/// A wish that does not fit into the refresh's time is for the next one.
fn retry_after_is_kept<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd {
        retry_after: Some("3"),
        ..Odd::html(429)
    });
    world.server.answer(Odd {
        retry_after: Some("30"),
        ..Odd::html(503)
    });
    let refresh = world.pair().refresh_attempts(3).build().unwrap();
    let client = leaping::<E>(&world, &world.mock, &refresh);
    let started = world.time.now();
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.time.now() - started, seconds(3));
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.retry_after(), Some(seconds(30)));
    assert_eq!(world.server.refreshes(), 2);
    world.time.advance(seconds(29));
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.server.refreshes(), 2);
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();
}

fn a_lost_answer_is_asked_for_once_more<E: Drive>() {
    let world = World::new();
    world.server.expire();
    for _ in 0..2 {
        world.server.answer(Odd::html(502));
    }
    let refresh = world.pair().refresh_attempts(5).build().unwrap();
    let client = leaping::<E>(&world, &world.mock, &refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Ambiguous);
    assert_eq!(world.server.refreshes(), 2);
    world.time.advance(seconds(2));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "r1", "r1"]);
    assert_eq!(refresh.counters().recovered, 1);
}

fn a_lost_answer_can_be_the_end<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::html(502));
    let refresh = world
        .pair()
        .refresh_attempts(5)
        .after_lost_answer(LostAnswer::GiveUp)
        .build()
        .unwrap();
    let log = Log::default();
    log.listen(&refresh);
    let client = leaping::<E>(&world, &world.mock, &refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Ambiguous);
    world.time.advance(seconds(60));
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert!(RefreshError::find_in(&error).unwrap().is_rotation_lost());
    assert_eq!(world.server.presented(), ["r1"], "never a second time");
    log.expect(&["failed", "expired"]);
}

/// The old token works until its end, though nothing can replace it.
fn a_lost_answer_in_the_background_takes_nothing_away<E: Drive>() {
    let world = World::new();
    let now = world.now();
    let refresh = world
        .pair()
        .after_lost_answer(LostAnswer::GiveUp)
        .build()
        .unwrap();
    let token = Token::new("a1").refresh("r1");
    let token = token.expires_in(seconds(3600), now);
    tollgate::runtime::block_on(refresh.sign_in(token)).unwrap();
    let client = world.client::<E>(&refresh);
    world.server.answer(Odd::html(500));
    world.time.advance(seconds(3530));
    E::send(client.get("/me")).unwrap();
    eventually("the refresh has failed", || refresh.counters().failed == 1);
    for _ in 0..3 {
        world.time.advance(seconds(1));
        E::send(client.get("/me")).unwrap();
        assert_eq!(refresh.status().state(), SessionState::Advisory);
    }
    world.time.advance(seconds(60));
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert_eq!(world.server.refreshes(), 1);
}

fn no_connection_is_tried_again_within_the_refresh<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let server = Arc::clone(&world.server);
    let asked = Count::default();
    let mock = MockAdapter::new()
        .handler(move |request| {
            let token = request.uri().path() == "/token";
            if token && asked.add() <= 2 {
                return Err(AdapterError::new(ErrorKind::Connect, "refused"));
            }
            Ok(server.handle(request))
        })
        .with_runtime(world.time.clone());
    let refresh = world.pair().refresh_attempts(3).build().unwrap();
    let client = leaping::<E>(&world, &mock, &refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.counters().attempts, 3);
    assert_eq!(world.server.presented(), ["r1"]);
}

both!(
    a_server_that_has_not_processed_it_is_asked_again,
    the_tries_have_an_end_and_one_answer,
    retry_after_is_kept,
    a_lost_answer_is_asked_for_once_more,
    a_lost_answer_can_be_the_end,
    a_lost_answer_in_the_background_takes_nothing_away,
    no_connection_is_tried_again_within_the_refresh,
);
