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
    message::{Framing, Message},
    reply::{Content, Cut, Pacing},
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
/// bytes on a wire are left out then:
///
/// | left out | reason |
/// |---|---|
/// | `the_adapter_adds_only_headers_of_the_transport` | it is about heads on a wire |
/// | `the_host_stands_there_once` | it is about heads on a wire |
/// | `what_cannot_be_sent_is_refused_without_a_panic` | a mock sends everything |
/// | `interim_answers_are_passed_over` | it is about heads on a wire |
/// | `a_head_without_measure_is_an_error` | it is about heads on a wire |
/// | `an_empty_body_has_the_right_length` | a mock gets a body without its framing |
/// | `bytes_arrive_unchanged_with_their_length` | a mock gets a body without its framing |
/// | `a_stream_of_unknown_length_is_chunked` | a mock gets a body without its framing |
/// | `a_stream_of_known_length_is_not_chunked` | a mock gets a body without its framing |
/// | `a_failing_upload_is_an_error` | a mock gets a body without its framing |
/// | `an_upload_shorter_than_its_length_is_an_error` | a mock gets a body without its framing |
/// | `a_form_arrives_with_its_length` | a mock gets a body without its framing |
/// | `a_form_without_a_length_is_chunked` | a mock gets a body without its framing |
/// | `a_part_that_breaks_its_length_is_an_error` | a mock gets a body without its framing |
/// | `every_framing_is_read_to_its_end` | a mock's answers have no framing |
/// | `gzip_is_decoded` | a mock does not decode |
/// | `a_broken_gzip_is_a_decode_error` | a mock does not decode |
/// | `a_gzip_cut_on_the_wire_is_a_transport_error` | a mock does not decode |
/// | `credentials_stay_with_their_host` | a mock resolves no names |
/// | `credentials_stay_with_their_scheme` | a mock has no TLS |
/// | `an_answer_by_length_cut_anywhere_is_an_error` | a mock's wire cannot break |
/// | `an_answer_in_chunks_cut_anywhere_is_an_error` | a mock's wire cannot break |
/// | `a_reset_is_an_error_even_where_the_close_is_the_end` | a mock's wire cannot break |
/// | `garbage_instead_of_a_head_is_an_error` | a mock's wire cannot break |
/// | `an_end_before_the_head_is_an_error` | a mock's wire cannot break |
/// | `a_body_of_ambiguous_length_is_an_error` | a mock's wire cannot break |
/// | `a_coding_that_is_not_chunked_is_an_error` | a mock's wire cannot break |
/// | `a_fault_before_the_request_is_read_is_an_error` | a mock's wire cannot break |
/// | `an_answer_that_overtakes_the_upload_is_delivered` | a mock's wire cannot break |
/// | `bytes_after_an_answer_belong_to_nobody` | a mock's wire cannot break |
/// | `a_refused_connection_is_a_connect_error` | a mock's wire cannot break |
/// | `a_name_that_does_not_exist_is_a_dns_error` | a mock's wire cannot break |
/// | `waiting_for_a_head_times_out` | a mock's handler cannot wait |
/// | `an_upload_that_nobody_reads_times_out` | a mock reads every upload |
/// | `the_limit_counts_decoded_bytes` | a mock does not decode |
/// | `an_upload_of_unknown_length_stops_at_the_limit` | a mock reads every upload |
/// | `a_slow_upload_is_too_slow` | a mock reads every upload |
/// | `an_upload_that_stands_still_is_too_slow` | a mock reads every upload |
/// | `a_stream_that_nobody_reads_holds_the_server_back` | a mock has no connections |
/// | `a_body_over_the_limit_closes_its_connection` | a mock has no connections |
/// | `an_error_of_a_stream_names_its_call` | a mock's wire cannot break |
/// | `a_stream_gives_each_chunk_when_it_comes` | a mock cannot hold a piece |
/// | `a_cut_stream_ends_with_an_error` | a mock's wire cannot break |
/// | `a_dropped_stream_closes_its_connection` | a mock has no connections |
/// | `an_upload_is_told_to_its_last_byte` | a mock gets a body without its framing |
/// | `a_download_is_told_to_its_last_byte` | a mock's answers have no framing |
/// | `a_decoded_download_has_no_total` | a mock does not decode |
/// | `a_panic_in_an_upload_handler_fails_the_call` | a mock reads every upload |
/// | `a_cancel_ends_the_wait_for_a_head` | a mock's handler cannot wait |
/// | `a_cancel_ends_an_upload` | a mock reads every upload |
/// | `a_cancelled_call_closes_its_connection` | a mock has no connections |
/// | `a_dropped_call_closes_its_connection` | a mock has no connections |
/// | `calls_one_after_the_other_share_a_connection` | a mock has no connections |
/// | `a_refused_answer_gives_its_connection_back` | a mock has no connections |
/// | `an_answer_that_closes_is_believed` | a mock has no connections |
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
        let reply = server.reply_to(&Received::of(request));
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
