//! An adapter dials the origin that the guard has judged, or nobody.

use http::{Request, Uri};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tollgate::{
    BlockingAdapter, Body, ErrorKind,
    adapter::conformance::{Reply, Server},
    client::Client,
};
use tollgate_parity::Lane;
use url::Url;

use crate::{
    place::Place,
    recorders::{Log, recorders},
    support::{Adapters, amount, each, on_every_lane},
    written::{BASE, VECTORS, address, target},
};

const BASES: [&str; 6] = [
    BASE,
    "https://api.good.test",
    "http://api.good.test:8080/",
    "http://127.0.0.1:9/a/b",
    "http://[::1]:9",
    "http://api.good.test./v1?key=1",
];

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    })
}

/// Calls a target; what is dialled is what `uri_for` says, or nobody is.
///
/// Returns whether somebody was dialled.
fn call<L: Lane>(
    lane: &L,
    client: &Client<L::Engine>,
    log: &Log,
    target: &str,
) -> Result<bool, TestCaseError> {
    let judged = client.uri_for(&client.get(target));
    let error = lane.send(client.get(target)).unwrap_err();
    let dialled = log.take();
    let Ok(judged) = judged else {
        prop_assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{:?}", target);
        prop_assert!(dialled.is_empty(), "{target:?} dials {dialled:?}");
        return Ok(false);
    };
    let judged = Place::of_uri(&judged);
    if error.kind() == ErrorKind::InvalidUrl {
        prop_assert!(dialled.is_empty(), "{target:?} dials {dialled:?}");
        let claims = judged.is_some_and(|place| place.claims_unicode());
        prop_assert!(claims, "the adapter refuses {target:?}: {error}");
        return Ok(false);
    }
    prop_assert!(error.is_connect() || error.is_dns(), "{target:?}: {error}");
    prop_assert_eq!(dialled, vec![judged], "{:?} on {}", target, L::name());
    Ok(true)
}

fn clients<L: Lane>(lane: &L) -> Vec<Client<L::Engine>> {
    let client = |base| {
        let builder = lane.builder().base_url(base).allow_absolute_urls(true);
        builder.build().unwrap()
    };
    BASES.into_iter().map(client).collect()
}

#[test]
fn a_generated_target_is_dialled_where_it_was_judged() {
    fn law<L: Lane>(lane: &L, log: &Log) {
        let clients = clients(lane);
        let cases = amount(10);
        let dialled = std::cell::Cell::new(0);
        let outcome = runner(cases).run(&(0..BASES.len(), target()), |(base, target)| {
            let called = call(lane, &clients[base], log, &target)?;
            dialled.set(dialled.get() + u32::from(called));
            Ok(())
        });
        outcome.unwrap();
        let dialled = dialled.get();
        assert!(dialled > cases / 20, "{dialled} of {cases} were dialled");
    }
    let (adapters, log) = recorders();
    on_every_lane!(adapters, |lane| law(lane, &log));
}

#[test]
fn the_vectors_are_dialled_where_they_were_judged() {
    fn law<L: Lane>(lane: &L, log: &Log) {
        let client = &clients(lane)[0];
        for (target, origin) in VECTORS {
            let dialled = call(lane, client, log, target).unwrap();
            assert_eq!(dialled, origin.is_some(), "{target:?} on {}", L::name());
        }
    }
    let (adapters, log) = recorders();
    on_every_lane!(adapters, |lane| law(lane, &log));
}

/// What no core has looked at: an adapter dials what `url` reads in it, or it
/// refuses. Returns whether somebody was dialled.
fn give(adapter: &impl BlockingAdapter, log: &Log, text: &str) -> Result<bool, TestCaseError> {
    let Ok(uri) = text.parse::<Uri>() else {
        return Ok(false);
    };
    let request = Request::get(uri).body(Body::empty()).unwrap();
    let outcome = BlockingAdapter::send(adapter, request);
    let dialled = log.take();
    let Err(error) = outcome else {
        return Err(TestCaseError::fail(format!("{text:?} is answered")));
    };
    if error.kind() == ErrorKind::InvalidUrl {
        prop_assert!(dialled.is_empty(), "{text:?} dials {dialled:?}");
        return Ok(false);
    }
    prop_assert_eq!(dialled.len(), 1, "{:?}: {:?}", text, error);
    let url = Url::parse(text).ok();
    let read = url.as_ref().and_then(Place::of_url);
    let claims = |place: &Place| read.is_none() && place.claims_unicode();
    if !dialled[0].as_ref().is_some_and(claims) {
        prop_assert_eq!(&dialled[0], &read, "{:?}", text);
    }
    Ok(true)
}

#[test]
fn an_adapter_alone_dials_the_one_reading_of_an_address_or_refuses() {
    fn law(adapter: &impl BlockingAdapter, log: &Log) {
        let cases = amount(5);
        let dialled = std::cell::Cell::new(0);
        let outcome = runner(cases).run(&address(), |text| {
            dialled.set(dialled.get() + u32::from(give(adapter, log, &text)?));
            Ok(())
        });
        outcome.unwrap();
        let dialled = dialled.get();
        assert!(dialled > cases / 40, "{dialled} of {cases} were dialled");
    }
    let (adapters, log) = recorders();
    law(&adapters.reqwest, &log);
    law(&adapters.ureq, &log);
}

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

#[test]
fn a_server_is_reached_by_the_addresses_that_were_judged_to_be_its_own() {
    fn law<L: Lane>(lane: &L) {
        let servers = [(), ()].map(|()| Server::start(Reply::new(200)).unwrap());
        let ports = servers.each_ref().map(|server| server.address().port());
        let client = lane
            .builder()
            .base_url(format!("{}/v1", servers[0].origin()))
            .allow_absolute_urls(true)
            .build()
            .unwrap();
        let mut expected = [Vec::new(), Vec::new()];
        for (written, second) in WRITTEN {
            let target = written.replace("{A}", &ports[0].to_string());
            let target = target.replace("{B}", &ports[1].to_string());
            let judged = client.uri_for(&client.get(target.as_str()));
            let outcome = lane.send(client.get(target.as_str()));
            let Some(second) = second else {
                let kinds = [judged.unwrap_err().kind(), outcome.unwrap_err().kind()];
                assert_eq!(kinds, [ErrorKind::InvalidUrl; 2], "{target}");
                continue;
            };
            let judged = judged.unwrap();
            assert_eq!(judged.port_u16(), Some(ports[usize::from(second)]));
            outcome.unwrap();
            expected[usize::from(second)].push(judged.authority().map(ToString::to_string));
        }
        for (server, expected) in servers.iter().zip(expected) {
            // Who is called is who is named.
            let named = each(server, |request| request.header("host").map(str::to_owned));
            assert_eq!(named, expected, "{}", L::name());
        }
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}
