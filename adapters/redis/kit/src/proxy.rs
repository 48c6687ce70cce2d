//! A network that fails as told: a TCP proxy in front of a server.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::folder::Port;

/// What a [`Proxy`] does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// All goes through.
    Pass,
    /// After so many bytes of answers, counted over all connections from now
    /// on, the connection that brought the last is cut; then all goes through.
    CutOnce(usize),
    /// Every connection is cut after so many bytes of answers, counted from
    /// now on.
    CutEach(usize),
    /// Connections are taken and read, and nothing comes back. A connection of
    /// which something was swallowed stays silent.
    BlackHole,
    /// Connections are taken and closed at once; those that there are, too.
    HangUp,
    /// Nobody listens, and the connections that there are are closed.
    Refuse,
    /// Every piece of an answer waits so long.
    Delay(Duration),
}

/// A TCP proxy on loopback, in threads; ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
    port: Port,
}

#[derive(Debug)]
struct Shared {
    to_port: u16,
    rule: Mutex<Rule>,
    /// The streams of each connection, to be shut down.
    open: Mutex<HashMap<u64, Vec<TcpStream>>>,
    stopped: AtomicBool,
    connections: AtomicUsize,
    asked: AtomicU64,
    answered: AtomicU64,
    cuts: AtomicUsize,
}

#[derive(Debug)]
struct Rule {
    mode: Mode,
    /// Tells the times at which a mode was set apart.
    mark: u64,
    /// Bytes of answers since then, over all connections.
    passed: usize,
}

impl Proxy {
    /// Starts one to a port of 127.0.0.1.
    #[must_use]
    pub fn start(to_port: u16) -> Self {
        let shared = Arc::new(Shared {
            to_port,
            rule: Mutex::new(Rule {
                mode: Mode::Pass,
                mark: 0,
                passed: 0,
            }),
            open: Mutex::default(),
            stopped: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            cuts: AtomicUsize::new(0),
        });
        let (port, listener) = loop {
            let port = Port::free();
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", port.number())) {
                break (port, listener);
            }
        };
        let proxy = Self {
            shared,
            acceptor: Mutex::new(None),
            port,
        };
        proxy.listen(listener);
        proxy
    }

    /// Returns its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Returns its URL, without a password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    /// Sets what happens from now on, and begins to count bytes from here.
    ///
    /// # Panics
    ///
    /// Somebody else took the port after [`Mode::Refuse`].
    pub fn set(&self, mode: Mode) {
        {
            let mut rule = lock(&self.shared.rule);
            rule.mode = mode;
            rule.mark += 1;
            rule.passed = 0;
        }
        match mode {
            Mode::Refuse => {
                self.stop_listening();
                self.shared.close_all();
            }
            Mode::HangUp => self.shared.close_all(),
            _ => {}
        }
        if mode != Mode::Refuse && lock(&self.acceptor).is_none() {
            self.listen(TcpListener::bind(("127.0.0.1", self.port())).unwrap());
        }
    }

    /// Closes the connections that there are.
    pub fn close_all(&self) {
        self.shared.close_all();
    }

    /// Returns how many connections were taken.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// Returns how many are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        lock(&self.shared.open).len()
    }

    /// Returns how many bytes came from clients.
    #[must_use]
    pub fn bytes_asked(&self) -> u64 {
        self.shared.asked.load(SeqCst)
    }

    /// Returns how many bytes of answers went to clients.
    #[must_use]
    pub fn bytes_answered(&self) -> u64 {
        self.shared.answered.load(SeqCst)
    }

    /// Returns how many connections were cut in the middle of an answer.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(SeqCst)
    }

    fn listen(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        shared.stopped.store(false, SeqCst);
        let handle = thread::spawn(move || accept(&shared, &listener));
        *lock(&self.acceptor) = Some(handle);
    }

    fn stop_listening(&self) {
        if let Some(handle) = lock(&self.acceptor).take() {
            self.shared.stopped.store(true, SeqCst);
            // Wakes it up.
            drop(TcpStream::connect(("127.0.0.1", self.port())));
            drop(handle.join());
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop_listening();
        self.shared.close_all();
    }
}

impl Shared {
    fn close_all(&self) {
        for streams in lock(&self.open).values() {
            shut(streams);
        }
    }

