//! What a replay sends, and when there is none.

use http::header::AUTHORIZATION;
use tollgate::{Body, NotReplayed, Request};

use crate::support::{Count, Drive, World, some};

fn a_post_is_replayed_with_the_same_bytes<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let call = client
        .post("/orders")
        .header("idempotency-key", "k-1")
        .json(&serde_json::json!({"tea": 1}));
    E::send(call).unwrap();
    let calls = world.calls();
    assert_eq!(calls[0].body(), r#"{"tea":1}"#.as_bytes());
    assert_eq!(calls[0].body(), calls[1].body());
    for name in ["idempotency-key", "content-type"] {
        assert_eq!(calls[0].headers()[name], calls[1].headers()[name]);
    }
    assert_eq!(world.sent_tokens(), some(&["a1", "a2"]));
    for call in &calls {
        assert_eq!(call.headers().get_all(AUTHORIZATION).iter().count(), 1);
    }
}

fn a_one_shot_body_is_not_sent_again_but_the_token_is_renewed<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let body = || Body::from_reader(std::io::Cursor::new(b"once"));
    let error = E::send(client.put("/upload").body(body())).unwrap_err();
    assert!(error.is_status(401));
    assert!(
        error.notes().any(|note| note.contains("not replayed")),
        "{error}"
    );
    assert_eq!(world.server.refreshes(), 1);
    E::send(client.put("/upload").body(body())).unwrap();
    assert_eq!(world.server.refreshes(), 1);
    let bodies: Vec<_> = world.calls().iter().map(|it| it.body().clone()).collect();
    assert_eq!(bodies, ["once", "once"]);
}

fn a_one_shot_body_where_every_status_is_accepted_says_why<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let body = Body::from_reader(std::io::Cursor::new(b"once"));
    let response = E::send(client.put("/upload").body(body).accept_any_status()).unwrap();
    assert_eq!(response.status(), 401);
    assert!(response.extensions().get::<NotReplayed>().is_some());
    assert_eq!(world.server.refreshes(), 1);
}

fn a_body_factory_is_asked_once_more<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let made = Count::default();
    let factory = made.clone();
    let body = Body::factory(move || {
        factory.add();
        Body::from("again")
    });
    E::send(client.put("/upload").body(body)).unwrap();
    assert_eq!(made.get(), 2);
    assert!(world.calls().iter().all(|call| call.body() == "again"));
}

fn other_interceptors_run_again_on_the_original_request<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    client
        .interceptors
        .request
        .use_sync(|mut request: Request| {
            request.headers_mut().append("x-trace", "t".parse()?);
            Ok(request)
        });
    E::send(client.get("/me")).unwrap();
    for call in world.calls() {
        assert_eq!(call.headers().get_all("x-trace").iter().count(), 1);
    }
}

/// Another interceptor's replay does not give this call a second refresh.
fn a_call_is_replayed_once_whoever_else_replays<E: Drive>() {
    let world = World::new();
    world.server.always_refuse();
    let client = world.client::<E>(&world.pair().build().unwrap());
    client
        .interceptors
        .response
        .use_rejected(async |error: tollgate::Error| {
            if error.attempts() < 4 {
                return error.replay();
            }
            Err(error)
        });
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.attempts(), 4);
    assert_eq!(world.server.refreshes(), 1);
}

fn an_interceptor_registered_later_sees_the_call_once<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.bare::<E>();
    let (before, after) = (Count::default(), Count::default());
    let count = before.clone();
    client.interceptors.response.use_both(
        async |response| Ok(response),
        async move |error: tollgate::Error| {
            count.add();
            Err(error)
        },
    );
    client.interceptors.use_pair(world.pair().build().unwrap());
    let count = after.clone();
    client.interceptors.response.use_sync(move |response| {
        count.add();
        Ok(response)
    });
    E::send(client.get("/me")).unwrap();
    assert_eq!((before.get(), after.get()), (1, 1));
}

both!(
    a_post_is_replayed_with_the_same_bytes,
    a_one_shot_body_is_not_sent_again_but_the_token_is_renewed,
    a_one_shot_body_where_every_status_is_accepted_says_why,
    a_body_factory_is_asked_once_more,
    other_interceptors_run_again_on_the_original_request,
    a_call_is_replayed_once_whoever_else_replays,
    an_interceptor_registered_later_sees_the_call_once,
);
