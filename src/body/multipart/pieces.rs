//! A form as a row of pieces, and the pieces as frames.

use std::{
    borrow::Cow,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    vec,
};

use bytes::{BufMut, Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame};

use crate::{
    body::{Body, BodyError, exact::Exact},
    error::{Error, ErrorKind, Result},
};

/// Up to this size, bytes are copied to save a frame of their own.
const COPIED_BYTES: usize = 16 * 1024;

/// What is sent one after the other.
enum Piece {
    Bytes(Bytes),
    Content {
        body: Body,
        length: Option<u64>,
        /// What to call it in an error.
        label: Arc<str>,
    },
}

impl Piece {
    fn try_clone(&self) -> Option<Self> {
        Some(match self {
            Self::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Self::Content {
                body,
                length,
                label,
            } => Self::Content {
                body: body.try_clone()?,
                length: *length,
                label: Arc::clone(label),
            },
        })
    }
}

/// The pieces so far.
#[derive(Default)]
pub(super) struct Pieces {
    all: Vec<Piece>,
    /// Small pieces that will be one.
    small: BytesMut,
    total: Total,
}

/// The sum of the lengths, as far as they are known.
#[derive(Clone, Copy)]
enum Total {
    Known(u64),
    Unknown,
}

impl Default for Total {
    fn default() -> Self {
        Self::Known(0)
    }
}

impl Pieces {
    /// Adds what `write` writes.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut BytesMut)) -> Result<()> {
        let before = self.small.len();
        write(&mut self.small);
        self.count(Some((self.small.len() - before) as u64))
    }

    /// Adds a part's content.
    pub(super) fn push(&mut self, body: Body, length: Option<u64>, label: String) -> Result<()> {
        let length = body.length().or(length);
        self.count(length)?;
        match body.as_bytes() {
            Some(bytes) if bytes.len() <= COPIED_BYTES => self.small.put_slice(bytes),
            Some(bytes) => {
                let bytes = bytes.clone();
                self.flush();
                self.all.push(Piece::Bytes(bytes));
            }
            None => {
                self.flush();
                self.all.push(Piece::Content {
                    body,
                    length,
                    label: label.into(),
                });
            }
        }
        Ok(())
    }

    fn count(&mut self, length: Option<u64>) -> Result<()> {
        self.total = match (self.total, length) {
            (Total::Known(total), Some(length)) => {
                let total = total.checked_add(length).ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidRequest,
                        format!("the form is longer than {} bytes", u64::MAX),
                    )
                    .with_hint("look at the lengths that were declared for its parts")
                })?;
                Total::Known(total)
            }
            _ => Total::Unknown,
        };
        Ok(())
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            let bytes = self.small.split().freeze();
            self.all.push(Piece::Bytes(bytes));
        }
    }

    pub(super) fn into_body(mut self) -> Body {
        self.flush();
        if let [Piece::Bytes(bytes)] = self.all.as_slice() {
            return bytes.clone().into();
        }
        let body = match copy(&self.all) {
            Some(_) => {
                let all = self.all;
                Body::factory(move || copy(&all).map_or_else(one_shot, frames))
            }
            None => frames(self.all),
        };
        match self.total {
            Total::Known(total) => body.with_length(total),
            Total::Unknown => body,
        }
    }
}

fn copy(pieces: &[Piece]) -> Option<Vec<Piece>> {
    pieces.iter().map(Piece::try_clone).collect()
}

fn one_shot() -> Body {
    Body::failed(Error::new(
        ErrorKind::InvalidRequest,
        "a part of the form can be read only once",
    ))
}

fn frames(pieces: Vec<Piece>) -> Body {
    Body::stream(Frames {
        pieces: pieces.into_iter(),
        current: None,
    })
}

/// Sends pieces.
struct Frames {
    pieces: vec::IntoIter<Piece>,
    current: Option<(Body, Arc<str>)>,
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            if let Some((body, label)) = &mut this.current {
                match ready!(body.poll(context)) {
                    // Trailers of a part are none of the form's.
                    Some(Ok(frame)) if !frame.is_data() => {}
                    Some(Ok(frame)) => return Poll::Ready(Some(Ok(frame))),
                    Some(Err(error)) => {
                        let error = named(error, label);
                        this.current = None;
                        this.pieces = Vec::new().into_iter();
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => this.current = None,
                }
                continue;
            }
            match this.pieces.next() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Piece::Content {
                    body,
                    length,
                    label,
                }) => {
                    let body = match length {
                        Some(length) => {
                            let what = Cow::Owned(label.to_string());
                            Body::stream(Exact::new(body, length, what))
                        }
                        None => body,
                    };
                    this.current = Some((body, label));
                }
            }
        }
    }
}

/// Says which part failed, unless the error is ours and says it already.
fn named(error: BodyError, label: &str) -> BodyError {
    if error.is::<Error>() {
        return error;
    }
    Error::new(ErrorKind::InvalidRequest, format!("{label} cannot be read"))
        .with_source(error)
        .into()
}
