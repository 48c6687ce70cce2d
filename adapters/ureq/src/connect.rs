//! TCP connections that can be given up while they are made.
//!
//! The system connects on its own; what waits for it asks the attempt, slice
//! by slice, whether to go on. No thread is started and none is left behind: a
//! socket that is given up is closed.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use ureq::{Error, Timeout};

use crate::{budget::Budget, watch};

/// The shortest time that an address is given.
const LEAST: Duration = Duration::from_millis(10);

/// Behind the first slice, the wait between two looks grows with the time that
/// has gone by, so that a connection is noticed at most a sixteenth too late.
const SHARE: u32 = 16;

/// Tries one address after the other; each but the last gets half of the time
/// that is left.
pub(crate) fn connect(addresses: &[SocketAddr], budget: &mut Budget) -> Result<TcpStream, Error> {
    let mut last = Error::ConnectionFailed;
    for (index, address) in addresses.iter().enumerate() {
        let left = watch::limit(budget.left()?)?;
        let is_last = index + 1 == addresses.len();
        let share = if is_last { left } else { left.map(|it| it / 2) };
        let before = watch::now();
        last = match reach(
            *address,
            &mut Budget::for_connect(share.map(|it| it.max(LEAST))),
        ) {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        if let (Some(before), Some(after)) = (before, watch::now()) {
            budget.spend(after.saturating_duration_since(before));
        }
    }
    // The attempt's end comes first, where both have passed.
    watch::limit(None)?;
    Err(last)
}

/// Connects to one address.
fn reach(address: SocketAddr, budget: &mut Budget) -> Result<TcpStream, Error> {
    let Some(wait) = watch::pause(budget.left()?)? else {
        return TcpStream::connect(address).map_err(failed);
    };
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    match socket.connect_timeout(&address.into(), wait) {
        Ok(()) => return Ok(socket.into()),
        // Of the system, it would have a number.
        Err(error) if error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none() => {
        }
        Err(error) => return Err(failed(error)),
    }
    let mut waited = wait;
    budget.spend(wait);
    while !is_connected(&socket)? {
        let wait = watch::pause(budget.left()?)?.unwrap_or(waited);
        let wait = wait.min(waited / SHARE);
        rest(wait);
        waited += wait;
        budget.spend(wait);
    }
    Ok(socket.into())
}

/// Tells whether a socket that was told to connect has done so.
fn is_connected(socket: &Socket) -> Result<bool, Error> {
    if let Some(error) = socket.take_error()? {
        return Err(failed(error));
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::TimedOut {
        Error::Timeout(Timeout::Connect)
    } else {
        error.into()
    }
}

/// Not `park_timeout`, which would take what wakes another wait of the caller's.
#[expect(
    clippy::disallowed_methods,
    reason = "the socket is waited for, which no other clock moves"
)]
fn rest(wait: Duration) {
    thread::sleep(wait);
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn socket() -> Socket {
        Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap()
    }

    #[test]
    fn a_socket_is_connected_once_it_has_a_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = socket();
        assert!(!is_connected(&socket).unwrap());
        socket
            .connect(&listener.local_addr().unwrap().into())
            .unwrap();
        assert!(is_connected(&socket).unwrap());
    }
}
