//! A client below layers below a client: nothing is lost on the way.

use http::{HeaderValue, header::USER_AGENT};
use tollgate::{
    AdapterError, BlockingAdapter, Body, Client, ErrorKind, MockAdapter, MockReply, ServiceAdapter,
};
use tower::ServiceBuilder;
use tower_http::set_header::SetRequestHeaderLayer;

use crate::support::Drive;

fn below_a_layer<E: Drive>(mock: &MockAdapter) -> tollgate::client::Client<E> {
    let agent = HeaderValue::from_static("demo/1");
    let stack = ServiceBuilder::new()
        .layer(SetRequestHeaderLayer::overriding(USER_AGENT, agent))
        .service(Client::new(mock.clone()));
    E::client(ServiceAdapter::new(stack))
}

fn an_answer_comes_through_both<E: Drive>() {
    let mock = MockAdapter::new().reply(200, "hello").reply(404, "no");
    let client = below_a_layer::<E>(&mock);
    let response = E::send(client.post("/x").body("tea")).unwrap();
    assert_eq!(response.text().unwrap(), "hello");
    let error = E::send(client.get("/x")).unwrap_err();
    assert!(error.is_status(404));
    assert_eq!(error.into_response().unwrap().text().unwrap(), "no");

    let sent = &mock.requests()[0];
    assert_eq!(sent.headers()[USER_AGENT], "demo/1");
    assert!(!sent.was_stream(), "a body of ours is not wrapped");
}

#[test]
fn an_answer_in_memory_stays_there() {
    let client = Client::new(MockAdapter::new().reply(200, "hello"));
    let mut request = http::Request::new(Body::empty());
    *request.uri_mut() = http::Uri::from_static("http://h/x");
    let response = BlockingAdapter::send(&ServiceAdapter::new(client), request).unwrap();
    assert_eq!(response.body().as_bytes().unwrap(), "hello");
}

fn an_error_keeps_its_kind_through_both<E: Drive>() {
    for kind in [ErrorKind::Dns, ErrorKind::Tls, ErrorKind::Unsupported] {
        let error = MockReply::error(AdapterError::new(kind, "it broke"));
        let client = below_a_layer::<E>(&MockAdapter::new().then(error));
        assert_eq!(E::send(client.get("/x")).unwrap_err().kind(), kind);
    }
}

fn an_upload_over_the_limit_is_told_by_the_outer_client<E: Drive>() {
    let service = tower::service_fn(async |request: http::Request<Body>| {
        let body = axum::body::Body::new(request.into_body());
        match axum::body::to_bytes(body, usize::MAX).await {
            Ok(bytes) => Ok(http::Response::new(Body::from(bytes))),
            Err(error) => Err(error),
        }
    });
    let client = E::client(ServiceAdapter::new(service));
    let body = Body::from_reader(&b"too much"[..]);
    let call = client.post("/x").body(body).max_request_bytes(3);
    let error = E::send(call).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTooLarge);
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("max_request_bytes"))
    );
}

both!(
    an_answer_comes_through_both,
    an_error_keeps_its_kind_through_both,
    an_upload_over_the_limit_is_told_by_the_outer_client,
);
