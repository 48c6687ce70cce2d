//! What the user's predicate sees, and which calls are replayed after it.

use std::io::Read;

use http::Method;
use tollgate::{
    Body, MockAdapter, NotReplayed, Response,
    auth::{ReplayAfterRefusal, TokenRefreshBuilder},
};

use crate::support::{Count, Drive, World, some};

const REFUSED: &str = r#"{"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}"#;

/// A GraphQL server: it refuses with 200 and an error inside.
fn graphql(world: &World) -> TokenRefreshBuilder {
    world.server.expire();
    world.server.refuse_with_body(200, REFUSED);
    world.pair().refresh_when(unauthenticated)
}

fn unauthenticated(response: &Response) -> bool {
    let code = |answer: serde_json::Value| answer["errors"][0]["extensions"]["code"].clone();
    response
        .json()
        .map(code)
        .is_ok_and(|code| code == "UNAUTHENTICATED")
}

fn query<E: Drive>(client: &tollgate::client::Client<E>) -> tollgate::client::Call<E> {
    client
        .post("/graphql")
        .json(&serde_json::json!({"query": "{ me }"}))
}

fn graphql_is_refreshed_and_replayed_where_asked_for<E: Drive>() {
    let world = World::new();
    let refresh = graphql(&world).replay_any_method().build().unwrap();
    let response = E::send(query(&world.client::<E>(&refresh))).unwrap();
    assert_eq!(response.text().unwrap(), "\"ok\"");
    assert_eq!(world.sent_tokens(), some(&["a1", "a2"]));
    let calls = world.calls();
    assert_eq!(calls[0].body(), calls[1].body());
    assert_eq!(calls[0].body(), r#"{"query":"{ me }"}"#.as_bytes());
    assert_eq!(refresh.counters().replays, 1);
}

/// A POST may have been carried out: the token is renewed, the answer kept.
fn a_post_is_not_replayed_by_default<E: Drive>() {
    let world = World::new();
    let refresh = graphql(&world).build().unwrap();
    let client = world.client::<E>(&refresh);
    let response = E::send(query(&client)).unwrap();
    assert_eq!(response.text().unwrap(), REFUSED);
    let note = response.extensions().get::<NotReplayed>().unwrap();
    assert!(note.reason().contains("not idempotent"), "{note:?}");
    assert_eq!(world.sent_tokens(), some(&["a1"]));
    let counters = refresh.counters();
    assert_eq!((counters.refreshed, counters.replays), (1, 0));
    // The next call has the new token.
    assert_eq!(E::send(query(&client)).unwrap().text().unwrap(), "\"ok\"");
    assert_eq!(world.server.refreshes(), 1);
}

fn a_call_says_for_itself_whether_it_is_replayed<E: Drive>() {
    let world = World::new();
    let refresh = graphql(&world).build().unwrap();
    let client = world.client::<E>(&refresh);
    let response = E::send(query(&client).extension(ReplayAfterRefusal::Always)).unwrap();
    assert_eq!(response.text().unwrap(), "\"ok\"");
    world.server.expire();
    world.server.refuse_with(401);
    let error = E::send(client.get("/me").extension(ReplayAfterRefusal::Never)).unwrap_err();
    assert!(error.is_status(401));
    assert!(
        error
            .notes()
            .any(|note| note.contains("`ReplayAfterRefusal::Never`")),
        "{error}"
    );
    assert_eq!(refresh.counters().refreshed, 2);
    assert_eq!(world.sent_tokens(), some(&["a1", "a2", "a2"]));
}

fn only_a_401_is_replayed_whatever_the_method<E: Drive>() {
    for (method, idempotent) in [
        (Method::GET, true),
        (Method::HEAD, true),
        (Method::OPTIONS, true),
        (Method::PUT, true),
        (Method::DELETE, true),
        (Method::POST, false),
        (Method::PATCH, false),
    ] {
        for (status, replays) in [(401, true), (403, idempotent)] {
            let world = World::new();
            world.server.expire();
            world.server.refuse_with(status);
            let refresh = world.pair().also_on_forbidden().build().unwrap();
            let client = world.client::<E>(&refresh);
            let result = E::send(client.request(method.clone(), "/x"));
            assert_eq!(world.server.refreshes(), 1, "{method} {status}");
            assert_eq!(
                world.calls().len(),
                1 + usize::from(replays),
                "{method} {status}"
            );
            match result {
                Ok(_) => assert!(replays),
                Err(error) => {
                    assert!(error.is_status(status) && !replays, "{method} {status}");
                    assert!(error.notes().any(|it| it.contains("not idempotent")));
                }
            }
        }
    }
}

/// The redirect made a GET of it, but a replay would begin with the POST.
fn the_method_is_that_of_the_call_and_not_of_the_last_hop<E: Drive>() {
    let world = World::new();
    let moved = Count::default();
    let seen = moved.clone();
    let server = std::sync::Arc::clone(&world.server);
    let mock = MockAdapter::new().handler(move |request| {
        if request.method() == Method::POST && request.uri().path() == "/orders" {
            seen.add();
            let moved = http::Response::builder()
                .status(303)
                .header("location", "/done");
            return Ok(moved.body(Body::empty()).unwrap());
        }
        Ok(server.handle(request))
    });
    world.server.expire();
    world.server.refuse_with(403);
    let client = E::builder(mock)
        .base_url(crate::support::BASE)
        .build()
        .unwrap();
    client
        .interceptors
        .use_pair(world.pair().also_on_forbidden().build().unwrap());
    let error = E::send(client.post("/orders")).unwrap_err();
    assert!(error.is_status(403));
    assert_eq!((moved.get(), world.server.refreshes()), (1, 1));
}

fn a_stream_has_no_body_for_the_predicate<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.refuse_with_body(200, REFUSED);
    let asked = Count::default();
    let seen = asked.clone();
    let refresh = world
        .pair()
        .refresh_when(move |response| {
            seen.add();
            assert!(response.bytes().is_err() && response.peek(10).is_empty());
            false
        })
        .build()
        .unwrap();
    let call = world.client::<E>(&refresh).get("/feed").stream();
    let mut body = String::new();
    let response = E::send(call).unwrap();
    response
        .into_body()
        .into_reader()
        .read_to_string(&mut body)
        .unwrap();
    assert_eq!(body, REFUSED);
    assert_eq!((asked.get(), refresh.counters().panics), (1, 0));
}

