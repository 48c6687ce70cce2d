//! Names to addresses, once per connection.
//!
//! ureq asks its resolver before it looks into the pool, so that every call
//! pays for a look-up. Our own agent is told [`Later`]; the
//! [`Dialer`](crate::dialer::Dialer) asks when there is something to dial.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
};

use http::Uri;
use ureq::{
    Error,
    config::Config,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use crate::{budget::Budget, watch};

/// Stands for an address that has not been looked up.
const LATER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Puts the look-up off.
#[derive(Debug)]
pub(crate) struct Later;

impl Resolver for Later {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(LATER);
        Ok(addresses)
    }
}

/// Tells whether a look-up was put off.
pub(crate) fn is_later(addresses: &[SocketAddr]) -> bool {
    matches!(addresses, [only] if *only == LATER)
}

/// Looks up for the connectors that ureq brings along.
#[derive(Debug)]
pub(crate) struct Now;

impl Resolver for Now {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut out = self.empty();
        for address in addresses(uri, config, &mut Budget::of(timeout))? {
            // Further addresses than ureq has room for are not tried.
            if out.try_push(address).is_err() {
                break;
            }
        }
        Ok(out)
    }
}

/// Returns the addresses of an address' host, at least one.
pub(crate) fn addresses(
    uri: &Uri,
    config: &Config,
    budget: &mut Budget,
) -> Result<Vec<SocketAddr>, Error> {
    let port = match (uri.port_u16(), uri.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("https")) => 443,
        (None, Some("socks4" | "socks4a" | "socks5" | "socks5h" | "socks")) => 1080,
        (None, _) => 80,
    };
    let host = uri.host().ok_or(Error::HostNotFound)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = match bare.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => by_name(bare, port, budget)?,
    };
    let wanted: Vec<_> = config.ip_family().keep_wanted(found.into_iter()).collect();
    if wanted.is_empty() {
        return Err(Error::HostNotFound);
    }
    Ok(wanted)
}

/// Asks the system. It cannot be interrupted, so where time is limited a
/// thread does it, which is left behind if it takes too long.
fn by_name(host: &str, port: u16, budget: &mut Budget) -> Result<Vec<SocketAddr>, Error> {
    let ask = move |host: &str| -> io::Result<Vec<SocketAddr>> {
        (host, port).to_socket_addrs().map(Iterator::collect)
    };
    if watch::pause(budget.left()?)?.is_none() {
        return Ok(ask(host)?);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = host.to_owned();
    let started = thread::Builder::new()
        .name("tollgate-lookup".to_owned())
        .spawn(move || drop(sender.send(ask(&name))));
    if started.is_err() {
        return Ok(ask(host)?);
    }
    loop {
        let wait = watch::pause(budget.left()?)?.unwrap_or_default();
        match receiver.recv_timeout(wait) {
            Ok(found) => return Ok(found?),
            Err(RecvTimeoutError::Timeout) => budget.spend(wait),
            Err(RecvTimeoutError::Disconnected) => return Err(Error::HostNotFound),
        }
    }
}
