//! [`StrictAuthServer`]: the servers, and what a test tells them.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use super::{
    ApiCall, ApiFault, ExpiresIn, Hold, RefreshFault, Report, StrictAuthServerBuilder,
    api::Foreign,
    endpoints::{self, Core},
    options::Options,
};
use crate::{
    adapter::conformance::{Script, Server},
    auth::Token,
};

/// An authorization server with the API that it guards, on 127.0.0.1, and a
/// foreign origin that must never see a token.
///
/// A thread for each connection, of at most 1024 at a time. Dropping it ends
/// all of them, whatever they wait for. What it decides it decides under one
/// lock, so its counts are exact.
///
/// ```
/// use std::{io::{Read, Write}, net::TcpStream};
/// use tollgate::auth::conformance::StrictAuthServer;
///
/// let server = StrictAuthServer::start()?;
/// let token = server.sign_in("ada");
/// let refresh = token.refresh_token().unwrap().expose();
///
/// let ask = || -> std::io::Result<String> {
///     let body = format!("grant_type=refresh_token&refresh_token={refresh}");
///     let mut stream = TcpStream::connect(server.address())?;
///     write!(
///         stream,
///         "POST /oauth/token HTTP/1.1\r\nconnection: close\r\n\
///          content-type: application/x-www-form-urlencoded\r\n\
///          content-length: {}\r\n\r\n{body}",
///         body.len()
///     )?;
///     let mut answer = String::new();
///     stream.read_to_string(&mut answer)?;
///     Ok(answer)
/// };
/// assert!(ask()?.starts_with("HTTP/1.1 200"));
/// assert!(ask()?.contains("invalid_grant")); // it was spent: all are revoked
/// let report = server.report();
/// assert_eq!((report.refreshes(), report.reuses()), (1, 1));
/// assert_eq!(report.families_revoked(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "the server ends when it is dropped"]
pub struct StrictAuthServer {
    core: Arc<Core>,
    server: Server,
    foreign: Server,
}

impl StrictAuthServer {
    /// Starts a server with strict rotation, public clients and opaque tokens
    /// that are good for an hour.
    ///
    /// # Errors
    ///
    /// Where the system gives no socket or no thread.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Starts to build a server.
    pub fn builder() -> StrictAuthServerBuilder {
        StrictAuthServerBuilder::new()
    }

    pub(super) fn with(options: Options) -> io::Result<Self> {
        let mark = format!("{:016x}", fastrand::u64(..));
        let seen = Arc::new(Foreign::new(&mark));
        let foreign = {
            let seen = Arc::clone(&seen);
            let script = Script::new().otherwise(move |request| seen.answer(request));
            Server::start_forgetful(script)?
        };
        let core = Arc::new(Core::new(&mark, options, seen, foreign.origin().to_owned()));
        let server = {
            let core = Arc::clone(&core);
            let script = Script::new().otherwise(move |request| core.answer(request));
            Server::start_forgetful(script)?
        };
        Ok(Self {
            core,
            server,
            foreign,
        })
    }

