//! The client as a service, below layers.

use std::sync::{Arc, Mutex};

use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT, USER_AGENT},
};
use tollgate::{
    AdapterError, Body, Client, Error, ErrorKind, MockAdapter, MockReply, Request, Response,
    auth::{MemoryStore, Token, TokenRefresh},
    runtime::block_on,
};
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tower_http::{follow_redirect::FollowRedirectLayer, set_header::SetRequestHeaderLayer};

type Answer = tollgate::Result<http::Response<Body>>;

fn get(uri: &str) -> http::Request<Body> {
    http::Request::get(uri).body(Body::empty()).unwrap()
}

fn text(response: http::Response<Body>) -> String {
    std::io::read_to_string(response.into_body().into_reader()).unwrap()
}

fn ask(client: &Client, request: http::Request<Body>) -> Answer {
    block_on(client.clone().oneshot(request))
}

#[test]
fn interceptors_see_what_layers_have_set() {
    let mock = MockAdapter::new().reply(200, "hello");
    let client = Client::new(mock.clone());
    client
        .interceptors
        .request
        .use_sync(|mut request: Request| {
            let agent = request.headers()[USER_AGENT].clone();
            request.headers_mut().insert("x-agent", agent);
            Ok(request)
        });
    let stack = ServiceBuilder::new()
        .layer(SetRequestHeaderLayer::overriding(
            USER_AGENT,
            HeaderValue::from_static("demo/1"),
        ))
        .layer(SetRequestHeaderLayer::if_not_present(
            ACCEPT,
            HeaderValue::from_static("text/plain"),
        ))
        .service(client);
    let response = block_on(stack.oneshot(get("http://h/x?a=1"))).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(text(response), "hello");
    let sent = &mock.requests()[0];
    assert_eq!(sent.uri(), "http://h/x?a=1");
    assert_eq!(sent.headers()["x-agent"], "demo/1");
    assert_eq!(sent.headers()[ACCEPT], "text/plain");
}

#[test]
fn a_relative_address_is_joined_to_the_base() {
    let mock = MockAdapter::new();
    let builder = Client::builder(mock.clone()).base_url("http://h/api");
    ask(&builder.build().unwrap(), get("/x")).unwrap();
    assert_eq!(mock.requests()[0].uri(), "http://h/api/x");
}

#[test]
fn a_refused_status_is_an_answer_after_the_interceptors_have_seen_an_error() {
    let reply = MockReply::status(404, "no such page").header("x-a", "1");
    let client = Client::new(MockAdapter::new().then(reply));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    client
        .interceptors
        .response
        .use_rejected(async move |error: Error| {
            log.lock().unwrap().push(error.status());
            Err(error)
        });
    let response = ask(&client, get("http://h/x")).unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["x-a"], "1");
    assert_eq!(text(response), "no such page");
    assert_eq!(*seen.lock().unwrap(), [Some(StatusCode::NOT_FOUND)]);
}

#[test]
fn any_other_error_stays_one() {
    let broken = || MockReply::error(AdapterError::new(ErrorKind::Tls, "a bad certificate"));
    let client = Client::new(MockAdapter::new().then(broken()).reply(404, "no"));
    let error = ask(&client, get("http://h/x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert_eq!(
        ask(&client, get("/x")).unwrap_err().kind(),
        ErrorKind::InvalidUrl
    );

    // Not for its status: the hook has a reason of its own.
    client
        .interceptors
        .response
        .use_rejected(async |_: Error| Err(Error::message("no such user")));
    let error = ask(&client, get("http://h/x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interceptor);
}

#[test]
fn an_error_with_an_answer_that_was_not_refused_stays_one() {
    let client = Client::new(MockAdapter::new().reply(200, "not JSON"));
    client.interceptors.response.use_sync(|response: Response| {
        response.json::<u32>()?;
        Ok(response)
    });
    let error = ask(&client, get("http://h/x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.is_status(200));
}

/// A client whose token `a1` is refused, and what it was sent.
fn renewing() -> (Client, MockAdapter) {
    let mock = MockAdapter::new().handler(|request| {
        let good = request.headers().get("authorization");
        let good = good.is_some_and(|value| value == "Bearer a2");
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = if good {
            StatusCode::OK
        } else {
            StatusCode::UNAUTHORIZED
        };
        Ok(response)
    });
    let client = Client::builder(mock.clone())
        .base_url("https://h")
        .build()
        .unwrap();
    let store = MemoryStore::new(Token::new("a1").refresh("r1"));
    let pair = TokenRefresh::builder(store, async |_, _| {
        Ok::<_, Error>(Token::new("a2").refresh("r2"))
    });
    client.interceptors.use_pair(pair.build().unwrap());
    (client, mock)
}

#[test]
fn a_token_is_refreshed_and_a_body_at_hand_sent_again() {
    let (mut client, mock) = renewing();
    let request = http::Request::post("https://h/x").body("tea".to_owned());
    let response = block_on(client.call(request.unwrap())).unwrap();
    assert_eq!(response.status(), 200);
    let requests = mock.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| request.body() == "tea"));
}

#[test]
fn a_stream_is_not_sent_again_and_its_401_is_the_answer() {
    let (client, mock) = renewing();
    let body = Body::from_reader(&b"tea"[..]);
    let request = http::Request::post("https://h/x").body(body).unwrap();
    let response = ask(&client, request).unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(mock.count(), 1);
}

#[test]
fn a_layer_follows_the_redirects_that_the_client_leaves() {
    let moved = MockReply::status(302, "").header("location", "/new");
    let mock = MockAdapter::new().then(moved).reply(200, "here");
    let client = Client::builder(mock.clone()).max_redirects(0).build();
    let stack = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .service(client.unwrap());
    let response = block_on(stack.oneshot(get("http://h/old"))).unwrap();
    assert_eq!(text(response), "here");
    assert_eq!(mock.requests()[1].uri(), "http://h/new");
}

#[test]
fn options_reach_every_call_of_the_service() {
    let stream = || Body::from_reader(&b"piece"[..]);
    let mock = MockAdapter::new().reply(200, stream()).reply(200, stream());
    let client = Client::new(mock);
    let response = block_on(
        client
            .service_with(|call| call.stream())
            .oneshot(get("http://h/x")),
    );
    let body = response.unwrap().into_body();
    assert!(body.as_bytes().is_none());

    let response = block_on((&client).oneshot(get("http://h/x"))).unwrap();
    assert_eq!(response.body().as_bytes().unwrap(), "piece");
}

#[test]
fn a_call_that_is_dropped_is_dropped_below() {
    let mock = MockAdapter::new().then(MockReply::never());
    let time = tollgate::runtime::ManualRuntime::new();
    let builder = Client::builder(mock.clone()).runtime(time.clone());
    let mut client = builder.build().unwrap();
    let mut answering = client.call(get("http://h/x"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(
        mock.count(),
        0,
        "a future does nothing before its first poll"
    );
    let polled = std::pin::Pin::new(&mut answering).poll(&mut context);
    assert!(polled.is_pending());
    assert_eq!((mock.count(), time.sleeping()), (1, 1));
    drop(answering);
    assert_eq!(time.sleeping(), 0);
}

#[test]
fn secrets_stay_out_of_debug() {
    let client = Client::builder(MockAdapter::new())
        .header("authorization", "Bearer CANARY")
        .build()
        .unwrap();
    let service = client.service_with(|call| call.bearer_auth("CANARY"));
    assert!(!format!("{service:?}").contains("CANARY"));
    assert!(!format!("{:?}", service.oneshot(get("http://h/"))).contains("CANARY"));
}
