//! [`Report`] and [`ApiCall`]: what a server has seen.

use std::fmt;

use bytes::Bytes;
use http::Method;

/// What a [`StrictAuthServer`](super::StrictAuthServer) has counted, all at
/// one moment.
///
/// ```
/// use tollgate::auth::conformance::StrictAuthServer;
///
/// let server = StrictAuthServer::start()?;
/// let token = server.sign_in("ada");
/// let report = server.report();
/// assert_eq!((report.families(), report.refreshes()), (1, 0));
/// # drop(token);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub(super) families: u64,
    pub(super) families_revoked: u64,
    pub(super) refresh_calls: u64,
    pub(super) refreshes: u64,
    pub(super) reuses: u64,
    pub(super) max_presentations: u64,
    pub(super) revocations: u64,
    pub(super) expiries: u64,
    pub(super) api_calls: u64,
    pub(super) accepted: u64,
    pub(super) unauthorized: u64,
    pub(super) foreign_calls: u64,
    pub(super) foreign_tokens: u64,
}

impl Report {
    /// Returns how often somebody has signed in: one family each.
    #[must_use]
    pub fn families(&self) -> u64 {
        self.families
    }

    /// Returns how many families were revoked, for whatever reason.
    #[must_use]
    pub fn families_revoked(&self) -> u64 {
        self.families_revoked
    }

    /// Returns how many refreshes came in, those that failed included.
    #[must_use]
    pub fn refresh_calls(&self) -> u64 {
        self.refresh_calls
    }

    /// Returns how many refreshes were granted, those whose answer was lost
    /// included.
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.refreshes
    }

    /// Returns how often a refresh token came that was spent before.
    #[must_use]
    pub fn reuses(&self) -> u64 {
        self.reuses
    }

    /// Returns how often the refresh token came that came most often.
    ///
    /// 1 is what a client should do. More than 1 is no reuse where the refresh
    /// before had failed and left the token unspent.
    #[must_use]
    pub fn max_presentations(&self) -> u64 {
        self.max_presentations
    }

    /// Returns how many tokens that it knows were revoked (RFC 7009).
    #[must_use]
    pub fn revocations(&self) -> u64 {
        self.revocations
    }

    /// Returns how often all access tokens were made to expire.
    #[must_use]
    pub fn expiries(&self) -> u64 {
        self.expiries
    }

    /// Returns how many calls the API got.
    #[must_use]
    pub fn api_calls(&self) -> u64 {
        self.api_calls
    }

    /// Returns how many calls the API let through.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Returns how many calls the API answered with 401.
    #[must_use]
    pub fn unauthorized(&self) -> u64 {
        self.unauthorized
    }

    /// Returns how many calls the foreign origin got.
    #[must_use]
    pub fn foreign_calls(&self) -> u64 {
        self.foreign_calls
    }

    /// Returns how many of them held a token of this server, anywhere.
    #[must_use]
    pub fn foreign_tokens(&self) -> u64 {
        self.foreign_tokens
    }
}

/// A call that the API got.
///
/// ```
/// use std::{io::{Read, Write}, net::TcpStream};
/// use tollgate::auth::conformance::StrictAuthServer;
///
/// let server = StrictAuthServer::start()?;
/// let mut stream = TcpStream::connect(server.address())?;
/// stream.write_all(b"PUT /api/x HTTP/1.1\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi")?;
/// stream.read_to_end(&mut Vec::new())?;
///
/// let calls = server.api_calls();
/// assert_eq!((calls[0].target(), calls[0].status()), ("/x", 401));
/// assert_eq!(calls[0].body(), "hi");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiCall {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) body: Bytes,
    pub(super) user: Option<String>,
    pub(super) status: u16,
}

impl ApiCall {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns path and query, without the `/api` of
    /// [`api_url`](super::StrictAuthServer::api_url).
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the body, taken out of its chunks: a replay has the same one.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns whose access token came, good or not.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl fmt::Debug for ApiCall {
    /// Leaves the query and the body out: they may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        f.debug_struct("ApiCall")
            .field("method", &self.method)
            .field("path", &path)
            .field("body_bytes", &self.body.len())
            .field("user", &self.user)
            .field("status", &self.status)
            .finish()
    }
}
