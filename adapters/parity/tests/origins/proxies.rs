//! What a proxy's password is for, and what a proxy gets to see.

use http::Method;
use tollgate::adapter::conformance::{Received, Reply, Script, Server};
use tollgate_parity::Lane;
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;
use ureq::ProxyProtocol;

use crate::support::{Adapters, each, got, headers, on_every_lane};

/// `CANARY-user:CANARY-pass`.
const OURS: &str = "Q0FOQVJZLXVzZXI6Q0FOQVJZLXBhc3M=";

/// An answer of a proxy, which is the server as well: it tunnels to itself.
fn proxied(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Server {
    let script = Script::new().otherwise(move |request| match *request.method() {
        Method::CONNECT => Reply::new(200),
        _ => answer(request.path()),
    });
    Server::start(script).unwrap()
}

/// Adapters with a proxy that asks for a password; 127.0.0.1 is called without.
pub(crate) fn through(proxy: &Server, exempt: &str) -> Adapters {
    let port = proxy.address().port();
    let url = format!("http://CANARY-user:CANARY-pass@127.0.0.1:{port}");
    let theirs = reqwest::Proxy::all(url).unwrap();
    let theirs = theirs.no_proxy(reqwest::NoProxy::from_string(exempt));
    let ureq = ureq::Proxy::builder(ProxyProtocol::Http)
        .host("127.0.0.1")
        .port(port)
        .username("CANARY-user")
        .password("CANARY-pass")
        .no_proxy(exempt)
        .build()
        .unwrap();
    Adapters {
        reqwest: ReqwestAdapter::builder()
            .configure(|client| client.proxy(theirs))
            .build()
            .unwrap(),
        ureq: UreqAdapter::builder()
            .configure(|agent| agent.proxy(Some(ureq)))
            .build(),
    }
}

/// Tells whether a request is for the proxy itself, not for the far end of a
/// tunnel.
fn is_for_the_proxy(request: &Received) -> bool {
    *request.method() == Method::CONNECT || request.target().starts_with("http://")
}

fn password(request: &Received) -> Option<String> {
    request.header("proxy-authorization").map(str::to_owned)
}

#[test]
fn a_proxys_password_goes_to_the_proxy_alone_also_over_redirects() {
    fn law<L: Lane>(lane: &L, proxy: &Server, home: &Server) {
        let before = (proxy.requests().len(), home.requests().len());
        let client = lane.builder().build().unwrap();
        let answer = lane.send(client.get("http://far.test/start")).unwrap();
        assert_eq!(answer.uri().unwrap().path(), "/end", "{}", L::name());
        lane.send(client.get(home.url("/direct"))).unwrap();
        let name = L::name();
        let seen = proxy.requests().split_off(before.0);
        for request in &seen {
            let expected = is_for_the_proxy(request).then(|| format!("Basic {OURS}"));
            assert_eq!(password(request), expected, "{name}: {}", request.target());
        }
        assert_eq!(home.requests().len() - before.1, 2, "{name}");
    }
    let home = Server::start(Script::new().otherwise(|request| match request.path() {
        "/there" => Reply::new(302).header("location", "http://far.test/end"),
        _ => Reply::new(200),
    }));
    let home = home.unwrap();
    let there = home.url("/there");
    let proxy = proxied(move |path| match path.rsplit('/').next() {
        Some("start") => Reply::new(302).header("location", there.clone()),
        _ => Reply::new(200),
    });
    on_every_lane!(through(&proxy, "127.0.0.1"), |lane| law(
        lane, &proxy, &home
    ));
    // Each request of reqwest's, and the tunnel of ureq's.
    let asked = each(&proxy, is_for_the_proxy);
    let asked = asked.into_iter().filter(|asked| *asked).count();
    assert!(asked >= 5, "the proxy was asked {asked} times");
    assert_eq!(headers(&home, "proxy-authorization"), vec![None; 8]);
    assert!(!got(&home, "CANARY") && !got(&home, OURS));
}

#[test]
fn a_tunnel_is_opened_with_no_secret_of_the_call() {
    fn law<L: Lane>(lane: &L, proxy: &Server) {
        let before = proxy.requests().len();
        let client = lane.builder().build().unwrap();
        let call = client.get("https://far.test/secret-path?key=CANARY-query");
        let call = call
            .bearer_auth("CANARY-token")
            .header("cookie", "session=CANARY-cookie")
            .header("proxy-authorization", "Bearer CANARY-by-hand");
        let error = lane.send(call).unwrap_err();
        assert!(error.is_connect(), "{}: {error:?}", L::name());
        let seen = proxy.requests().split_off(before);
        assert_eq!(seen.len(), 1, "{}", L::name());
        assert_eq!(seen[0].method(), Method::CONNECT);
        assert_eq!(seen[0].target(), "far.test:443");
        assert_eq!(password(&seen[0]), Some(format!("Basic {OURS}")));
    }
    let refusal = Reply::new(407).header("proxy-authenticate", "Basic");
    let proxy = Server::start(refusal).unwrap();
    on_every_lane!(through(&proxy, ""), |lane| law(lane, &proxy));
    assert!(!got(&proxy, "CANARY") && !got(&proxy, "secret-path"));
}

/// Only reqwest has more than one proxy.
#[test]
fn a_redirect_from_proxy_to_proxy_carries_no_password_over() {
    let proxies = [
        proxied(|_| Reply::new(302).header("location", "http://two.test/")),
        proxied(|_| Reply::new(200)),
    ];
    let ports = proxies.each_ref().map(|proxy| proxy.address().port());
    let choose = move |url: &url::Url| match url.host_str() {
        Some("one.test") => Some(format!("http://CANARY-one:1@127.0.0.1:{}", ports[0])),
        _ => Some(format!("http://CANARY-two:2@127.0.0.1:{}", ports[1])),
    };
    let reqwest = ReqwestAdapter::builder()
        .configure(move |client| client.proxy(reqwest::Proxy::custom(choose)))
        .build()
        .unwrap();
    fn law<L: Lane>(lane: &L) {
        let client = lane.builder().build().unwrap();
        lane.send(client.get("http://one.test/")).unwrap();
    }
    law(&tollgate_parity::ReqwestAsync::over(reqwest.clone()).unwrap());
    law(&tollgate_parity::ReqwestBlocking::over(reqwest));
    let expected = ["Basic Q0FOQVJZLW9uZTox", "Basic Q0FOQVJZLXR3bzoy"];
    for (proxy, expected) in proxies.iter().zip(expected) {
        assert_eq!(each(proxy, password), vec![Some(expected.to_owned()); 2]);
    }
}