    /// What becomes of `length` bytes of an answer, on a connection that has
    /// brought `of_mine` since the mark it knows of.
    fn judge(&self, of_mine: &mut (u64, usize), length: usize) -> Verdict {
        let mut rule = lock(&self.rule);
        if of_mine.0 != rule.mark {
            *of_mine = (rule.mark, 0);
        }
        let (limit, passed) = match rule.mode {
            Mode::CutOnce(limit) => (limit, rule.passed),
            Mode::CutEach(limit) => (limit, of_mine.1),
            Mode::BlackHole => return Verdict::Swallow,
            Mode::HangUp | Mode::Refuse => return Verdict::CutAfter(0),
            Mode::Delay(delay) => return Verdict::PassAfter(delay),
            Mode::Pass => return Verdict::PassAfter(Duration::ZERO),
        };
        rule.passed += length;
        of_mine.1 += length;
        if passed + length <= limit {
            return Verdict::PassAfter(Duration::ZERO);
        }
        if let Mode::CutOnce(_) = rule.mode {
            rule.mode = Mode::Pass;
        }
        self.cuts.fetch_add(1, SeqCst);
        Verdict::CutAfter(limit.saturating_sub(passed))
    }

    fn mode(&self) -> Mode {
        lock(&self.rule).mode
    }
}

enum Verdict {
    PassAfter(Duration),
    CutAfter(usize),
    Swallow,
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    for (id, stream) in listener.incoming().enumerate() {
        if shared.stopped.load(SeqCst) {
            return;
        }
        let Ok(client) = stream else { continue };
        let number = shared.connections.fetch_add(1, SeqCst);
        if shared.mode() == Mode::HangUp {
            continue;
        }
        drop(client.set_nodelay(true));
        let id = (u64::try_from(number).unwrap() << 32) + u64::try_from(id).unwrap();
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(&shared, id, &client));
    }
}

/// Both directions of one connection, until it ends.
fn serve(shared: &Shared, id: u64, client: &TcpStream) {
    let server = match shared.mode() {
        Mode::BlackHole => None,
        _ => TcpStream::connect(("127.0.0.1", shared.to_port)).ok(),
    };
    let black = server.is_none() && shared.mode() == Mode::BlackHole;
    let both = [Some(client), server.as_ref()];
    let streams = both.into_iter().flatten();
    let streams: Vec<_> = streams.filter_map(|end| end.try_clone().ok()).collect();
    if server.is_some() || black {
        lock(&shared.open).insert(id, streams);
        let silent = AtomicBool::new(black);
        thread::scope(|scope| {
            if let Some(server) = &server {
                drop(server.set_nodelay(true));
                let silent = &silent;
                scope.spawn(move || {
                    answers(shared, server, client, silent);
                    shut_both(client, server);
                });
            }
            questions(shared, client, server.as_ref(), &silent);
            shut_both(client, server.as_ref().unwrap_or(client));
        });
        lock(&shared.open).remove(&id);
    }
}

fn questions(
    shared: &Shared,
    mut client: &TcpStream,
    server: Option<&TcpStream>,
    silent: &AtomicBool,
) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = client.read(&mut piece) {
        if shared.mode() == Mode::BlackHole {
            silent.store(true, SeqCst);
        }
        // What is counted is swallowed, if it is to be.
        shared
            .asked
            .fetch_add(u64::try_from(length).unwrap(), SeqCst);
        let sent = piece.get(..length).unwrap_or_default();
        if let (false, Some(mut server)) = (silent.load(SeqCst), server)
            && server.write_all(sent).is_err()
        {
            return;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a slow network is slow in real time"
)]
fn answers(shared: &Shared, mut server: &TcpStream, mut client: &TcpStream, silent: &AtomicBool) {
    let mut piece = vec![0; 64 * 1024];
    let mut of_mine = (0, 0);
    while let Ok(length @ 1..) = server.read(&mut piece) {
        if silent.load(SeqCst) {
            continue;
        }
        let (wanted, cut) = match shared.judge(&mut of_mine, length) {
            Verdict::PassAfter(delay) => {
                thread::sleep(delay);
                (length, false)
            }
            Verdict::CutAfter(wanted) => (wanted, true),
            Verdict::Swallow => {
                silent.store(true, SeqCst);
                continue;
            }
        };
        let sent = piece.get(..wanted).unwrap_or_default();
        if client.write_all(sent).is_err() || cut {
            return;
        }
        shared
            .answered
            .fetch_add(u64::try_from(wanted).unwrap(), SeqCst);
    }
}

fn shut_both(one: &TcpStream, other: &TcpStream) {
    drop(one.shutdown(Shutdown::Both));
    drop(other.shutdown(Shutdown::Both));
}

fn shut(streams: &[TcpStream]) {
    for stream in streams {
        drop(stream.shutdown(Shutdown::Both));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
