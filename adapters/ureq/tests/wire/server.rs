//! A loopback server that does what a test tells it and keeps what it gets.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Serves each connection on a thread of its own until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What came in, raw, in the order of its end.
#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

/// A port whose queue is full, as long as nobody accepts: connecting hangs.
pub(crate) struct Full {
    listener: TcpListener,
    queue: Vec<TcpStream>,
}

impl Full {
    pub(crate) fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        socket.listen(0).unwrap();
        let mut full = Self {
            listener: socket.into(),
            queue: Vec::new(),
        };
        // Where the queue has room, a connection is there at once.
        let brief = Duration::from_millis(500);
        while let Ok(stream) = TcpStream::connect_timeout(&full.address(), brief) {
            full.queue.push(stream);
            assert!(full.queue.len() < 16, "the queue has an end");
        }
        full
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address())
    }

    /// Ends an [`answer`](Self::answer) for which nobody has come.
    pub(crate) fn knock(&self) {
        drop(TcpStream::connect(self.address()));
    }

    /// Accepts what waits, and answers the next one to come.
    pub(crate) fn answer(&self, answer: &str) {
        for _ in &self.queue {
            self.listener.accept().unwrap();
        }
        let (mut next, _) = self.listener.accept().unwrap();
        next.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(next.read(&mut [0; 4096]).unwrap() > 0);
        next.write_all(answer.as_bytes()).unwrap();
    }
}

/// The server's end of a connection.
pub(crate) struct Peer {
    stream: TcpStream,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub(crate) fn start(serve: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let closing = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (seen, closing) = (Arc::clone(&seen), Arc::clone(&closing));
            let serve = Arc::new(serve);
            move || {
                while let Ok((stream, _)) = listener.accept() {
                    if closing.load(Ordering::SeqCst) {
                        return;
                    }
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    stream.set_write_timeout(Some(PATIENCE)).unwrap();
                    seen.lock().unwrap().connections += 1;
                    let serve = Arc::clone(&serve);
                    let mut peer = Peer {
                        stream,
                        seen: Arc::clone(&seen),
                    };
                    thread::spawn(move || serve(&mut peer));
                }
            }
        });
        Self {
            address,
            seen,
            closing,
            thread: Some(thread),
        }
    }

    /// Answers every request of every connection in the same way.
    pub(crate) fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::start(move |peer| while peer.request().is_some_and(|_| peer.send(&answer)) {})
    }

    /// Answers the first request of a connection, then closes it.
    pub(crate) fn answering_once(answer: &[u8]) -> Self {
        let answer = answer.to_vec();
        Self::start(move |peer| {
            peer.request();
            peer.send_bytes(&answer);
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// The only request so far.
    pub(crate) fn request(&self) -> String {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.into_iter().next().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Peer {
    /// Reads a request with its body, as it stood on the wire.
    pub(crate) fn request(&mut self) -> Option<String> {
        let mut raw = Vec::new();
        loop {
            if is_whole(&raw) {
                let text = String::from_utf8(raw).unwrap();
                self.seen.lock().unwrap().requests.push(text.clone());
                return Some(text);
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(length) => raw.extend_from_slice(&buffer[..length]),
            }
        }
    }

    /// Takes one byte of what comes, and leaves the rest: closing this
    /// connection then resets it.
    pub(crate) fn taste(&mut self) {
        self.stream.read_exact(&mut [0]).unwrap();
        // The rest has to be there before the connection is closed.
        self.stream.peek(&mut [0]).unwrap();
    }

    /// Takes what comes in one read.
    #[cfg(feature = "rustls")]
    pub(crate) fn read_some(&mut self) {
        drop(self.stream.read(&mut [0; 4096]));
    }

    pub(crate) fn send(&mut self, text: &str) -> bool {
        self.send_bytes(text.as_bytes())
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Ends the connection.
    pub(crate) fn close(&mut self) {
        self.stream.shutdown(Shutdown::Both).unwrap();
    }

    /// Waits until the other side is gone.
    pub(crate) fn wait_for_the_end(&mut self) {
        drop(io::copy(&mut self.stream, &mut io::sink()));
    }
}

fn is_whole(raw: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(raw) else {
        return false;
    };
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = header(&head, "content-length").unwrap_or("0");
    body.len() >= length.parse::<usize>().unwrap()
}

/// Returns a header's value, of a raw request or answer.
pub(crate) fn header<'a>(raw: &'a str, name: &str) -> Option<&'a str> {
    let mut found = raw
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (given, value) = line.split_once(": ")?;
            given.eq_ignore_ascii_case(name).then_some(value)
        });
    let first = found.next();
    assert!(found.next().is_none(), "{name} stands there twice:\n{raw}");
    first
}

/// An answer with a length.
pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Packs without compressing: one stored block.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let length = u16::try_from(data.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(data);
    out.extend((!crc).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}
