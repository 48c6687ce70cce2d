//! [`Dialer`]: opens the connections of our own agent.

use std::{net::SocketAddr, sync::Arc};

use ureq::{
    Error,
    unversioned::{
        resolver::Resolver,
        transport::{ConnectionDetails, Connector, DefaultConnector, Transport},
    },
};
#[cfg(feature = "rustls")]
use ureq::{tls::TlsProvider, unversioned::transport::RustlsConnector};

use crate::{
    budget::Budget,
    connect::connect,
    link::Link,
    lookup,
    noted::Noted,
    watch::{self, Stage},
};

/// Looks up, connects and shakes hands, and notes how far it came.
///
/// What it cannot do itself (a proxy, a TLS library other than rustls) it
/// leaves to ureq's own connectors.
#[derive(Debug, Default)]
pub(crate) struct Dialer {
    #[cfg(feature = "rustls")]
    tls: RustlsConnector,
    rest: DefaultConnector,
    /// Looks up instead of the system.
    resolver: Option<Box<dyn Resolver>>,
}

impl Connector<()> for Dialer {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let transport = if is_direct(details) {
            Some(self.direct(details)?)
        } else {
            self.foreign(details)?
        };
        watch::note(|seen| seen.stage = Stage::Open);
        Ok(transport)
    }
}

impl Dialer {
    pub(crate) fn new(resolver: Option<Box<dyn Resolver>>) -> Self {
        Self {
            resolver,
            ..Self::default()
        }
    }

    fn direct(&self, details: &ConnectionDetails<'_>) -> Result<Box<dyn Transport>, Error> {
        let mut budget = Budget::of(details.timeout);
        let addresses = if lookup::is_later(&details.addrs) {
            watch::note(|seen| seen.stage = Stage::Lookup);
            self.look_up(details, &mut budget)?
        } else {
            details.addrs.to_vec()
        };
        watch::note(|seen| seen.stage = Stage::Connect);
        let stream = connect(&addresses, &mut budget)?;
        let link = Link::new(stream, details.config)?;
        if !details.needs_tls() {
            return Ok(Box::new(Noted::new(link)));
        }
        watch::note(|seen| seen.stage = Stage::Handshake);
        self.secure(details, link)
    }

    fn look_up(
        &self,
        details: &ConnectionDetails<'_>,
        budget: &mut Budget,
    ) -> Result<Vec<SocketAddr>, Error> {
        let Some(resolver) = &self.resolver else {
            return lookup::addresses(details.uri, details.config, budget);
        };
        let mut timeout = details.timeout;
        if let Some(left) = watch::limit(budget.left()?)? {
            timeout.after = left.into();
        }
        let before = watch::now();
        let found = resolver.resolve(details.uri, details.config, timeout)?;
        if let (Some(before), Some(after)) = (before, watch::now()) {
            budget.spend(after.saturating_duration_since(before));
        }
        if found.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(found.to_vec())
    }

    #[cfg(feature = "rustls")]
    fn secure(
        &self,
        details: &ConnectionDetails<'_>,
        link: Link,
    ) -> Result<Box<dyn Transport>, Error> {
        let transport = self.tls.connect(details, Some(link))?;
        let transport = transport.ok_or(Error::TlsRequired)?;
        Ok(Box::new(Noted::new(transport)))
    }

    #[cfg(not(feature = "rustls"))]
    #[expect(clippy::unused_self, reason = "the other form needs it")]
    fn secure(&self, _: &ConnectionDetails<'_>, _: Link) -> Result<Box<dyn Transport>, Error> {
        Err(Error::TlsRequired)
    }

    fn foreign(
        &self,
        details: &ConnectionDetails<'_>,
    ) -> Result<Option<Box<dyn Transport>>, Error> {
        let resolver = self.resolver.as_deref().unwrap_or(&lookup::Now);
        let addrs = if lookup::is_later(&details.addrs) {
            watch::note(|seen| seen.stage = Stage::Lookup);
            resolver.resolve(details.uri, details.config, details.timeout)?
        } else {
            details.addrs.clone()
        };
        watch::note(|seen| seen.stage = Stage::Connect);
        let mut timeout = details.timeout;
        if let Some(left) = watch::limit(Budget::of(timeout).left()?)? {
            timeout.after = left.into();
        }
        let details = ConnectionDetails {
            addrs,
            timeout,
            resolver,
            uri: details.uri,
            config: details.config,
            request_level: details.request_level,
            now: details.now,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        let transport = self.rest.connect(&details, None)?;
        Ok(transport.map(|transport| Box::new(Noted::foreign(transport)) as Box<dyn Transport>))
    }
}

/// Tells whether it takes TCP, and rustls at most.
fn is_direct(details: &ConnectionDetails<'_>) -> bool {
    let proxied = details
        .config
        .proxy()
        .is_some_and(|proxy| !proxy.is_no_proxy(details.uri));
    !proxied && (!details.needs_tls() || has_rustls(details))
}

#[cfg(feature = "rustls")]
fn has_rustls(details: &ConnectionDetails<'_>) -> bool {
    details.config.tls_config().provider() == TlsProvider::Rustls
}

#[cfg(not(feature = "rustls"))]
fn has_rustls(_: &ConnectionDetails<'_>) -> bool {
    false
}
