//! A client against an axum router, with no socket.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::Redirect,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use tollgate::{
    Client, ErrorKind, ServiceAdapter,
    auth::{MemoryStore, OAuth2Refresh, Token, TokenRefresh},
};

use crate::support::{BASE, Drive};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u32,
    name: String,
}

fn users() -> Router {
    Router::new()
        .route(
            "/users/{id}",
            get(async |Path(id): Path<u32>| {
                if id == 0 {
                    return Err((StatusCode::NOT_FOUND, "no such user"));
                }
                let name = "Ada".to_owned();
                Ok(Json(User { id, name }))
            }),
        )
        .route(
            "/users",
            post(async |RawQuery(query): RawQuery, Json(user): Json<User>| {
                let id = u32::from(query.as_deref() == Some("page=3"));
                (StatusCode::CREATED, Json(User { id, ..user }))
            }),
        )
        .route("/old", get(async || Redirect::permanent("/users/7")))
        .route(
            "/broken",
            get(async || -> StatusCode { std::panic::resume_unwind(Box::new("a handler broke")) }),
        )
}

fn json_goes_there_and_back<E: Drive>() {
    let client = E::client(ServiceAdapter::new(users()));
    let user: User = E::send(client.get("/users/7")).unwrap().json().unwrap();
    let ada = User {
        id: 7,
        name: "Ada".to_owned(),
    };
    assert_eq!(user, ada);

    let call = client.post("/users").query(&[("page", 3)]).json(&ada);
    let response = E::send(call).unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.json::<User>().unwrap().id, 1);
}

fn a_status_is_judged_by_the_client<E: Drive>() {
    let client = E::client(ServiceAdapter::new(users()));
    let error = E::send(client.get("/users/0")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!(
        error.into_response().unwrap().text().unwrap(),
        "no such user"
    );
    assert!(E::send(client.get("/nowhere")).unwrap_err().is_status(404));
    let response = E::send(client.put("/users/7").accept_any_status()).unwrap();
    assert_eq!(response.status(), 405);
}

fn a_redirect_is_followed_by_the_core<E: Drive>() {
    let client = E::client(ServiceAdapter::new(users()));
    let response = E::send(client.get("/old")).unwrap();
    assert_eq!(response.uri().unwrap().path(), "/users/7");
    assert_eq!(response.redirects().len(), 1);

    let error = E::send(client.get("/old").max_redirects(0)).unwrap_err();
    assert!(error.is_status(308));
}

fn a_head_request_has_no_body<E: Drive>() {
    let client = E::client(ServiceAdapter::new(users()));
    let response = E::send(client.head("/users/7")).unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().unwrap().is_empty());
}

fn a_panic_of_a_handler_is_an_error_of_its_call<E: Drive>() {
    let client = E::client(ServiceAdapter::new(users()));
    let error = E::send(client.get("/broken")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interceptor);
    assert!(error.to_string().contains("a handler broke"), "{error}");
    E::send(client.get("/users/7")).unwrap();
}

/// The access token that is good, and the refreshes so far.
type Session = Arc<Mutex<(String, Vec<String>)>>;

async fn me(
    State(session): State<Session>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, String) {
    let good = format!("Bearer {}", session.lock().unwrap().0);
    let sent = headers.get(AUTHORIZATION);
    if sent.is_none_or(|sent| sent.as_bytes() != good.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, "who are you".to_owned());
    }
    (StatusCode::OK, format!("got {body}"))
}

async fn token(State(session): State<Session>, form: String) -> Json<serde_json::Value> {
    let mut session = session.lock().unwrap();
    session.1.push(form);
    session.0 = "a2".to_owned();
    Json(serde_json::json!({"access_token": "a2", "refresh_token": "r2", "token_type": "bearer"}))
}

fn a_token_is_refreshed_after_a_401_of_a_handler<E: Drive>() {
    let session: Session = Arc::default();
    session.lock().unwrap().0 = "a2-not-yet".to_owned();
    let router = Router::new()
        .route("/me", post(me))
        .route("/token", post(token))
        .with_state(Arc::clone(&session));
    let client = E::client(ServiceAdapter::new(router));
    let store = MemoryStore::new(Token::new("a1").refresh("r1"));
    let pair = TokenRefresh::builder(store, OAuth2Refresh::new("/token", "app"));
    client.interceptors.use_pair(pair.build().unwrap());

    let response = E::send(client.post("/me").body("tea")).unwrap();
    assert_eq!(response.text().unwrap(), "got tea");
    assert_eq!(response.attempts(), 2);
    let forms = &session.lock().unwrap().1;
    assert_eq!(forms.len(), 1);
    assert!(forms[0].contains("refresh_token=r1"), "{forms:?}");
}

fn sleepy() -> Router {
    Router::new().route(
        "/",
        get(async || {
            tokio::time::sleep(Duration::from_millis(1)).await;
            "awake"
        }),
    )
}

fn on_tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap()
}

#[test]
fn a_handler_uses_tokio_where_the_call_is_made_in_it() {
    let client = Client::new(ServiceAdapter::new(sleepy()));
    let response = on_tokio().block_on(client.get(BASE).send()).unwrap();
    assert_eq!(response.text().unwrap(), "awake");
}

#[test]
fn a_handler_uses_tokio_under_the_blocking_client_where_it_is_entered() {
    let client = tollgate::blocking::Client::new(ServiceAdapter::new(sleepy()));
    let tokio = on_tokio();
    let inside = tokio.enter();
    assert_eq!(client.get(BASE).send().unwrap().text().unwrap(), "awake");
    drop(inside);
}

both!(
    json_goes_there_and_back,
    a_status_is_judged_by_the_client,
    a_redirect_is_followed_by_the_core,
    a_head_request_has_no_body,
    a_panic_of_a_handler_is_an_error_of_its_call,
    a_token_is_refreshed_after_a_401_of_a_handler,
);
