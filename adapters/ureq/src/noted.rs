//! [`Noted`]: the outermost transport, which reports how a connection ended.

use ureq::{
    Error,
    unversioned::transport::{Buffers, NextTimeout, Transport, time::Duration as Limit},
};

use crate::watch::{self, End};

/// Notes what ureq does not tell.
///
/// ureq takes a reset, and TLS that ends without a goodbye, for the end of a
/// body that has no length. The note makes it an error again.
#[derive(Debug)]
pub(crate) struct Noted<T> {
    transport: T,
    /// What lies below is not a [`Link`](crate::link::Link), and does not ask.
    deep: bool,
}

impl<T: Transport> Noted<T> {
    /// Wraps what was built on a link.
    pub(crate) fn new(transport: T) -> Self {
        Self {
            transport,
            deep: false,
        }
    }

    /// Wraps what ureq has built. The attempt's end still holds; cancellation
    /// is seen between two waits.
    pub(crate) fn foreign(transport: T) -> Self {
        Self {
            transport,
            deep: true,
        }
    }

    fn limited(&self, mut timeout: NextTimeout) -> Result<NextTimeout, Error> {
        if self.deep {
            let own = match timeout.after {
                Limit::Exact(after) => Some(after),
                Limit::NotHappening => None,
            };
            if let Some(after) = watch::limit(own)? {
                timeout.after = Limit::Exact(after);
            }
        }
        Ok(timeout)
    }
}

impl<T: Transport> Transport for Noted<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = self.limited(timeout)?;
        self.transport.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = self.limited(timeout)?;
        let result = self.transport.await_input(timeout);
        watch::note(|seen| match &result {
            Ok(true) => seen.input = true,
            Ok(false) => seen.end = Some(End::Clean),
            Err(Error::Io(error)) => seen.end = Some(End::Fault(error.kind())),
            Err(_) => {}
        });
        result
    }

    fn is_open(&mut self) -> bool {
        released();
        self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

impl<T> Drop for Noted<T> {
    fn drop(&mut self) {
        released();
    }
}

/// Notes that a connection is given back or closed. After the head of an
/// answer that means that no body follows.
fn released() {
    watch::note(|seen| seen.released |= seen.input);
}
