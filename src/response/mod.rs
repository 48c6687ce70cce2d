//! [`Response`]: what response interceptors and callers get.

mod read;

use std::{fmt, time::Duration};

use http::{Extensions, HeaderMap, Method, StatusCode, Uri, Version};

use crate::{
    body::{Answer, Body, BodyError},
    context::CallContext,
    error::Error,
    headers::RedactedHeaders,
    interceptor::{Replay, ResponseFlow},
    request::RequestHead,
    uri::redacted,
};

/// An answer: status, headers, and a body that is in memory by default.
///
/// [`bytes`](Self::bytes), [`text`](Self::text) and [`json`](Self::json) are
/// not async, can be called again and again, and are the same in both engines.
/// [`Call::stream`](crate::Call::stream) opts out; then
/// [`into_body`](Self::into_body) hands the stream over.
///
/// ```
/// use tollgate::{Client, MockAdapter};
///
/// # tollgate::runtime::block_on(async {
/// let client = Client::new(MockAdapter::new().reply_json(200, &[1, 2, 3]));
/// let response = client.get("http://h/numbers").await.unwrap();
/// assert_eq!(response.json::<Vec<u32>>().unwrap(), [1, 2, 3]);
/// assert_eq!(response.text().unwrap(), "[1,2,3]");
/// # });
/// ```
pub struct Response(Box<Inner>);

struct Inner {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    extensions: Extensions,
    body: Body,
    trailers: Option<Box<HeaderMap>>,
    elapsed: Elapsed,
    redirects: Vec<Uri>,
    head: Option<RequestHead>,
    call: Option<CallContext>,
    /// Headers and extensions have gone their own way.
    parted: bool,
}

/// How long an answer took.
#[derive(Clone, Copy, Default)]
pub(crate) struct Elapsed {
    pub(crate) attempt: Duration,
    pub(crate) call: Duration,
}

impl Response {
    /// Creates an answer out of nothing, for caches, mocks and recoveries.
    #[must_use]
    pub fn new(status: StatusCode, body: impl Into<Body>) -> Self {
        let mut response = http::Response::new(body.into());
        *response.status_mut() = status;
        response.into()
    }

    /// Returns the status.
    #[must_use]
    #[doc(alias = "statusText")]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the status for changing.
    pub fn status_mut(&mut self) -> &mut StatusCode {
        &mut self.0.status
    }

