//! A resolver of the caller's.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::Uri;
use tollgate::{ErrorKind, blocking::Client};
use tollgate_ureq::UreqAdapter;
use ureq::{
    Error, Proxy,
    config::Config,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use crate::server::{Server, header, ok};

/// Knows what ends in `.test`, and writes down what it is asked.
#[derive(Clone, Debug)]
struct Names {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    fn of(server: &Server) -> Self {
        let authority = server.url("").replace("http://", "");
        Self {
            address: authority.parse().unwrap(),
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().unwrap();
        self.asked.lock().unwrap().push(host.to_owned());
        let mut found = self.empty();
        match host {
            "nothing.test" => {}
            host if host.ends_with(".test") => found.push(self.address),
            _ => return Err(Error::HostNotFound),
        }
        Ok(found)
    }
}

#[test]
fn it_is_asked_once_for_each_new_connection() {
    let server = Server::answering(&ok("hello"));
    let names = Names::of(&server);
    let client = Client::new(UreqAdapter::builder().resolver(names.clone()).build());
    for _ in 0..3 {
        let answer = client.get("http://one.test:81/").send().unwrap();
        assert_eq!(answer.text().unwrap(), "hello");
    }
    client.get("http://two.test/").send().unwrap();
    assert_eq!(names.asked(), ["one.test", "two.test"]);
    assert_eq!(header(&server.requests()[0], "host"), Some("one.test:81"));
}

#[test]
fn a_name_for_which_it_has_no_address_is_a_fault_of_the_name() {
    let server = Server::answering(&ok(""));
    let adapter = UreqAdapter::builder().resolver(Names::of(&server)).build();
    let client = Client::new(adapter);
    for url in ["http://unknown.example/", "http://nothing.test/"] {
        let error = client.get(url).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Dns, "{url}: {error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn it_is_asked_for_the_name_of_a_proxy() {
    let server = Server::answering("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    let names = Names::of(&server);
    let proxy = Proxy::new("http://proxy.test:3128").unwrap();
    let adapter = UreqAdapter::builder()
        .resolver(names.clone())
        .configure(|agent| agent.proxy(Some(proxy)))
        .build();
    let error = Client::new(adapter).get("http://far.example/").send();
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Connect);
    assert_eq!(names.asked().last().map(String::as_str), Some("proxy.test"));
}
