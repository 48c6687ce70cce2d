//! What is reached over real sockets: two servers that are written in many
//! ways, and a proxy that is told whom to dial.

use http::{Method, Uri};
use proptest::prelude::*;
use tollgate::{
    ErrorKind,
    adapter::conformance::{Received, Reply, Script, Server},
    client::Client,
};
use tollgate_parity::Lane;

use crate::{
    dialled::BASES,
    place::Place,
    proxies::through,
    recorders::Log,
    support::{Adapters, amount, each, got, on_every_lane, runner},
    written::target,
};

/// Ways to write two servers' addresses: what is dialled, with `{A}` and `{B}` for
/// the ports, and whether it is a call of the second server.
const WRITTEN: [(&str, Option<bool>); 34] = [
    ("http://127.0.0.1:{A}/", Some(false)),
    ("http://127.0.0.1:{B}/", Some(true)),
    ("HTTP://127.0.0.1:{B}", Some(true)),
    ("http://127.0.0.1:0{B}/", Some(true)),
    ("http://127.0.0.1:000000{B}/", Some(true)),
    ("http://127.0.0.1:{B}?x", Some(true)),
    ("http://127.0.0.1:{B}#x", Some(true)),
    ("http://127.0.0.1:{A}@127.0.0.1:{B}/", Some(true)),
    ("http://127.0.0.1%3a{A}@127.0.0.1:{B}/", Some(true)),
    ("http://a@127.0.0.1:{A}@127.0.0.1:{B}/", Some(true)),
    ("http://127.0.0.1:{A}/@127.0.0.1:{B}/", Some(false)),
    ("http://127.0.0.1:{A}?@127.0.0.1:{B}/", Some(false)),
    ("http://127.0.0.1:{A}#@127.0.0.1:{B}/", Some(false)),
    ("http://127.0.0.1:{A}/..//127.0.0.1:{B}/", Some(false)),
    ("//127.0.0.1:{B}/", Some(true)),
    ("/../../127.0.0.1:{B}/", Some(false)),
    ("/%2f/127.0.0.1:{B}/", Some(false)),
    ("/..%2f..%2f//127.0.0.1:{B}/", Some(false)),
    ("?//127.0.0.1:{B}/", Some(false)),
    ("@127.0.0.1:{B}/", Some(false)),
    ("http://localhost:{B}/", Some(true)),
    ("http://LOCALHOST:{B}/", Some(true)),
    ("http://127.0.0.1:{A}\\@127.0.0.1:{B}/", None),
    ("http:\\\\127.0.0.1:{B}/", None),
    ("http:/127.0.0.1:{B}/", None),
    ("http:127.0.0.1:{B}/", None),
    ("\\\\127.0.0.1:{B}/", None),
    ("/\\127.0.0.1:{B}/", None),
    ("///127.0.0.1:{B}/", None),
    ("http://127.1:{B}/", None),
    ("http://0x7f.1:{B}/", None),
    ("http://2130706433:{B}/", None),
    ("http://127.0.0.1.:{B}/", None),
    ("http://127.0.0.1:\t{B}/", None),
];

/// Two servers, and what is written with their ports in it.
struct Pair {
    servers: [Server; 2],
    ports: [u16; 2],
}

impl Pair {
    fn start(home: Script) -> Self {
        let home = Server::start(home).unwrap();
        let servers = [home, Server::start(Reply::new(200)).unwrap()];
        let ports = servers.each_ref().map(|server| server.address().port());
        Self { servers, ports }
    }

    fn fill(&self, written: &str) -> String {
        let text = written.replace("{A}", &self.ports[0].to_string());
        text.replace("{B}", &self.ports[1].to_string())
    }
}

