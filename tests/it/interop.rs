//! `http`'s own messages, there and back.

use http::header::CONTENT_TYPE;
use tollgate::{
    Body, Client, Error, MockAdapter, Request, RequestFlow, Response, runtime::block_on,
};

#[test]
fn an_http_request_is_sent_with_everything_in_it() {
    #[derive(Clone, PartialEq, Debug)]
    struct Mark(u8);

    let mock = MockAdapter::new();
    let client = Client::builder(mock.clone())
        .base_url("http://h/api")
        .build()
        .unwrap();
    let request = http::Request::put("/x?a=1")
        .header(CONTENT_TYPE, "text/plain")
        .extension(Mark(7))
        .body("hello")
        .unwrap();
    let response = block_on(client.execute(request).query(&[("b", 2)]).send()).unwrap();
    let sent = &mock.requests()[0];
    assert_eq!(sent.method(), "PUT");
    assert_eq!(sent.uri(), "http://h/api/x?a=1&b=2");
    assert_eq!(sent.headers()[CONTENT_TYPE], "text/plain");
    assert_eq!(sent.body(), "hello");
    assert_eq!(response.extensions().get(), Some(&Mark(7)));
}

#[test]
fn an_interceptor_recovers_with_a_request_made_by_hand() {
    let mock = MockAdapter::new();
    let client = Client::new(mock.clone());
    client.interceptors.request.use_rejected(async |_: Error| {
        let request = http::Request::get("http://h/instead").body(()).unwrap();
        Ok(RequestFlow::Continue(Request::from(request)))
    });
    client
        .interceptors
        .request
        .use_sync(|_: Request| Err(Error::message("no")));
    block_on(client.get("http://h/x").send()).unwrap();
    assert_eq!(mock.requests()[0].uri(), "http://h/instead");
}

#[test]
fn messages_survive_the_way_to_http_and_back() {
    let response = http::Response::builder()
        .status(418)
        .header("x-a", "1")
        .body("tea")
        .unwrap();
    let there: http::Response<Body> = Response::from(response).into();
    let back = Response::from(there);
    assert_eq!(back.status(), 418);
    assert_eq!(back.headers()["x-a"], "1");
    assert_eq!(back.text().unwrap(), "tea");

    let request = http::Request::post("http://h/x").body("b").unwrap();
    let there: http::Request<Body> = Request::from(request).into();
    assert_eq!(there.method(), "POST");
    assert_eq!(there.uri(), "http://h/x");
    assert_eq!(there.body().as_bytes().unwrap(), "b");
}
