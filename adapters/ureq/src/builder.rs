//! [`UreqAdapterBuilder`]: an agent that does one hop and nothing else.

use std::{fmt, time::Duration};

use ureq::{
    Agent,
    config::{AutoHeaderValue, Config, ConfigBuilder},
    typestate::AgentScope,
};

use crate::{UreqAdapter, dialer::Dialer, lookup::Later};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// What ureq reads into, and what it has to be larger than the head by.
const INPUT_BYTES: usize = 128 * 1024;
const HEAD_LIMIT: usize = 16 * 1024 * 1024;

/// Configures a [`UreqAdapter`] with an agent of its own.
///
/// | setting | default |
/// |---|---|
/// | [`connect_timeout`](Self::connect_timeout), name resolution and TLS included | 10 s |
/// | [`max_head_bytes`](Self::max_head_bytes) | 64 KiB |
/// | redirects, cookies, proxies, total timeout, `user-agent` | off: the core does these, or nobody |
/// | `accept: */*` | added where the request has none, as by `tollgate-reqwest` |
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
}

impl UreqAdapterBuilder {
    pub(crate) fn new() -> Self {
        let encodings = if cfg!(any(feature = "gzip", feature = "brotli")) {
            AutoHeaderValue::Default
        } else {
            // Another crate may have turned them on in the shared ureq.
            AutoHeaderValue::None
        };
        Self {
            config: Config::builder()
                .proxy(None)
                .user_agent(AutoHeaderValue::None)
                .accept(AutoHeaderValue::Default)
                .accept_encoding(encodings)
                .timeout_connect(Some(CONNECT_TIMEOUT))
                .max_response_header_size(MAX_HEAD_BYTES)
                .input_buffer_size(INPUT_BYTES),
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

    /// Limits the head of an answer, status line included, in bytes.
    ///
    /// Default: 64 KiB; at most 16 MiB. A head of more than 128 lines is an
    /// error of ureq's in any case.
    pub fn max_head_bytes(mut self, limit: usize) -> Self {
        let limit = limit.min(HEAD_LIMIT);
        self.config = self
            .config
            .max_response_header_size(limit)
            .input_buffer_size(limit.saturating_mul(2).max(INPUT_BYTES));
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
            agent: Agent::with_parts(config, Dialer::default(), Later),
            own: true,
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
        assert_eq!(config.max_response_header_size(), 64 << 10);
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
