//! Names to addresses, once per connection.
//!
//! ureq asks its resolver before it looks into the pool, so that every call
//! pays for a look-up. Our own agent is told [`Later`]; the
//! [`Dialer`](crate::dialer::Dialer) asks when there is something to dial.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
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

type Found = io::Result<Vec<SocketAddr>>;

fn by_name(host: &str, port: u16, budget: &mut Budget) -> Result<Vec<SocketAddr>, Error> {
    let name = host.to_owned();
    let system = move || {
        (name.as_str(), port)
            .to_socket_addrs()
            .map(Iterator::collect)
    };
    in_time(system, budget)
}

/// Asks the system. It cannot be interrupted, so where time is limited a
/// thread does it, which is left behind if it takes too long.
fn in_time(
    ask: impl Fn() -> Found + Send + Sync + 'static,
    budget: &mut Budget,
) -> Result<Vec<SocketAddr>, Error> {
    if watch::pause(budget.left()?)?.is_none() {
        return Ok(ask()?);
    }
    let ask = Arc::new(ask);
    let other = Arc::clone(&ask);
    let (sender, receiver) = mpsc::sync_channel(1);
    let started = thread::Builder::new()
        .name("tollgate-lookup".to_owned())
        .spawn(move || drop(sender.send(other())));
    if started.is_err() {
        return Ok(ask()?);
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

#[cfg(test)]
mod tests {
    use std::{
        sync::{Mutex, mpsc::Receiver},
        time::Duration,
    };

    use tollgate::{
        AdapterError, Attempt, BlockingAdapter, Body, CancelHandle, ErrorKind, blocking::Client,
    };
    use ureq::{Timeout, unversioned::transport::time::Duration as Limit};

    use super::*;
    use crate::{
        error::{self, Place},
        watch::Watch,
    };

    const SHORT: Duration = Duration::from_millis(60);

    /// Looks a name up in a system that does not answer before the other end of
    /// the channel is gone; tells `asked` that it was asked.
    struct Silent {
        budget: Limit,
        until: Arc<Mutex<Receiver<()>>>,
        asked: CancelHandle,
    }

    impl BlockingAdapter for Silent {
        fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
            let (until, asked) = (Arc::clone(&self.until), self.asked.clone());
            let ask = move || {
                asked.cancel();
                let over = until.lock().unwrap().recv();
                Err(io::Error::other(format!("{over:?}")))
            };
            let mut budget = Budget::of(NextTimeout {
                after: self.budget,
                reason: Timeout::Connect,
                ..NextTimeout::default()
            });
            let attempt = Attempt::of(&request);
            let (seen, result) = Watch::head(attempt).run(|| in_time(ask, &mut budget));
            let place = Place {
                secure: false,
                own: true,
            };
            Err(error::no_answer(result.unwrap_err(), seen, place))
        }
    }

    fn silent(budget: Limit) -> (Client, CancelHandle, mpsc::Sender<()>) {
        let (sender, until) = mpsc::channel();
        let asked = CancelHandle::new();
        let client = Client::new(Silent {
            budget,
            until: Arc::new(Mutex::new(until)),
            asked: asked.clone(),
        });
        (client, asked, sender)
    }

    #[test]
    fn a_server_of_names_that_does_not_answer_costs_no_more_than_the_limit() {
        let (client, _, _open) = silent(Limit::Exact(SHORT));
        let error = client.get("http://h/").send().unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert!(error.to_string().contains("connect"), "{error}");

        let (client, _, _open) = silent(Limit::NotHappening);
        let error = client.get("http://h/").timeout(SHORT).send().unwrap_err();
        assert!(error.to_string().contains("timeout of 60ms"), "{error}");
    }

    #[test]
    fn a_cancel_ends_a_look_up() {
        let (client, asked, _open) = silent(Limit::NotHappening);
        let handle = CancelHandle::new();
        let other = handle.clone();
        let canceller = thread::spawn(move || {
            tollgate::runtime::block_on(asked.cancelled());
            other.cancel();
        });
        let call = client.get("http://h/").without_timeout();
        let error = call.cancel_handle(&handle).send().unwrap_err();
        canceller.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
