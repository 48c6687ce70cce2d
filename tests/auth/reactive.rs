//! What a refusal sets off.

use std::sync::Mutex;

use tollgate::{Response, auth::RefreshError};

use crate::support::{Count, Drive, Gate, World, eventually, some};

fn a_401_is_refreshed_and_replayed<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let response = E::send(client.get("/me")).unwrap();
    assert_eq!(response.attempts(), 2);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2"]));
    assert_eq!(world.server.presented(), ["r1"]);
    let counters = refresh.counters();
    assert_eq!(
        (counters.attempts, counters.refreshed, counters.replays),
        (1, 1, 1)
    );
}

fn a_403_is_passed_through<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.refuse_with(403);
    let client = world.client::<E>(&world.pair().build().unwrap());
    assert!(E::send(client.get("/me")).unwrap_err().is_status(403));
    assert_eq!(world.server.refreshes(), 0);
}

fn a_403_counts_where_asked_for<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.refuse_with(403);
    let client = world.client::<E>(&world.pair().also_on_forbidden().build().unwrap());
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 1);
}

fn a_predicate_finds_refusals_in_a_200<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.refuse_with(200);
    let refused = |response: &Response| {
        response
            .text()
            .is_ok_and(|text| text.contains("invalid_token"))
    };
    let refresh = world.pair().refresh_when(refused).build().unwrap();
    let client = world.client::<E>(&refresh);
    let response = E::send(client.get("/graphql")).unwrap();
    assert_eq!(response.text().unwrap(), "\"ok\"");
    assert_eq!(world.sent_tokens(), some(&["a1", "a2"]));
}

fn a_predicate_finds_refusals_in_an_error<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.refuse_with(419);
    let refresh = world
        .pair()
        .refresh_when(|response| response.status().as_u16() == 419)
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/laravel")).unwrap();
    assert_eq!(world.server.refreshes(), 1);
}

fn a_predicate_that_panics_says_no_and_is_counted<E: Drive>() {
    let world = World::new();
    let refresh = world
        .pair()
        .refresh_when(|_| panic!("a fault in the predicate"))
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.counters().panics, 1);
    assert_eq!(world.server.refreshes(), 0);
}

fn a_401_counts_where_every_status_is_accepted<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let response = E::send(client.get("/me").accept_any_status()).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(world.server.refreshes(), 1);
}

fn a_second_401_is_returned<E: Drive>() {
    let world = World::new();
    world.server.always_refuse();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let error = E::send(client.get("/me")).unwrap_err();
    assert!(error.is_status(401));
    assert_eq!(error.attempts(), 2);
    assert_eq!(world.server.refreshes(), 1);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2"]));
}

/// Everybody is refused before anybody is refreshed, and all replays are on
/// the wire together.
fn parallel_refusals_make_one_refresh_and_parallel_replays<E: Drive>() {
    const CALLS: usize = 20;
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (client, sent) = world.held::<E>(&refresh, "/me");
    // The token is known, so that all calls are sent with the first one.
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    // Each replay waits until all of them are there.
    let replays = Count::default();
    let wave = Gate::default();
    client
        .interceptors
        .request
        .use_(async move |request: tollgate::Request| {
            if request.attempt() == 2 {
                if replays.add() == CALLS {
                    wave.open();
                }
                wave.pass().await;
            }
            Ok(request)
        });
    let calls = (0..CALLS).map(|_| client.get("/me")).collect();
    let results = std::thread::scope(|scope| {
        scope.spawn(|| {
            sent.await_arrivals(CALLS);
            sent.open();
        });
        E::send_all(calls)
    });
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.calls().len(), 1 + 2 * CALLS);
    let counters = refresh.counters();
    assert_eq!(counters.replays as usize, CALLS);
    assert_eq!(
        (counters.coalesced + counters.stale_hits) as usize,
        CALLS - 1
    );
}

