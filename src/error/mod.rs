//! [`Error`]: one word, opaque, redacted, with request and response attached.
//!
//! Callers match on [`kind`](Error::kind) or ask `is_…`; the text is for
//! people. Causes are printed once, by walking [`source`](std::error::Error::source).

mod ask;
mod chain;
mod convert;
mod history;
mod kind;
mod mismatch;
mod print;
mod wording;

use std::{borrow::Cow, error::Error as StdError, sync::Arc};

use http::{Extensions, StatusCode, Uri};

pub(crate) use chain::find_in;
pub use kind::{ErrorCode, ErrorKind};
pub(crate) use mismatch::Mismatch;
pub(crate) use wording::{Stage, Words, of_wire};

use crate::{
    context::{CallContext, Named},
    interceptor::{AnyInterceptorId, Replay, ResponseFlow},
    request::{Request, RequestHead},
    response::{Elapsed, Response},
};

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
///
/// One pointer wide, `Send + Sync + 'static`. `Display`, `Debug` and
/// [`to_json`](Self::to_json) never show a header's secret, user-info or the
/// value of a query parameter.
///
/// A refused status is an error here, as in axios, and carries its response:
///
/// ```
/// use tollgate::{Client, MockAdapter};
///
/// # tollgate::runtime::block_on(async {
/// let client = Client::new(MockAdapter::new().reply(404, "no such user"));
/// let error = client.get("http://h/users/0").await.unwrap_err();
///
/// assert!(error.is_status(404));
/// assert_eq!(error.code().as_str(), "ERR_BAD_REQUEST");
/// assert_eq!(error.into_response().unwrap().text().unwrap(), "no such user");
/// # });
/// ```
#[doc(alias = "AxiosError")]
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    code: Option<ErrorCode>,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    notes: Vec<Cow<'static, str>>,
    head: Option<RequestHead>,
    extensions: Extensions,
    response: Option<Response>,
    redirects: Vec<Uri>,
    elapsed: Option<Elapsed>,
    interceptor: Option<Named>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    call: Option<CallContext>,
}

