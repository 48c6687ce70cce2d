//! [`Step`]: one thing that the server does on a connection.

use std::{
    io::{self, BufRead, Read, Write},
    net::Shutdown,
    time::Duration,
};

use bytes::Bytes;
use socket2::SockRef;

use super::connection::{MAX_HEAD_BYTES, Wire};

/// One thing that the [`Server`](super::Server) does on a connection, in a
/// [`Script`](super::Script::on_connection) or in a [`Reply`](super::Reply::steps).
///
/// A step that waits ends when the server is dropped. One that cannot be done,
/// because the client is gone, ends the connection.
///
/// ```
/// use std::{io::{Read, Write}, net::TcpStream};
/// use tollgate::adapter::conformance::{Reply, Script, Server, Step};
///
/// let script = Script::from(Reply::new(200)).on_connection(0, [
///     Step::ReadHead,
///     Step::Write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha".into()),
///     Step::Fin,
/// ]);
/// let server = Server::start(script).unwrap();
/// let mut stream = TcpStream::connect(server.address()).unwrap();
/// stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer).unwrap();
///
/// assert!(answer.ends_with("\r\n\r\nha"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Reads to the blank line that ends a head, whatever stands before it.
    ReadHead,
    /// Reads this many bytes.
    Read(usize),
    /// Writes these bytes.
    Write(Bytes),
    /// Writes these bytes one by one, with a pause before each but the first.
    Drip(Bytes, Duration),
    /// Writes these bytes again and again, with a pause after each time, for as
    /// long as the client is there.
    Flood(Bytes, Duration),
    /// Neither reads nor writes for this long.
    Pause(Duration),
    /// Neither reads nor writes until
    /// [`Server::release`](super::Server::release) is called once.
    Hold,
    /// Reads and is silent until the client ends the connection.
    Stall,
    /// Ends its side in good order, and reads until the client ends the other.
    Fin,
    /// Resets the connection, whatever is still to be read.
    Reset,
}

impl Wire<'_> {
    /// Does the steps; `false` if the connection ends with them.
    pub(super) fn play(&mut self, steps: &[Step]) -> io::Result<bool> {
        for step in steps {
            match step {
                Step::ReadHead => {
                    if !self.read_head()? {
                        return Ok(false);
                    }
                }
                Step::Read(count) => drop(self.read(*count)?),
                Step::Write(bytes) => self.write(bytes)?,
                Step::Drip(bytes, pause) => self.drip(bytes, *pause)?,
                Step::Flood(bytes, pause) => loop {
                    self.write(bytes)?;
                    self.seat.pause(*pause);
                },
                Step::Pause(duration) => self.seat.pause(*duration),
                Step::Hold => self.seat.hold(),
                Step::Stall => {
                    self.wait_for_end();
                    return Ok(false);
                }
                Step::Fin => {
                    self.stream().shutdown(Shutdown::Write)?;
                    self.wait_for_end();
                    return Ok(false);
                }
                Step::Reset => {
                    // The close that follows is a reset then.
                    SockRef::from(self.stream()).set_linger(Some(Duration::ZERO))?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn drip(&mut self, bytes: &Bytes, pause: Duration) -> io::Result<()> {
        for (index, byte) in bytes.iter().enumerate() {
            if index > 0 {
                self.seat.pause(pause);
            }
            self.write(&[*byte])?;
        }
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream().write_all(bytes)
    }

    /// Reads and drops until the peer or the server ends the connection.
    fn wait_for_end(&mut self) {
        let mut buffer = [0; 1024];
        while matches!(self.input.read(&mut buffer), Ok(length) if length > 0) {}
    }

    /// Reads a head into `raw`; `false` if the connection ends instead.
    pub(super) fn read_head(&mut self) -> io::Result<bool> {
        self.raw.clear();
        while self.raw.len() < MAX_HEAD_BYTES {
            let room = (MAX_HEAD_BYTES - self.raw.len()) as u64;
            let mut line = (&mut self.input).take(room);
            if line.read_until(b'\n', &mut self.raw)? == 0 {
                return Ok(false);
            }
            if self.raw.ends_with(b"\r\n\r\n") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads up to a line feed, which is included.
    pub(super) fn read_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.input.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.raw.extend(&line);
        Ok(line)
    }

    /// Reads exactly `count` bytes.
    pub(super) fn read(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = (&mut self.input)
            .take(count as u64)
            .read_to_end(&mut bytes)?;
        self.raw.extend(&bytes);
        if read < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}
