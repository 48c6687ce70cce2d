//! What a handler of events may do: everything.

use std::sync::{Arc, Mutex};

use tollgate::{
    auth::{AuthEvent, SessionState},
    client::Async,
    runtime::block_on,
};

use crate::support::{Count, Drive, Odd, World, eventually, seconds, some};

/// Bug 42. A handler of each event calls the client, and looks at the session.
fn a_handler_may_use_client_and_session<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (names, inner, session) = (Arc::clone(&seen), client.clone(), refresh.clone());
    let asking = world.bare::<Async>();
    refresh.on_event(move |event| {
        let name = match event {
            AuthEvent::Refreshing { .. } => "refreshing",
            AuthEvent::Refreshed { .. } => "refreshed",
            AuthEvent::RefreshFailed { .. } => "failed",
            AuthEvent::SessionExpired { .. } => "expired",
            _ => "other",
        };
        drop(E::send(inner.get("/from-a-handler")));
        if name == "refreshing" {
            // It cannot wait for what waits for it.
            block_on(session.refresh_now(&asking)).unwrap_err();
        }
        let later = Count::default();
        session.on_event(move |_| {
            later.add();
        });
        drop((session.status(), session.counters()));
        names.lock().unwrap().push(name);
    });
    let told = |count| eventually("it is told", || seen.lock().unwrap().len() == count);
    world.server.expire();
    world.server.answer(Odd::html(503));
    E::send(client.get("/me")).unwrap_err();
    told(2);
    world.time.advance(seconds(2));
    E::send(client.get("/me")).unwrap();
    told(4);
    world.server.expire();
    let refused = Odd::json(400, r#"{"error":"invalid_grant"}"#);
    world.server.answer(refused);
    E::send(client.get("/me")).unwrap_err();
    told(6);
    let expected = [
        "refreshing",
        "failed",
        "refreshing",
        "refreshed",
        "refreshing",
        "expired",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(refresh.counters().panics, 0);
}

/// Bug 42. The session has ended, and the handler begins the next one.
fn a_handler_may_sign_in<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refused = Odd::json(400, r#"{"error":"invalid_grant"}"#);
    world.server.answer(refused);
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let (session, server) = (refresh.clone(), Arc::clone(&world.server));
    refresh.on_event(move |event| {
        if matches!(event, AuthEvent::SessionExpired { .. }) {
            block_on(session.sign_in(server.issue("b1", "s1"))).unwrap();
        }
    });
    E::send(client.get("/me")).unwrap_err();
    eventually("somebody is signed in", || {
        refresh.status().state() == SessionState::Fresh
    });
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
}

/// Bug 42. The token is about to be spent, and the handler signs out.
fn a_handler_may_sign_out_in_the_middle_of_a_refresh<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let session = refresh.clone();
    refresh.on_event(move |event| {
        if matches!(event, AuthEvent::Refreshing { .. }) {
            block_on(session.sign_out()).unwrap();
        }
    });
    let error = E::send(client.get("/me")).unwrap_err();
    assert!(error.is_status(401), "{error}");
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(refresh.status().state(), SessionState::Empty);
    assert_eq!(world.sent_tokens(), [some(&["a1"]), vec![None]].concat());
}

both!(
    a_handler_may_use_client_and_session,
    a_handler_may_sign_in,
    a_handler_may_sign_out_in_the_middle_of_a_refresh,
);
