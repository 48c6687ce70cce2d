//! One connection of the [`Server`](super::Server): requests in, replies out.

use std::{
    io::{self, BufReader, Read},
    net::TcpStream,
};

use bytes::Bytes;
use http::Method;

use super::{Received, received::Framing, reply::Reply, server::Seat};

/// How much is read at once.
const CHUNK_BYTES: usize = 32 * 1024;

/// A head without an end is given up at this length.
pub(super) const MAX_HEAD_BYTES: usize = 1 << 20;

/// Serves requests until one side ends the connection.
pub(super) fn serve(stream: TcpStream, seat: &Seat) {
    let mut wire = Wire {
        input: BufReader::with_capacity(CHUNK_BYTES, Recorder { stream, seat }),
        seat,
        raw: Vec::new(),
    };
    let opening = seat.opening().unwrap_or_default();
    // An error is the end of the connection, which is all there is to say.
    if matches!(wire.play(&opening), Ok(true)) {
        while matches!(wire.exchange(), Ok(true)) {}
    }
    // The seat's handle goes first, so that dropping the stream closes.
    seat.leave();
}

pub(super) struct Wire<'a> {
    pub(super) input: BufReader<Recorder<'a>>,
    pub(super) seat: &'a Seat,
    /// The bytes of the request that is being read.
    pub(super) raw: Vec<u8>,
}

/// Notes each byte when it comes, whether anybody asks for it or not.
pub(super) struct Recorder<'a> {
    stream: TcpStream,
    seat: &'a Seat,
}

impl Read for Recorder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.seat.record(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

impl Wire<'_> {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.input.get_ref().stream
    }

    /// Serves one request; `false` if the connection ends with it.
    fn exchange(&mut self) -> io::Result<bool> {
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
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
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
        let goes_on = self.play(&reply.to_steps(!is_head))?;
        Ok(goes_on && !reply.ends_connection())
    }

    /// Answers what is no HTTP request.
    fn refuse(&mut self) -> io::Result<bool> {
        self.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")?;
        Ok(false)
    }

    fn read_body(&mut self, framing: &Framing) -> io::Result<Bytes> {
        match framing {
            Framing::Length(length) => Ok(self.read(*length)?.into()),
            Framing::Chunked => self.read_chunks(),
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
        // Trailers, until a blank line.
        while self.read_line()? != b"\r\n" {}
        Ok(body.into())
    }
}

fn chunk_length(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line).ok()?;
    let digits = text.split([';', '\r', '\n']).next()?;
    usize::from_str_radix(digits.trim(), 16).ok()
}
