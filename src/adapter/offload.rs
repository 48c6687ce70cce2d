//! [`Offload`]: a blocking adapter under the async client.

use std::{
    fmt,
    io::{self, Read},
    panic::resume_unwind,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame};
use tokio::{runtime::Handle, task::JoinHandle};

use super::{Adapter, AdapterError, BlockingAdapter};
use crate::{
    Attempt, CancelHandle,
    body::{Body, BodyError, BodyReader},
    error::ErrorKind,
    runtime::{Runtime, TokioRuntime},
};

/// How much of a body one trip to the pool reads.
const CHUNK_BYTES: usize = 64 * 1024;

/// Runs a blocking adapter on tokio's blocking pool.
///
/// `send` and each read of the body take a thread of the pool while they
/// last. A call that is dropped cancels the attempt, which the adapter notices
/// at its next chance; the thread is busy until then.
///
/// ```
/// use tollgate::{Client, MockAdapter, Offload};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let client = Client::new(Offload::new(MockAdapter::new().reply(200, "hello")));
/// assert_eq!(client.get("http://h/").await.unwrap().text().unwrap(), "hello");
/// # });
/// ```
pub struct Offload<A> {
    adapter: Arc<A>,
}

impl<A: BlockingAdapter> Offload<A> {
    /// Wraps a blocking adapter.
    #[must_use]
    pub fn new(adapter: A) -> Self {
        Self {
            adapter: Arc::new(adapter),
        }
    }
}

impl<A> Clone for Offload<A> {
    fn clone(&self) -> Self {
        Self {
            adapter: Arc::clone(&self.adapter),
        }
    }
}

impl<A> fmt::Debug for Offload<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offload").finish_non_exhaustive()
    }
}

/// Cancels the attempt when the future that waits for it is dropped.
struct CancelOnDrop(Option<CancelHandle>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.cancel();
        }
    }
}

fn lost(source: tokio::task::JoinError) -> AdapterError {
    AdapterError::new(ErrorKind::Transport, "the blocking task did not finish").with_source(source)
}

#[async_trait]
impl<A: BlockingAdapter> Adapter for Offload<A> {
    async fn send(
        &self,
        mut request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        let Ok(handle) = Handle::try_current() else {
            return Err(AdapterError::new(
                ErrorKind::Unsupported,
                "`Offload` needs a tokio runtime",
            )
            .with_hint("run the call inside one, or use the blocking client"));
        };
        // The attempt gets a handle of its own: the core drops this future
        // when the call's handle is cancelled, and that cancels this one.
        let cancel = CancelHandle::new();
        let mut attempt = Attempt::of(&request);
        attempt.cancel = Some(cancel.clone());
        request.extensions_mut().insert(attempt);
        let mut guard = CancelOnDrop(Some(cancel.clone()));
        let adapter = Arc::clone(&self.adapter);
        let response = handle
            .spawn_blocking(move || adapter.send(request))
            .await
            .map_err(|error| match error.try_into_panic() {
                // The core catches it, and says whose it was.
                Ok(payload) => resume_unwind(payload),
                Err(error) => lost(error),
            })??;
        guard.0 = None;
        Ok(response.map(|body| {
            if body.as_bytes().is_some() {
                return body;
            }
            let length = body.length();
            let body = Body::stream(Pooled {
                state: State::Idle(Some(body.into_reader())),
                _guard: CancelOnDrop(Some(cancel)),
            });
            match length {
                Some(length) => body.with_length(length),
                None => body,
            }
        }))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(TokioRuntime::new())
    }
}

/// A body whose reads run on the blocking pool.
struct Pooled {
    state: State,
    _guard: CancelOnDrop,
}

enum State {
    Idle(Option<BodyReader>),
    Reading(JoinHandle<(io::Result<Bytes>, BodyReader)>),
}

fn read(mut reader: BodyReader) -> (io::Result<Bytes>, BodyReader) {
    let mut buffer = BytesMut::zeroed(CHUNK_BYTES);
    let result = reader.read(&mut buffer).map(|length| {
        buffer.truncate(length);
        buffer.freeze()
    });
    (result, reader)
}

impl HttpBody for Pooled {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match &mut self.state {
                State::Idle(reader) => {
                    let Some(reader) = reader.take() else {
                        return Poll::Ready(None);
                    };
                    let Ok(handle) = Handle::try_current() else {
                        self.state = State::Idle(Some(reader));
                        return Poll::Ready(Some(Err("the body is read outside tokio".into())));
                    };
                    self.state = State::Reading(handle.spawn_blocking(move || read(reader)));
                }
                State::Reading(task) => {
                    let finished = ready!(Pin::new(task).poll(context));
                    let (result, reader) = match finished {
                        Ok(finished) => finished,
                        Err(error) => {
                            self.state = State::Idle(None);
                            return Poll::Ready(Some(Err(lost(error).into())));
                        }
                    };
                    return Poll::Ready(match result {
                        Ok(bytes) if bytes.is_empty() => {
                            self.state = State::Idle(None);
                            None
                        }
                        Ok(bytes) => {
                            self.state = State::Idle(Some(reader));
                            Some(Ok(Frame::data(bytes)))
                        }
                        Err(error) => {
                            self.state = State::Idle(None);
                            Some(Err(error.into()))
                        }
                    });
                }
            }
        }
    }
}
