//! Adapters that note where they would dial, and dial nobody.

use std::sync::{Arc, Mutex};

use reqwest::dns::{Name, Resolve, Resolving};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;
use ureq::{
    Agent, Error,
    config::Config,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{ConnectionDetails, Connector, NextTimeout, Transport},
    },
};
use url::Url;

use crate::{place::Place, support::Adapters};

/// The places in the order in which they would have been dialled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Option<Place>>>>);

impl Log {
    pub(crate) fn push(&self, place: Option<Place>) {
        self.0.lock().unwrap().push(place);
    }

    /// Returns what came since it was asked last.
    ///
    /// One place noted again and again is one: reqwest also asks for what is
    /// to be sent to a proxy.
    pub(crate) fn take(&self) -> Vec<Option<Place>> {
        let mut places = std::mem::take(&mut *self.0.lock().unwrap());
        places.dedup();
        places
    }
}

/// Makes both adapters; each notes every connection, which then fails.
pub(crate) fn recorders() -> (Adapters, Log) {
    let log = Log::default();
    let adapters = Adapters {
        reqwest: reqwest_recorder(log.clone()),
        ureq: ureq_recorder(&log),
    };
    (adapters, log)
}

/// reqwest asks for a proxy with the address that it is about to dial.
fn reqwest_recorder(log: Log) -> ReqwestAdapter {
    let note = move |url: &Url| {
        log.push(Place::of_url(url));
        Some("http://recorder.invalid:9")
    };
    ReqwestAdapter::builder()
        .configure(move |client| {
            let client = client.dns_resolver(Arc::new(NoNames));
            client.proxy(reqwest::Proxy::custom(note))
        })
        .build()
        .unwrap()
}

struct NoNames;

impl Resolve for NoNames {
    fn resolve(&self, name: Name) -> Resolving {
        let error = format!("{} has no address here", name.as_str());
        Box::pin(async move { Err(error.into()) })
    }
}

fn ureq_recorder(log: &Log) -> UreqAdapter {
    let config = Config::builder().proxy(None).build();
    let note = Note(log.clone());
    UreqAdapter::from_agent(Agent::with_parts(config, note, Nowhere))
}

#[derive(Debug)]
struct Note(Log);

impl Connector<()> for Note {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.push(Place::of_uri(details.uri));
        Err(Error::ConnectionFailed)
    }
}

/// An address for everybody, which nobody dials.
#[derive(Debug)]
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(
        &self,
        _: &http::Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(([127, 0, 0, 1], 9).into());
        Ok(addresses)
    }
}
