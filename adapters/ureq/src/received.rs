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
    watch::{End, Seen, Watch},
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
    source: Option<Source>,
    attempt: Attempt,
    place: Place,
    spoiled: bool,
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
}

impl Source {
    fn open(self) -> BodyReader<'static> {
        match self {
            Self::Unread(body) => body.into_reader(),
            Self::Open(reader) => reader,
        }
    }
}

/// Wraps a body. `spoiled` keeps its connection from being used again.
pub(crate) fn receive(body: ureq::Body, attempt: Attempt, place: Place, spoiled: bool) -> Body {
    Body::stream(Received {
        left: body.content_length(),
        source: Some(Source::Unread(body)),
        attempt,
        place,
        spoiled,
        room: BytesMut::new(),
        chunk_bytes: FIRST_BYTES,
        fault: None,
    })
}

impl Received {
    fn watch(&self) -> Watch {
        Watch::body(self.attempt.clone(), self.spoiled)
    }

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
        let Some(source) = self.source.take() else {
            return Ok(None);
        };
        self.watch().check()?;
        self.make_room();
        let mut room = std::mem::take(&mut self.room);
        let (seen, (result, reader)) = self.watch().run(|| {
            let mut reader = source.open();
            loop {
                match reader.read(&mut room) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break (result, reader),
                }
            }
        });
        if let Some(End::Fault(kind)) = seen.end {
            self.fault = Some(kind);
        }
        match result {
            Ok(0) => self.end(seen),
            Ok(length) => {
                let bytes = room.split_to(length).freeze();
                self.room = room;
                self.count(length, reader);
                Ok(Some(bytes))
            }
            Err(error) => Err(error::no_body(error, seen, self.place)),
        }
    }

    fn end(&mut self, seen: Seen) -> Result<Option<Bytes>, AdapterError> {
        match self.fault {
            // ureq has taken it for the end of the body.
            Some(kind) => Err(error::no_body(kind.into(), seen, self.place)),
            None => Ok(None),
        }
    }

    fn count(&mut self, length: usize, mut reader: BodyReader<'static>) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(length as u64);
            if *left == 0 {
                // Whole: this read finds the end, touches no socket and gives
                // the connection back at once. It cannot make it less whole.
                let _ = self.watch().run(|| reader.read(&mut [0]));
                return;
            }
        }
        self.source = Some(Source::Open(reader));
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
        self.source.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.source, self.left) {
            (None, _) => SizeHint::with_exact(0),
            (Some(_), Some(left)) => SizeHint::with_exact(left),
            (Some(_), None) => SizeHint::default(),
        }
    }
}
