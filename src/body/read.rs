//! Bodies and blocking readers, each made from the other.

use std::{
    fmt,
    future::poll_fn,
    io::{self, Read},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame};

use super::{Body, BodyError};
use crate::runtime::block_on;

/// How much is read at once.
const CHUNK_BYTES: usize = 32 * 1024;

/// Reads a [`Body`], blocking the calling thread; see [`Body::into_reader`].
pub struct BodyReader {
    body: Body,
    chunk: Bytes,
}

impl BodyReader {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            chunk: Bytes::new(),
        }
    }
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BodyReader").field(&self.body).finish()
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match block_on(poll_fn(|context| self.body.poll(context))) {
                None => return Ok(0),
                Some(Ok(frame)) => {
                    // Trailers are passed over.
                    if let Ok(data) = frame.into_data() {
                        self.chunk = data;
                    }
                }
                Some(Err(error)) => return Err(into_io(error)),
            }
        }
        let length = buffer.len().min(self.chunk.len());
        self.chunk
            .split_to(length)
            .copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}

fn into_io(error: BodyError) -> io::Error {
    match error.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => match error.downcast::<crate::Error>() {
            Ok(error) => (*error).into(),
            Err(error) => io::Error::other(error),
        },
    }
}

/// A reader as a stream of frames; each poll blocks.
pub(super) struct ReaderBody {
    reader: Mutex<Box<dyn Read + Send>>,
    done: bool,
}

impl ReaderBody {
    pub(super) fn new(reader: impl Read + Send + 'static) -> Self {
        Self {
            reader: Mutex::new(Box::new(reader)),
            done: false,
        }
    }
}

impl HttpBody for ReaderBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let reader = self
            .reader
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let mut buffer = BytesMut::zeroed(CHUNK_BYTES);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => {
                    self.done = true;
                    return Poll::Ready(None);
                }
                Ok(length) => {
                    buffer.truncate(length);
                    return Poll::Ready(Some(Ok(Frame::data(buffer.freeze()))));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.done = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_survives_the_way_there_and_back() {
        let text = "0123456789".repeat(10_000);
        let body = Body::from_reader(io::Cursor::new(text.clone().into_bytes()));
        let mut out = String::new();
        body.into_reader().read_to_string(&mut out).unwrap();
        assert_eq!(out, text);
    }

    #[test]
    fn a_failing_reader_gives_its_own_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut"))
            }
        }
        let error = Body::from_reader(Broken)
            .into_reader()
            .read(&mut [0; 8])
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_factory_is_opened_for_each_copy() {
        let body = Body::factory(|| Body::from_reader(io::Cursor::new(b"abc".to_vec())));
        for _ in 0..2 {
            let mut out = String::new();
            let copy = body.try_clone().unwrap();
            copy.into_reader().read_to_string(&mut out).unwrap();
            assert_eq!(out, "abc");
        }
    }
}
