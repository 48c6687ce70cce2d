//! Bodies and streams of chunks, each made from the other.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Body, BodyError};
use crate::error::{Error, ErrorKind, Result};

impl Body {
    /// Creates a one-shot body from a stream of chunks.
    ///
    /// A `Result` is an item, so that the stream can say that it broke off: the
    /// request then fails, and what was sent is no whole body.
    ///
    /// ```
    /// use futures::stream;
    /// use tollgate::{Body, BodyError, runtime::block_on};
    ///
    /// let chunks = ["one,", "two"].map(Ok::<_, BodyError>);
    /// let mut body = Body::from_stream(stream::iter(chunks));
    /// # block_on(async {
    /// assert_eq!(body.chunk().await?.unwrap(), "one,");
    /// assert_eq!(body.chunk().await?.unwrap(), "two");
    /// assert_eq!(body.chunk().await?, None);
    /// # Ok::<(), tollgate::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    #[doc(alias = "wrap_stream")]
    pub fn from_stream<S, C, E>(chunks: S) -> Self
    where
        S: Stream<Item = std::result::Result<C, E>> + Send + 'static,
        C: Into<Bytes>,
        E: Into<BodyError>,
    {
        Self::stream(Chunks { chunks })
    }

    /// Returns the body as a stream of its chunks; trailers are passed over.
    ///
    /// What is not asked for is not read: the server has to wait.
    ///
    /// ```
    /// use futures::TryStreamExt;
    /// use tollgate::{Client, MockAdapter};
    ///
    /// # tollgate::runtime::block_on(async {
    /// let client = Client::new(MockAdapter::new().reply(200, "one,two"));
    /// let response = client.get("http://h/words").stream().send().await?;
    /// let mut chunks = response.into_body().into_stream();
    /// let mut length = 0;
    /// while let Some(chunk) = chunks.try_next().await? {
    ///     length += chunk.len();
    /// }
    /// assert_eq!(length, 7);
    /// # Ok::<(), tollgate::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    #[doc(alias = "bytes_stream")]
    pub fn into_stream(self) -> BodyStream {
        BodyStream { body: self }
    }

    /// Returns the next chunk, `None` at the end; trailers are passed over.
    ///
    /// The future may be dropped: no chunk is lost. In the blocking engine,
    /// read with [`into_reader`](Self::into_reader).
    ///
    /// # Errors
    ///
    /// What ended the body: of a response, what [`Response::bytes`] of a body in
    /// memory would have failed the call with. Once it has failed, what follows
    /// is not defined.
    ///
    /// [`Response::bytes`]: crate::Response::bytes
    pub fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send + '_ {
        poll_fn(|context| Poll::Ready(ready!(self.poll_chunk(context)).transpose()))
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            match ready!(self.poll(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(broken(error)))),
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                }
            }
        }
    }
}

/// Takes our error out of what ended a body.
fn broken(error: BodyError) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => match Error::find_in(&*error) {
            Some(error) => error.copy(),
            None => Error::new(ErrorKind::Transport, "the body broke off").with_source(error),
        },
    }
}

/// The chunks of a [`Body`]; see [`Body::into_stream`].
pub struct BodyStream {
    body: Body,
}

impl Stream for BodyStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.body.poll_chunk(context)
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BodyStream").field(&self.body).finish()
    }
}

pin_project_lite::pin_project! {
    /// A stream of chunks as a body.
    struct Chunks<S> {
        #[pin]
        chunks: S,
    }
}

impl<S, C, E> HttpBody for Chunks<S>
where
    S: Stream<Item = std::result::Result<C, E>>,
    C: Into<Bytes>,
    E: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BodyError>>> {
        let chunk = ready!(self.project().chunks.poll_next(context));
        Poll::Ready(chunk.map(|chunk| match chunk {
            Ok(chunk) => Ok(Frame::data(chunk.into())),
            Err(error) => Err(error.into()),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use http::HeaderMap;

    use super::*;
    use crate::runtime::block_on;

    /// Two chunks, trailers between them, and perhaps an error.
    struct Frames(Vec<std::result::Result<Frame<Bytes>, BodyError>>);

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<std::result::Result<Frame<Bytes>, BodyError>>> {
            Poll::Ready(self.0.pop())
        }
    }

    #[test]
    fn a_stream_survives_the_way_there_and_back() {
        let chunks: Vec<Bytes> = (0..100_u8).map(|it| vec![it; 100].into()).collect();
        let items = chunks.clone().into_iter().map(Ok::<_, BodyError>);
        let body = Body::from_stream(stream::iter(items));
        assert!(!body.is_replayable() && body.length().is_none());
        let back: Vec<Bytes> = block_on(body.into_stream().map(Result::unwrap).collect());
        assert_eq!(back, chunks);
    }

    #[test]
    fn trailers_are_passed_over() {
        let frames = vec![
            Ok(Frame::data(Bytes::from("b"))),
            Ok(Frame::trailers(HeaderMap::new())),
            Ok(Frame::data(Bytes::from("a"))),
        ];
        let mut body = Body::stream(Frames(frames));
        for expected in [Some("a"), Some("b"), None, None] {
            let chunk = block_on(body.chunk()).unwrap();
            assert_eq!(chunk.as_deref(), expected.map(str::as_bytes));
        }
    }

    #[test]
    fn an_error_of_ours_stays_and_another_becomes_the_source() {
        let ours = Error::new(ErrorKind::Timeout, "too late");
        let wrapped = std::io::Error::other(ours.copy());
        let errors: [BodyError; 3] = [ours.into(), wrapped.into(), "torn".into()];
        let told = errors.map(|error| {
            let mut body = Body::stream(Frames(vec![Err(error)]));
            let error = block_on(body.chunk()).unwrap_err();
            (error.kind(), error.to_string())
        });
        for (kind, text) in &told[..2] {
            assert_eq!((*kind, text.as_str()), (ErrorKind::Timeout, "too late"));
        }
        assert_eq!(told[2].0, ErrorKind::Transport);
        assert!(told[2].1.contains("the body broke off"), "{}", told[2].1);
    }
}
