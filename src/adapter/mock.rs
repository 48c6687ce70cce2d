//! [`MockAdapter`]: scripted answers, recorded requests, no network.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::Serialize;

use super::{Adapter, AdapterError, Attempt, BlockingAdapter};
use crate::{
    body::Body,
    error::ErrorKind,
    headers::RedactedHeaders,
    runtime::{BoxFuture, Runtime, ThreadRuntime, block_on},
    uri::redacted,
};

/// A request as the adapter got it. `Debug` masks secrets.
#[derive(Clone)]
pub struct Recorded {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: bytes::Bytes,
    was_stream: bool,
}

impl Recorded {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the address.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &bytes::Bytes {
        &self.body
    }

    /// Tells whether the body could not have been sent again.
    #[must_use]
    pub fn was_stream(&self) -> bool {
        self.was_stream
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("method", &self.method)
            .field("uri", &format_args!("{}", redacted(&self.uri)))
            .field("headers", &RedactedHeaders(&self.headers))
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("was_stream", &self.was_stream)
            .finish()
    }
}

type Handler =
    dyn Fn(&http::Request<Body>) -> Result<http::Response<Body>, AdapterError> + Send + Sync;

/// One scripted answer.
pub struct MockReply {
    delay: Duration,
    outcome: Outcome,
}

enum Outcome {
    Answer(Result<http::Response<Body>, AdapterError>),
    Never,
}

impl MockReply {
    /// Answers with a status and a body.
    ///
    /// A status outside 100–999 becomes 500.
    #[must_use]
    pub fn status(status: u16, body: impl Into<Body>) -> Self {
        let mut response = http::Response::new(body.into());
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::response(response)
    }

    /// Answers with a response of the test's making.
    #[must_use]
    pub fn response(response: http::Response<Body>) -> Self {
        Self {
            delay: Duration::ZERO,
            outcome: Outcome::Answer(Ok(response)),
        }
    }

    /// Fails as a transport does.
    #[must_use]
    pub fn error(error: AdapterError) -> Self {
        Self {
            delay: Duration::ZERO,
            outcome: Outcome::Answer(Err(error)),
        }
    }

    /// Never answers; only a timeout or a cancellation ends the attempt.
    #[must_use]
    pub fn never() -> Self {
        Self {
            delay: Duration::ZERO,
            outcome: Outcome::Never,
        }
    }

    /// Adds a header; one that is not valid is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Outcome::Answer(Ok(response)) = &mut self.outcome {
            let name = http::HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value.parse()) {
                response.headers_mut().append(name, value);
            }
        }
        self
    }

    /// Answers later, by the client's runtime.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl fmt::Debug for MockReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockReply")
            .field("delay", &self.delay)
            .finish_non_exhaustive()
    }
}

/// An adapter without a network: it answers by script and records what it got.
///
/// Scripted replies are used up in order; then the handler answers, and
/// without one a 200 with an empty body. It serves both engines; clones share
/// script and record.
///
/// ```
/// use tollgate::{MockAdapter, blocking::Client};
///
/// let mock = MockAdapter::new().reply(503, "busy").reply(200, "done");
/// let client = Client::new(mock.clone());
///
/// assert!(client.get("http://h/a").send().unwrap_err().is_status(503));
/// assert_eq!(client.get("http://h/b").send().unwrap().text().unwrap(), "done");
/// assert_eq!(mock.requests()[1].uri(), "http://h/b");
/// ```
#[derive(Clone)]
pub struct MockAdapter {
    state: Arc<Mutex<State>>,
    runtime: Arc<dyn Runtime>,
    recording: bool,
}

#[derive(Default)]
struct State {
    replies: VecDeque<MockReply>,
    handler: Option<Arc<Handler>>,
    requests: Vec<Recorded>,
}

