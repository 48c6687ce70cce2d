//! [`Body`]: bytes to send or received, and whether they can be sent again.

mod chunks;
mod exact;
#[cfg(feature = "tower")]
pub(crate) mod foreign;
mod from;
mod multipart;
mod read;
mod stream;

use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

pub use chunks::BodyStream;
use exact::{Exact, Failed};
use multipart::Form;
pub use multipart::{Multipart, Part};
pub use read::BodyReader;
use read::ReaderBody;
pub(crate) use stream::Answer;
use stream::Exclusive;

/// Why a body stopped in the middle.
pub type BodyError = Box<dyn StdError + Send + Sync>;

static NO_BYTES: Bytes = Bytes::from_static(b"");

/// The bytes of a request or a response.
///
/// | made by | sent again on replay or redirect |
/// |---|---|
/// | [`Body::empty`] | yes |
/// | [`Body::from`] bytes, `Vec<u8>`, `String`, `&'static str` | yes, shared, not copied |
/// | [`Body::factory`] | yes: the factory is called once more |
/// | [`Multipart`] | yes, unless a part of it is one-shot |
/// | [`Body::from_stream`], [`Body::stream`], [`Body::from_reader`] | no: one-shot |
///
/// It is an [`http_body::Body`] both ways.
///
/// ```
/// use tollgate::Body;
///
/// let body = Body::factory(|| Body::from("opened anew for each attempt"));
/// assert!(body.is_replayable());
/// assert!(!Body::from_reader(std::io::empty()).is_replayable());
/// ```
#[derive(Default)]
pub struct Body {
    kind: Kind,
    /// What is known of it if it is a form.
    form: Option<Arc<Form>>,
}

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    Factory {
        make: Arc<dyn Fn() -> Body + Send + Sync>,
        open: Option<Box<Body>>,
        length: Option<u64>,
    },
    Stream(Exclusive),
}

impl Body {
    fn of(kind: Kind) -> Self {
        Self { kind, form: None }
    }

    /// Creates a body of no bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Creates a body that `make` opens anew for each attempt.
    ///
    /// `make` runs when the first byte is asked for. It should return the same
    /// bytes each time.
    #[must_use]
    pub fn factory(make: impl Fn() -> Self + Send + Sync + 'static) -> Self {
        Self::of(Kind::Factory {
            make: Arc::new(make),
            open: None,
            length: None,
        })
    }