#[test]
fn a_server_is_reached_by_the_addresses_that_were_judged_to_be_its_own() {
    fn law<L: Lane>(lane: &L) {
        let pair = Pair::start(Reply::new(200).into());
        let client = lane
            .builder()
            .base_url(format!("{}/v1", pair.servers[0].origin()))
            .allow_absolute_urls(true)
            .build()
            .unwrap();
        let mut expected = [Vec::new(), Vec::new()];
        for (written, second) in WRITTEN {
            let target = pair.fill(written);
            let judged = client.uri_for(&client.get(target.as_str()));
            let outcome = lane.send(client.get(target.as_str()));
            let Some(second) = second else {
                let kinds = [judged.unwrap_err().kind(), outcome.unwrap_err().kind()];
                assert_eq!(kinds, [ErrorKind::InvalidUrl; 2], "{target}");
                continue;
            };
            let judged = judged.unwrap();
            assert_eq!(judged.port_u16(), Some(pair.ports[usize::from(second)]));
            outcome.unwrap();
            expected[usize::from(second)].push(judged.authority().map(ToString::to_string));
        }
        for (server, expected) in pair.servers.iter().zip(expected) {
            // Who is called is who is named.
            let named = each(server, |request| request.header("host").map(str::to_owned));
            assert_eq!(named, expected, "{}", L::name());
        }
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}

#[test]
fn a_location_leads_to_the_server_that_it_was_judged_to_name() {
    fn law<L: Lane>(lane: &L) {
        let pair = Pair::start(Script::new().otherwise(|request| {
            let to = request.headers().get("x-to");
            let to = to.filter(|_| request.target() == "/start");
            match to.map(|to| to.as_bytes().to_vec()) {
                Some(to) => Reply::new(302).header("location", to),
                None => Reply::new(200),
            }
        }));
        let base = pair.servers[0].origin();
        let client = lane.builder().base_url(base).build().unwrap();
        let mut expected = 0;
        for (written, second) in WRITTEN {
            let to = pair.fill(written);
            let before = pair.servers.each_ref().map(|it| it.requests().len());
            let call = client.get("/start").header("x-to", to.as_str());
            let outcome = lane.send(call.bearer_auth("CANARY"));
            let after = pair.servers.each_ref().map(|it| it.requests().len());
            let came = [after[0] - before[0] - 1, after[1] - before[1]];
            match second {
                None => {
                    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Redirect, "{to}");
                    assert_eq!(came, [0, 0], "{to}");
                }
                Some(second) => {
                    assert_eq!(outcome.unwrap().status(), 200, "{to}");
                    assert_eq!(came[usize::from(second)], 1, "{to}: {came:?}");
                    expected += usize::from(second);
                }
            }
        }
        assert_eq!(pair.servers[1].requests().len(), expected, "{}", L::name());
        assert!(!got(&pair.servers[1], "CANARY"), "{}", L::name());
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}

/// Whom a proxy is asked to dial.
fn asked(request: &Received) -> Option<Place> {
    let uri: Uri = request.target().parse().ok()?;
    if *request.method() != Method::CONNECT {
        return Place::of_uri(&uri);
    }
    // Nothing tells the scheme here.
    let tunnelled = format!("http://{}/", uri.authority()?);
    Place::of_uri(&tunnelled.parse().ok()?)
}

/// Host and port, where the scheme is not told.
fn end(place: Option<Place>) -> Option<(String, u16)> {
    place.map(|place| (place.host, place.port))
}

fn ask<L: Lane>(
    lane: &L,
    client: &Client<L::Engine>,
    log: &Log,
    target: &str,
) -> Result<(), TestCaseError> {
    let judged = client.uri_for(&client.get(target)).ok();
    let outcome = lane.send(client.get(target));
    let asked = log.take();
    let refused = outcome.is_err_and(|error| error.kind() == ErrorKind::InvalidUrl);
    if refused || judged.is_none() {
        prop_assert!(asked.is_empty(), "{target:?} asks for {asked:?}");
        return Ok(());
    }
    let judged = judged.as_ref().and_then(Place::of_uri);
    prop_assert!(!asked.is_empty(), "{target:?} asks for nobody");
    for place in asked {
        prop_assert_eq!(
            end(place),
            end(judged.clone()),
            "{:?} on {}",
            target,
            L::name()
        );
    }
    Ok(())
}

#[test]
fn a_proxy_is_asked_to_dial_whom_the_guard_has_judged() {
    fn law<L: Lane>(lane: &L, log: &Log) {
        let clients = BASES.map(|base| {
            let builder = lane.builder().base_url(base).allow_absolute_urls(true);
            builder.build().unwrap()
        });
        let cases = (0..BASES.len(), target());
        let outcome = runner(amount(100)).run(&cases, |(base, target)| {
            ask(lane, &clients[base], log, &target)
        });
        outcome.unwrap();
    }
    let log = Log::default();
    let note = log.clone();
    let script = Script::new().otherwise(move |request| {
        note.push(asked(request));
        // No tunnel: each call asks anew.
        Reply::new(502)
    });
    let proxy = Server::start(script).unwrap();
    on_every_lane!(through(&proxy, ""), |lane| law(lane, &log));
}