/// Half of the refusals arrive after the new token was published.
fn a_late_refusal_of_an_old_token_is_replayed_without_a_refresh<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/slow");
    // The token is known, so that both calls are sent with the first one.
    E::send(client.get("/first")).unwrap();
    let late = client.get("/slow");
    std::thread::scope(|scope| {
        let late = scope.spawn(|| E::send(late));
        gate.await_arrivals(1);
        world.server.expire();
        E::send(client.get("/fast")).unwrap();
        assert_eq!(world.server.refreshes(), 1);
        gate.open();
        late.join().unwrap().unwrap();
    });
    assert_eq!(world.server.refreshes(), 1);
    assert_eq!(refresh.counters().stale_hits, 1);
}

fn two_clients_share_one_refresh<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let one = world.client::<E>(&refresh);
    let two = world.client::<E>(&refresh);
    E::send(one.get("/me")).unwrap();
    E::send(two.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 1);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2", "a2"]));
}

fn two_pairs_on_one_client_keep_to_themselves<E: Drive>() {
    let world = World::new();
    let client = world.bare::<E>();
    let other = World::with(tollgate::auth::Token::new("b1").refresh("s1"));
    let mine = world.pair().origins(["https://api.test"]).build().unwrap();
    let theirs = other
        .pair()
        .origins(["https://other.test"])
        .build()
        .unwrap();
    client.interceptors.use_pair(mine.clone());
    client.interceptors.use_pair(theirs.clone());
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    assert_eq!(mine.counters().attempts, 1);
    assert_eq!(theirs.counters().attempts, 0);
}

/// The refresher's own calls pass no interceptor of the client.
fn a_refresh_passes_no_interceptor<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let seen = std::sync::Arc::new(Mutex::new(Vec::new()));
    let log = std::sync::Arc::clone(&seen);
    client
        .interceptors
        .request
        .use_sync(move |request: tollgate::Request| {
            log.lock().unwrap().push(request.uri().path().to_owned());
            Ok(request)
        });
    E::send(client.get("/me")).unwrap();
    assert_eq!(*seen.lock().unwrap(), ["/me", "/me"]);
    assert_eq!(world.server.refreshes(), 1);
}

/// A refresher that calls through the very client it refreshes for.
fn a_refresh_through_the_same_client_fails_at_once<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.bare::<tollgate::client::Async>();
    let own = client.clone();
    let refresh = tollgate::auth::TokenRefresh::builder(
        std::sync::Arc::clone(&world.store),
        async move |_: tollgate::Client, _: tollgate::auth::Token| {
            own.get("/refresh-with-401").await?;
            Err::<tollgate::auth::Token, RefreshError>(RefreshError::new(
                tollgate::auth::RefreshClass::Config,
                "not reached",
            ))
        },
    )
    .build()
    .unwrap();
    client.interceptors.use_pair(refresh.clone());
    let caller = world.client::<E>(&refresh);
    let error = E::send(caller.get("/me")).unwrap_err();
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.code(), Some("invalid_token"));
    // The refresh's own call went out bare, and its 401 started nothing.
    let expected = [some(&["a1"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), expected);
    eventually("no flight is left", || refresh.counters().failed == 1);
}

both!(
    a_401_is_refreshed_and_replayed,
    a_403_is_passed_through,
    a_403_counts_where_asked_for,
    a_predicate_finds_refusals_in_a_200,
    a_predicate_finds_refusals_in_an_error,
    a_predicate_that_panics_says_no_and_is_counted,
    a_401_counts_where_every_status_is_accepted,
    a_second_401_is_returned,
    parallel_refusals_make_one_refresh_and_parallel_replays,
    a_late_refusal_of_an_old_token_is_replayed_without_a_refresh,
    two_clients_share_one_refresh,
    two_pairs_on_one_client_keep_to_themselves,
    a_refresh_passes_no_interceptor,
    a_refresh_through_the_same_client_fails_at_once,
);
