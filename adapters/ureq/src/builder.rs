//! [`UreqAdapterBuilder`]: an agent that does one hop and nothing else.

use std::{fmt, time::Duration};

use ureq::{
    Agent,
    config::{AutoHeaderValue, Config, ConfigBuilder},
    typestate::AgentScope,
    unversioned::resolver::Resolver,
};

use crate::{UreqAdapter, dialer::Dialer, lookup::Later};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// What ureq reads into, which has to be larger than a head.
const INPUT_BYTES: usize = 128 * 1024;
/// What a head has besides the names and values of its headers.
const HEAD_EXTRA: usize = 16 * 1024;
const HEAD_LIMIT: usize = 16 * 1024 * 1024;

/// Configures a [`UreqAdapter`] with an agent of its own.
///
/// | setting | default |
/// |---|---|
/// | [`connect_timeout`](Self::connect_timeout), name resolution and TLS included | 10 s |
/// | [`max_head_bytes`](Self::max_head_bytes) | 64 KiB |
/// | redirects, cookies, proxies, total timeout, `user-agent` | off: the core does these, or nobody |
/// | `accept: */*` | added where the request has none, as by `tollgate-reqwest` |
/// | [`resolver`](Self::resolver) | the system's |
/// | decompression | gzip and brotli, each by its feature of this crate |
///
/// ```
/// use std::time::Duration;
/// use tollgate_ureq::UreqAdapter;
///
/// let adapter = UreqAdapter::builder()
///     .connect_timeout(Duration::from_secs(3))
///     .configure(|agent| agent.user_agent("orders/1").max_idle_connections_per_host(8))
///     .build();
/// # let _ = adapter;
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct UreqAdapterBuilder {
    config: ConfigBuilder<AgentScope>,
    max_head_bytes: usize,
    resolver: Option<Box<dyn Resolver>>,
}

impl UreqAdapterBuilder {
    pub(crate) fn new() -> Self {
        // Another crate may have turned others on in the shared ureq. Written as
        // by reqwest.
        let encodings = match (cfg!(feature = "gzip"), cfg!(feature = "brotli")) {
            (true, true) => "gzip,br".into(),
            (true, false) => "gzip".into(),
            (false, true) => "br".into(),
            (false, false) => AutoHeaderValue::None,
        };
        Self {
            config: Config::builder()
                .proxy(None)
                .user_agent(AutoHeaderValue::None)
                .accept(AutoHeaderValue::Default)
                .accept_encoding(encodings)
                .timeout_connect(Some(CONNECT_TIMEOUT))
                .max_response_header_size(MAX_HEAD_BYTES + HEAD_EXTRA)
                .input_buffer_size(INPUT_BYTES),
            max_head_bytes: MAX_HEAD_BYTES,
            resolver: None,
        }
    }

