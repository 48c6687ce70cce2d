//! Trailers: reqwest hands them over, ureq passes over them.

use tollgate::{
    Response,
    adapter::conformance::{Reply, Server},
};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

use crate::AMPLE;

/// Gets an answer with trailers, in memory; a refused one is in its error.
fn answer<L: Lane>(status: u16) -> Response {
    let text = format!(
        "HTTP/1.1 {status} Oh\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
         3\r\nabc\r\n0\r\nx-sum: 6\r\nx-sum: 7\r\n\r\n"
    );
    let server = Server::start(Reply::raw(text)).unwrap();
    let lane = L::start(Limits::default()).unwrap();
    let client = lane.builder().timeout(AMPLE).build().unwrap();
    let result = lane.send(client.get(server.url("/")));
    let response = result.or_else(|error| error.into_response().ok_or("no response"));
    let response = response.unwrap();
    assert_eq!(response.status(), status, "{}", L::name());
    assert_eq!(response.bytes().unwrap(), "abc", "{}", L::name());
    assert!(!response.headers().contains_key("x-sum"), "{}", L::name());
    response
}

#[test]
fn trailers_of_a_body_in_memory_are_handed_over_by_reqwest() {
    fn law<L: Lane>() {
        for status in [200, 500] {
            let response = answer::<L>(status);
            let trailers = response.trailers().unwrap();
            let sums: Vec<_> = trailers.get_all("x-sum").iter().collect();
            assert_eq!(sums, ["6", "7"], "{}", L::name());
            assert_eq!(trailers.len(), 2, "{}", L::name());
        }
    }
    law::<ReqwestAsync>();
    law::<ReqwestBlocking>();
}

#[test]
fn trailers_of_a_body_in_memory_are_passed_over_by_ureq() {
    fn law<L: Lane>() {
        for status in [200, 500] {
            assert_eq!(answer::<L>(status).trailers(), None, "{}", L::name());
        }
    }
    law::<UreqBlocking>();
    law::<UreqOffload>();
}
