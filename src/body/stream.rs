//! [`Exclusive`]: a stream, and the answer that it is the rest of.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::BodyError;

type BoxedStream = Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send>>;

/// A stream that is `Sync` because nobody polls it through a shared reference:
/// the lock is only ever passed by `get_mut`.
pub(super) struct Exclusive {
    stream: Mutex<BoxedStream>,
    pub(super) length: Option<u64>,
    /// Where it is the body of an answer.
    pub(super) answer: Option<Box<dyn Answer>>,
}

/// What a stream is the rest of; an error of the stream is told whose it is.
pub(crate) trait Answer: Send + Sync {
    /// Makes the error one of this answer's.
    fn claim(self: Box<Self>, error: BodyError) -> BodyError;
}

impl Exclusive {
    pub(super) fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let length = body.size_hint().exact();
        Self {
            stream: Mutex::new(Box::pin(Mapped { body })),
            length,
            answer: None,
        }
    }

    pub(super) fn get(
        &mut self,
    ) -> Pin<&mut (dyn HttpBody<Data = Bytes, Error = BodyError> + Send)> {
        self.stream
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
    }

    #[cold]
    pub(super) fn claim(&mut self, error: BodyError) -> BodyError {
        match self.answer.take() {
            Some(answer) => answer.claim(error),
            None => error,
        }
    }
}

pin_project_lite::pin_project! {
    /// Gives a foreign body our error type.
    struct Mapped<B> {
        #[pin]
        body: B,
    }
}

impl<B> HttpBody for Mapped<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.project()
            .body
            .poll_frame(context)
            .map(|frame| frame.map(|result| result.map_err(Into::into)))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