fn a_predicate_looks_at_the_beginning_of_a_body<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let long = format!("{REFUSED}{}", "x".repeat(100_000));
    world.server.refuse_with_body(200, &long);
    let refresh = world
        .pair()
        .refresh_when(|response| {
            let beginning = response.peek(64 * 1024);
            assert!(beginning.len() <= 64 * 1024);
            String::from_utf8_lossy(beginning).contains("UNAUTHENTICATED")
        })
        .build()
        .unwrap();
    let response = E::send(world.client::<E>(&refresh).get("/me")).unwrap();
    assert_eq!(response.text().unwrap(), "\"ok\"");
}

fn a_panic_is_a_no_and_is_counted_once<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.refuse_with_body(403, REFUSED);
    let refresh = world
        .pair()
        .refresh_when(|_| panic!("a fault"))
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    assert!(E::send(client.get("/me")).unwrap_err().is_status(403));
    assert_eq!(refresh.counters().panics, 1);
    assert_eq!(world.server.refreshes(), 0);
}

fn a_401_does_not_ask_the_predicate<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let asked = Count::default();
    let seen = asked.clone();
    let refresh = world.pair().refresh_when(move |response| {
        seen.add();
        response.status() == 401
    });
    E::send(world.client::<E>(&refresh.build().unwrap()).post("/x")).unwrap();
    assert_eq!(asked.get(), 1, "of the replay's 200");
}

both!(
    graphql_is_refreshed_and_replayed_where_asked_for,
    a_post_is_not_replayed_by_default,
    a_call_says_for_itself_whether_it_is_replayed,
    only_a_401_is_replayed_whatever_the_method,
    the_method_is_that_of_the_call_and_not_of_the_last_hop,
    a_stream_has_no_body_for_the_predicate,
    a_predicate_looks_at_the_beginning_of_a_body,
    a_panic_is_a_no_and_is_counted_once,
    a_401_does_not_ask_the_predicate,
);
