//! [`ReqwestAdapterBuilder`]: a client that does one hop and nothing else.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{ClientBuilder, redirect, retry};
use tokio::runtime::Handle;
use tollgate::{Error, ErrorKind};

use crate::{ReqwestAdapter, home::Home};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEAD_BYTES: usize = 64 * 1024;

type Change = Box<dyn FnOnce(ClientBuilder) -> ClientBuilder + Send>;

/// Configures a [`ReqwestAdapter`] with a client of its own.
///
/// | setting | default |
/// |---|---|
/// | [`connect_timeout`](Self::connect_timeout), name resolution and TLS included | 10 s |
/// | [`max_head_bytes`](Self::max_head_bytes) | 64 KiB |
/// | redirects, retries, `Referer`, cookies, proxies, total timeout | off: the core does these, or nobody |
/// | `accept: */*` | added where the request has none, as by `tollgate-ureq` |
/// | decompression | gzip and brotli, each by its feature of this crate |
///
/// A request that a pooled connection refused before a byte of it was written
/// goes out once more on a new one; reqwest does not let that be turned off.
///
/// ```
/// use std::time::Duration;
/// use tollgate_reqwest::ReqwestAdapter;
///
/// let adapter = ReqwestAdapter::builder()
///     .connect_timeout(Duration::from_secs(3))
///     .configure(|client| client.user_agent("orders/1").pool_max_idle_per_host(8))
///     .build();
/// assert!(adapter.is_ok());
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct ReqwestAdapterBuilder {
    connect_timeout: Option<Duration>,
    max_head_bytes: Option<usize>,
    handle: Option<Handle>,
    changes: Vec<Change>,
}

impl ReqwestAdapterBuilder {
    /// Limits the time for name resolution, connection and TLS handshake.
    ///
    /// Default: 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = Some(limit);
        self
    }

    /// Leaves connecting to the attempt's own limits.
    pub fn without_connect_timeout(mut self) -> Self {
        self.connect_timeout = None;
        self
    }

    /// Limits the names and values of an answer's headers, in bytes; more than
    /// 100 headers are an error in any case.
    ///
    /// Default: 64 KiB. Over HTTP/1 reqwest reads up to about 400 KiB before
    /// this limit is looked at, and no more; that cannot be changed.
    pub fn max_head_bytes(mut self, limit: usize) -> Self {
        self.max_head_bytes = Some(limit);
        self
    }

    /// Leaves the size of heads to reqwest's own limits: about 400 KiB and 100
    /// headers over HTTP/1.
    pub fn without_max_head_bytes(mut self) -> Self {
        self.max_head_bytes = None;
        self
    }

    /// Uses `handle`'s runtime for blocking calls; see
    /// [`ReqwestAdapter::handle`].
    pub fn handle(mut self, handle: Handle) -> Self {
        self.handle = Some(handle);
        self
    }

    /// Changes reqwest's own builder, after all settings of this one.
    ///
    /// What is turned on here happens below us; see
    /// [`ReqwestAdapter::from_client`].
    #[doc(alias("decompress", "proxy", "httpAgent", "httpsAgent"))]
    #[doc(alias("rejectUnauthorized", "ca", "cert", "lookup", "family"))]
    #[doc(alias("httpVersion", "transport", "http2Options", "socketPath"))]
    pub fn configure(
        mut self,
        change: impl FnOnce(ClientBuilder) -> ClientBuilder + Send + 'static,
    ) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Builds the adapter.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Builder`] where reqwest refuses the settings or
    /// the system's TLS set-up cannot be read.
    pub fn build(self) -> Result<ReqwestAdapter, Error> {
        let mut client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .no_deflate()
            .no_zstd();
        // Another crate may have turned these on in the shared reqwest.
        if !cfg!(feature = "gzip") {
            client = client.no_gzip();
        }
        if !cfg!(feature = "brotli") {
            client = client.no_brotli();
        }
        if let Some(limit) = self.connect_timeout {
            client = client.connect_timeout(limit);
        }
        #[cfg(feature = "http2")]
        if let Some(limit) = self.max_head_bytes {
            client = client.http2_max_header_list_size(u32::try_from(limit).unwrap_or(u32::MAX));
        }
        for change in self.changes {
            client = change(client);
        }
        let client = client.build().map_err(|source| {
            Error::new(ErrorKind::Builder, "the reqwest client cannot be built")
                .with_source(source.without_url())
        })?;
        Ok(ReqwestAdapter {
            client,
            max_head_bytes: self.max_head_bytes,
            home: Arc::new(self.handle.map_or_else(Home::default, Home::given)),
        })
    }
}

impl Default for ReqwestAdapterBuilder {
    fn default() -> Self {
        Self {
            connect_timeout: Some(CONNECT_TIMEOUT),
            max_head_bytes: Some(MAX_HEAD_BYTES),
            handle: None,
            changes: Vec::new(),
        }
    }
}

impl fmt::Debug for ReqwestAdapterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestAdapterBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("max_head_bytes", &self.max_head_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_constants_are() {
        let builder = ReqwestAdapterBuilder::default();
        assert_eq!(builder.connect_timeout, Some(Duration::from_secs(10)));
        assert_eq!(builder.max_head_bytes, Some(64 << 10));
    }
}
