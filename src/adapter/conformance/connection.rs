//! One connection of the [`Server`](super::Server): requests in, replies out.
//!
//! A close with unread bytes in the socket makes the system send a reset, and
//! std has no other way to ask for one. So the last byte of each request stays
//! unread until the reply is known.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use bytes::Bytes;
use http::Method;

use super::{
    Received,
    received::Framing,
    reply::{Cut, Reply, Step},
    server::Seat,
};

/// How much is read at once.
const CHUNK_BYTES: usize = 32 * 1024;

/// A head without an end is given up at this length.
const MAX_HEAD_BYTES: usize = 1 << 20;

/// Serves requests until one side ends the connection.
pub(super) fn serve(stream: TcpStream, seat: &Seat) {
    let mut wire = Wire {
        stream,
        seat,
        raw: Vec::new(),
    };
    // An error is the end of the connection, which is all there is to say.
    while matches!(wire.exchange(), Ok(true)) {}
    // The seat's handle goes first, so that dropping the stream closes.
    seat.leave();
}

struct Wire<'a> {
    stream: TcpStream,
    seat: &'a Seat,
    /// The bytes of the request that is being read.
    raw: Vec<u8>,
}

impl Wire<'_> {
    /// Serves one request; `false` if the connection ends with it.
    fn exchange(&mut self) -> io::Result<bool> {
        self.raw.clear();
        if !self.read_head()? {
            return Ok(false);
        }
        let Some(mut request) = Received::parse(&self.raw) else {
            return self.refuse();
        };
        let Some(framing) = request.framing() else {
            return self.refuse();
        };
        if request.header("expect").is_some() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = self.read_body(&framing)?;
        request.raw = Bytes::copy_from_slice(&self.raw);
        let is_head = *request.method() == Method::HEAD;
        let wants_close = request
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let reply = self.seat.reply_to(request);
        Ok(self.answer(&reply, is_head)? && !wants_close)
    }

    /// Writes the answer; `false` if the connection ends with it.
    fn answer(&mut self, reply: &Reply, is_head: bool) -> io::Result<bool> {
        let steps = reply.steps(!is_head);
        let resets = steps.last() == Some(&Step::Cut(Cut::Reset));
        if !resets {
            self.take_last()?;
        }
        for step in steps {
            match step {
                Step::Write(bytes) => self.stream.write_all(&bytes)?,
                Step::Pause(duration) => self.seat.pause(duration),
                Step::Hold => self.seat.hold(),
                Step::Cut(Cut::Stall) => {
                    self.wait_for_end();
                    return Ok(false);
                }
                Step::Cut(Cut::Fin | Cut::Reset) => return Ok(false),
            }
        }
        Ok(!reply.ends_connection())
    }

    /// Answers what is no HTTP request.
    fn refuse(&mut self) -> io::Result<bool> {
        self.take_last()?;
        self.stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")?;
        Ok(false)
    }

    /// Reads and drops until the peer or the server ends the connection.
    fn wait_for_end(&mut self) {
        let mut buffer = [0; 1024];
        while matches!(self.stream.read(&mut buffer), Ok(length) if length > 0) {}
    }

    /// Reads a head into `raw`, its last byte only looked at; `false` if the
    /// connection ends instead.
    fn read_head(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; CHUNK_BYTES];
        while self.raw.len() < MAX_HEAD_BYTES {
            let before = self.raw.len();
            let length = self.stream.peek(&mut buffer)?;
            if length == 0 {
                return Ok(false);
            }
            let seen = buffer.get(..length).unwrap_or_default();
            self.raw.extend(seen);
            // The blank line may have begun in an earlier piece.
            let from = before.saturating_sub(3);
            match find(self.raw.get(from..).unwrap_or_default(), b"\r\n\r\n") {
                None => {
                    self.consume(length)?;
                }
                Some(at) => {
                    let end = from + at + 4;
                    self.raw.truncate(end);
                    self.consume(end - before - 1)?;
                    self.seat.record(self.raw.get(before..).unwrap_or_default());
                    return Ok(true);
                }
            }
            self.seat.record(self.raw.get(before..).unwrap_or_default());
        }
        Ok(false)
    }

    /// Reads bytes that were looked at before.
    fn consume(&mut self, count: usize) -> io::Result<()> {
        let count = count as u64;
        let read = io::copy(&mut (&self.stream).take(count), &mut io::sink())?;
        if read < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Reads the byte that was left in the socket.
    fn take_last(&mut self) -> io::Result<()> {
        self.consume(1)
    }

    /// Reads a body, its last byte only looked at.
    fn read_body(&mut self, framing: &Framing) -> io::Result<Bytes> {
        match framing {
            Framing::Length(0) => Ok(Bytes::new()),
            Framing::Length(length) => {
                self.take_last()?;
                let mut body = self.read(length - 1)?;
                body.push(self.look()?);
                Ok(body.into())
            }
            Framing::Chunked => {
                self.take_last()?;
                self.read_chunks()
            }
        }
    }

    fn read_chunks(&mut self) -> io::Result<Bytes> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line()?;
            let length = chunk_length(&line).ok_or(io::ErrorKind::InvalidData)?;
            if length == 0 {
                break;
            }
            body.extend(self.read(length)?);
            self.read(2)?;
        }
        // Trailers, until a blank line whose last byte stays in the socket.
        loop {
            match self.read(1)?.as_slice() {
                b"\r" => {
                    self.look()?;
                    return Ok(body.into());
                }
                _ => {
                    self.read_line()?;
                }
            }
        }
    }

    /// Reads up to a line feed, which is included.
    fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            line.extend(self.read(1)?);
        }
        Ok(line)
    }

    /// Reads and records exactly `count` bytes.
    fn read(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = (&self.stream).take(count as u64).read_to_end(&mut bytes)?;
        self.raw.extend(&bytes);
        self.seat.record(&bytes);
        if read < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    /// Waits for a byte and records it, but leaves it in the socket.
    fn look(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        if self.stream.peek(&mut byte)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.raw.extend(byte);
        self.seat.record(&byte);
        let [byte] = byte;
        Ok(byte)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn chunk_length(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line).ok()?;
    let digits = text.split([';', '\r', '\n']).next()?;
    usize::from_str_radix(digits.trim(), 16).ok()
}
