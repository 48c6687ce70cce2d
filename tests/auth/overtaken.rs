//! A refresh that began before the token was refused.

use tollgate::{
    Response, Result, Runtime,
    auth::{RefreshClass, RefreshError, SessionState, Token},
    client::Client,
    runtime::ManualRuntime,
};

use crate::support::{Drive, Odd, World, eventually, seconds, some};

/// A refresh in the background is under way when the token is refused; it
/// brings the next token, or the refused one again. One call was refused, the
/// other came later.
fn refused_meanwhile<E: Drive>(answer: Option<Odd>) -> (World, Client<E>, [Result<Response>; 2]) {
    let now = ManualRuntime::new().wall();
    let token = Token::new("a1").refresh("r1");
    let world = World::with(token.expires_in(seconds(3600), now));
    world.time.advance(seconds(3530));
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    // One reads the store, one starts the refresh.
    E::send(client.get("/first")).unwrap();
    E::send(client.get("/second")).unwrap();
    gate.await_arrivals(1);
    world.server.expire();
    if let Some(odd) = answer {
        world.server.answer(odd);
    }
    let ends = std::thread::scope(|scope| {
        let refused = scope.spawn(|| E::send(client.get("/refused")));
        eventually("it waits", || refresh.counters().coalesced == 1);
        assert_eq!(refresh.status().state(), SessionState::Rejected);
        let later = scope.spawn(|| E::send(client.get("/later")));
        eventually("both wait", || refresh.counters().coalesced == 2);
        gate.open();
        [refused.join().unwrap(), later.join().unwrap()]
    });
    (world, client, ends)
}

/// Bug 12. The refused token is not taken for a new one.
fn an_older_refresh_does_not_bring_the_refused_token_back<E: Drive>() {
    let same = r#"{"access_token":"a1","refresh_token":"r2","expires_in":3600}"#;
    let (world, client, ends) = refused_meanwhile::<E>(Some(Odd::json(200, same)));
    let [refused, later] = ends.map(Result::unwrap_err);
    assert!(refused.is_status(401), "{refused}");
    assert!(
        refused
            .notes()
            .any(|note| note.contains("refused token again"))
    );
    let cause = RefreshError::find_in(&later).unwrap();
    assert_eq!(cause.class(), RefreshClass::Unchanged);
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.sent_tokens(), some(&["a1"; 3]), "not sent again");
    // What the next one can be had with is kept.
    world.server.issue("a1", "r2");
    world.server.expire();
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "r2"]);
    assert_eq!(world.sent_tokens()[3..], some(&["a2"]));
}

/// Bug 1. What it brings serves those who were refused meanwhile.
fn an_older_refresh_serves_those_refused_meanwhile<E: Drive>() {
    let (world, client, ends) = refused_meanwhile::<E>(None);
    assert!(ends.iter().all(Result::is_ok));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.sent_tokens()[3..], some(&["a2"; 3]));
}

both!(
    an_older_refresh_does_not_bring_the_refused_token_back,
    an_older_refresh_serves_those_refused_meanwhile,
);