    /// Limits the time for name resolution, connection and TLS handshake.
    ///
    /// Default: 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.config = self.config.timeout_connect(Some(limit));
        self
    }

    /// Leaves connecting to the attempt's own limits.
    pub fn without_connect_timeout(mut self) -> Self {
        self.config = self.config.timeout_connect(None);
        self
    }

    /// Limits the names and values of an answer's headers, in bytes; more than
    /// 100 headers are an error in any case.
    ///
    /// Default: 64 KiB; at most 16 MiB. ureq's own `max_response_header_size`
    /// is 16 KiB more: it counts the status line and the marks between, too.
    pub fn max_head_bytes(mut self, limit: usize) -> Self {
        let limit = limit.min(HEAD_LIMIT);
        self.max_head_bytes = limit;
        self.config = self
            .config
            .max_response_header_size(limit + HEAD_EXTRA)
            .input_buffer_size(limit.saturating_mul(2).max(INPUT_BYTES));
        self
    }

    /// Asks `resolver` for the addresses of a host, not the system: once for
    /// each new connection, on the calling thread.
    ///
    /// It is told how long it may take, and cannot be interrupted: a cancel is
    /// seen when it returns. The trait is one of ureq's that may change in any
    /// minor release.
    ///
    /// ```
    /// use http::Uri;
    /// use tollgate::blocking::Client;
    /// use tollgate_ureq::UreqAdapter;
    /// use ureq::{
    ///     Error,
    ///     config::Config,
    ///     unversioned::{
    ///         resolver::{ResolvedSocketAddrs, Resolver},
    ///         transport::NextTimeout,
    ///     },
    /// };
    ///
    /// /// Knows one host.
    /// #[derive(Debug)]
    /// struct Orders(std::net::SocketAddr);
    ///
    /// impl Resolver for Orders {
    ///     fn resolve(
    ///         &self,
    ///         uri: &Uri,
    ///         _: &Config,
    ///         _: NextTimeout,
    ///     ) -> Result<ResolvedSocketAddrs, Error> {
    ///         if uri.host() != Some("orders.test") {
    ///             return Err(Error::HostNotFound);
    ///         }
    ///         let mut addresses = self.empty();
    ///         addresses.push(self.0);
    ///         Ok(addresses)
    ///     }
    /// }
    ///
    /// # use std::io::{Read, Write};
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// # let address = listener.local_addr().unwrap();
    /// # std::thread::spawn(move || {
    /// #     let (mut peer, _) = listener.accept().unwrap();
    /// #     peer.read(&mut [0; 4096]).unwrap();
    /// #     peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").unwrap();
    /// # });
    /// let adapter = UreqAdapter::builder().resolver(Orders(address)).build();
    /// let client = Client::new(adapter);
    /// assert_eq!(client.get("http://orders.test/").send()?.text()?, "hello");
    /// assert!(client.get("http://other.test/").send().unwrap_err().is_dns());
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "lookup")]
    #[doc(alias = "dns_resolver")]
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Some(Box::new(resolver));
        self
    }

    /// Changes ureq's own configuration, after the settings made so far.
    ///
    /// Proxies, limits, TLS, the pool, middleware and `https_only` are yours.
    /// That a status is no error, that no redirect is followed and that every
    /// method is sent is set again afterwards: the core relies on it.
    ///
    /// ureq panics on the first `https` call where the TLS library or the root
    /// certificates that are chosen here are not built in.
    #[doc(alias("decompress", "proxy", "httpAgent", "httpsAgent"))]
    #[doc(alias("rejectUnauthorized", "ca", "cert", "lookup", "family"))]
    #[doc(alias("httpVersion", "transport"))]
    pub fn configure(
        mut self,
        change: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    ) -> Self {
        self.config = change(self.config);
        self
    }

    /// Builds the adapter.
    #[must_use]
    pub fn build(self) -> UreqAdapter {
        let config = self
            .config
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .save_redirect_history(false)
            .allow_non_standard_methods(true)
            .build();
        UreqAdapter {
            agent: Agent::with_parts(config, Dialer::new(self.resolver), Later),
            own: true,
            max_head_bytes: Some(self.max_head_bytes),
        }
    }
}

impl fmt::Debug for UreqAdapterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UreqAdapterBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_constants_are() {
        let adapter = UreqAdapter::new();
        let config = adapter.agent.config();
        assert_eq!(config.timeouts().connect, Some(Duration::from_secs(10)));
        assert_eq!(config.timeouts().global, None);
        assert_eq!(adapter.max_head_bytes, Some(64 << 10));
        assert_eq!(config.max_response_header_size(), 80 << 10);
        assert!(config.proxy().is_none());
    }

    #[test]
    fn what_the_core_relies_on_cannot_be_changed() {
        let adapter = UreqAdapter::builder()
            .configure(|agent| agent.max_redirects(7).http_status_as_error(true))
            .build();
        assert_eq!(adapter.agent.config().max_redirects(), 0);
        assert!(!adapter.agent.config().http_status_as_error());
    }

    #[test]
    fn a_large_head_has_room() {
        let adapter = UreqAdapter::builder().max_head_bytes(1 << 20).build();
        assert!(adapter.agent.config().input_buffer_size() > 1 << 20);
    }
}
