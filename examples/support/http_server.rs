//! An HTTP/1.1 server that knows just enough: keep-alive and `Content-Length`.

use std::{io, net::SocketAddr, sync::Arc, thread, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// A request, as far as the examples look at it.
#[derive(Debug)]
pub struct Asked {
    /// The method, in upper case.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The value of `Authorization`, if there is one.
    pub authorization: Option<String>,
    /// The body.
    pub body: String,
}

/// A JSON answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The JSON text.
    pub body: String,
}

impl Answer {
    /// Makes an answer.
    #[must_use]
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
        }
    }
}

type Handler = dyn Fn(Asked) -> Answer + Send + Sync;

/// A server on a free port of 127.0.0.1, on a thread of its own; it stops when
/// it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// What the system says when it has no port or no thread to give.
    pub fn start(handler: impl Fn(Asked) -> Answer + Send + Sync + 'static) -> io::Result<Self> {
        Self::start_at(Pace(None), handler)
    }

    /// Starts a server that reads and writes so many bytes per second only, on
    /// each connection.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_slow(
        bytes_per_second: u32,
        handler: impl Fn(Asked) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start_at(Pace(Some(bytes_per_second)), handler)
    }

    fn start_at(
        pace: Pace,
        handler: impl Fn(Asked) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let handler: Arc<Handler> = Arc::new(handler);
        let thread = thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        _ = stopped => {}
                        _ = accept(listener, pace, handler) => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the address below which it answers, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended before.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// How much is read or written at once where there is a pace.
const PIECE_BYTES: usize = 64 * 1024;

/// Bytes per second, where they are limited.
#[derive(Clone, Copy)]
struct Pace(Option<u32>);

impl Pace {
    async fn wait(self, bytes: usize) {
        if let Some(rate) = self.0 {
            tokio::time::sleep(Duration::from_secs_f64(bytes as f64 / f64::from(rate))).await;
        }
    }

    async fn read(self, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
        buffer.reserve(PIECE_BYTES);
        let read = stream.read_buf(buffer).await?;
        self.wait(read).await;
        Ok(read)
    }

    async fn write(self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(self.0.map_or(usize::MAX, |_| PIECE_BYTES)) {
            stream.write_all(piece).await?;
            self.wait(piece.len()).await;
        }
        Ok(())
    }
}

async fn accept(
    listener: std::net::TcpListener,
    pace: Pace,
    handler: Arc<Handler>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let handler = Arc::clone(&handler);
        tokio::spawn(async move {
            // A connection that breaks is the client's affair.
            drop(serve(stream, pace, handler).await);
        });
    }
}

async fn serve(mut stream: TcpStream, pace: Pace, handler: Arc<Handler>) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if pace.read(&mut stream, &mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).into_owned();
        let length = header(&head, "content-length")
            .and_then(|value| value.parse::<usize>().ok())
            .unwrap_or(0);
        while buffer.len() < end + length {
            if pace.read(&mut stream, &mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let body = buffer.get(end..end + length).unwrap_or_default();
        let mut words = head.split_whitespace();
        let asked = Asked {
            method: words.next().unwrap_or_default().to_owned(),
            path: words.next().unwrap_or_default().to_owned(),
            authorization: header(&head, "authorization").map(str::to_owned),
            body: String::from_utf8_lossy(body).into_owned(),
        };
        buffer.drain(..end + length);
        let answer = handler(asked);
        let challenge = if answer.status == 401 {
            "www-authenticate: Bearer error=\"invalid_token\"\r\n"
        } else {
            ""
        };
        let text = format!(
            "HTTP/1.1 {} -\r\ncontent-type: application/json\r\n{challenge}content-length: {}\r\n\r\n{}",
            answer.status,
            answer.body.len(),
            answer.body
        );
        pace.write(&mut stream, text.as_bytes()).await?;
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
