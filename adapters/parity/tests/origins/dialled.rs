//! An adapter dials the origin that the guard has judged, or nobody.

use http::{Request, Uri};
use proptest::prelude::*;
use tollgate::{BlockingAdapter, Body, ErrorKind, client::Client};
use tollgate_parity::Lane;
use url::Url;

use crate::{
    place::Place,
    recorders::{Log, recorders},
    support::{amount, on_every_lane, runner},
    written::{BASE, VECTORS, address, target},
};

pub(crate) const BASES: [&str; 6] = [
    BASE,
    "https://api.good.test",
    "http://api.good.test:8080/",
    "http://127.0.0.1:9/a/b",
    "http://[::1]:9",
    "http://api.good.test./v1?key=1",
];

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
        let cases = amount(4);
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
