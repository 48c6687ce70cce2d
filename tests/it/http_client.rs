//! A client as a function of `http`'s own messages.

use http::header::{AUTHORIZATION, LOCATION};
use tollgate::{
    Client, Error, ErrorKind, MockAdapter, MockReply, Request, Response,
    auth::{JsonRefresh, MemoryStore, Token, TokenRefresh},
    blocking,
    client::{Async, Blocking, ClientBuilder, EngineKind},
    runtime::block_on,
};

type Answer = Result<http::Response<Vec<u8>>, Error>;

/// The two functions as one.
trait Engine: EngineKind + Sized {
    fn builder(mock: MockAdapter) -> ClientBuilder<Self>;
    fn build(builder: ClientBuilder<Self>) -> tollgate::client::Client<Self>;
    fn send(client: &tollgate::client::Client<Self>, request: http::Request<Vec<u8>>) -> Answer;
}

impl Engine for Async {
    fn builder(mock: MockAdapter) -> ClientBuilder<Self> {
        Client::builder(mock)
    }

    fn build(builder: ClientBuilder<Self>) -> Client {
        builder.build().unwrap()
    }

    fn send(client: &Client, request: http::Request<Vec<u8>>) -> Answer {
        block_on(client.as_http_client()(request))
    }
}

impl Engine for Blocking {
    fn builder(mock: MockAdapter) -> ClientBuilder<Self> {
        blocking::Client::builder(mock)
    }

    fn build(builder: ClientBuilder<Self>) -> blocking::Client {
        builder.build().unwrap()
    }

    fn send(client: &blocking::Client, request: http::Request<Vec<u8>>) -> Answer {
        client.as_http_client()(request)
    }
}

macro_rules! both {
    ($($law:ident),* $(,)?) => {
        mod on_async {
            $(#[test] fn $law() { super::$law::<tollgate::client::Async>(); })*
        }
        mod on_blocking {
            $(#[test] fn $law() { super::$law::<tollgate::client::Blocking>(); })*
        }
    };
}

fn post(uri: &str) -> http::Request<Vec<u8>> {
    http::Request::post(uri)
        .header("accept", "application/json")
        .body(b"code=1".to_vec())
        .unwrap()
}

fn any_status_is_an_answer_and_no_redirect_is_followed<E: Engine>() {
    let moved = MockReply::status(302, "").header(LOCATION.as_str(), "https://evil.test/");
    let mock = MockAdapter::new().reply(400, "denied").then(moved);
    let client = E::build(E::builder(mock.clone()));
    let response = E::send(&client, post("https://id.test/token?a=b")).unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.body()[..]),
        (400, &b"denied"[..])
    );
    let response = E::send(&client, post("https://id.test/token")).unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()[LOCATION]),
        (302, &"https://evil.test/".parse().unwrap())
    );
    let requests = mock.requests();
    let [sent, _] = &requests[..] else {
        panic!("{requests:?}");
    };
    assert_eq!(
        (sent.method().as_str(), sent.uri()),
        ("POST", &"https://id.test/token?a=b".parse().unwrap())
    );
    assert_eq!(
        (sent.headers()["accept"].to_str().unwrap(), sent.body()),
        ("application/json", &"code=1".into())
    );
}

fn it_runs_through_the_client_as_it_is<E: Engine>() {
    let mock = MockAdapter::new();
    let client = E::build(E::builder(mock.clone()).base_url("https://api.test"));
    client
        .interceptors
        .request
        .use_sync(|mut request: Request| {
            request.headers_mut().insert("x-trace", "t".parse()?);
            Ok(request)
        });
    client
        .interceptors
        .response
        .use_sync(|mut response: Response| {
            response.headers_mut().insert("x-seen", "s".parse()?);
            Ok(response)
        });
    let response = E::send(&client, post("/token")).unwrap();
    assert_eq!(response.headers()["x-seen"], "s");
    let error = E::send(&client, post("https://id.test/token")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    let bare = E::build(client.derive().without_base_url());
    E::send(&bare, post("https://id.test/token")).unwrap();
    let requests = mock.requests();
    let traces = requests.iter().map(|sent| sent.headers().get("x-trace"));
    assert_eq!(
        traces.collect::<Vec<_>>(),
        [Some(&"t".parse().unwrap()), None]
    );
}

fn no_token_is_attached_and_a_401_starts_no_refresh<E: Engine>() {
    let mock = MockAdapter::new().reply(401, "");
    let client = E::build(E::builder(mock.clone()).base_url("https://api.test"));
    let store = MemoryStore::new(Token::new("a1").refresh("r1"));
    let refresh = TokenRefresh::builder(store, JsonRefresh::new("/refresh"))
        .build()
        .unwrap();
    client.interceptors.use_pair(refresh.clone());
    let response = E::send(&client, post("/token")).unwrap();
    assert_eq!(response.status(), 401);
    let requests = mock.requests();
    let tokens = requests
        .iter()
        .map(|sent| sent.headers().get(AUTHORIZATION));
    assert_eq!(tokens.collect::<Vec<_>>(), [None]);
    assert_eq!(refresh.counters().attempts, 0);
}

both!(
    any_status_is_an_answer_and_no_redirect_is_followed,
    it_runs_through_the_client_as_it_is,
    no_token_is_attached_and_a_401_starts_no_refresh,
);
