//! [`Upload`]: a body that is read while it is sent.
//!
//! *Where it is read*: in the async engine by the task that writes to the
//! socket; in the blocking engine by the calling thread ([`Feed`]), because
//! its reader may block, and the task that writes serves every other call too.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::{Stream, channel::mpsc, task::AtomicWaker};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tollgate::{AdapterError, Body, BodyError, ErrorKind};

/// A body that is held to the length that was declared for it.
pub(crate) struct Upload {
    body: Body,
    declared: Option<u64>,
    sent: u64,
    answer: Option<Arc<Answer>>,
}

/// Whether the answer is still being read.
#[derive(Default)]
struct Answer {
    over: AtomicBool,
    waiting: AtomicWaker,
}

impl Answer {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// Keeps an upload going. Dropped with the answer, it ends what is left: hyper
/// would go on sending to a server that has answered, for ever if need be.
pub(crate) struct Interest(Arc<Answer>);

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.0.waiting.wake();
    }
}

impl Upload {
    pub(crate) fn new(body: Body, declared: Option<u64>) -> Self {
        Self {
            body,
            declared,
            sent: 0,
            answer: None,
        }
    }

    /// Makes it last as long as what is returned.
    pub(crate) fn interest(&mut self) -> Interest {
        let answer = Arc::new(Answer::default());
        self.answer = Some(Arc::clone(&answer));
        Interest(answer)
    }

    /// Tells whether nobody wants the rest; else asks to be woken then.
    fn is_given_up(&self, context: &Context<'_>) -> bool {
        self.answer.as_ref().is_some_and(|answer| {
            answer.waiting.register(context.waker());
            answer.is_over()
        })
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
        if self.is_given_up(context) {
            return Poll::Ready(Some(Err(GIVEN_UP.into())));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
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
