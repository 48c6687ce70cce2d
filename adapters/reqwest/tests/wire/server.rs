//! A loopback server that keeps the raw bytes of what it was sent.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// No read of this server takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) connection: usize,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// Returns the values of a header, in their order.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    pub(crate) fn first_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }
}

/// What follows a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// The connection stays.
    Keep(Vec<u8>),
    /// The connection is closed in order.
    Close(Vec<u8>),
    /// The request's body is left unread, so that closing resets.
    Reset(Vec<u8>),
    /// Nothing more comes until the client closes.
    Hold(Vec<u8>),
    /// Answers before the request's body, reads that, and answers on.
    Early(Vec<u8>, Vec<u8>),
}

pub(crate) fn keep(text: &str) -> Reply {
    Reply::Keep(text.as_bytes().to_vec())
}

/// Answers 200 with a body of known length.
pub(crate) fn ok(body: &str) -> Reply {
    keep(&format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    handler: Box<Handler>,
    seen: Mutex<Vec<Seen>>,
    stopped: AtomicBool,
    /// Connections that the client has closed while the server held them.
    closed: Mutex<usize>,
}

impl Server {
    /// Answers each request by `handler`, which sees the head; the body is
    /// read between that and the answer, unless the reply says otherwise.
    pub(crate) fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            handler: Box::new(handler),
            seen: Mutex::default(),
            stopped: AtomicBool::new(false),
            closed: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                let stream = stream.unwrap();
                thread::spawn(move || drop(serve(&shared, connection, stream)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn always(reply: Reply) -> Self {
        Self::start(move |_| reply.clone())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    pub(crate) fn closed(&self) -> usize {
        *self.state.closed.lock().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

fn serve(state: &State, connection: usize, mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    loop {
        let Some(head) = read_head(&mut stream)? else {
            return Ok(());
        };
        let mut seen = Seen {
            connection,
            head,
            body: Vec::new(),
        };
        let reply = (state.handler)(&seen);
        let (bytes, reads) = match &reply {
            Reply::Keep(bytes) | Reply::Close(bytes) | Reply::Hold(bytes) => (bytes, true),
            Reply::Reset(bytes) => (bytes, false),
            Reply::Early(start, rest) => {
                stream.write_all(start)?;
                (rest, true)
            }
        };
        let complete = !reads || read_body(&mut stream, &mut seen).is_ok();
        state.seen.lock().unwrap().push(seen);
        if !complete {
            return Ok(());
        }
        stream.write_all(bytes)?;
        match reply {
            Reply::Keep(_) | Reply::Early(..) => {}
            Reply::Close(_) => return Ok(()),
            Reply::Reset(_) => {
                // The client is to see the first bytes before the reset.
                stream.peek(&mut [0])?;
                pause(Duration::from_millis(50));
                return Ok(());
            }
            Reply::Hold(_) => {
                let ended = matches!(stream.read(&mut [0]), Ok(0) | Err(_));
                assert!(ended, "the client sent more on a held connection");
                *state.closed.lock().unwrap() += 1;
                return Ok(());
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a real server has real time")]
pub(crate) fn pause(duration: Duration) {
    thread::sleep(duration);
}

fn read_head(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8(head).unwrap()))
}

/// Reads the body as it stands on the wire, chunk sizes included.
fn read_body(stream: &mut TcpStream, seen: &mut Seen) -> io::Result<()> {
    if let Some(length) = seen.header("content-length").first() {
        seen.body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut seen.body)?;
    } else if seen.header("transfer-encoding") == ["chunked"] {
        // In large bites: nothing follows that is not of this body.
        let mut bite = [0; 64 * 1024];
        while !(seen.body.ends_with(b"\r\n0\r\n\r\n") || seen.body == b"0\r\n\r\n") {
            let length = stream.read(&mut bite)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            seen.body.extend_from_slice(&bite[..length]);
        }
    }
    Ok(())
}
