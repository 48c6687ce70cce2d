//! Which refresh token is presented, and which is kept.

use std::sync::{Arc, Mutex};

use tollgate::{
    Body, MockAdapter,
    auth::{JsonRefresh, MemoryStore, OAuth2Refresh, Token, TokenRefresh, TokenStore},
    runtime::block_on,
};

use crate::support::{BASE, Drive, World, seconds, some};

fn stored_refresh(world: &World) -> String {
    let stored = block_on(world.store.load()).unwrap();
    let token = stored.token().unwrap().refresh_token().unwrap();
    token.expose().to_owned()
}

fn a_new_refresh_token_is_the_next_to_be_presented<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    for _ in 0..3 {
        world.server.expire();
        E::send(client.get("/me")).unwrap();
    }
    assert_eq!(world.server.presented(), ["r1", "r2", "r3"]);
    assert_eq!(world.server.reused(), 0);
    assert_eq!(stored_refresh(&world), "r4");
}

fn an_omitted_refresh_token_keeps_the_old_one<E: Drive>() {
    let world = World::new();
    world.server.without_rotation();
    let client = world.client::<E>(&world.pair().build().unwrap());
    for _ in 0..3 {
        world.server.expire();
        E::send(client.get("/me")).unwrap();
    }
    assert_eq!(world.server.presented(), ["r1", "r1", "r1"]);
    assert_eq!(stored_refresh(&world), "r1");
}

/// The new token lives for 30 s, the leeway is 60 s.
fn a_lifetime_below_the_leeway_makes_no_loop<E: Drive>() {
    let world = World::new();
    world.server.lifetime(Some(30));
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    for _ in 0..15 {
        E::send(client.get("/me")).unwrap();
        world.time.advance(seconds(1));
    }
    assert_eq!(world.server.refreshes(), 1);
    world.time.advance(seconds(8));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "r2"]);
}

fn a_token_that_arrives_expired_is_used_once<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let server = Arc::clone(&world.server);
    let refresh = TokenRefresh::builder(
        Arc::clone(&world.store),
        async move |client: tollgate::Client, _: Token| {
            let token = server.issue("b1", "s1");
            Ok::<_, tollgate::Error>(token.expires_at(client.runtime().wall()))
        },
    )
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.counters().attempts, 1);
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.counters().attempts, 2);
}

/// The form of RFC 6749 §6, and who we are.
fn the_grant_is_sent_as_the_standard_says<E: Drive>() {
    let sent = |refresher: OAuth2Refresh| {
        let mock = MockAdapter::new()
            .reply(401, "")
            .reply_json(200, &serde_json::json!({"access_token": "a2"}));
        let client = E::builder(mock.clone()).base_url(BASE).build().unwrap();
        let store = MemoryStore::new(Token::new("a1").refresh("r/1 +&"));
        let refresh = TokenRefresh::builder(store, refresher).build().unwrap();
        client.interceptors.use_pair(refresh);
        E::send(client.get("/me")).unwrap();
        mock.requests()[1].clone()
    };
    let url = "https://id.test/token";
    let request = sent(
        OAuth2Refresh::new(url, "my app")
            .scope("a b")
            .parameter("audience", "x"),
    );
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), url);
    assert_eq!(request.headers()["accept"], "application/json");
    assert_eq!(
        request.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    let body = std::str::from_utf8(request.body()).unwrap();
    let expected =
        "grant_type=refresh_token&refresh_token=r%2F1+%2B%26&scope=a+b&audience=x&client_id=my+app";
    assert_eq!(body, expected);
    assert!(!request.headers().contains_key("authorization"));

    let request = sent(OAuth2Refresh::new(url, "my app").client_secret("s:é"));
    // `my%20app:s%3A%C3%A9`, in Base64.
    assert_eq!(
        request.headers()["authorization"],
        "Basic bXklMjBhcHA6cyUzQSVDMyVBOQ=="
    );
    assert!(
        !std::str::from_utf8(request.body())
            .unwrap()
            .contains("client_")
    );

    let request = sent(
        OAuth2Refresh::new(url, "app")
            .client_secret("s")
            .secret_in_body(),
    );
    let body = std::str::from_utf8(request.body()).unwrap().to_owned();
    assert!(body.ends_with("&client_id=app&client_secret=s"), "{body}");
}

