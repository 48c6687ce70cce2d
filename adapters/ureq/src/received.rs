//! [`Received`]: the body of an answer, with errors of ours.

use std::{
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tollgate::{AdapterError, Attempt, Body};
use ureq::BodyReader;

use crate::{
    error::{self, Place},
    watch::{End, Watch},
};

/// How much of a body is read at first, and after that.
const FIRST_BYTES: usize = 8 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;

/// Less room than this is not worth a read.
const LEAST_BYTES: usize = 1024;

/// The body of an answer. Each poll blocks until something is there.
///
/// *Concurrency*: read to its end, it gives its connection back; dropped
/// before, or failed, it closes it.
pub(crate) struct Received {
    source: Source,
    attempt: Attempt,
    place: Place,
    /// What is to come, where that is known.
    left: Option<u64>,
    room: BytesMut,
    chunk_bytes: usize,
    fault: Option<io::ErrorKind>,
}

/// A decoder reads as soon as it is made, so it is made by the first poll.
enum Source {
    Unread(ureq::Body),
    Open(BodyReader<'static>),
    Done,
}

impl Source {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if let Self::Unread(_) = self
            && let Self::Unread(body) = std::mem::replace(self, Self::Done)
        {
            *self = Self::Open(body.into_reader());
        }
        let Self::Open(reader) = self else {
            return Ok(0);
        };
        loop {
            match reader.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// Wraps a body.
pub(crate) fn receive(body: ureq::Body, attempt: Attempt, place: Place) -> Body {
    Body::stream(Received {
        left: body.content_length(),
        source: Source::Unread(body),
        attempt,
        place,
        room: BytesMut::new(),
        chunk_bytes: FIRST_BYTES,
        fault: None,
    })
}

impl Received {
    /// Makes room for the next read; chunks share the memory they were read to.
    fn make_room(&mut self) {
        if self.room.len() >= LEAST_BYTES {
            return;
        }
        let wanted = match self.left.map(usize::try_from) {
            Some(Ok(left)) => left.clamp(1, CHUNK_BYTES),
            Some(Err(_)) => CHUNK_BYTES,
            None => self.chunk_bytes,
        };
        if self.room.len() < wanted {
            self.room = BytesMut::zeroed(wanted);
            self.chunk_bytes = CHUNK_BYTES;
        }
    }

    fn read(&mut self) -> Result<Option<Bytes>, AdapterError> {
        if let Source::Done = self.source {
            return Ok(None);
        }
        let result = self.read_on();
        if !matches!(result, Ok(Some(_))) {
            // Over: the connection is let go.
            self.source = Source::Done;
        }
        result
    }

    fn read_on(&mut self) -> Result<Option<Bytes>, AdapterError> {
        let watch = Watch::body(self.attempt.clone());
        watch.check()?;
        self.make_room();
        let (source, room, left) = (&mut self.source, &mut self.room, &mut self.left);
        let (seen, result) = watch.run(|| {
            let length = source.read(room)?;
            if let Some(left) = left {
                *left = left.saturating_sub(length as u64);
                if *left == 0 && length > 0 {
                    // Whole: this read finds the end, touches no socket and
                    // gives the connection back at once. It cannot make the
                    // body less whole.
                    let _ = source.read(&mut [0]);
                    *source = Source::Done;
                }
            }
            Ok(length)
        });
        if let Some(End::Fault(kind)) = seen.end {
            self.fault = Some(kind);
        }
        match (result, self.fault) {
            (Ok(0), None) => Ok(None),
            // ureq has taken a fault for the end of the body, or for a clean cut.
            (Ok(0) | Err(_), Some(kind)) => Err(error::no_body(kind.into(), seen, self.place)),
            // The usual case, and one allocation less than a split.
            (Ok(length), _) if length == self.room.len() => {
                Ok(Some(std::mem::take(&mut self.room).freeze()))
            }
            (Ok(length), _) => Ok(Some(self.room.split_to(length).freeze())),
            (Err(error), None) => Err(error::no_body(error, seen, self.place)),
        }
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = AdapterError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AdapterError>>> {
        Poll::Ready(self.read().map(|bytes| bytes.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.source, self.left) {
            (Source::Done, _) => SizeHint::with_exact(0),
            (_, Some(left)) => SizeHint::with_exact(left),
            (_, None) => SizeHint::default(),
        }
    }
}
