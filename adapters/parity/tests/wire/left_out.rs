//! What a call takes off is not added by the adapter, as far as the client
//! below can be told.
//!
//! A deviation from axios over reqwest, whose clients add `accept: */*` to every
//! request that has none, and `accept-encoding` likewise: the first stays, and
//! means what its absence means (RFC 9110 §12.5.1); the second is `identity`.

use tollgate::client::{Call, Client, EngineKind};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

use crate::recorder::Recorder;

/// What adapters add.
const ADDED: [&str; 3] = ["accept", "accept-encoding", "user-agent"];

/// Sends a call; returns what of these was in each of its requests.
fn sent<L: Lane>(make: impl FnOnce(&Client<L::Engine>) -> Call<L::Engine>) -> Vec<String> {
    let recorder = Recorder::start().unwrap();
    let lane = L::start(Limits::default()).unwrap();
    let base = format!("http://127.0.0.1:{}", recorder.port());
    let client = lane.builder().base_url(base).build().unwrap();
    lane.send(make(&client)).unwrap();
    let mut requests = Vec::new();
    for request in recorder.take() {
        let mut lines = Vec::new();
        for wanted in ADDED {
            let found = request.headers.iter().filter(|(name, _)| name == wanted);
            lines.extend(found.map(|(name, value)| format!("{name}: {}", value.escape_ascii())));
        }
        requests.push(lines.join("; "));
    }
    requests
}

fn without<E: EngineKind>(client: &Client<E>, target: &str, names: &[&str]) -> Call<E> {
    let call = client.get(target);
    names
        .iter()
        .fold(call, |call, name| call.without_header(*name))
}

/// What is left where the names of a case are taken off.
struct Left {
    names: &'static [&'static str],
    by_reqwest: &'static str,
    by_ureq: &'static str,
}

const CASES: [Left; 4] = [
    Left {
        names: &[],
        by_reqwest: "accept: */*; accept-encoding: CODINGS",
        by_ureq: "accept: */*; accept-encoding: CODINGS",
    },
    Left {
        names: &["accept"],
        by_reqwest: "accept: */*; accept-encoding: CODINGS",
        by_ureq: "accept-encoding: CODINGS",
    },
    Left {
        names: &["Accept-Encoding", "user-agent"],
        by_reqwest: "accept: */*; accept-encoding: identity",
        by_ureq: "accept: */*",
    },
    Left {
        names: &["accept", "accept-encoding"],
        by_reqwest: "accept: */*; accept-encoding: identity",
        by_ureq: "",
    },
];

fn leaves_out<L: Lane>(of_case: fn(&Left) -> &'static str) {
    let usual = sent::<L>(|client| client.get("/thing")).remove(0);
    let (_, codings) = usual.split_once("accept-encoding: ").unwrap();
    for case in &CASES {
        let expected = of_case(case).replace("CODINGS", codings);
        let (names, lane) = (case.names, L::name());
        let one = sent::<L>(|client| without(client, "/thing", names));
        assert_eq!(one, [&*expected], "{names:?} on {lane}");
        let two = sent::<L>(|client| without(client, "/to/302/thing", names));
        assert_eq!(two, [&*expected, &*expected], "{names:?} on {lane}");
    }
}

#[test]
fn an_adapter_adds_nothing_that_the_call_took_off() {
    leaves_out::<ReqwestAsync>(|case| case.by_reqwest);
    leaves_out::<ReqwestBlocking>(|case| case.by_reqwest);
    leaves_out::<UreqBlocking>(|case| case.by_ureq);
    leaves_out::<UreqOffload>(|case| case.by_ureq);
}

fn sets_again<L: Lane>() {
    let own = sent::<L>(|client| {
        without(client, "/thing", &ADDED)
            .header("accept", "text/plain")
            .header("accept-encoding", "br")
            .header("user-agent", "orders/1")
    });
    let expected = "accept: text/plain; accept-encoding: br; user-agent: orders/1";
    assert_eq!(own, [expected], "{}", L::name());
}

#[test]
fn a_header_that_is_set_after_it_was_taken_off_is_sent() {
    sets_again::<ReqwestAsync>();
    sets_again::<ReqwestBlocking>();
    sets_again::<UreqBlocking>();
    sets_again::<UreqOffload>();
}
