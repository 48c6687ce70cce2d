//! Home, elsewhere and home again: what was taken off at the first crossing
//! does not come back.

use http::{HeaderName, HeaderValue, Method};
use tollgate::{
    adapter::conformance::{Received, Reply, Script, Server},
    auth::{MemoryStore, RefreshError, Token, TokenRefresh},
    client::{Call, Client},
};
use tollgate_parity::Lane;

use crate::{
    alias::Alias,
    support::{Adapters, got, on_every_lane},
};

const CODES: [u16; 5] = [301, 302, 303, 307, 308];

const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
];

/// What a call of ours carries: by hand, marked as sensitive, and from two
/// auth pairs.
const SECRETS: [&str; 6] = [
    "authorization",
    "cookie",
    "cookie2",
    "proxy-authorization",
    "x-sensitive",
    "x-session",
];

fn secrets(request: &Received) -> Vec<&'static str> {
    let mut found = SECRETS.to_vec();
    found.retain(|name| request.headers().contains_key(*name));
    found
}

fn pair(token: &str, header: HeaderName) -> TokenRefresh {
    // Nobody refuses a token here.
    let refresher = async |_: tollgate::Client, token: Token| Ok::<_, RefreshError>(token);
    let builder = TokenRefresh::builder(MemoryStore::new(Token::new(token)), refresher);
    builder.header(header).build().unwrap()
}

fn client<L: Lane>(lane: &L, home: &Server) -> Client<L::Engine> {
    let client = lane.builder().base_url(home.origin()).build().unwrap();
    for (token, header) in [
        ("CANARY-token", "authorization"),
        ("CANARY-session", "x-session"),
    ] {
        let pair = pair(token, header.parse().unwrap());
        client.interceptors.use_pair(pair);
    }
    client
}

fn with_secrets<E: tollgate::client::EngineKind>(call: Call<E>) -> Call<E> {
    let mut sensitive = HeaderValue::from_static("CANARY-sensitive");
    sensitive.set_sensitive(true);
    call.header("cookie", "session=CANARY-cookie")
        .header("cookie2", "$Version=CANARY")
        .header("proxy-authorization", "Basic CANARY-proxy")
        .header("x-sensitive", sensitive)
        .header("x-plain", "plain")
}

/// Answers `/CODE/start` by a redirect to where `x-there` says, `/CODE/there`
/// by one to `x-back`, and all else by 200.
fn script() -> Script {
    Script::new().otherwise(|request| {
        let mut parts = request.path().split('/').skip(1);
        let code = parts.next().unwrap_or_default().parse().unwrap_or(200);
        let to = match parts.next() {
            Some("start") => request.header("x-there"),
            Some("there") => request.header("x-back"),
            _ => None,
        };
        match to {
            Some(to) => Reply::new(code).header("location", to.to_owned()),
            None => Reply::new(200),
        }
    })
}

/// Where else the call is led: another port, another name of the same
/// machine, another address.
fn elsewhere(foreign: &Server, alias: Option<&Alias>) -> Vec<String> {
    let port = foreign.address().port();
    let mut places = vec![
        foreign.origin().to_owned(),
        format!("http://localhost:{port}"),
    ];
    places.extend(alias.map(|alias| format!("http://{}", alias.address())));
    places
}

#[test]
fn what_was_taken_off_elsewhere_does_not_come_back_at_home() {
    fn law<L: Lane>(lane: &L) {
        let home = Server::start(script()).unwrap();
        let foreign = Server::start(script()).unwrap();
        let alias = Alias::of(&foreign);
        let client = client(lane, &home);
        let mut chains = 0;
        for place in elsewhere(&foreign, alias.as_ref()) {
            for (code, method) in CODES.iter().flat_map(|code| METHODS.map(|it| (code, it))) {
                let call = client.request(method, format!("/{code}/start"));
                let call = call
                    .header("x-there", format!("{place}/{code}/there"))
                    .header("x-back", home.url("/end"));
                let answer = lane.send(with_secrets(call)).unwrap();
                assert_eq!(answer.status(), 200, "{}", L::name());
                chains += 1;
            }
        }
        check(&home, &foreign, chains, &L::name());
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}

/// The same host is reached by another name: the port does not tell them apart.
#[test]
fn another_name_of_the_same_server_is_elsewhere_too() {
    fn law<L: Lane>(lane: &L) {
        let home = Server::start(script()).unwrap();
        let client = client(lane, &home);
        let alias = format!("http://localhost:{}", home.address().port());
        for (code, method) in CODES.iter().flat_map(|code| METHODS.map(|it| (code, it))) {
            let call = client.request(method, format!("/{code}/start"));
            let call = call
                .header("x-there", format!("{alias}/{code}/there"))
                .header("x-back", home.url("/end"));
            lane.send(with_secrets(call)).unwrap();
        }
        for hops in home.requests().chunks(3) {
            let found: Vec<_> = hops.iter().map(secrets).collect();
            assert_eq!(found, [SECRETS.to_vec(), vec![], vec![]], "{}", L::name());
        }
        assert_eq!(home.requests().len(), 75, "{}", L::name());
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}

fn check(home: &Server, foreign: &Server, chains: usize, lane: &str) {
    assert_eq!(foreign.requests().len(), chains, "{lane}");
    assert!(!got(foreign, "CANARY"), "{lane}");
    let requests = home.requests();
    assert_eq!(requests.len(), 2 * chains, "{lane}");
    for hops in requests.chunks(2) {
        let found: Vec<_> = hops.iter().map(secrets).collect();
        let line = hops[0].target();
        assert_eq!(found, [SECRETS.to_vec(), vec![]], "{lane}: {line}");
        assert_eq!(hops[1].header("x-plain"), Some("plain"), "{lane}: {line}");
    }
}
