//! [`Nobody`]: an address where nobody listens.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use socket2::{Domain, Socket, Type};

/// A port of 127.0.0.1 that is taken for as long as this is there, and on which
/// nobody listens: whoever connects is refused.
#[derive(Debug)]
pub struct Nobody {
    address: SocketAddr,
    _taken: Socket,
}

impl Nobody {
    /// Takes a port that the system chooses.
    ///
    /// # Errors
    ///
    /// Where the system gives no socket or no port.
    pub fn new() -> io::Result<Self> {
        let taken = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        taken.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = taken.local_addr()?.as_socket();
        Ok(Self {
            address: address.ok_or(io::ErrorKind::AddrNotAvailable)?,
            _taken: taken,
        })
    }

    /// Returns the address to connect to in vain.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