    /// Returns the address to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.server.origin()
    }

    /// Returns the address below which the API answers `{"path", "user"}`,
    /// without a slash at the end.
    ///
    /// It takes a token in `Authorization: Bearer` or in the cookie `access`.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.server.url(endpoints::API)
    }

    /// Returns the token endpoint (RFC 6749 §3.2).
    #[must_use]
    pub fn token_url(&self) -> String {
        self.server.url(endpoints::TOKEN)
    }

    /// Returns the authorization endpoint (RFC 6749 §3.1), which signs the
    /// user in without asking. A public client has to use PKCE.
    #[must_use]
    pub fn authorize_url(&self) -> String {
        self.server.url(endpoints::AUTHORIZE)
    }

    /// Returns the revocation endpoint (RFC 7009).
    #[must_use]
    pub fn revocation_url(&self) -> String {
        self.server.url(endpoints::REVOKE)
    }

    /// Returns an endpoint that takes `{"token"}`, the refresh token, and
    /// answers `{"token", "refreshToken"}`, or 401 with a `message`.
    #[must_use]
    pub fn json_refresh_url(&self) -> String {
        self.server.url(endpoints::JSON)
    }

    /// Returns an endpoint that takes the cookie `refresh` and sets it anew,
    /// `HttpOnly; Path=/auth`. It answers `{"token"}`, and sets `access` too.
    #[must_use]
    pub fn cookie_refresh_url(&self) -> String {
        self.server.url(endpoints::COOKIE)
    }

    /// Returns another origin, without a slash at the end. It answers each
    /// path with the status that it names, 200 if it names none.
    #[must_use]
    pub fn foreign_url(&self) -> &str {
        self.foreign.origin()
    }

    /// Signs a user in, as often as one likes, and returns the first pair of
    /// the new family. Nothing goes over the wire.
    #[must_use]
    pub fn sign_in(&self, user: &str) -> Token {
        let now = self.core.options.clock.wall();
        let (_, pair) = self.core.lock().sign_in(user, now);
        let mut token = Token::new(pair.access);
        if let Some(refresh) = pair.refresh {
            token = token.refresh(refresh);
        }
        match self.core.options.expires_in {
            ExpiresIn::Seconds | ExpiresIn::Text => token.expires_in(pair.lifetime, now),
            ExpiresIn::Omitted | ExpiresIn::Raw(_) => token,
        }
    }

    /// Makes all access tokens expire that were given so far.
    pub fn expire_all(&self) {
        self.core.lock().expire_all();
    }

    /// Makes them expire whenever so many more calls were accepted, 0 meaning
    /// now; an earlier plan is forgotten.
    ///
    /// The call that reaches a number is itself accepted.
    pub fn expire_at(&self, accepted: &[u64]) {
        self.core.lock().expire_at(accepted);
    }

    /// Revokes all that a user has; returns how many families those were.
    pub fn revoke_family(&self, user: &str) -> usize {
        self.core.lock().revoke_user(user)
    }

    /// Adds faults to the script of the refreshes, which take up one each.
    pub fn fail_refreshes(&self, faults: impl IntoIterator<Item = RefreshFault>) {
        let faults: Vec<_> = faults.into_iter().collect();
        self.core.lock().refresh_faults.extend(faults);
    }

    /// Adds faults to the script of the API's calls, which take up one each.
    pub fn fail_calls(&self, faults: impl IntoIterator<Item = ApiFault>) {
        let faults: Vec<_> = faults.into_iter().collect();
        self.core.lock().api_faults.extend(faults);
    }

    /// Answers all calls of the API alike where the script is at its end:
    /// [`ApiFault::Unauthorized`] is a server that has lost its keys.
    /// `None` ends that.
    pub fn always_fail_calls(&self, fault: Option<ApiFault>) {
        self.core.lock().api_always = fault;
    }

    /// Holds the answers to refreshes; see [`Hold`].
    pub fn hold_refreshes(&self) -> Hold {
        Hold::new(&self.core.refresh_gate)
    }

    /// Holds the answers of the API; see [`Hold`].
    pub fn hold_calls(&self) -> Hold {
        Hold::new(&self.core.api_gate)
    }

    /// Returns what has been counted so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.core.report()
    }

    /// Returns the calls that the API got, first one first; the last 65 536.
    #[must_use]
    pub fn api_calls(&self) -> Vec<ApiCall> {
        self.core.lock().calls.iter().cloned().collect()
    }
}

impl Drop for StrictAuthServer {
    fn drop(&mut self) {
        // What is held keeps a thread, and the servers wait for theirs.
        self.core.refresh_gate.tear_down();
        self.core.api_gate.tear_down();
    }
}

impl fmt::Debug for StrictAuthServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictAuthServer")
            .field("origin", &self.origin())
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}