    /// Creates a one-shot body from another body, a stream of frames.
    #[must_use]
    pub fn stream<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self::of(Kind::Stream(Exclusive::new(body)))
    }

    /// Creates a one-shot body from a blocking reader.
    ///
    /// Its reads block the thread that polls it: the caller's in the blocking
    /// engine. Under an async client, prefer [`Body::stream`].
    #[must_use]
    pub fn from_reader(reader: impl std::io::Read + Send + 'static) -> Self {
        Self::stream(ReaderBody::new(reader))
    }

    /// Creates a body that stops at once.
    fn failed(error: impl Into<BodyError>) -> Self {
        Self::stream(Failed::new(error.into()))
    }

    /// Declares the length of a stream or of what a factory makes, so that it
    /// need not be sent in chunks.
    ///
    /// The promise has to be kept: a request whose body has another length
    /// fails with [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest).
    /// Without effect on a body that knows its length.
    #[must_use]
    pub fn with_length(mut self, bytes: u64) -> Self {
        match &mut self.kind {
            Kind::Stream(Exclusive { length, .. }) | Kind::Factory { length, .. } => {
                *length = Some(bytes);
            }
            Kind::Empty | Kind::Bytes(_) => {}
        }
        self
    }

    /// Returns the length in bytes, where it is known before the body is read.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.kind {
            Kind::Empty => Some(0),
            Kind::Bytes(bytes) => Some(bytes.len() as u64),
            Kind::Factory { open, length, .. } => {
                length.or_else(|| open.as_ref().and_then(|body| body.length()))
            }
            Kind::Stream(stream) => stream.length,
        }
    }

    /// Tells whether the body is known to have no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length() == Some(0)
    }

    /// Tells whether the body can be sent more than once.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        !matches!(self.kind, Kind::Stream(_))
    }

    /// Returns the bytes, where they are in memory.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.kind {
            Kind::Bytes(bytes) => Some(bytes),
            Kind::Empty => Some(&NO_BYTES),
            Kind::Factory { .. } | Kind::Stream(_) => None,
        }
    }

    /// Copies a body that can be sent more than once; bytes are shared.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        let kind = match &self.kind {
            Kind::Empty => Kind::Empty,
            Kind::Bytes(bytes) => Kind::Bytes(bytes.clone()),
            Kind::Factory { make, length, .. } => Kind::Factory {
                make: Arc::clone(make),
                open: None,
                length: *length,
            },
            Kind::Stream(_) => return None,
        };
        let form = self.form.clone();
        Some(Self { kind, form })
    }

    /// Returns what is known of a form.
    pub(crate) fn form(&self) -> Option<&Form> {
        self.form.as_deref()
    }

    /// Holds a stream to the length that was declared for it; a factory holds
    /// what it makes to it by itself.
    pub(crate) fn held(self) -> Self {
        match &self.kind {
            Kind::Stream(Exclusive {
                length: Some(length),
                ..
            }) => {
                let length = *length;
                Self::stream(Exact::new(self, length, "the body")).with_length(length)
            }
            _ => self,
        }
    }

    /// Shows each chunk to `check`, which may stop the body.
    pub(crate) fn inspect(
        self,
        check: impl FnMut(&Bytes) -> Result<(), BodyError> + Send + 'static,
    ) -> Self {
        let length = self.length();
        let body = Self::stream(Inspected {
            body: self,
            check: Box::new(check),
        });
        match length {
            Some(length) => body.with_length(length),
            None => body,
        }
    }

    /// Makes a stream the rest of an answer; what is in memory does not fail.
    pub(crate) fn of_answer(mut self, answer: Box<dyn Answer>) -> Self {
        if let Kind::Stream(stream) = &mut self.kind {
            stream.answer = Some(answer);
        }
        self
    }

    /// Turns the body into a blocking reader.
    ///
    /// An I/O error holds our [`Error`](crate::Error) or the stream's own.
    #[must_use]
    pub fn into_reader(self) -> BodyReader {
        BodyReader::new(self)
    }

    /// Polls for the next frame; see [`http_body::Body::poll_frame`].
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                if bytes.is_empty() {
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Factory { make, open, length } => {
                let opened = open.get_or_insert_with(|| {
                    Box::new(match *length {
                        Some(length) => Self::stream(Exact::new(make(), length, "the body")),
                        None => make(),
                    })
                });
                opened.poll(context)
            }
            Kind::Stream(stream) => {
                let frame = ready!(stream.get().poll_frame(context));
                match frame {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Poll::Ready(Some(Err(stream.claim(error)))),
                    None => self.kind = Kind::Empty,
                }
                Poll::Ready(frame)
            }
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.poll(context)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::Factory { .. } | Kind::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

type Check = Box<dyn FnMut(&Bytes) -> Result<(), BodyError> + Send>;

/// A body whose chunks are looked at.
struct Inspected {
    body: Body,
    check: Check,
}

impl HttpBody for Inspected {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = ready!(this.body.poll(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && let Err(error) = (this.check)(data)
        {
            return Poll::Ready(Some(Err(error)));
        }
        Poll::Ready(frame)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.kind {
            _ if self.form.is_some() => "form",
            Kind::Empty => "empty",
            Kind::Bytes(_) => "bytes",
            Kind::Factory { .. } => "factory",
            Kind::Stream(_) => "stream",
        };
        write!(f, "Body({name}")?;
        if let Some(length) = self.length() {
            write!(f, ", {length} bytes")?;
        }
        f.write_str(")")
    }
}
