//! [`Fountain`]: a server that offers more than anybody reads, and counts how
//! much it gets rid of.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::runtime::{Runtime, ThreadRuntime, block_on};

const CHUNK_BYTES: usize = 64 << 10;

/// How often it looks whether somebody has stopped it.
const SLICE: Duration = Duration::from_millis(20);

/// Answers one request with `offered` bytes. It ends when it is dropped.
pub(super) struct Fountain {
    url: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    written: AtomicU64,
    closed: AtomicBool,
    stopped: AtomicBool,
}

impl Fountain {
    pub(super) fn start(offered: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}/?key=CANARY-query", listener.local_addr()?);
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("conformance-fountain".to_owned())
            .spawn(move || {
                // An error is the end of the connection.
                drop(own.serve(&listener, offered));
                own.closed.store(true, Ordering::Release);
            })?;
        Ok(Self {
            url,
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns how much the system has taken of the body so far.
    pub(super) fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Acquire)
    }

    /// Waits until nothing more is taken for some time, or `within` has passed;
    /// returns how much was.
    pub(super) fn settled(&self, quiet: Duration, within: Duration) -> u64 {
        let mut written = self.written();
        let mut still = Duration::ZERO;
        let mut waited = Duration::ZERO;
        while still < quiet && waited < within {
            pause(SLICE);
            waited += SLICE;
            let now = self.written();
            still = if now == written {
                still + SLICE
            } else {
                Duration::ZERO
            };
            written = now;
        }
        written
    }

    /// Waits until the connection has ended; `false` if that takes longer.
    pub(super) fn wait_until_closed(&self, within: Duration) -> bool {
        let mut waited = Duration::ZERO;
        while !self.shared.closed.load(Ordering::Acquire) && waited < within {
            pause(SLICE);
            waited += SLICE;
        }
        self.shared.closed.load(Ordering::Acquire)
    }
}

impl Drop for Fountain {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn serve(&self, listener: &TcpListener, offered: u64) -> io::Result<()> {
        let mut stream = self.accept(listener)?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.set_write_timeout(Some(SLICE))?;
        let mut lines = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {offered}\r\n\r\n"
        )?;
        self.pour(&mut stream, offered)
    }

    fn accept(&self, listener: &TcpListener) -> io::Result<TcpStream> {
        loop {
            match listener.accept() {
                Ok((stream, _)) => return Ok(stream),
                Err(error) => self.go_on(error)?,
            }
            pause(SLICE);
        }
    }

    fn pour(&self, stream: &mut TcpStream, offered: u64) -> io::Result<()> {
        let chunk = [b'x'; CHUNK_BYTES];
        let mut left = offered;
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            match stream.write(chunk.get(..length).unwrap_or_default()) {
                Ok(taken) => {
                    left -= taken as u64;
                    self.written.fetch_add(taken as u64, Ordering::Release);
                }
                Err(error) => self.go_on(error)?,
            }
        }
        Ok(())
    }

    /// Passes over a wait without result, unless the fountain is stopped.
    fn go_on(&self, error: io::Error) -> io::Result<()> {
        let waits = matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
        );
        if !waits || self.stopped.load(Ordering::Acquire) {
            return Err(error);
        }
        Ok(())
    }
}

fn pause(duration: Duration) {
    block_on(ThreadRuntime.sleep(duration));
}
