//! A server that writes down each request byte for byte, and answers.

use std::{
    io::{BufRead, BufReader, Read, Result, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// How the length of a body was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) line: Vec<u8>,
    /// Names as they were written, in order.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) framing: Framing,
    /// Without the marks between chunks: where they are is up to who writes.
    pub(crate) body: Vec<u8>,
}

/// The server; it ends when it is dropped.
pub(crate) struct Recorder {
    port: u16,
    log: Arc<Mutex<Vec<Recorded>>>,
    over: Arc<AtomicBool>,
}

impl Recorder {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let recorder = Self {
            port: listener.local_addr()?.port(),
            log: Arc::default(),
            over: Arc::default(),
        };
        let (log, over) = (Arc::clone(&recorder.log), Arc::clone(&recorder.over));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let log = Arc::clone(&log);
                thread::spawn(move || drop(serve(&stream, &log)));
            }
        });
        Ok(recorder)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns what came since it was asked last.
    pub(crate) fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

/// Serves one connection until the client closes it.
fn serve(stream: &TcpStream, log: &Mutex<Vec<Recorded>>) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(recorded) = read(&mut reader)? {
        let answer = answer(&recorded);
        let closes = recorded
            .headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("connection") && value == b"close");
        log.lock().unwrap().push(recorded);
        writer.write_all(&answer)?;
        if closes {
            break;
        }
    }
    stream.shutdown(Shutdown::Both)
}

/// `/to/CODE/REST` is a redirect to `/REST`; all else is found.
fn answer(request: &Recorded) -> Vec<u8> {
    let line = String::from_utf8_lossy(&request.line).into_owned();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let redirect = target
        .strip_prefix("/to/")
        .and_then(|rest| rest.split_once('/'));
    let head = match redirect {
        Some((code, rest)) => {
            format!("HTTP/1.1 {code} There\r\nlocation: /{rest}\r\ncontent-length: 0\r\n\r\n")
        }
        None if method == "HEAD" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n".to_owned(),
        None => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned(),
    };
    head.into_bytes()
}

fn read(reader: &mut impl BufRead) -> Result<Option<Recorded>> {
    let line = line(reader)?;
    if line.is_empty() {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let header = self::line(reader)?;
        if header.is_empty() {
            break;
        }
        let at = header.iter().position(|byte| *byte == b':').unwrap();
        let value = header[at + 1..]
            .strip_prefix(b" ")
            .unwrap_or(&header[at + 1..]);
        let name = String::from_utf8(header[..at].to_vec()).unwrap();
        headers.push((name, value.to_vec()));
    }
    let find = |wanted: &str| {
        let found = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let mut body = Vec::new();
    let framing = match (find("transfer-encoding"), find("content-length")) {
        (Some(_), _) => {
            chunks(reader, &mut body)?;
            Framing::Chunked
        }
        (None, Some(length)) => {
            let length = length.parse().unwrap();
            reader.take(length).read_to_end(&mut body)?;
            Framing::Length(length)
        }
        (None, None) => Framing::None,
    };
    Ok(Some(Recorded {
        line,
        headers,
        framing,
        body,
    }))
}

/// Reads a line, without its end; nothing at the end of the connection.
fn line(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        assert!(line.ends_with(b"\r\n"), "a line ends with CRLF");
        line.truncate(line.len() - 2);
    }
    Ok(line)
}

fn chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let size = line(reader)?;
        let size = u64::from_str_radix(std::str::from_utf8(&size).unwrap(), 16).unwrap();
        reader.take(size).read_to_end(body)?;
        assert!(line(reader)?.is_empty(), "a chunk ends where it says");
        if size == 0 {
            return Ok(());
        }
    }
}
