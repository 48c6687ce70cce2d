//! [`Redirect`]: what a `before_redirect` hook sees, and the hook itself.

use std::{fmt, sync::Arc};

use http::{HeaderMap, Method, StatusCode, Uri};

use crate::{error::Result, headers::RedactedHeaders, uri::redacted};

/// A redirect that is about to be followed, as a `before_redirect` hook sees
/// it; see [`ClientBuilder::before_redirect`](crate::ClientBuilder::before_redirect).
///
/// The request is the next one: the method has been rewritten, and what may
/// not travel there has been taken off.
pub struct Redirect<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a mut HeaderMap,
    pub(crate) way: &'a [Uri],
    pub(crate) status: StatusCode,
    pub(crate) answer: &'a HeaderMap,
}

impl Redirect<'_> {
    /// Returns the method of the next request.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.method
    }

    /// Returns the absolute address of the next request.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.uri
    }

    /// Returns the headers of the next request.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.headers
    }

    /// Returns the headers of the next request for changing.
    ///
    /// A header that is bound to other origins than the next one is taken off
    /// again; see [`Request::bind_header`](crate::Request::bind_header).
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers
    }

    /// Returns the addresses that have redirected in this attempt, first one
    /// first; the last one is that of the answer at hand.
    #[must_use]
    pub fn redirects(&self) -> &[Uri] {
        self.way
    }

    /// Returns the status of the answer that redirects.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers of the answer that redirects.
    #[must_use]
    pub fn answer_headers(&self) -> &HeaderMap {
        self.answer
    }
}

impl fmt::Debug for Redirect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirect")
            .field("status", &self.status)
            .field("method", &self.method)
            .field("uri", &format_args!("{}", redacted(self.uri)))
            .field("headers", &RedactedHeaders(self.headers))
            .field("answer_headers", &RedactedHeaders(self.answer))
            .finish_non_exhaustive()
    }
}

/// What is asked before each redirect.
pub(crate) type RedirectHook = Arc<dyn Fn(&mut Redirect<'_>) -> Result<()> + Send + Sync>;
