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
        while sent < amount && self.broken.is_none() {
            let wait = watch::pause(budget.left()?)?;
            match self.write(sent, amount, wait) {
                Ok(length) => sent += length,
                Err(error) if is_pause(&error) => budget.spend(wait.unwrap_or_default()),
                Err(error) if is_hang_up(&error) => self.broken = Some(error.kind()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.broken.is_some() {
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
        if self.broken.is_some() || self.stream.set_nonblocking(true).is_err() {
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
