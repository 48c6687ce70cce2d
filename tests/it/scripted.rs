//! What scenes are made of: a log, hooks that do as they are told, and bodies
//! that break where they are told.

use std::{
    borrow::Cow,
    future::poll_fn,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    thread,
    time::Duration,
    vec,
};

use bytes::Bytes;
use http_body::Frame;
use tollgate::{
    Body, BodyError, Error, Request, RequestFlow, RequestInterceptor, Response, ResponseFlow,
    ResponseInterceptor, Result,
};

/// Lines in the order in which they were written; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.lines().push(line.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        mem::take(&mut self.lines())
    }

    pub(crate) fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a scripted hook answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// By `try_sync`, where the trait has it.
    Sync,
    /// By a future that is ready at once.
    Ready,
    /// By a future that is pending once.
    Later,
}

/// What a scripted hook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Do {
    Pass,
    Fail(&'static str),
    /// Goes on with the call's original request.
    Recover,
    /// Answers with this status.
    Answer(u16),
    /// Replays until so many attempts were made.
    Replay(u32),
    Panic(&'static str),
}

/// A hook that logs `name.ok` or `name.err` and does as it was told.
pub(crate) struct Scripted {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
    pub(crate) style: Style,
    pub(crate) ok: Do,
    pub(crate) err: Do,
}

impl Scripted {
    fn request(&self, request: Request) -> Result<RequestFlow> {
        match self.ok {
            Do::Pass | Do::Recover | Do::Replay(_) => Ok(request.into()),
            Do::Fail(text) => Err(Error::message(text)),
            Do::Answer(status) => Ok(answer(status).into()),
            Do::Panic(text) => panic!("{text}"),
        }
    }

    fn request_error(&self, error: Error) -> Result<RequestFlow> {
        match self.err {
            Do::Pass | Do::Replay(_) => Err(error),
            Do::Fail(text) => Err(Error::message(text)),
            Do::Recover => Ok(error.original_request().unwrap().into()),
            Do::Answer(status) => Ok(answer(status).into()),
            Do::Panic(text) => panic!("{text}"),
        }
    }

    fn response(&self, response: Response) -> Result<ResponseFlow> {
        match self.ok {
            Do::Replay(limit) if response.attempts() < limit => Ok(response.replay()),
            Do::Pass | Do::Recover | Do::Replay(_) => Ok(response.into()),
            Do::Fail(text) => Err(Error::message(text)),
            Do::Answer(status) => Ok(answer(status).into()),
            Do::Panic(text) => panic!("{text}"),
        }
    }

    fn response_error(&self, error: Error) -> Result<ResponseFlow> {
        match self.err {
            Do::Replay(limit) if error.attempts() < limit => error.replay(),
            Do::Pass | Do::Recover | Do::Replay(_) => Err(error),
            Do::Fail(text) => Err(Error::message(text)),
            Do::Answer(status) => Ok(answer(status).into()),
            Do::Panic(text) => panic!("{text}"),
        }
    }

    /// The line comes first: a hook may be dropped at its await.
    fn tell(&self, half: &str) {
        self.log.add(format!("{}.{half}", self.name));
    }

    async fn wait(&self, half: &str) {
        self.tell(half);
        if self.style == Style::Later {
            pending_once().await;
        }
    }
}

pub(crate) fn answer(status: u16) -> Response {
    Response::new(
        http::StatusCode::from_u16(status).unwrap(),
        format!("answer {status}"),
    )
}

/// Gives the executor one turn.
pub(crate) async fn pending_once() {
    let mut waited = false;
    poll_fn(|context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl RequestInterceptor for Scripted {
    async fn on_fulfilled(&self, request: Request) -> Result<RequestFlow> {
        self.wait("ok").await;
        self.request(request)
    }

    async fn on_rejected(&self, error: Error) -> Result<RequestFlow> {
        self.wait("err").await;
        self.request_error(error)
    }

    fn try_sync(&self, request: Request) -> Result<Result<RequestFlow>, Request> {
        match self.style {
            Style::Sync => {
                self.tell("ok");
                Ok(self.request(request))
            }
            Style::Ready | Style::Later => Err(request),
        }
    }

    fn name(&self) -> Cow<'static, str> {
        self.name.into()
    }
}

impl ResponseInterceptor for Scripted {
    async fn on_fulfilled(&self, response: Response) -> Result<ResponseFlow> {
        self.wait("ok").await;
        self.response(response)
    }

    async fn on_rejected(&self, error: Error) -> Result<ResponseFlow> {
        self.wait("err").await;
        self.response_error(error)
    }

    fn try_sync(&self, response: Response) -> Result<Result<ResponseFlow>, Response> {
        match self.style {
            Style::Sync => {
                self.tell("ok");
                Ok(self.response(response))
            }
            Style::Ready | Style::Later => Err(response),
        }
    }

    fn name(&self) -> Cow<'static, str> {
        self.name.into()
    }
}

/// A body that breaks after its first chunk.
pub(crate) fn failing_body(text: &'static str) -> Body {
    chunks([Ok("first"), Err(text)])
}

/// A body that gives one chunk and then nothing, for ever.
pub(crate) fn stalling_body() -> Body {
    Body::stream(Chunks {
        left: vec![Ok("some")].into_iter(),
        ends: false,
    })
}

/// A one-shot body of these chunks.
pub(crate) fn chunks(chunks: impl IntoIterator<Item = Chunk>) -> Body {
    let chunks: Vec<_> = chunks.into_iter().collect();
    Body::stream(Chunks {
        left: chunks.into_iter(),
        ends: true,
    })
}

type Chunk = Result<&'static str, &'static str>;

struct Chunks {
    left: vec::IntoIter<Chunk>,
    ends: bool,
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = |text: &'static str| Frame::data(Bytes::from_static(text.as_bytes()));
        match self.left.next() {
            Some(chunk) => Poll::Ready(Some(chunk.map(frame).map_err(Into::into))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

/// Waits for another thread; fails the test after ten seconds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        thread::park_timeout(Duration::from_millis(1));
    }
    panic!("waited in vain until {what}");
}
