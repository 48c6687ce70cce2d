//! [`Part`]: one entry of a form.

use std::{
    fmt,
    io::{self, Read},
    path::PathBuf,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    body::Body,
    error::{Error, ErrorKind, Result},
};

/// One entry of a [`Multipart`](super::Multipart) form.
///
/// | made by | its length |
/// |---|---|
/// | [`text`](Self::text), [`bytes`](Self::bytes) | known |
/// | [`file`](Self::file) | taken when the form becomes a body |
/// | [`reader`](Self::reader) | unknown, unless [`length`](Self::length) says it |
/// | [`body`](Self::body) | the body's |
///
/// A mistake in a part surfaces when the form is sent.
///
/// ```
/// use tollgate::Part;
///
/// let csv = Part::bytes("id;name\n1;Ada\n")
///     .file_name("people.csv")
///     .content_type("text/csv");
/// assert_eq!(format!("{csv:?}"), r#"Part { content: Body(bytes, 14 bytes), file_name: Some("people.csv"), .. }"#);
/// ```
#[must_use = "a part does nothing until it is added to a form"]
pub struct Part {
    pub(super) content: Content,
    pub(super) file_name: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) length: Option<u64>,
    /// The first mistake.
    pub(super) error: Option<Error>,
}

pub(super) enum Content {
    Body(Body),
    File(PathBuf),
}

impl Part {
    fn new(content: Content) -> Self {
        Self {
            content,
            file_name: None,
            headers: HeaderMap::new(),
            length: None,
            error: None,
        }
    }

    /// Creates a part of text.
    ///
    /// It is sent as it is: line ends are not changed, as browsers do.
    pub fn text(text: impl Into<String>) -> Self {
        Self::body(text.into())
    }

    /// Creates a part of bytes in memory, which are shared, not copied.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::body(bytes.into())
    }

    /// Creates a part of a regular file, named after the path's last
    /// component.
    ///
    /// The length is taken when the form becomes a body, in
    /// [`Call::multipart`](crate::client::Call::multipart); the file is opened
    /// for each attempt, and read while it is sent, in chunks, blocking the
    /// thread. The call fails, with nothing sent, if the file is missing,
    /// unreadable, not regular or of another length than at first; and in the
    /// middle if its length changes then. Other changes are not noticed.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name();
        let name = name.map(|name| name.to_string_lossy().into_owned());
        let mut part = Self::new(Content::File(path));
        part.file_name = name;
        part
    }

    /// Creates a part that `open` opens for each attempt.
    ///
    /// Its reads block the thread that sends, as those of
    /// [`Body::from_reader`] do. It should give the same bytes each time.
    /// Unless its [`length`](Self::length) is declared, the form is sent in
    /// chunks.
    ///
    /// ```
    /// use tollgate::Part;
    ///
    /// let part = Part::reader(|| std::fs::File::open("log.txt")).file_name("log.txt");
    /// # let _ = part;
    /// ```
    pub fn reader<R>(open: impl Fn() -> io::Result<R> + Send + Sync + 'static) -> Self
    where
        R: Read + Send + 'static,
    {
        Self::body(Body::factory(move || match open() {
            Ok(reader) => Body::from_reader(reader),
            Err(error) => Body::failed(error),
        }))
    }

    /// Creates a part of any body; if it is one-shot, so is the form.
    pub fn body(body: impl Into<Body>) -> Self {
        Self::new(Content::Body(body.into()))
    }

    /// Sets the file's name that the server is told.
    ///
    /// The part is `application/octet-stream` then, unless it has a type.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Sets the part's `Content-Type`.
    pub fn content_type<V>(self, value: V) -> Self
    where
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        self.header(header::CONTENT_TYPE, value)
    }

    /// Sets a header of the part, in place of an earlier one.
    ///
    /// `Content-Disposition` is made of the names and cannot be set.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        match checked(name, value) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// Declares the length of a [`reader`](Self::reader), in bytes.
    ///
    /// The reader has to end there: the call fails otherwise. Without effect
    /// on a part that knows its length.
    pub fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// Returns the part, or its first mistake.
    pub(super) fn checked(mut self) -> Result<Self> {
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

fn checked<N, V>(name: N, value: V) -> Result<(HeaderName, HeaderValue)>
where
    N: TryInto<HeaderName, Error: Into<http::Error>>,
    V: TryInto<HeaderValue, Error: Into<http::Error>>,
{
    let name: HeaderName = name.try_into().map_err(|source| {
        Error::new(
            ErrorKind::InvalidRequest,
            "the name of a part's header is not valid",
        )
        .with_hint("use letters, digits and `-`")
        .with_source(source.into())
    })?;
    if name == header::CONTENT_DISPOSITION {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            "the header `content-disposition` of a part cannot be set",
        )
        .with_hint("name the part in the form, and use `Part::file_name`"));
    }
    let value = value.try_into().map_err(|source| {
        Error::new(
            ErrorKind::InvalidRequest,
            format!("the value of a part's header `{name}` is not valid"),
        )
        .with_hint("it must not hold CR, LF, NUL or other control characters")
        .with_source(source.into())
    })?;
    Ok((name, value))
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Part");
        match &self.content {
            Content::Body(body) => out.field("content", body),
            Content::File(path) => out.field("content", path),
        };
        out.field("file_name", &self.file_name)
            .finish_non_exhaustive()
    }
}
