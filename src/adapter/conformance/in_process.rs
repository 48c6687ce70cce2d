//! [`InProcess`]: the suite's servers for an adapter that has no wire.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
    vec,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body::{Body as HttpBody, Frame};

use super::{
    Received, Reply, Server,
    reply::{Content, Cut, Framing, Message, Pacing},
    server::Shared,
};
use crate::{
    adapter::AdapterError,
    body::{Body, BodyError},
    error::ErrorKind,
    runtime::{BoxFuture, Runtime, ThreadRuntime},
};

/// Answers a mock's requests by the scripts of the servers they are meant for.
///
/// Give [`handler`](Self::handler) to the adapter and the whole to
/// [`Suite::in_process`](super::Suite::in_process). The cases that are about
/// bytes on a wire are skipped then, each by its name.
///
/// ```
/// use tollgate::{MockAdapter, adapter::conformance::{InProcess, Suite}};
///
/// let servers = InProcess::new();
/// let mock = MockAdapter::new().handler(servers.handler());
/// Suite::for_blocking_adapter(mock)
///     .in_process(&servers)
///     .only("every_method_arrives")
///     .run()
///     .assert_passed();
/// ```
#[derive(Clone, Default)]
pub struct InProcess {
    servers: Arc<Mutex<HashMap<String, Weak<Shared>>>>,
}

impl InProcess {
    /// Creates a stand-in that knows no server yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what [`MockAdapter::handler`](crate::MockAdapter::handler) takes.
    pub fn handler(
        &self,
    ) -> impl Fn(&http::Request<Body>) -> Result<http::Response<Body>, AdapterError> + Send + Sync + use<>
    {
        let this = self.clone();
        move |request| this.answer(request)
    }

    /// Makes a server reachable.
    pub fn add(&self, server: &Server) {
        let authority = server.address().to_string();
        self.lock()
            .insert(authority, Arc::downgrade(server.shared()));
    }

    fn answer(&self, request: &http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let server = {
            let authority = request.uri().authority().map(http::uri::Authority::as_str);
            let servers = self.lock();
            authority
                .and_then(|authority| servers.get(authority))
                .and_then(Weak::upgrade)
        };
        let Some(server) = server else {
            return Err(AdapterError::new(
                ErrorKind::Connect,
                "no server listens there",
            ));
        };
        let reply = server.reply_to(Received::of(request));
        reply.into_response(request.method())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Weak<Shared>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess")
            .field("servers", &self.lock().len())
            .finish_non_exhaustive()
    }
}

impl Reply {
    /// Turns the reply into what an adapter would make of it.
    fn into_response(self, method: &Method) -> Result<http::Response<Body>, AdapterError> {
        let head_len = self.head_len();
        let (Content::Message(message), true) = (self.content, self.delay.is_zero()) else {
            return Err(needs_a_wire());
        };
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(message.status).map_err(|_| needs_a_wire())?;
        for (name, value) in &message.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| needs_a_wire())?;
            let value = HeaderValue::from_bytes(value).map_err(|_| needs_a_wire())?;
            response.headers_mut().append(name, value);
        }
        if message.has_no_body() {
            return Ok(response);
        }
        let length = match message.framing {
            Framing::Length(lie) => Some(lie.unwrap_or_else(|| message.length())),
            Framing::Chunked | Framing::UntilClose => None,
        };
        if let Some(length) = length {
            response
                .headers_mut()
                .insert("content-length", length.into());
        }
        if *method == Method::HEAD {
            return Ok(response);
        }
        let end = match self.cut {
            None => None,
            Some((at, cut)) => {
                let at = at.checked_sub(head_len).ok_or_else(needs_a_wire)?;
                Some((at, cut))
            }
        };
        let body = into_body(message, self.pacing, end)?;
        *response.body_mut() = match length {
            Some(length) => body.with_length(length),
            None => body,
        };
        Ok(response)
    }
}

fn needs_a_wire() -> AdapterError {
    AdapterError::new(ErrorKind::Unsupported, "this reply needs a wire")
}

fn into_body(
    message: Message,
    pacing: Pacing,
    end: Option<(usize, Cut)>,
) -> Result<Body, AdapterError> {
    let pause = match pacing {
        Pacing::At(pause) => pause,
        Pacing::Held => return Err(needs_a_wire()),
    };
    let mut pieces = message.pieces;
    let mut left = end.map_or(usize::MAX, |(at, _)| at);
    for piece in &mut pieces {
        piece.truncate(left);
        left -= piece.len();
    }
    pieces.retain(|piece| !piece.is_empty());
    if end.is_none() && pause.is_zero() && pieces.len() < 2 {
        return Ok(pieces.pop().unwrap_or_default().into());
    }
    Ok(Body::stream(Pieces {
        pieces: pieces.into_iter(),
        pause,
        started: false,
        waiting: None,
        end: end.map(|(_, cut)| cut),
    }))
}

/// A body that comes piece by piece and may end badly.
struct Pieces {
    pieces: vec::IntoIter<Bytes>,
    pause: Duration,
    started: bool,
    waiting: Option<BoxFuture<'static, ()>>,
    end: Option<Cut>,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.started && self.waiting.is_none() && !self.pause.is_zero() {
            self.waiting = Some(ThreadRuntime.sleep(self.pause));
        }
        if let Some(waiting) = &mut self.waiting {
            std::task::ready!(waiting.as_mut().poll(context));
            self.waiting = None;
        }
        self.started = true;
        let this = &mut *self;
        match (this.pieces.next(), this.end) {
            (Some(piece), _) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            (None, None) => Poll::Ready(None),
            (None, Some(Cut::Stall)) => Poll::Pending,
            (None, Some(Cut::Fin | Cut::Reset)) => {
                let error = AdapterError::new(ErrorKind::Transport, "the body was cut short");
                Poll::Ready(Some(Err(error.into())))
            }
        }
    }
}