impl MockAdapter {
    /// Creates an adapter that answers 200 to everything.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Arc::default(),
            runtime: Arc::new(ThreadRuntime),
            recording: true,
        }
    }

    /// Scripts the next answer.
    #[must_use]
    pub fn reply(self, status: u16, body: impl Into<Body>) -> Self {
        self.then(MockReply::status(status, body))
    }

    /// Scripts the next answer, as JSON.
    ///
    /// A value that does not serialise is answered with 500 and serde's text.
    #[must_use]
    pub fn reply_json(self, status: u16, value: &(impl Serialize + ?Sized)) -> Self {
        let reply = match serde_json::to_vec(value) {
            Ok(json) => MockReply::status(status, json).header("content-type", "application/json"),
            Err(error) => MockReply::status(500, error.to_string()),
        };
        self.then(reply)
    }

    /// Scripts the next answer.
    #[must_use]
    pub fn then(self, reply: MockReply) -> Self {
        self.push(reply);
        self
    }

    /// Scripts the next answer of an adapter that is in use.
    pub fn push(&self, reply: MockReply) {
        self.lock().replies.push_back(reply);
    }

    /// Answers everything that is not scripted.
    #[must_use]
    pub fn handler(
        self,
        handler: impl Fn(&http::Request<Body>) -> Result<http::Response<Body>, AdapterError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.lock().handler = Some(Arc::new(handler));
        self
    }

    /// Names the runtime that clients use unless their builder is given one.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Records nothing, for benches.
    #[must_use]
    pub fn without_recording(mut self) -> Self {
        self.recording = false;
        self
    }

    /// Returns the requests so far, first one first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    /// Returns the number of requests so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().requests.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, mut request: http::Request<Body>) -> (Outcome, Duration) {
        if self.recording {
            let was_stream = !request.body().is_replayable();
            let body = read_all(std::mem::take(request.body_mut()));
            *request.body_mut() = body.clone().into();
            self.lock().requests.push(Recorded {
                method: request.method().clone(),
                uri: request.uri().clone(),
                headers: request.headers().clone(),
                body,
                was_stream,
            });
        }
        let (reply, handler) = {
            let mut state = self.lock();
            (state.replies.pop_front(), state.handler.clone())
        };
        match (reply, handler) {
            (Some(reply), _) => (reply.outcome, reply.delay),
            (None, Some(handler)) => (Outcome::Answer(handler(&request)), Duration::ZERO),
            (None, None) => {
                let response = http::Response::new(Body::empty());
                (Outcome::Answer(Ok(response)), Duration::ZERO)
            }
        }
    }
}

/// Reads a body for the record; what cannot be read is left out.
fn read_all(body: Body) -> bytes::Bytes {
    if let Some(bytes) = body.as_bytes() {
        return bytes.clone();
    }
    let mut bytes = Vec::new();
    drop(std::io::Read::read_to_end(
        &mut body.into_reader(),
        &mut bytes,
    ));
    bytes.into()
}

impl Default for MockAdapter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MockAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("MockAdapter")
            .field("scripted", &state.replies.len())
            .field("requests", &state.requests.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Adapter for MockAdapter {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        let attempt = request.extensions().get::<Attempt>().cloned();
        let (outcome, delay) = self.answer(request);
        if !delay.is_zero() {
            let runtime = attempt.map_or_else(|| Arc::clone(&self.runtime), |it| it.runtime);
            runtime.sleep(delay).await;
        }
        match outcome {
            Outcome::Answer(answer) => answer,
            Outcome::Never => std::future::pending().await,
        }
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.runtime)
    }
}

impl BlockingAdapter for MockAdapter {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let attempt = Attempt::of(&request);
        let (outcome, delay) = self.answer(request);
        if delay.is_zero()
            && matches!(outcome, Outcome::Answer(_))
            && let Outcome::Answer(answer) = outcome
        {
            return answer;
        }
        let wait: BoxFuture<'static, ()> = match outcome {
            Outcome::Never => Box::pin(std::future::pending()),
            Outcome::Answer(_) => attempt.runtime.sleep(delay),
        };
        block_on(attempt.limit(wait))?;
        match outcome {
            Outcome::Answer(answer) => answer,
            Outcome::Never => Err(AdapterError::new(ErrorKind::Transport, "no answer came")),
        }
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.runtime)
    }
}
