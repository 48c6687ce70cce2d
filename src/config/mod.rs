//! [`Config`]: a client's defaults, and what one call sets differently.
//!
//! Precedence: the library's defaults, then the client's, then the call's.

mod hops;
mod live;
mod overrides;
mod transforms;
mod wire;

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

pub use hops::Redirect;
pub(crate) use hops::RedirectHook;
pub(crate) use live::LiveConfig;
pub(crate) use overrides::{Overrides, Setting};
pub(crate) use wire::{MinRate, Wire, WireChanges};

use crate::{
    cancel::CancelHandle,
    headers::RedactedBy,
    query::{ArrayFormat, Formats, Parameters, QueryFormat, QuerySerializer},
    uri::redacted,
};

/// The defaults, one place for code and docs.
pub(crate) mod defaults {
    use std::time::Duration;

    pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
    pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(30);
    pub(crate) const MAX_REDIRECTS: u32 = 10;
    pub(crate) const MAX_ATTEMPTS: u32 = 10;
    pub(crate) const MAX_RESPONSE_BYTES: u64 = 64 * 1024 * 1024;
}

/// Hops, replays and retries that one call may cost in all.
pub(crate) const MAX_TRIPS: u32 = 20;

/// In which order request interceptors run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Last registered first: axios's default.
    #[default]
    Lifo,
    /// First registered first (axios: `legacyInterceptorReqResOrdering: false`).
    Fifo,
}

/// Which statuses are a success.
#[derive(Clone, Default)]
pub(crate) enum StatusPolicy {
    #[default]
    Success,
    Any,
    Custom(Arc<dyn Fn(StatusCode) -> bool + Send + Sync>),
}

impl fmt::Debug for StatusPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "2xx",
            Self::Any => "any",
            Self::Custom(_) => "custom",
        })
    }
}

/// The base address, as it was given and as it was read.
#[derive(Clone)]
pub(crate) struct Base {
    pub(crate) text: String,
    pub(crate) uri: Uri,
}

/// A client's defaults; see [`ClientBuilder`](crate::ClientBuilder) for each.
///
/// Every setting has three states for a derived client, for
/// [`update_defaults`](crate::Client::update_defaults) and for one call:
/// inherited, where nothing is said; taken off, by `without_…`, where there may
/// be none; and set. A value replaces the inherited one whole; headers do so by
/// name, extensions by type.
///
/// | setting | default |
/// |---|---|
/// | `timeout` of one attempt | 30 s |
/// | `deadline` of the call | none |
/// | `read_timeout` of a streamed body | 30 s |
/// | `max_redirects` | 10 |
/// | `max_attempts` | 10 |
/// | `max_response_bytes` | 64 MiB |
/// | `max_request_bytes` | none |
/// | `order` | [`Order::Lifo`] |
/// | `before_redirect` | none |
/// | `min_upload_rate`, `min_download_rate` | none |
/// | `max_upload_rate`, `max_download_rate` | none |
/// | `transform_request`, `transform_response` | none |
/// | `on_upload_progress`, `on_download_progress` | none |
/// | `cancel_handle` | none |
/// | `stream` | no: bodies are read into memory |
/// | `sensitive_headers`, which add up | none |
/// | accepted statuses | 2xx |
/// | headers, of all calls and of one method's | none |
/// | `basic_auth`, `bearer_auth` | none |
/// | extensions | none |
/// | `query` | none |
/// | `array_format` | [`ArrayFormat::Repeat`] |
/// | `query_format`, `form_format` | [`QueryFormat::new`] |
/// | `query_serializer` | none |
/// | `allow_absolute_urls` | no |
/// | `allow_downgrade` | no |
/// | `allow_cross_origin_bodies` | no |
#[derive(Clone)]
pub struct Config {
    pub(crate) base: Option<Base>,
    pub(crate) headers: HeaderMap,
    pub(crate) method_headers: HashMap<Method, HeaderMap>,
    /// The value of `Authorization` that beats any header; sensitive.
    pub(crate) auth: Option<HeaderValue>,
    pub(crate) extensions: Extensions,
    pub(crate) query: Parameters,
    pub(crate) formats: Formats,
    pub(crate) query_serializer: Option<QuerySerializer>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) max_redirects: u32,
    pub(crate) max_attempts: u32,
    pub(crate) max_response_bytes: Option<u64>,
    pub(crate) max_request_bytes: Option<u64>,
    pub(crate) order: Order,
    pub(crate) status: StatusPolicy,
    pub(crate) allow: Allow,
    pub(crate) stream: bool,
    pub(crate) cancel: Option<CancelHandle>,
    pub(crate) wire: Option<Arc<Wire>>,
}

/// What is refused unless asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allow {
    pub(crate) absolute_urls: bool,
    pub(crate) downgrade: bool,
    pub(crate) cross_origin_bodies: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base: None,
            headers: HeaderMap::new(),
            method_headers: HashMap::new(),
            auth: None,
            extensions: Extensions::new(),
            query: Parameters::default(),
            formats: Formats::default(),
            query_serializer: None,
            timeout: Some(defaults::TIMEOUT),
            deadline: None,
            read_timeout: Some(defaults::READ_TIMEOUT),
            max_redirects: defaults::MAX_REDIRECTS,
            max_attempts: defaults::MAX_ATTEMPTS,
            max_response_bytes: Some(defaults::MAX_RESPONSE_BYTES),
            max_request_bytes: None,
            order: Order::default(),
            status: StatusPolicy::default(),
            allow: Allow::default(),
            stream: false,
            cancel: None,
            wire: None,
        }
    }
}

