//! A token of the auth pair is not to be had by asking for it from elsewhere.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tollgate::{
    ErrorKind,
    adapter::conformance::{Reply, Server},
    auth::{JsonRefresh, MemoryStore, RefreshError, Token, TokenRefresh},
    client::Client,
};
use tollgate_parity::Lane;

use crate::support::{Adapters, each, got, headers, on_every_lane};

/// A token for the base, and how often it was to be refreshed.
fn pair() -> (TokenRefresh, Arc<AtomicUsize>) {
    let refreshes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refreshes);
    let refresher = async move |_: tollgate::Client, _: Token| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok::<_, RefreshError>(Token::new("CANARY-second"))
    };
    let store = MemoryStore::new(Token::new("CANARY-first").refresh("CANARY-refresh"));
    let pair = TokenRefresh::builder(store, refresher).build().unwrap();
    (pair, refreshes)
}

fn client<L: Lane>(lane: &L, home: &Server, pair: &TokenRefresh) -> Client<L::Engine> {
    let client = lane.builder().base_url(home.origin()).build().unwrap();
    client.interceptors.use_pair(pair.clone());
    client
}

/// The ways in which a server on the same machine is another origin.
fn elsewhere(server: &Server) -> [String; 2] {
    let port = server.address().port();
    ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}/x"))
}

fn unauthorized() -> Reply {
    Reply::new(401).header("www-authenticate", "Bearer realm=\"yours\"")
}

#[test]
fn an_absolute_address_is_refused_unless_allowed_and_then_goes_without_the_token() {
    fn law<L: Lane>(lane: &L) {
        let home = Server::start(Reply::new(200)).unwrap();
        let foreign = Server::start(Reply::new(200)).unwrap();
        let (pair, refreshes) = pair();
        let client = client(lane, &home, &pair);
        for address in elsewhere(&foreign) {
            let error = lane.send(client.get(address.as_str())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{}", L::name());
        }
        assert_eq!(foreign.connections(), 0, "{}", L::name());
        for address in elsewhere(&foreign) {
            let call = client.get(address).allow_absolute_urls(true);
            lane.send(call.header("x-plain", "plain")).unwrap();
        }
        assert_eq!(headers(&foreign, "authorization"), [None, None]);
        assert_eq!(
            headers(&foreign, "x-plain"),
            vec![Some("plain".to_owned()); 2]
        );
        assert!(!got(&foreign, "CANARY"), "{}", L::name());
        // The pair is there, and works.
        lane.send(client.get("/x")).unwrap();
        assert!(got(&home, "Bearer CANARY-first"), "{}", L::name());
        assert_eq!(refreshes.load(Ordering::SeqCst), 0);
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}

#[test]
fn a_401_of_another_origin_is_no_reason_to_refresh() {
    fn law<L: Lane>(lane: &L) {
        let home = Server::start(Reply::new(200)).unwrap();
        let foreign = Server::start(unauthorized()).unwrap();
        let (pair, refreshes) = pair();
        let client = client(lane, &home, &pair);
        for address in elsewhere(&foreign) {
            let call = client.get(address).allow_absolute_urls(true);
            assert!(lane.send(call).unwrap_err().is_status(401));
        }
        assert_eq!(refreshes.load(Ordering::SeqCst), 0, "{}", L::name());
        assert_eq!(foreign.requests().len(), 2, "nothing is sent again");
        assert!(!got(&foreign, "CANARY"), "{}", L::name());
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}

#[test]
fn a_401_behind_a_redirect_to_another_origin_is_no_reason_to_refresh() {
    fn law<L: Lane>(lane: &L) {
        let foreign = Server::start(unauthorized()).unwrap();
        for address in elsewhere(&foreign) {
            let home = Server::start(Reply::new(307).header("location", address)).unwrap();
            let (pair, refreshes) = pair();
            let client = client(lane, &home, &pair);
            assert!(lane.send(client.get("/x")).unwrap_err().is_status(401));
            assert_eq!(refreshes.load(Ordering::SeqCst), 0, "{}", L::name());
            let sent = each(&home, |request| request.header("authorization").is_some());
            assert_eq!(sent, [true], "{}", L::name());
        }
        assert_eq!(foreign.requests().len(), 2, "nothing is sent again");
        assert!(!got(&foreign, "CANARY"), "{}", L::name());
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}

#[test]
fn a_refresh_token_does_not_follow_a_redirect_of_the_token_server() {
    fn law<L: Lane>(lane: &L) {
        let home = Server::start(Reply::new(401)).unwrap();
        let foreign = Server::start(Reply::new(200)).unwrap();
        for (code, address) in [301, 302, 303, 307, 308]
            .into_iter()
            .flat_map(|code| elsewhere(&foreign).map(|address| (code, address)))
        {
            let token_server = Server::start(Reply::new(code).header("location", address));
            let token_server = token_server.unwrap();
            let refresher = JsonRefresh::new(token_server.url("/token"));
            let store = MemoryStore::new(Token::new("CANARY-first").refresh("CANARY-refresh"));
            let pair = TokenRefresh::builder(store, refresher).refresh_attempts(1);
            let client = client(lane, &home, &pair.build().unwrap());
            let error = lane.send(client.get("/x")).unwrap_err();
            assert!(!error.is_timeout(), "{}: {error:?}", L::name());
            assert_eq!(token_server.requests().len(), 1, "{}", L::name());
            assert!(got(&token_server, "CANARY-refresh"), "{}", L::name());
        }
        assert_eq!(foreign.connections(), 0, "{}", L::name());
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}
