//! [`Request`]: what request interceptors see and change.

mod bound;

use std::{fmt, sync::Arc};

use http::{
    Extensions, HeaderMap, HeaderName, Method, Uri,
    header::{AUTHORIZATION, CONTENT_LENGTH},
};

pub(crate) use bound::Bound;
use bound::Place;

use crate::{
    body::Body,
    config::Overrides,
    context::CallContext,
    headers::{RedactedBy, RedactedHeaders},
    uri::{Canonical, Origins, redacted},
};

/// A request on its way through the interceptors.
///
/// One pointer wide. Its address is absolute and canonical, the client's
/// defaults are merged in. It is a value: it cannot send itself.
///
/// ```
/// use tollgate::{Client, MockAdapter, Request};
///
/// let mock = MockAdapter::new();
/// let client = Client::new(mock.clone());
/// client.interceptors.request.use_sync(|mut request: Request| {
///     request.headers_mut().insert("x-app", "demo".parse()?);
///     Ok(request)
/// });
/// # tollgate::runtime::block_on(async {
/// client.get("http://h/x").await.unwrap();
/// assert_eq!(mock.requests()[0].headers()["x-app"], "demo");
/// # });
/// ```
pub struct Request(pub(crate) Box<Inner>);

pub(crate) struct Inner {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) extensions: Extensions,
    pub(crate) body: Body,
    pub(crate) bound: Bound,
    pub(crate) overrides: Overrides,
    pub(crate) call: Option<CallContext>,
}

impl Inner {
    /// Changes the address; what was bound to the old one stays bound to it.
    pub(crate) fn set_uri(&mut self, uri: Uri) {
        self.bound.leave(&self.uri);
        self.uri = uri;
    }
}

impl Request {
    pub(crate) fn new(method: Method) -> Self {
        Self(Box::new(Inner {
            method,
            uri: Uri::default(),
            headers: HeaderMap::new(),
            extensions: Extensions::new(),
            body: Body::empty(),
            bound: Bound::default(),
            overrides: Overrides::default(),
            call: None,
        }))
    }

    /// Takes an address in its one form. Credentials that stood in it yield to
    /// a header of the call's, as in axios.
    pub(crate) fn set_address(&mut self, canonical: Canonical) {
        let inner = &mut *self.0;
        inner.set_uri(canonical.uri);
        if let Some(user) = canonical.user_info {
            inner
                .headers
                .entry(AUTHORIZATION)
                .or_insert_with(|| user.basic());
        }
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Returns the method for changing.
    pub fn method_mut(&mut self) -> &mut Method {
        &mut self.0.method
    }

    /// Returns the absolute address.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Returns the address for changing.
    ///
    /// It has to stay absolute. After the last interceptor it is checked and
    /// brought into canonical form; where its origin has changed, credentials
    /// are taken off.
    pub fn uri_mut(&mut self) -> &mut Uri {
        let inner = &mut *self.0;
        inner.bound.leave(&inner.uri);
        &mut inner.uri
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

    /// Returns the call's extensions: the typed place for metadata.
    ///
    /// They reach every later interceptor, the response and the error, and
    /// outlive a replay if they were set on the call.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    /// Returns the call's extensions for changing.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.0.extensions
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.0.body
    }

    /// Returns the body for changing; the headers stay as they are.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.0.body
    }

    /// Replaces the body, and takes off the length of the old one.
    ///
    /// The `Content-Type` stays, unless one of the two bodies is a form: its
    /// boundary goes, or comes, with it.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        let inner = &mut *self.0;
        inner.headers.remove(CONTENT_LENGTH);
        if let Some(form) = inner.body.form() {
            form.clear_type(&mut inner.headers);
        }
        inner.body = body.into();
        if let Some(form) = inner.body.form() {
            form.set_type(&mut inner.headers);
        }
    }

    /// Returns the number of this attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.call.as_ref().map_or(1, |call| call.attempt)
    }

    /// Binds the header `name` to `origins`: it is removed before anything is
    /// sent elsewhere, also after redirects and changes of the address.
    ///
    /// A bound header is kept where its origins allow it, whatever origin the
    /// call started from.
    #[inline]
    pub fn bind_header(&mut self, name: HeaderName, origins: Origins) {
        self.0.bound.add(name, Place::Origins(origins));
    }

    /// Binds a header to the origin of the address, which it is meant for.
    #[inline]
    pub(crate) fn bind_here(&mut self, name: &HeaderName) {
        self.0.bound.add_here(name);
    }

    /// Returns a copy, if the body can be sent more than once.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        let inner = &self.0;
        Some(Self(Box::new(Inner {
            method: inner.method.clone(),
            uri: inner.uri.clone(),
            headers: inner.headers.clone(),
            extensions: inner.extensions.clone(),
            body: inner.body.try_clone()?,
            bound: inner.bound.clone(),
            overrides: inner.overrides.clone(),
            call: inner.call.clone(),
        })))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets = self.0.overrides.sensitive.as_deref().unwrap_or_default();
        f.debug_struct("Request")
            .field("method", &self.0.method)
            .field("uri", &format_args!("{}", redacted(&self.0.uri)))
            .field("headers", &RedactedBy(&self.0.headers, secrets))
            .field("body", &self.0.body)
            .finish_non_exhaustive()
    }
}

/// Makes a request by hand, to recover with one; it belongs to no call yet.
impl<B: Into<Body>> From<http::Request<B>> for Request {
    fn from(request: http::Request<B>) -> Self {
        let (parts, body) = request.into_parts();
        let mut out = Self::new(parts.method);
        out.0.uri = parts.uri;
        out.0.headers = parts.headers;
        out.0.extensions = parts.extensions;
        out.0.body = body.into();
        out
    }
}

impl From<Request> for http::Request<Body> {
    fn from(request: Request) -> Self {
        let inner = *request.0;
        let mut out = Self::new(inner.body);
        *out.method_mut() = inner.method;
        *out.uri_mut() = inner.uri;
        *out.headers_mut() = inner.headers;
        *out.extensions_mut() = inner.extensions;
        out
    }
}

/// Method, address and headers of a request, as responses and errors keep it.
///
/// `Debug` masks secrets.
#[derive(Clone)]
pub struct RequestHead {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl RequestHead {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the absolute address.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the headers, secrets included.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("uri", &format_args!("{}", redacted(&self.uri)))
            .field("headers", &RedactedHeaders(&self.headers))
            .finish()
    }
}

/// The request before any interceptor: what a replay starts from.
pub(crate) struct Original {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    overrides: Overrides,
    /// `None` where the body is a stream, which can be given away once.
    body: Option<Body>,
}

impl Original {
    /// Remembers a request, without what belongs to the call.
    pub(crate) fn of(request: &Request) -> Arc<Self> {
        let inner = &request.0;
        Arc::new(Self {
            method: inner.method.clone(),
            uri: inner.uri.clone(),
            headers: inner.headers.clone(),
            extensions: inner.extensions.clone(),
            overrides: inner.overrides.clone(),
            body: inner.body.try_clone(),
        })
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Makes the request once more; `None` if its body was a stream.
    pub(crate) fn request(&self) -> Option<Request> {
        Some(Request(Box::new(Inner {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            extensions: self.extensions.clone(),
            body: self.body.as_ref()?.try_clone()?,
            bound: Bound::default(),
            overrides: self.overrides.clone(),
            call: None,
        })))
    }
}
