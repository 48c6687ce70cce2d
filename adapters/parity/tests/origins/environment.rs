//! Proxies that the environment names are not asked.

use std::env;

use tollgate::adapter::conformance::{Reply, Server};
use tollgate_parity::Lane;
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

use crate::{
    child::{is_child, run_alone},
    support::{Adapters, each, on_every_lane},
};

const HOME: &str = "ORIGINS_HOME";

const NAMES: [&str; 6] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

/// Only a client of the user's own calls this one.
const CONTROL: &str = "http://control.test/";

#[test]
fn a_proxy_of_the_environment_sees_nothing_of_a_call() {
    let test = "environment::a_proxy_of_the_environment_sees_nothing_of_a_call";
    if is_child(test) {
        on_every_lane!(Adapters::plain(), |lane| call(lane));
        let clients = Adapters {
            reqwest: ReqwestAdapter::from_client(reqwest::Client::new()),
            ureq: UreqAdapter::from_agent(ureq::Agent::new_with_defaults()),
        };
        on_every_lane!(clients, |lane| control(lane));
        return;
    }
    // Whoever asks for a tunnel gets one that ends here.
    let proxy = Server::start(Reply::new(200)).unwrap();
    let home = Server::start(Reply::new(200)).unwrap();
    let address = home.url("/");
    let mut variables = vec![(HOME, address.as_str()), ("NO_PROXY", ""), ("no_proxy", "")];
    variables.extend(NAMES.map(|name| (name, proxy.origin())));
    run_alone(test, &variables);
    assert_eq!(home.requests().len(), 4, "a request of each lane");
    // The environment is what it seems to be: who reads it goes there.
    let mut seen = each(&proxy, |request| request.target().to_owned());
    seen.sort();
    let expected = ["/", "/", "control.test:80", CONTROL, CONTROL];
    assert_eq!(seen, expected, "one tunnel of ureq's, and no other call");
}

fn call<L: Lane>(lane: &L) {
    let client = lane.builder().build().unwrap();
    let answer = lane.send(client.get(env::var(HOME).unwrap()));
    assert_eq!(answer.unwrap().status(), 200, "{}", L::name());
}

fn control<L: Lane>(lane: &L) {
    let client = lane.builder().build().unwrap();
    let answer = lane.send(client.get(CONTROL));
    assert_eq!(answer.unwrap().status(), 200, "{}", L::name());
}
