//! What a hook may answer: go on, answer now, or start the call again.

use std::{fmt, time::Duration};

use crate::{error::Error, request::Request, response::Response};

/// What a request interceptor answers.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestFlow {
    /// Hands the request to the next interceptor, in the end to the adapter.
    Continue(Request),
    /// Answers the call: later request interceptors and the adapter are
    /// skipped, the status policy and the response interceptors run.
    Respond(Response),
}

impl From<Request> for RequestFlow {
    fn from(request: Request) -> Self {
        Self::Continue(request)
    }
}

impl From<Response> for RequestFlow {
    fn from(response: Response) -> Self {
        Self::Respond(response)
    }
}

/// What a response interceptor answers.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResponseFlow {
    /// Hands the response to the next interceptor, in the end to the caller.
    Continue(Response),
    /// Starts the next attempt of the same call from the top.
    Replay(Replay),
}

impl From<Response> for ResponseFlow {
    fn from(response: Response) -> Self {
        Self::Continue(response)
    }
}

impl From<Replay> for ResponseFlow {
    fn from(replay: Replay) -> Self {
        Self::Replay(replay)
    }
}

pub(crate) type Change = Box<dyn FnOnce(&mut Request) + Send>;

/// A wish for one more attempt, and what the caller gets if there is none.
pub struct Replay(pub(crate) Box<Wish>);

pub(crate) struct Wish {
    pub(crate) instead: Result<Response, Error>,
    pub(crate) change: Option<Change>,
    pub(crate) after: Option<Duration>,
}

impl Replay {
    pub(crate) fn after_error(error: Error) -> Self {
        Self::of(Err(error))
    }

    pub(crate) fn after_response(response: Response) -> Self {
        Self::of(Ok(response))
    }

    fn of(instead: Result<Response, Error>) -> Self {
        Self(Box::new(Wish {
            instead,
            change: None,
            after: None,
        }))
    }

    /// Changes the original request, for this attempt and all later ones.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Request) + Send + 'static) -> Self {
        self.0.change = Some(match self.0.change.take() {
            None => Box::new(change),
            Some(first) => Box::new(move |request| {
                first(request);
                change(request);
            }),
        });
        self
    }

    /// Waits before the attempt; the call's deadline and its
    /// [`CancelHandle`](crate::CancelHandle) end the wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.0.after = Some(wait);
        self
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("after", &self.0.after)
            .finish_non_exhaustive()
    }
}

/// In a response's extensions: why a replay that was asked for did not happen.
///
/// On an error, the same text is one of its notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReplayed {
    reason: String,
}

impl NotReplayed {
    pub(crate) fn new(reason: String) -> Self {
        Self { reason }
    }

    /// Returns the reason, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
