#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod brought;
mod budget;
mod builder;
mod connect;
mod convert;
mod dialer;
mod error;
mod left_out;
mod link;
mod lookup;
mod noted;
mod received;
mod upload;
mod watch;

use std::fmt;

use http::request::Parts;
use tollgate::{AdapterError, Attempt, BlockingAdapter, Body, adapter::check_head};
use ureq::{Agent, AsSendBody, SendBody};

pub use builder::UreqAdapterBuilder;

use convert::{Content, Outgoing};
use error::Place;
use watch::Watch;

/// Sends requests through [`ureq`], on the calling thread.
///
/// | | an agent of its own ([`new`](Self::new), [`builder`](Self::builder)) | yours ([`from_agent`](Self::from_agent)) |
/// |---|---|---|
/// | cancellation from another thread | within 25 ms | at the next read of the body |
/// | deadline | on time | on time; in stream mode each step up to the head gets it anew |
/// | answer cut off without a length to tell by | an error | a shorter body |
/// | name look-up | once per connection | once per call |
///
/// A connection attempt ends with the deadline, the connect timeout or a
/// cancel, whichever comes first. Through a proxy or a TLS library of
/// [`configure`](UreqAdapterBuilder::configure)'s, which ureq dials by itself,
/// a cancel is seen between two waits.
///
/// Clones share connections.
///
/// ```
/// use tollgate::{BlockingAdapter, Body, ErrorCode};
/// use tollgate_ureq::UreqAdapter;
///
/// # let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
/// let adapter = UreqAdapter::new();
/// let nobody = format!("http://127.0.0.1:{port}/");
/// let request = http::Request::get(nobody).body(Body::empty()).unwrap();
///
/// let error: tollgate::Error = adapter.send(request).unwrap_err().into();
/// assert!(error.is_connect());
/// assert_eq!(error.code(), ErrorCode::ConnectionRefused);
/// ```
#[derive(Clone)]
pub struct UreqAdapter {
    agent: Agent,
    /// Whether the agent's connections are ours.
    own: bool,
    max_head_bytes: Option<usize>,
}

impl UreqAdapter {
    /// Creates an adapter with an agent of its own.
    ///
    /// See [`UreqAdapterBuilder`] for what it does and does not do.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts to configure an adapter.
    pub fn builder() -> UreqAdapterBuilder {
        UreqAdapterBuilder::new()
    }

    /// Uses an existing agent and its idle connections.
    ///
    /// Each request is sent with redirects off, every status as an answer,
    /// every method allowed, and the attempt's time as a limit. The rest is
    /// the agent's, and happens below us, unseen by interceptors, by the guard
    /// of credentials and by the counting of attempts:
    ///
    /// | setting | ureq's default | below us it means |
    /// |---|---|---|
    /// | `proxy` | from the environment | the proxy sees requests, and answers for the server |
    /// | `cookies`, with its feature | on | `Cookie` is added and `Set-Cookie` kept where no interceptor looks |
    /// | `user_agent`, `accept` | `ureq/…`, `*/*` | added where the request has none |
    /// | `middleware` | none | may change, answer or repeat a request |
    /// | `timeout_…` | none | end a call earlier than its own limits, as [`ErrorKind::Timeout`](tollgate::ErrorKind::Timeout) |
    ///
    /// ureq cannot be interrupted: a cancelled call ends at the next read of
    /// its body, or with its time. `read_timeout` holds for each wait of a
    /// streamed call, that for the head included. A connection that is reset
    /// in a body without length or chunks passes for its end, and TLS is set
    /// up anew for each connection. An agent of the adapter's own has none of
    /// these limits: prefer [`builder`](Self::builder) and
    /// [`configure`](UreqAdapterBuilder::configure).
    #[must_use]
    pub fn from_agent(agent: Agent) -> Self {
        Self {
            agent,
            own: false,
            max_head_bytes: None,
        }
    }

    fn exchange(
        &self,
        outgoing: Outgoing,
        attempt: &Attempt,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let Outgoing { parts, content } = outgoing;
        match content {
            Content::Nothing => self.run(parts, (), attempt),
            Content::Zero => self.run(parts, &[][..], attempt),
            Content::Bytes(bytes) => self.run(parts, &bytes[..], attempt),
            Content::Stream(upload) => {
                self.run(parts, SendBody::from_owned_reader(upload), attempt)
            }
        }
    }

    fn run(
        &self,
        parts: Parts,
        body: impl AsSendBody,
        attempt: &Attempt,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let mut request = http::Request::from_parts(parts, body);
        if !self.own {
            request = brought::configure(&self.agent, request, attempt);
        }
        request = left_out::configure(&self.agent, request, attempt);
        self.agent.run(request)
    }
}

impl Default for UreqAdapter {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Agent> for UreqAdapter {
    fn from(agent: Agent) -> Self {
        Self::from_agent(agent)
    }
}

impl fmt::Debug for UreqAdapter {
    /// Leaves the agent out: its proxy may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UreqAdapter")
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

impl BlockingAdapter for UreqAdapter {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let mut attempt = Attempt::of(&request);
        let watch = Watch::head(attempt.clone());
        watch.check()?;
        let outgoing = convert::request(request)?;
        let method = outgoing.parts.method.clone();
        let place = Place {
            secure: outgoing.parts.uri.scheme() == Some(&http::uri::Scheme::HTTPS),
            own: self.own,
        };
        let (seen, answer) = watch.run(|| self.exchange(outgoing, &attempt));
        let released = seen.released;
        let answer = answer.map_err(|error| match self.max_head_bytes {
            Some(limit) if error::is_large_head(&error) => {
                AdapterError::head_too_large(limit).with_source(error)
            }
            _ => error::no_answer(error, seen, place),
        })?;
        let (parts, body) = answer.into_parts();
        if let Some(limit) = self.max_head_bytes {
            check_head(&parts.headers, limit)?;
        }
        attempt.answered(&parts);
        // What was given back is known for sure to have no body; an empty one
        // that is called gzip would not decode.
        let body = if !released && convert::has_body(&method, &parts)? {
            received::receive(body, attempt, place)
        } else {
            Body::empty()
        };
        Ok(http::Response::from_parts(parts, body))
    }
}
