//! [`Link`]: a TCP connection that can be given up while it waits.
//!
//! *Concurrency*: a link belongs to one call at a time, or to the pool. A call
//! that is given up drops it, which closes the connection.

use std::{
    fmt,
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use ureq::{
    Error,
    config::Config,
    unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport},
};

use crate::{budget::Budget, watch};

/// How much is sent before it is asked whether the server has answered.
const UNASKED_BYTES: usize = 256 * 1024;

/// A transport over TCP. Each wait is cut into slices, between which the
/// attempt is asked whether to go on.
pub(crate) struct Link {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// The socket's timeouts as they are set, to spare the system calls.
    read_wait: Option<Duration>,
    write_wait: Option<Duration>,
    /// How writing failed. The server may have answered before it stopped
    /// reading (a 413, say), so it is the next read that decides.
    broken: Option<io::ErrorKind>,
    /// The server has answered, or has ended the connection, before it had all
    /// of the request. The rest is not sent.
    overtaken: bool,
    /// What was sent since that was looked at.
    unasked: usize,
}

impl Link {
    pub(crate) fn new(stream: TcpStream, config: &Config) -> io::Result<Self> {
        if config.no_delay() {
            stream.set_nodelay(true)?;
        }
        Ok(Self {
            stream,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            read_wait: None,
            write_wait: None,
            broken: None,
            overtaken: false,
            unasked: 0,
        })
    }

    fn read(&mut self, wait: Option<Duration>) -> io::Result<usize> {
        if self.read_wait != wait {
            self.stream.set_read_timeout(wait)?;
            self.read_wait = wait;
        }
        let length = (&self.stream).read(self.buffers.input_append_buf())?;
        match self.broken {
            Some(kind) if length == 0 => Err(kind.into()),
            _ => Ok(length),
        }
    }

    fn write(&mut self, from: usize, to: usize, wait: Option<Duration>) -> io::Result<usize> {
        if self.write_wait != wait {
            self.stream.set_write_timeout(wait)?;
            self.write_wait = wait;
        }
        let output = self.buffers.output().get(from..to).unwrap_or_default();
        match (&self.stream).write(output)? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            length => Ok(length),
        }
    }

    /// Looks whether the answer has overtaken the request.
    fn look(&mut self) -> io::Result<()> {
        self.unasked = 0;
        let mut start = [0; 16];
        self.stream.set_nonblocking(true)?;
        let seen = self.stream.peek(&mut start);
        self.stream.set_nonblocking(false)?;
        self.overtaken = match seen {
            Ok(length) => length == 0 || is_answer(start.get(..length).unwrap_or_default()),
            // What is wrong with the connection the next write finds, too.
            Err(_) => false,
        };
        Ok(())
    }

    /// Tells whether nothing more can or need be sent.
    fn is_deaf(&self) -> bool {
        self.broken.is_some() || self.overtaken
    }
}

/// Tells whether the answer begins here, and is none of those that come before
/// the answer. Over TLS nothing does: an upload there goes on to its end.
fn is_answer(bytes: &[u8]) -> bool {
    bytes
        .strip_prefix(b"HTTP/1.")
        .is_some_and(|rest| matches!(rest, [_, b' ', b'2'..=b'9', ..]))
}

/// Tells whether a wait ended without result.
fn is_pause(error: &io::Error) -> bool {
    // Which of the two depends on the system.
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
    )
}

impl Transport for Link {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut budget = Budget::of(timeout.for_write());
        let mut sent = 0;
        while sent < amount && !self.is_deaf() {
            let wait = watch::pause(budget.left()?)?;
            match self.write(sent, amount, wait) {
                Ok(length) => {
                    sent += length;
                    self.unasked += length;
                    if self.unasked >= UNASKED_BYTES {
                        self.look()?;
                    }
                }
                Err(error) if is_pause(&error) => {
                    budget.spend(wait.unwrap_or_default());
                    self.look()?;
                }
                Err(error) if is_hang_up(&error) => self.broken = Some(error.kind()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.is_deaf() {
            watch::note(|seen| seen.deaf = true);
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let space = self.buffers.input_append_buf().len();
        if space == 0 {
            // A read into no space would look like the end of the connection.
            let length = self.buffers.input().len();
            return Err(Error::LargeResponseHeader(length, length));
        }
        let mut budget = Budget::of(timeout.for_read());
        loop {
            let wait = watch::pause(budget.left()?)?;
            match self.read(wait) {
                Ok(length) => {
                    self.buffers.input_appended(length);
                    return Ok(length > 0);
                }
                Err(error) if is_pause(&error) => budget.spend(wait.unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Probes an idle connection: it is open if there is nothing to read. Bytes
    /// that nobody asked for belong to no answer.
    fn is_open(&mut self) -> bool {
        if self.is_deaf() || self.stream.set_nonblocking(true).is_err() {
            return false;
        }
        let silent = match (&self.stream).read(&mut [0]) {
            Ok(_) => false,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        silent && self.stream.set_nonblocking(false).is_ok()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_final_answer_overtakes_an_upload() {
        for bytes in [
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 413 ",
            "HTTP/1.1 503",
            "HTTP/1.1 2",
        ] {
            assert!(is_answer(bytes.as_bytes()), "{bytes}");
        }
        for bytes in [
            "",
            "HTTP/1.1 ",
            "HTTP/1.1 100 Continue",
            "HTTP/1.1 103 ",
            "\x17\x03\x03",
        ] {
            assert!(!is_answer(bytes.as_bytes()), "{bytes}");
        }
    }
}