impl Config {
    /// Returns the base address.
    #[must_use]
    pub fn base_url(&self) -> Option<&Uri> {
        self.base.as_ref().map(|base| &base.uri)
    }

    /// Returns the headers that a call gets if it has none of that name.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the headers that only calls of this method get; they beat
    /// [`headers`](Self::headers).
    #[must_use]
    pub fn headers_for(&self, method: &Method) -> Option<&HeaderMap> {
        self.method_headers.get(method)
    }

    /// Returns the extensions that a call gets if it has none of that type.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Returns the parameters that calls get in their query.
    #[must_use]
    pub fn query(&self) -> &Parameters {
        &self.query
    }

    /// Returns how arrays in queries are written.
    #[must_use]
    pub fn array_format(&self) -> ArrayFormat {
        self.formats.query.arrays()
    }

    /// Returns how queries are written.
    pub fn query_format(&self) -> &QueryFormat {
        &self.formats.query
    }

    /// Returns how forms are written.
    pub fn form_format(&self) -> &QueryFormat {
        &self.formats.form
    }

    /// Returns the time for one attempt, to the last byte of the body.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns the time for the whole call.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Returns the time for each chunk of a streamed body.
    #[must_use]
    pub fn read_timeout(&self) -> Option<Duration> {
        self.read_timeout
    }

    /// Returns the limit of a response's body, counted after decoding.
    #[must_use]
    pub fn max_response_bytes(&self) -> Option<u64> {
        self.max_response_bytes
    }

    /// Returns the limit of a request's body.
    #[must_use]
    pub fn max_request_bytes(&self) -> Option<u64> {
        self.max_request_bytes
    }

    /// Returns how many redirects are followed.
    #[must_use]
    pub fn max_redirects(&self) -> u32 {
        self.max_redirects
    }

    /// Returns how many attempts a call may make, the first one included.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Returns the order of request interceptors.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Tells whether the bodies of accepted responses are left on the wire.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.stream
    }

    /// Returns the handle that cancels calls which have none of their own.
    #[must_use]
    pub fn cancel_handle(&self) -> Option<&CancelHandle> {
        self.cancel.as_ref()
    }

    /// Tells whether calls may name addresses off the base's origin.
    #[must_use]
    pub fn allows_absolute_urls(&self) -> bool {
        self.allow.absolute_urls
    }

    /// Tells whether a redirect may lead from https to http.
    #[must_use]
    pub fn allows_downgrade(&self) -> bool {
        self.allow.downgrade
    }

    /// Tells whether a redirect may send the body to another origin.
    #[must_use]
    pub fn allows_cross_origin_bodies(&self) -> bool {
        self.allow.cross_origin_bodies
    }
}

/// Prints the headers of methods with the secrets masked.
struct ByMethod<'a>(&'a HashMap<Method, HeaderMap>, &'a [HeaderName]);

impl fmt::Debug for ByMethod<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.iter();
        f.debug_map()
            .entries(entries.map(|(method, headers)| (method, RedactedBy(headers, self.1))))
            .finish()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self
            .base
            .as_ref()
            .map(|base| redacted(&base.uri).to_string());
        let secrets = self.sensitive_headers();
        f.debug_struct("Config")
            .field("base_url", &base)
            .field("headers", &RedactedBy(&self.headers, secrets))
            .field("method_headers", &ByMethod(&self.method_headers, secrets))
            .field("auth", &self.auth.as_ref().map(|_| "[REDACTED]"))
            .field("query", &self.query)
            .field("query_format", &self.formats.query)
            .field("form_format", &self.formats.form)
            .field("timeout", &self.timeout)
            .field("deadline", &self.deadline)
            .field("read_timeout", &self.read_timeout)
            .field("max_redirects", &self.max_redirects)
            .field("max_attempts", &self.max_attempts)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("max_request_bytes", &self.max_request_bytes)
            .field("sensitive_headers", &secrets)
            .field("order", &self.order)
            .field("status", &self.status)
            .field("allow", &self.allow)
            .field("stream", &self.stream)
            .field("cancel_handle", &self.cancel)
            .field("min_upload_rate", &self.min_upload_rate())
            .field("min_download_rate", &self.min_download_rate())
            .field("max_upload_rate", &self.max_upload_rate())
            .field("max_download_rate", &self.max_download_rate())
            .field("on_upload_progress", &self.has_upload_progress())
            .field("on_download_progress", &self.has_download_progress())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_constants_are() {
        let config = Config::default();
        assert_eq!(config.timeout(), Some(Duration::from_secs(30)));
        assert_eq!(config.deadline(), None);
        assert_eq!(config.read_timeout(), Some(Duration::from_secs(30)));
        assert_eq!(config.max_redirects(), 10);
        assert_eq!(config.max_attempts(), 10);
        assert_eq!(config.max_response_bytes(), Some(64 << 20));
        assert_eq!(config.max_request_bytes(), None);
        assert_eq!(config.order(), Order::Lifo);
        assert!(config.headers().is_empty() && config.method_headers.is_empty());
        assert!(config.auth.is_none() && config.extensions().is_empty());
        assert!(config.query().is_empty() && config.query_serializer.is_none());
        assert_eq!(config.array_format(), ArrayFormat::Repeat);
        assert!(!config.allows_absolute_urls() && !config.allows_downgrade());
        assert!(!config.allows_cross_origin_bodies());
        assert!(!config.is_stream() && config.cancel_handle().is_none());
        assert!(!config.has_upload_progress() && !config.has_download_progress());
        assert_eq!(
            (config.min_upload_rate(), config.min_download_rate()),
            (None, None)
        );
    }
}
