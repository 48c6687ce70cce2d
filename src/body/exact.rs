//! [`Exact`]: a body that is held to its declared length.

use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use super::{Body, BodyError};
use crate::error::{Error, ErrorKind};

/// A body of the declared number of bytes, or an error.
///
/// A body of another length would be cut on the wire, or run into the next
/// request on the connection.
pub(super) struct Exact {
    body: Body,
    declared: u64,
    sent: u64,
    /// What to call it in an error.
    what: Cow<'static, str>,
    done: bool,
}

impl Exact {
    pub(super) fn new(body: Body, declared: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            body,
            declared,
            sent: 0,
            what: what.into(),
            done: false,
        }
    }

    /// Counts a chunk, or the end.
    fn check(&mut self, chunk: Option<usize>) -> Result<(), BodyError> {
        let (what, declared) = (&self.what, self.declared);
        let Some(length) = chunk else {
            if self.sent < declared {
                let sent = self.sent;
                return Err(broken(format!(
                    "{what} ended after {sent} of {declared} bytes"
                )));
            }
            return Ok(());
        };
        self.sent = self.sent.saturating_add(length as u64);
        if self.sent > declared {
            return Err(broken(format!(
                "{what} is longer than the declared {declared} bytes"
            )));
        }
        Ok(())
    }
}

fn broken(message: String) -> BodyError {
    Error::new(ErrorKind::InvalidRequest, message)
        .with_hint("declare the length that is sent, and let nobody write to a file meanwhile")
        .into()
}

impl HttpBody for Exact {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        let frame = match ready!(this.body.poll(context)) {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                Some(this.check(Some(length)).map(|()| frame))
            }
            Some(Err(error)) => Some(Err(error)),
            None => this.check(None).err().map(Err),
        };
        this.done = !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }
}

/// A body that stops before its first byte.
pub(super) struct Failed(Option<BodyError>);

impl Failed {
    pub(super) fn new(error: BodyError) -> Self {
        Self(Some(error))
    }
}

impl HttpBody for Failed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.take().map(Err))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn read(body: Body) -> io::Result<String> {
        io::read_to_string(body.into_reader())
    }

    fn reader() -> Body {
        Body::from_reader(&b"hello"[..])
    }

    #[test]
    fn a_body_of_the_declared_length_passes() {
        assert_eq!(read(reader().with_length(5).held()).unwrap(), "hello");
        assert_eq!(read(reader().held()).unwrap(), "hello");
        let factory = Body::factory(reader).with_length(5);
        assert_eq!(factory.length(), Some(5));
        let copy = factory.try_clone().unwrap();
        assert_eq!(copy.length(), Some(5));
        assert_eq!(read(factory).unwrap(), "hello");
        assert_eq!(read(copy).unwrap(), "hello");
    }

    #[test]
    fn a_body_of_another_length_is_a_typed_error() {
        for (declared, expected) in [
            (4, "the body is longer than the declared 4 bytes"),
            (6, "the body ended after 5 of 6 bytes"),
        ] {
            for body in [
                reader().with_length(declared).held(),
                Body::factory(reader).with_length(declared),
            ] {
                let error = read(body).unwrap_err();
                let ours = Error::find_in(&error).unwrap();
                assert_eq!(ours.kind(), ErrorKind::InvalidRequest);
                assert!(ours.to_string().contains(expected), "{ours}");
            }
        }
    }

    #[test]
    fn a_body_that_failed_is_over() {
        let mut body = reader().with_length(4).held().into_reader();
        let mut rest = String::new();
        assert!(io::Read::read_to_string(&mut body, &mut rest).is_err());
        assert_eq!(io::Read::read_to_string(&mut body, &mut rest).unwrap(), 0);
    }
}
