//! [`AdapterError`]: why no answer came, worded by the core.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use crate::error::{Error, ErrorCode, ErrorKind, Stage, Words, of_wire};

/// How many headers an answer may have: hyper reads no more.
pub(super) const MAX_HEADERS: usize = 100;

/// Why no answer came, or why its body stopped.
///
/// Its kind and code decide what the caller reads, so that every adapter says
/// the same; what the adapter itself says is in the chain of sources. Only
/// where the kind does not tell ([`ErrorKind::InvalidRequest`],
/// [`ErrorKind::InvalidUrl`], [`ErrorKind::Unsupported`], …) its own message is
/// the error's. Neither holds the address: the core adds that, redacted.
///
/// | kind | code | what it is |
/// |---|---|---|
/// | `Dns` | | the name does not resolve |
/// | `Connect` | `ConnectionRefused`, `ConnectionReset` or none | no connection |
/// | `Tls` | | handshake or certificate |
/// | `Timeout` | | a limit of the adapter's own; else [`timeout`](Self::timeout), [`connect_timeout`](Self::connect_timeout), [`read_timeout`](Self::read_timeout) |
/// | `Transport` | `ConnectionReset` | reset |
/// | `Transport` | `BadResponse` | what came is not HTTP; its head is too large: [`head_too_large`](Self::head_too_large) |
/// | `Transport` | | ended too early |
/// | `Decode` | | the body does not decompress |
///
/// ```
/// use tollgate::{AdapterError, ErrorCode, ErrorKind};
///
/// let error = AdapterError::of(ErrorKind::Connect)
///     .with_code(ErrorCode::ConnectionRefused)
///     .with_source(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
/// assert_eq!(error.kind(), ErrorKind::Connect);
/// assert_eq!(error.to_string(), "the connection was refused");
/// ```
#[derive(Debug)]
pub struct AdapterError {
    kind: ErrorKind,
    code: Option<ErrorCode>,
    text: Text,
    hint: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Who words it.
#[derive(Debug)]
enum Text {
    /// The core, by kind and code.
    Kind,
    /// The core, with a number in it.
    Core(Cow<'static, str>),
    Adapter(Cow<'static, str>),
}

impl AdapterError {
    /// Creates an error of a kind, with a message of the adapter's own, in our
    /// style. For most kinds that becomes the source of the core's wording.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self::worded(kind, Text::Adapter(message.into()))
    }

    /// Creates an error of a kind that says what the core says of it.
    #[must_use]
    pub fn of(kind: ErrorKind) -> Self {
        Self::worded(kind, Text::Kind)
    }

    /// Creates what an adapter returns when the attempt's time has run out.
    #[must_use]
    pub fn timeout() -> Self {
        Self::core(ErrorKind::Timeout, "the attempt ran out of time")
    }

    /// Creates what an adapter returns when its own limit for name resolution,
    /// connection and TLS handshake has passed.
    #[must_use]
    pub fn connect_timeout() -> Self {
        Self::core(ErrorKind::Timeout, "the connection was not made in time")
            .with_hint("raise the adapter's `connect_timeout`")
    }

    /// Creates what an adapter returns when [`Attempt::read_timeout`] has
    /// passed without a part of the body.
    ///
    /// [`Attempt::read_timeout`]: super::Attempt::read_timeout
    #[must_use]
    pub fn read_timeout(limit: Duration) -> Self {
        let message = format!("no part of the body came within {limit:?}");
        Self::core(ErrorKind::Timeout, message).with_hint("raise `read_timeout`")
    }

    /// Creates what an adapter returns when the head of an answer has more
    /// than `limit` bytes, or more than 100 headers: a client may not tell
    /// which. See [`check_head`](super::check_head).
    #[must_use]
    pub fn head_too_large(limit: usize) -> Self {
        let message =
            format!("the answer's head is larger than {limit} bytes or {MAX_HEADERS} headers");
        Self::core(ErrorKind::Transport, message)
            .with_code(ErrorCode::BadResponse)
            .with_hint("raise the adapter's `max_head_bytes`")
    }

    /// Creates what an adapter returns when the caller's own body could not be
    /// read: of the kind of the error that is inside, if that is one of ours,
    /// else [`ErrorKind::InvalidRequest`].
    #[must_use]
    pub fn request_body(kind: ErrorKind) -> Self {
        Self::core(kind, "the request's body could not be read")
            .with_hint("see the cause: the body is the caller's own")
    }

    /// Creates what an adapter returns when the call was cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::of(ErrorKind::Cancelled)
    }

    /// Creates an error with a message of the core's.
    pub(super) fn core(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self::worded(kind, Text::Core(message.into()))
    }

    fn worded(kind: ErrorKind, text: Text) -> Self {
        Self {
            kind,
            code: None,
            text,
            hint: None,
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets a code that says more than the kind does.
    #[must_use]
    pub fn with_code(mut self, code: ErrorCode) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Returns what failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the code, the kind's where none was set.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code.unwrap_or_else(|| ErrorCode::of(self.kind, None))
    }

    fn words(&self, stage: Stage) -> Option<Words> {
        of_wire(self.kind, self.code(), stage)
    }

    /// Makes it the core's error, in the core's words.
    #[cold]
    pub(crate) fn into_error(mut self, stage: Stage) -> Error {
        let words = self.words(stage);
        let code = self.code;
        // The hint belongs to the words; and who cancels knows why.
        let unhinted = self.kind == ErrorKind::Cancelled || matches!(self.text, Text::Core(_));
        let general = words.filter(|_| !unhinted);
        let hint = self.hint.or(general.map(|words| words.hint));
        let message = match (&mut self.text, words) {
            (Text::Adapter(message), Some(words)) if *message != words.message => {
                // The adapter says it otherwise: a cause, not to be lost.
                let out = Error::new(self.kind, words.message);
                return out.dressed(code, hint).with_source(self);
            }
            (Text::Kind | Text::Adapter(_), Some(words)) => words.message.into(),
            (Text::Core(message), _) | (Text::Adapter(message), None) => std::mem::take(message),
            (Text::Kind, None) => UNTOLD.into(),
        };
        let out = Error::new(self.kind, message).dressed(code, hint);
        match self.source {
            Some(source) => out.with_source(source),
            None => out,
        }
    }
}

impl Error {
    fn dressed(self, code: Option<ErrorCode>, hint: Option<&'static str>) -> Self {
        let out = match code {
            Some(code) => self.with_code(code),
            None => self,
        };
        match hint {
            Some(hint) => out.with_hint(hint),
            None => out,
        }
    }
}

const UNTOLD: &str = "the adapter failed and does not say why";

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Text::Core(message) | Text::Adapter(message) => f.write_str(message),
            Text::Kind => {
                let words = self.words(Stage::Either);
                f.write_str(words.map_or(UNTOLD, |words| words.message))
            }
        }
    }
}

impl StdError for AdapterError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<AdapterError> for Error {
    /// Makes it the error of an answer that did not come.
    fn from(error: AdapterError) -> Self {
        error.into_error(Stage::Head)
    }
}

impl From<AdapterError> for std::io::Error {
    /// Hides the error in an I/O error, from which the core takes it out again.
    fn from(error: AdapterError) -> Self {
        Self::other(error)
    }
}