fn a_json_endpoint_is_asked_in_json<E: Drive>() {
    let mock = MockAdapter::new().reply(401, "").reply_json(
        200,
        &serde_json::json!({"data": {"jwt": "a2", "next": "r2", "ttl": "60"}}),
    );
    let client = E::builder(mock.clone()).base_url(BASE).build().unwrap();
    let store = Arc::new(MemoryStore::new(Token::new("a1").refresh("r1")));
    let refresher = JsonRefresh::new("/auth/refresh-token")
        .request_field("refreshToken")
        .parameter("device", "d")
        .access_field("data.jwt")
        .refresh_field("data.next")
        .expires_in_field("data.ttl");
    let refresh = TokenRefresh::builder(Arc::clone(&store), refresher)
        .build()
        .unwrap();
    client.interceptors.use_pair(refresh);
    E::send(client.get("/me")).unwrap();
    let request = &mock.requests()[1];
    assert_eq!(request.uri(), "https://api.test/auth/refresh-token");
    assert_eq!(
        request.body(),
        r#"{"refreshToken":"r1","device":"d"}"#.as_bytes()
    );
    let stored = block_on(store.load()).unwrap();
    let token = stored.token().unwrap();
    assert_eq!(token.refresh_token().unwrap().expose(), "r2");
    assert_eq!(token.lifetime(), Some(seconds(60)));
}

/// Persist before publish: whoever is replayed finds the token in the store.
fn the_store_has_the_token_before_the_first_replay<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let store = Arc::clone(&world.store);
    let found = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&found);
    client
        .interceptors
        .request
        .use_(async move |request: tollgate::Request| {
            let stored = store.load().await?;
            let access = stored.token().unwrap().access_token().expose().to_owned();
            log.lock().unwrap().push((request.attempt(), access));
            Ok(request)
        });
    E::send(client.get("/me")).unwrap();
    let expected = [(1, "a1".to_owned()), (2, "a2".to_owned())];
    assert_eq!(*found.lock().unwrap(), expected);
}

/// The refresher's client gives no default credential of another origin away.
fn the_clients_own_credentials_stay_at_its_base<E: Drive>() {
    let mock = MockAdapter::new().handler(|request| {
        let status = if request.uri().host() == Some("id.test") {
            200
        } else {
            401
        };
        let mut response = http::Response::new(Body::from(r#"{"access_token":"a2"}"#));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        Ok(response)
    });
    let client = E::builder(mock.clone())
        .base_url(BASE)
        .header("cookie", "session=CANARY")
        .build()
        .unwrap();
    let store = MemoryStore::new(Token::new("a1").refresh("r1"));
    let refresher = OAuth2Refresh::new("https://id.test/token", "app");
    client
        .interceptors
        .use_pair(TokenRefresh::builder(store, refresher).build().unwrap());
    E::send(client.get("/me")).unwrap_err();
    let requests = mock.requests();
    let grant = requests
        .iter()
        .find(|request| request.uri().host() == Some("id.test"))
        .unwrap();
    assert!(!grant.headers().contains_key("cookie"));
}

both!(
    a_new_refresh_token_is_the_next_to_be_presented,
    an_omitted_refresh_token_keeps_the_old_one,
    a_lifetime_below_the_leeway_makes_no_loop,
    a_token_that_arrives_expired_is_used_once,
    the_grant_is_sent_as_the_standard_says,
    a_json_endpoint_is_asked_in_json,
    the_store_has_the_token_before_the_first_replay,
    the_clients_own_credentials_stay_at_its_base,
);
