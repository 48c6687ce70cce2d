//! [`Alias`]: a server at another address of the same machine.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tollgate::adapter::conformance::Server;

/// Carries the bytes of 127.0.0.2 to a server and back; ends when dropped.
pub(crate) struct Alias {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Alias {
    /// `None` where the system has no such address.
    pub(crate) fn of(server: &Server) -> Option<Self> {
        let listener = TcpListener::bind(("127.0.0.2", 0)).ok()?;
        let alias = Self {
            address: listener.local_addr().ok()?,
            over: Arc::default(),
        };
        let (over, to) = (Arc::clone(&alias.over), server.address());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(io::Result::ok) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                drop(carry(&stream, to));
            }
        });
        Some(alias)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Alias {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// Starts a thread for each direction; both end with the connection.
fn carry(client: &TcpStream, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    for (mut from, mut to) in [
        (client.try_clone()?, server.try_clone()?),
        (server, client.try_clone()?),
    ] {
        thread::spawn(move || {
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Both));
            drop(from.shutdown(Shutdown::Both));
        });
    }
    Ok(())
}
