//! C2: who prints what goes over the wire, and the filter that ends it.

use tollgate::adapter::conformance::{Reply, Server};
use tollgate_parity::{Lane, ReqwestAsync, UreqBlocking};
use tollgate_reqwest::ReqwestAdapter;

use crate::{
    canaries::{BEARER, QUERY},
    capture::{Captured, capture},
    prints::Prints,
    world::World,
};

/// Sends one call, whose secrets may end up in a log.
fn send<L: Lane>(filtered: bool) -> Captured {
    let captured = capture(filtered);
    let world = World::<L>::new(&Prints::default());
    world.lane.send(world.call("/ok")).unwrap();
    world.got(&[BEARER, QUERY]);
    captured
}

/// It dumps what it reads and writes, and with that level on its lines of
/// `DEBUG` have the query, too.
#[test]
fn ureq_prints_the_wire_at_trace() {
    let shown = send::<UreqBlocking>(false).shown();
    let of = |root: &str| shown[root].iter().copied().collect::<Vec<_>>();
    assert!(of("ureq_proto").contains(&"a bearer token"), "{shown:?}");
    assert!(of("ureq_proto").contains(&"a cookie"), "{shown:?}");
    assert!(
        of("ureq_proto").contains(&"the body of an answer"),
        "{shown:?}"
    );
    assert!(
        of("ureq").contains(&"the query value `access_token`"),
        "{shown:?}"
    );
}

/// `trace,ureq=debug,ureq_proto=debug`: the lines of `DEBUG` are still there.
#[test]
fn ureq_below_trace_prints_no_secret() {
    let captured = send::<UreqBlocking>(true);
    assert!(captured.lines_of("ureq") > 3);
    assert_eq!(captured.shown(), [].into());
}

#[test]
fn reqwest_and_hyper_print_no_secret_at_trace() {
    let captured = send::<ReqwestAsync>(false);
    assert!(captured.lines_of("reqwest") > 0, "by `log`");
    assert!(captured.lines_of("hyper_util") > 3, "by `tracing`");
    assert_eq!(captured.shown(), [].into());
}

/// What `connection_verbose` asks for is the wire, and it is not ours to ask.
#[test]
fn reqwest_prints_the_wire_where_it_was_asked_to() {
    let captured = capture(false);
    let adapter = ReqwestAdapter::builder()
        .configure(|client| client.connection_verbose(true))
        .build()
        .unwrap();
    let server = Server::start(Reply::new(200)).unwrap();
    let client = tollgate::blocking::Client::new(adapter);
    client
        .get(server.url("/"))
        .bearer_auth(BEARER)
        .send()
        .unwrap();
    assert!(captured.shown().contains_key("reqwest"));
}

/// So there is nothing to filter of ours.
#[test]
fn tollgate_logs_nothing() {
    for captured in [send::<ReqwestAsync>, send::<UreqBlocking>] {
        let captured = captured(false);
        for root in [
            "tollgate",
            "tollgate_reqwest",
            "tollgate_ureq",
            "tollgate_redis",
        ] {
            assert_eq!(captured.lines_of(root), 0, "{root}");
        }
    }
}
