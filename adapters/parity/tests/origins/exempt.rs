//! For whom a proxy is not asked: the matcher is the client's own; the core
//! gives it every host in one form.

use std::time::Duration;

use tollgate::{
    ErrorKind,
    adapter::conformance::{Reply, Server},
};
use tollgate_parity::Lane;

use crate::{proxies::through, support::on_every_lane};

/// Who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Direct,
    Proxied,
    /// Nobody: the host has two readings.
    Refused,
}

use Way::{Direct, Proxied, Refused};

/// An entry, a host, and what comes of it over reqwest and over ureq.
const TABLE: [(&str, &str, Way, Way); 36] = [
    ("localhost", "localhost", Direct, Direct),
    ("localhost", "LOCALHOST", Direct, Direct),
    ("LOCALHOST", "localhost", Direct, Direct),
    ("localhost", "localhost.", Proxied, Proxied),
    ("localhost.", "localhost.", Direct, Direct),
    ("localhost.", "localhost", Proxied, Proxied),
    ("localhost", "localhost。", Refused, Refused),
    ("localhost", "127.0.0.1", Proxied, Proxied),
    ("127.0.0.1", "localhost", Proxied, Proxied),
    ("127.0.0.1", "127.0.0.1", Direct, Direct),
    ("127.0.0.1", "127.0.0.1.", Refused, Refused),
    ("127.0.0.1", "127.1", Refused, Refused),
    ("127.1", "127.0.0.1", Proxied, Proxied),
    ("127.0.0.1", "0x7f.1", Refused, Refused),
    ("127.0.0.1", "2130706433", Refused, Refused),
    ("127.0.0.1", "0.0.0.0", Proxied, Proxied),
    ("0.0.0.0", "0.0.0.0", Direct, Direct),
    ("127.0.0.0/8", "127.0.0.1", Direct, Proxied),
    ("127.*", "127.0.0.1", Proxied, Direct),
    ("::1", "[::1]", Direct, Proxied),
    ("[::1]", "[::1]", Proxied, Direct),
    ("::1", "[0:0:0:0:0:0:0:1]", Direct, Proxied),
    ("127.0.0.1", "[::ffff:127.0.0.1]", Proxied, Proxied),
    ("127.0.0.1", "[::ffff:7f00:1]", Proxied, Proxied),
    ("::ffff:7f00:1", "[::ffff:127.0.0.1]", Direct, Proxied),
    ("::ffff:127.0.0.1", "[::ffff:7f00:1]", Direct, Proxied),
    ("[::ffff:7f00:1]", "[::FFFF:127.0.0.1]", Proxied, Direct),
    ("exempt.invalid", "exempt.invalid", Direct, Direct),
    ("exempt.invalid", "x.exempt.invalid", Direct, Proxied),
    (".exempt.invalid", "exempt.invalid", Direct, Proxied),
    (".exempt.invalid", "x.exempt.invalid", Direct, Direct),
    ("*.exempt.invalid", "x.exempt.invalid", Proxied, Direct),
    ("exempt.invalid", "notexempt.invalid", Proxied, Proxied),
    ("host", "localhost", Proxied, Proxied),
    ("*", "localhost", Direct, Direct),
    ("", "localhost", Proxied, Proxied),
];

/// A name that is none may take its time.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn the_table_says_for_whom_a_proxy_is_not_asked() {
    fn way<L: Lane>(lane: &L, proxy: &Server, address: &str) -> Way {
        let before = proxy.requests().len();
        let client = lane.builder().timeout(PATIENCE).build().unwrap();
        let outcome = lane.send(client.get(address));
        if outcome.is_err_and(|error| error.kind() == ErrorKind::InvalidUrl) {
            return Refused;
        }
        // An IPv6 address is called in vain, and so is a name that is none.
        if proxy.requests().len() > before {
            Proxied
        } else {
            Direct
        }
    }
    let proxy = Server::start(Reply::new(200)).unwrap();
    let home = Server::start(Reply::new(200)).unwrap();
    let port = home.address().port();
    let mut faults = Vec::new();
    for (entry, host, reqwest, ureq) in TABLE {
        let address = format!("http://{host}:{port}/");
        let mut ways = Vec::new();
        on_every_lane!(through(&proxy, entry), |lane| ways
            .push(way(lane, &proxy, &address)));
        if ways != [reqwest, reqwest, ureq, ureq] {
            faults.push(format!("{entry} and {host}: {ways:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