impl Error {
    /// Creates an error of a kind. The message is lower case, without a full
    /// stop, and must hold no secret.
    ///
    /// ```
    /// use tollgate::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::InvalidRequest, "the tenant is missing");
    /// assert_eq!(error.to_string(), "the tenant is missing");
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            code: None,
            message: message.into(),
            hint: None,
            notes: Vec::new(),
            head: None,
            extensions: Extensions::new(),
            response: None,
            redirects: Vec::new(),
            elapsed: None,
            interceptor: None,
            source: None,
            call: None,
        }))
    }

    /// Creates what an interceptor returns when its own work failed.
    #[must_use]
    pub fn message(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Interceptor, message)
    }

    /// Wraps an error of the user's as the cause of an interceptor's failure.
    #[must_use]
    pub fn other(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Interceptor, "an interceptor failed").with_source(source)
    }

    /// Adds the cause.
    #[must_use]
    #[doc(alias = "cause")]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds a cause that several errors share.
    #[must_use]
    pub fn with_shared_source(mut self, source: Arc<dyn StdError + Send + Sync>) -> Self {
        self.0.source = Some(source);
        self
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds a remark on what was not done, and why.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.0.notes.push(note.into());
        self
    }

    /// Sets a code that says more than the kind does.
    #[must_use]
    pub fn with_code(mut self, code: ErrorCode) -> Self {
        self.0.code = Some(code);
        self
    }

    /// Attaches the answer that the error is about (axios: `error.response`).
    #[must_use]
    pub fn with_response(mut self, response: Response) -> Self {
        self.set_response(response);
        self
    }

    /// Returns what failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns axios's code for this failure.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0
            .code
            .unwrap_or_else(|| ErrorCode::of(self.0.kind, self.status()))
    }

    /// Returns the status of the attached response.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.response.as_ref().map(Response::status)
    }

    /// Returns the request as it was last sent, or as it was when it failed.
    #[must_use]
    pub fn request(&self) -> Option<&RequestHead> {
        self.0.head.as_ref()
    }

    /// Returns the response that came with the failure.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.0.response.as_ref()
    }

    /// Takes the response out, to recover with it.
    #[must_use]
    pub fn into_response(self) -> Option<Response> {
        self.0.response
    }

    /// Returns the call's extensions.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        match &self.0.response {
            Some(response) if self.0.extensions.is_empty() => response.extensions(),
            _ => &self.0.extensions,
        }
    }

    /// Returns the number of attempts so far; 0 if nothing was tried.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.context().map_or(0, |call| call.attempt)
    }

    /// Returns the name of the interceptor that failed.
    #[must_use]
    pub fn interceptor(&self) -> Option<&str> {
        self.0.interceptor.as_ref().map(Named::name)
    }

    /// Returns the id of the interceptor that failed, which ejects it; see
    /// [`AnyInterceptorId`].
    #[must_use]
    pub fn interceptor_id(&self) -> Option<AnyInterceptorId> {
        self.0.interceptor.as_ref().map(|named| named.id)
    }

    /// Returns the remarks on what was not done, and why.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.0.notes.iter().map(AsRef::as_ref)
    }

    /// Returns what the reader can do about it, where we know.
    ///
    /// `Display` prints it where it is this error's own, and not where it is
    /// the same for every error of its kind.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        let own = self.0.hint.as_deref();
        own.or_else(|| wording::general_hint(self.0.kind, self.0.response.is_some()))
    }

    /// Asks for the next attempt of the same call, from its original request.
    ///
    /// If the core cannot replay (a one-shot body, the attempts used up, no
    /// call behind this error), the caller gets this error, with a note.
    ///
    /// # Errors
    ///
    /// Returns the error itself where it belongs to no call.
    pub fn replay(self) -> Result<ResponseFlow> {
        if self.context().is_none() {
            return Err(self.with_note("not replayed: the error belongs to no call"));
        }
        Ok(ResponseFlow::Replay(Replay::after_error(self)))
    }

    /// As [`replay`](Self::replay), with a change to the original request.
    ///
    /// The change is made once and lasts for all later attempts of the call.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    pub fn replay_with(
        self,
        change: impl FnOnce(&mut Request) + Send + 'static,
    ) -> Result<ResponseFlow> {
        match self.replay()? {
            ResponseFlow::Replay(replay) => Ok(ResponseFlow::Replay(replay.with(change))),
            ResponseFlow::Continue(response) => Ok(ResponseFlow::Continue(response)),
        }
    }

    /// Returns the call's original request, before any interceptor.
    ///
    /// This is what a request interceptor's `on_rejected` recovers with. It is
    /// `None` where the error belongs to no call or the body is a stream that
    /// has been given away.
    #[must_use]
    pub fn original_request(&self) -> Option<Request> {
        self.context()?.original.as_ref()?.request()
    }

    /// Finds one of our errors in a chain of sources (axios: `isAxiosError`).
    #[must_use]
    #[doc(alias = "isAxiosError")]
    pub fn find_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        find_in(error)
    }

    pub(crate) fn context(&self) -> Option<&CallContext> {
        let of_response = self.0.response.as_ref().and_then(Response::context);
        self.0.call.as_ref().or(of_response)
    }

    /// Copies what says why, without request and response.
    pub(crate) fn copy(&self) -> Self {
        let inner = &self.0;
        let mut copy = Self::new(inner.kind, inner.message.clone());
        copy.0.code = inner.code;
        copy.0.hint.clone_from(&inner.hint);
        copy.0.source.clone_from(&inner.source);
        copy
    }

    /// Lets go of what only a running call needs.
    pub(crate) fn finish(&mut self) {
        if let Some(call) = &mut self.0.call {
            call.original = None;
        }
        if let Some(response) = &mut self.0.response {
            response.finish();
        }
    }

    pub(crate) fn set_context(&mut self, call: CallContext) {
        self.0.call = Some(call);
    }

    pub(crate) fn set_head(&mut self, head: RequestHead) {
        self.0.head = Some(head);
    }

    pub(crate) fn has_head(&self) -> bool {
        self.0.head.is_some()
    }

    pub(crate) fn set_extensions(&mut self, extensions: Extensions) {
        self.0.extensions = extensions;
    }

    pub(crate) fn set_response(&mut self, response: Response) {
        self.0.response = Some(response);
    }

    /// Names the interceptor, unless one further in has been named already.
    pub(crate) fn name_interceptor(&mut self, named: &Named) {
        if self.0.interceptor.is_none() {
            self.0.interceptor = Some(named.clone());
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