    /// Returns the HTTP version of the answer.
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns the headers for changing.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.headers
    }

    /// Returns the address that answered, after redirects.
    #[must_use]
    #[doc(alias = "responseUrl")]
    #[doc(alias = "url")]
    pub fn uri(&self) -> Option<&Uri> {
        self.0.head.as_ref().map(RequestHead::uri)
    }

    /// Returns the addresses that redirected, first one first.
    #[must_use]
    pub fn redirects(&self) -> &[Uri] {
        &self.0.redirects
    }

    /// Returns the request as it was last sent; `None` where an interceptor
    /// answered.
    #[must_use]
    pub fn request(&self) -> Option<&RequestHead> {
        self.0.head.as_ref()
    }

    /// Returns the call's extensions, and the adapter's.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    /// Returns the extensions for changing.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.0.extensions
    }

    /// Returns the time from the first byte sent to the last byte received of
    /// this attempt; to the head in stream mode (axios: `duration`).
    #[must_use]
    #[doc(alias = "duration")]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed.attempt
    }

    /// Returns the time from the sending of the call's first attempt to the
    /// last byte of the body of this one: with replays, redirects and what was
    /// waited for between attempts, such as a token. To the head in stream
    /// mode.
    #[must_use]
    pub fn total_elapsed(&self) -> Duration {
        self.0.elapsed.call
    }

    /// Returns the trailers (RFC 9110 §6.5) that came after the body, where the
    /// adapter hands them over; those of a stream are its last frame.
    #[must_use]
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.0.trailers.as_deref()
    }

    /// Returns the number of attempts of the call, this one included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.call.as_ref().map_or(0, |call| call.attempt)
    }

    /// Takes the body, buffered or not.
    ///
    /// What ends a stream too early is an error of this call, with the request
    /// and the head of this response attached; [`Error::find_in`] finds it.
    ///
    /// [`Error::find_in`]: crate::Error::find_in
    #[must_use]
    pub fn into_body(mut self) -> Body {
        let body = self.take_body();
        if body.is_replayable() {
            return body;
        }
        self.finish();
        body.of_answer(self.0)
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.0.body
    }

    /// Replaces the body.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        self.0.body = body.into();
    }

    /// Asks for the next attempt, as [`Error::replay`] does, where a success
    /// was none: a GraphQL answer of 200 with an error inside, say.
    #[must_use]
    pub fn replay(self) -> ResponseFlow {
        ResponseFlow::Replay(Replay::after_response(self))
    }

    /// Returns a copy, if the body is in memory.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        let inner = &self.0;
        Some(Self(Box::new(Inner {
            status: inner.status,
            version: inner.version,
            headers: inner.headers.clone(),
            extensions: inner.extensions.clone(),
            body: inner.body.try_clone()?,
            trailers: inner.trailers.clone(),
            elapsed: inner.elapsed,
            redirects: inner.redirects.clone(),
            head: inner.head.clone(),
            call: inner.call.clone(),
            parted: inner.parted,
        })))
    }

    /// Returns the method that the call began with; a redirect may have changed
    /// that of [`request`](Self::request). `None` where the response belongs
    /// to no call.
    #[must_use]
    pub fn original_method(&self) -> Option<&Method> {
        if self.redirects().is_empty() {
            return self.request().map(RequestHead::method);
        }
        Some(self.context()?.original.as_ref()?.method())
    }

    pub(crate) fn context(&self) -> Option<&CallContext> {
        self.0.call.as_ref()
    }

    pub(crate) fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.0.body)
    }

    /// Lets go of what only a running call needs.
    pub(crate) fn finish(&mut self) {
        if let Some(call) = &mut self.0.call {
            call.original = None;
        }
    }

    pub(crate) fn set_context(&mut self, call: CallContext) {
        self.0.call = Some(call);
    }

    pub(crate) fn set_trailers(&mut self, trailers: Option<Box<HeaderMap>>) {
        self.0.trailers = trailers;
    }

    pub(crate) fn times(&self) -> Elapsed {
        self.0.elapsed
    }

    pub(crate) fn set_trip(&mut self, head: RequestHead, redirects: Vec<Uri>, elapsed: Elapsed) {
        self.0.head = Some(head);
        self.0.redirects = redirects;
        self.0.elapsed = elapsed;
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut out = f.debug_struct("Response");
        out.field("status", &inner.status);
        if let Some(head) = &inner.head {
            out.field("uri", &format_args!("{}", redacted(&head.uri)));
        }
        out.field("headers", &RedactedHeaders(&inner.headers))
            .field("body", &inner.body)
            .finish_non_exhaustive()
    }
}

impl<B: Into<Body>> From<http::Response<B>> for Response {
    fn from(response: http::Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        Self(Box::new(Inner {
            status: parts.status,
            version: parts.version,
            headers: parts.headers,
            extensions: parts.extensions,
            body: body.into(),
            trailers: None,
            elapsed: Elapsed::default(),
            redirects: Vec::new(),
            head: None,
            call: None,
            parted: false,
        }))
    }
}

impl From<Response> for http::Response<Body> {
    fn from(mut response: Response) -> Self {
        let inner = &mut *response.0;
        inner.parted = true;
        let mut out = Self::new(Body::empty());
        *out.status_mut() = inner.status;
        *out.version_mut() = inner.version;
        *out.headers_mut() = std::mem::take(&mut inner.headers);
        *out.extensions_mut() = std::mem::take(&mut inner.extensions);
        *out.body_mut() = response.into_body();
        out
    }
}

/// What is left of a response when its stream was taken.
impl Answer for Inner {
    fn claim(mut self: Box<Self>, error: BodyError) -> BodyError {
        let mut error = match error.downcast::<Error>() {
            Ok(error) if !error.has_head() => error,
            Ok(another) => return another,
            Err(foreign) => return foreign,
        };
        error.set_redirects(std::mem::take(&mut self.redirects));
        if let Some(head) = self.head.take() {
            error.set_head(head);
        }
        if let Some(call) = self.call.take() {
            error.set_context(call);
        }
        if !self.parted {
            error.set_response(Response(self));
        }
        error
    }
}
