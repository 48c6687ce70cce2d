//! [`Server`]: a loopback server that fails on request and forgets nothing.

use std::{
    fmt, io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use socket2::SockRef;

use super::{Received, Reply, Script, Step, connection};

/// Connections at a time; one more is closed at once.
const MAX_CONNECTIONS: usize = 1024;

/// An HTTP/1.1 server on 127.0.0.1 that answers by a [`Script`].
///
/// It keeps every byte and every request, so it is for tests. A thread for
/// each connection, of at most 1024 at a time; dropping it ends all of them,
/// whatever they wait for.
///
/// ```
/// use std::{io::{Read, Write}, net::TcpStream};
/// use tollgate::adapter::conformance::{Reply, Script, Server};
///
/// let server = Server::start(Script::new().on("/x", Reply::new(200).body("hi"))).unwrap();
/// let mut stream = TcpStream::connect(server.address()).unwrap();
/// stream.write_all(b"GET /x HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer).unwrap();
///
/// assert!(answer.ends_with("\r\n\r\nhi"));
/// assert_eq!(server.requests()[0].target(), "/x");
/// ```
#[must_use = "the server ends when it is dropped"]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    origin: String,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a port that the system chooses.
    ///
    /// # Errors
    ///
    /// Where the system gives no socket or no thread.
    pub fn start(script: impl Into<Script>) -> io::Result<Self> {
        Self::launch(script.into(), true)
    }

    /// Starts a server that keeps neither bytes nor requests, for fixtures
    /// that serve many calls and count for themselves.
    pub(crate) fn start_forgetful(script: Script) -> io::Result<Self> {
        Self::launch(script, false)
    }

    fn launch(script: Script, keeps_records: bool) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script,
            keeps_records,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name("conformance-accept".to_owned())
                .spawn(move || accept(&listener, &shared))?
        };
        Ok(Self {
            shared,
            address,
            origin: format!("http://{address}"),
            acceptor: Some(acceptor),
        })
    }

    /// Returns the address to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the absolute address of a target, which starts with `/`.
    #[must_use]
    pub fn url(&self, target: &str) -> String {
        format!("{}{target}", self.origin)
    }

    /// Returns the requests so far, first one first.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.lock().requests.clone()
    }

    /// Returns how many connections were accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// Returns every byte that came in, one entry for each connection.
    #[must_use]
    pub fn bytes(&self) -> Vec<Bytes> {
        let state = self.shared.lock();
        let connections = state.connections.iter();
        connections
            .map(|connection| connection.bytes.clone().into())
            .collect()
    }

    /// Lets `pieces` held pieces go on; see [`Reply::held`].
    pub fn release(&self, pieces: usize) {
        self.shared.lock().permits += pieces;
        self.shared.changed.notify_all();
    }

    /// Waits until `count` requests came in; `false` if that takes longer.
    #[must_use]
    pub fn wait_for_requests(&self, count: usize, within: Duration) -> bool {
        self.wait(within, |state| state.requests.len() >= count)
    }

    /// Waits until all connections have ended; `false` if that takes longer.
    ///
    /// A client that goes away is noticed while the server reads or stalls.
    #[must_use]
    pub fn wait_until_closed(&self, within: Duration) -> bool {
        self.wait(within, |state| {
            state.connections.iter().all(|it| it.socket.is_none())
        })
    }

    fn wait(&self, within: Duration, reached: impl Fn(&State) -> bool) -> bool {
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), within, |state| !reached(state))
            .unwrap_or_else(PoisonError::into_inner);
        reached(&state)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Ends all connections and waits, and accepts no more.
    pub(super) fn stop(&self) {
        let mut state = self.shared.lock();
        state.stopping = true;
        for connection in &state.connections {
            if let Some(socket) = &connection.socket {
                // A client that sends what nobody reads learns of the end by a
                // reset only. An error says that the socket is closed already.
                drop(SockRef::from(socket).set_linger(Some(Duration::ZERO)));
                drop(socket.shutdown(Shutdown::Both));
            }
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        // The acceptor looks at the flag when a connection comes in. Without
        // one it cannot be waited for.
        if TcpStream::connect(self.address).is_ok()
            && let Some(acceptor) = self.acceptor.take()
        {
            drop(acceptor.join());
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("origin", &self.origin)
            .field("script", &self.shared.script)
            .finish_non_exhaustive()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        let Some(seat) = shared.seat(&stream) else {
            break;
        };
        threads.retain(|thread| !thread.is_finished());
        if threads.len() >= MAX_CONNECTIONS {
            continue;
        }
        let thread = thread::Builder::new()
            .name("conformance-connection".to_owned())
            .spawn(move || connection::serve(stream, &seat));
        // Without a thread the connection is dropped, and the client sees it.
        threads.extend(thread);
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// What the server and its threads share.
pub(super) struct Shared {
    script: Script,
    keeps_records: bool,
    /// Held for moments only, never while a socket is read or written.
    state: Mutex<State>,
    /// Signalled after each change of the state.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopping: bool,
    requests: Vec<Received>,
    connections: Vec<Connection>,
    permits: usize,
}

struct Connection {
    bytes: Vec<u8>,
    /// A second handle, to shut the connection down from outside. `None` once
    /// the connection has ended: the last handle is the one that closes.
    socket: Option<TcpStream>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection; `None` where the server is stopping.
    fn seat(self: &Arc<Self>, stream: &TcpStream) -> Option<Seat> {
        // Pieces go out as they are written.
        drop(stream.set_nodelay(true));
        let socket = stream.try_clone().ok();
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        state.connections.push(Connection {
            bytes: Vec::new(),
            socket,
        });
        let number = state.connections.len() - 1;
        drop(state);
        self.changed.notify_all();
        Some(Seat {
            shared: Arc::clone(self),
            number,
        })
    }

    /// Records a request and looks up its reply.
    pub(super) fn reply_to(&self, request: &Received) -> Reply {
        if self.keeps_records {
            self.lock().requests.push(request.clone());
            self.changed.notify_all();
        }
        self.script.reply_to(request)
    }
}

/// One connection's place in the server; its drop marks the end.
pub(super) struct Seat {
    shared: Arc<Shared>,
    number: usize,
}

impl Seat {
    pub(super) fn reply_to(&self, mut request: Received) -> Reply {
        request.connection = self.number;
        self.shared.reply_to(&request)
    }

    /// Returns what comes before the first request.
    pub(super) fn opening(&self) -> Option<Arc<[Step]>> {
        self.shared.script.opening(self.number)
    }

    pub(super) fn record(&self, bytes: &[u8]) {
        if !self.shared.keeps_records {
            return;
        }
        if let Some(connection) = self.shared.lock().connections.get_mut(self.number) {
            connection.bytes.extend(bytes);
        }
    }

    /// Waits, or until the server stops.
    pub(super) fn pause(&self, duration: Duration) {
        let state = self.shared.lock();
        drop(
            self.shared
                .changed
                .wait_timeout_while(state, duration, |state| !state.stopping),
        );
    }

    /// Waits for a permit, or until the server stops.
    pub(super) fn hold(&self) {
        let mut state = self
            .shared
            .changed
            .wait_while(self.shared.lock(), |state| {
                state.permits == 0 && !state.stopping
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.permits = state.permits.saturating_sub(1);
    }

    /// Gives up the second handle, so that dropping the stream closes it.
    pub(super) fn leave(&self) {
        if let Some(connection) = self.shared.lock().connections.get_mut(self.number) {
            connection.socket = None;
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}
