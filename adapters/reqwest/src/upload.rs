//! [`Upload`]: a body that is read while it is sent.
//!
//! *Where it is read*: in the async engine by the task that writes to the
//! socket; in the blocking engine by the calling thread ([`Feed`]), because
//! its reader may block, and the task that writes serves every other call too.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, TryLockError,
        atomic::{AtomicBool, Ordering, fence},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::{Stream, channel::mpsc, task::AtomicWaker};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tollgate::{AdapterError, Body, BodyError, ErrorKind};

/// A body that is held to the length that was declared for it.
pub(crate) struct Upload {
    source: Source,
    declared: Option<u64>,
    sent: u64,
}

enum Source {
    Own(Body),
    /// Only for as long as the answer is being read.
    Wanted(Arc<Wanted>),
}

/// A body that is let go when the answer is over.
///
/// *Concurrency*: the lock is held while the body is polled, by the task that
/// writes. Who ends the answer does not wait for it: either that task lets the
/// body go after its poll, or the other one finds the lock free.
struct Wanted {
    body: Mutex<Option<Body>>,
    over: AtomicBool,
    waiting: AtomicWaker,
    panic: Mutex<Option<Payload>>,
}

type Payload = Box<dyn Any + Send>;

impl Wanted {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn let_go(&self) {
        let body = match self.body.try_lock() {
            Ok(mut body) => body.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        };
        drop(body);
    }

    fn poll(&self, context: &mut Context<'_>) -> Step {
        self.waiting.register(context.waker());
        let step = match self.body.lock().as_deref_mut() {
            Ok(Some(body)) if !self.is_over() => {
                let polled = AssertUnwindSafe(|| Pin::new(body).poll_frame(context));
                catch_unwind(polled).unwrap_or_else(|payload| self.panicked(payload))
            }
            Ok(_) | Err(_) => Poll::Ready(Some(Err(GIVEN_UP.into()))),
        };
        fence(Ordering::SeqCst);
        if self.is_over() {
            self.let_go();
        }
        step
    }

    /// Keeps a panic of the body's for the call: the task that writes may serve
    /// other calls too.
    fn panicked(&self, payload: Payload) -> Step {
        if let Ok(mut panic) = self.panic.lock() {
            *panic = Some(payload);
        }
        Poll::Ready(Some(Err(GIVEN_UP.into())))
    }
}

/// Keeps an upload going. Dropped with the answer, it ends what is left, and
/// lets go of where that comes from: hyper would go on sending to a server that
/// has answered, for ever if need be, or keep the body of one that stopped
/// reading.
pub(crate) struct Interest(Arc<Wanted>);

impl Interest {
    /// Takes what the body has panicked with.
    pub(crate) fn panic(&self) -> Option<Payload> {
        self.0.panic.lock().ok()?.take()
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.0.let_go();
        self.0.waiting.wake();
    }
}

type Step = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

impl Upload {
    pub(crate) fn new(body: Body, declared: Option<u64>) -> Self {
        Self {
            source: Source::Own(body),
            declared,
            sent: 0,
        }
    }

    /// Makes it last as long as what is returned.
    pub(crate) fn wanted(self) -> (Self, Option<Interest>) {
        let Source::Own(body) = self.source else {
            return (self, None);
        };
        let wanted = Arc::new(Wanted {
            body: Mutex::new(Some(body)),
            over: AtomicBool::new(false),
            waiting: AtomicWaker::new(),
            panic: Mutex::new(None),
        });
        let upload = Self {
            source: Source::Wanted(Arc::clone(&wanted)),
            ..self
        };
        (upload, Some(Interest(wanted)))
    }

    /// Splits into what the calling thread reads and what the socket is given.
    pub(crate) fn split(self) -> (Feed, Fed) {
        let declared = self.declared;
        // One frame waits at most: that of the one sender.
        let (sender, receiver) = mpsc::channel(0);
        let feed = Feed {
            upload: self,
            sender: Some(sender),
        };
        let fed = Fed {
            receiver: Some(receiver),
            declared,
        };
        (feed, fed)
    }

    fn check(&mut self, length: usize) -> Result<(), BodyError> {
        self.sent = self.sent.saturating_add(length as u64);
        match self.declared {
            Some(declared) if self.sent > declared => Err(AdapterError::new(
                ErrorKind::InvalidRequest,
                format!("the body is longer than the declared {declared} bytes"),
            )
            .into()),
            _ => Ok(()),
        }
    }

    fn check_end(&self) -> Result<(), BodyError> {
        match self.declared {
            Some(declared) if self.sent < declared => Err(AdapterError::new(
                ErrorKind::InvalidRequest,
                format!("the body ended after {} of {declared} bytes", self.sent),
            )
            .into()),
            _ => Ok(()),
        }
    }
}

const GIVEN_UP: &str = "the body was given up half-way";

fn hint(declared: Option<u64>) -> SizeHint {
    declared.map_or_else(SizeHint::default, SizeHint::with_exact)
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match &mut self.source {
            Source::Own(body) => Pin::new(body).poll_frame(context),
            Source::Wanted(wanted) => wanted.poll(context),
        };
        let frame = match ready!(frame) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(self.check_end().err().map(Err)),
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        Poll::Ready(Some(self.check(length).map(|()| frame)))
    }

    fn size_hint(&self) -> SizeHint {
        hint(self.declared)
    }
}

enum Part {
    Frame(Result<Frame<Bytes>, BodyError>),
    /// Without it, a feed that is dropped half-way would look like an end.
    End,
}

/// The calling thread's half: reads the body and hands it on.
pub(crate) struct Feed {
    upload: Upload,
    sender: Option<mpsc::Sender<Part>>,
}

impl Feed {
    /// Hands on what the socket takes; to be polled beside the answer.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) {
        while let Some(sender) = &mut self.sender {
            match sender.poll_ready(context) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    // Nobody wants the rest.
                    self.sender = None;
                    return;
                }
            }
            let part = match Pin::new(&mut self.upload).poll_frame(context) {
                Poll::Pending => return,
                Poll::Ready(Some(frame)) => Part::Frame(frame),
                Poll::Ready(None) => Part::End,
            };
            let last = !matches!(part, Part::Frame(Ok(_)));
            if sender.start_send(part).is_err() || last {
                self.sender = None;
            }
        }
    }
}

/// The socket's half.
pub(crate) struct Fed {
    receiver: Option<mpsc::Receiver<Part>>,
    declared: Option<u64>,
}

impl HttpBody for Fed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(receiver) = &mut self.receiver else {
            return Poll::Ready(None);
        };
        let part = match ready!(Pin::new(receiver).poll_next(context)) {
            Some(Part::Frame(Ok(frame))) => return Poll::Ready(Some(Ok(frame))),
            Some(Part::Frame(Err(error))) => Some(Err(error)),
            Some(Part::End) => None,
            None => Some(Err(GIVEN_UP.into())),
        };
        self.receiver = None;
        Poll::Ready(part)
    }

    fn size_hint(&self) -> SizeHint {
        hint(self.declared)
    }
}
