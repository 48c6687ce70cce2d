//! [`Limits`]: what ends a blocking call early.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tollgate::{
    AdapterError, Attempt, CancelHandle,
    runtime::{BoxFuture, Runtime},
};

/// The deadline and the cancel handle of an [`Attempt`], to be polled beside
/// the work.
pub(crate) struct Limits {
    deadline: Option<BoxFuture<'static, ()>>,
    cancelled: Option<BoxFuture<'static, ()>>,
    chunk: Option<Chunk>,
    upload: Option<Upload>,
    stream: bool,
}

/// The least rate of an upload; looked at until the head is there.
struct Upload {
    attempt: Attempt,
    timer: Option<BoxFuture<'static, ()>>,
}

impl Upload {
    /// Completes when too little was taken.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<AdapterError> {
        loop {
            if self.timer.is_none() {
                match self.attempt.check_upload() {
                    Ok(Some(wait)) => self.timer = Some(self.attempt.runtime().sleep(wait)),
                    Ok(None) => return Poll::Pending,
                    Err(error) => return Poll::Ready(error),
                }
            }
            if let Some(timer) = &mut self.timer {
                ready!(timer.as_mut().poll(context));
            }
            self.timer = None;
        }
    }
}

/// The time for one chunk of a streamed body; it runs while somebody waits.
struct Chunk {
    runtime: Arc<dyn Runtime>,
    limit: Duration,
    timer: Option<BoxFuture<'static, ()>>,
}

impl Limits {
    pub(crate) fn of(attempt: &Attempt) -> Self {
        let runtime = attempt.runtime();
        Self {
            deadline: attempt.time_left().map(|left| runtime.sleep(left)),
            cancelled: attempt
                .cancel()
                .map(CancelHandle::cancelled)
                .map(|cancelled| -> BoxFuture<'static, ()> { Box::pin(cancelled) }),
            chunk: attempt
                .read_timeout()
                .filter(|_| attempt.is_stream())
                .map(|limit| Chunk {
                    runtime: Arc::clone(runtime),
                    limit,
                    timer: None,
                }),
            upload: matches!(attempt.check_upload(), Ok(Some(_))).then(|| Upload {
                attempt: attempt.clone(),
                timer: None,
            }),
            stream: attempt.is_stream(),
        }
    }

    /// Completes when the call has to end.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<AdapterError> {
        if let Some(cancelled) = &mut self.cancelled
            && cancelled.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(AdapterError::cancelled());
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(AdapterError::timeout());
        }
        match &mut self.upload {
            Some(upload) => upload.poll(context),
            None => Poll::Pending,
        }
    }

    /// Notes that the head is there: of a stream, only chunks are timed.
    pub(crate) fn head_is_there(&mut self) {
        self.upload = None;
        if self.stream {
            self.deadline = None;
        }
    }

    /// Completes when the next chunk of a stream is overdue.
    pub(crate) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<AdapterError> {
        let Some(chunk) = &mut self.chunk else {
            return Poll::Pending;
        };
        let timer = chunk
            .timer
            .get_or_insert_with(|| chunk.runtime.sleep(chunk.limit));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(AdapterError::read_timeout(chunk.limit))
    }

    /// Notes that a chunk is there.
    pub(crate) fn chunk_is_there(&mut self) {
        if let Some(chunk) = &mut self.chunk {
            chunk.timer = None;
        }
    }
}
