//! [`Watch`]: what the attempt allows, as the transports see it.
//!
//! *In and out*: an [`Attempt`] in; [`Seen`], what the wire did meanwhile, out.
//!
//! ureq works on the calling thread and cannot be interrupted, and its
//! transports outlive a call in the pool. So the attempt is left on the thread
//! for as long as ureq runs ([`Watch::run`]); the transports ask for it before
//! each wait ([`pause`]) and note what the caller has to know ([`note`]). Each
//! read of a body does the same, on whichever thread it happens.

use std::{
    cell::RefCell,
    io,
    time::{Duration, Instant},
};

use tollgate::{AdapterError, Attempt};
use ureq::{Error, Timeout};

/// How long a transport waits before it asks again. Cancellation takes up to
/// this long; a call that waits wakes this often.
const SLICE: Duration = Duration::from_millis(25);

/// The limits that hold while ureq runs once: for a head, or for one read.
pub(crate) struct Watch {
    attempt: Attempt,
    until: Option<Instant>,
    /// Of a streamed body, where `until` is that of one chunk.
    chunk: Option<Duration>,
    /// The request is on its way.
    sends: bool,
}

/// Why a transport gave up.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    Cancelled,
    TimedOut,
    /// No chunk came in this time.
    Overdue(Duration),
}

impl From<Stop> for AdapterError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Self::cancelled(),
            Stop::TimedOut => Self::timeout(),
            Stop::Overdue(limit) => Self::read_timeout(limit),
        }
    }
}

impl From<Stop> for Error {
    /// What ureq hears of it; the caller looks at [`Seen::stop`] first.
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Self::Io(io::Error::other("the call was cancelled")),
            Stop::TimedOut | Stop::Overdue(_) => Self::Timeout(Timeout::Global),
        }
    }
}

/// How far a new connection has come. A pooled one is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    Lookup,
    Connect,
    Handshake,
    #[default]
    Open,
}

/// How a connection ended.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Clean,
    /// ureq takes some of these for the end of a body.
    Fault(io::ErrorKind),
}

/// What happened below ureq, where its own errors do not say.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) stage: Stage,
    pub(crate) stop: Option<Stop>,
    /// Bytes came in.
    pub(crate) input: bool,
    /// After that, a connection was given back to the pool or closed.
    pub(crate) released: bool,
    /// The server ended the connection.
    pub(crate) end: Option<End>,
    /// The server has stopped reading: the rest of the body is not wanted.
    pub(crate) deaf: bool,
    /// Why the request's body could not be read.
    pub(crate) upload: Option<io::Error>,
}

struct Scope {
    watch: Watch,
    seen: Seen,
}

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Puts the outer scope back, also when ureq or a body panics.
struct Outer(Option<Scope>);

impl Drop for Outer {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

impl Watch {
    /// Watches over a request, up to the head of its answer.
    pub(crate) fn head(attempt: Attempt) -> Self {
        Self {
            until: attempt.deadline(),
            chunk: None,
            sends: true,
            attempt,
        }
    }

    /// Watches over one read of a body.
    pub(crate) fn body(attempt: Attempt) -> Self {
        let whole = attempt.body_deadline();
        let limit = attempt.chunk_timeout();
        let next = limit.and_then(|limit| attempt.runtime().now().checked_add(limit));
        let (until, chunk) = match (next, whole) {
            (Some(next), Some(whole)) if whole < next => (Some(whole), None),
            (Some(next), _) => (Some(next), limit),
            (None, whole) => (whole, None),
        };
        Self {
            attempt,
            until,
            chunk,
            sends: false,
        }
    }

    /// Fails if there is no point in starting.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        self.time_left().map(drop)
    }

    /// Runs ureq with the limits on this thread. Calls nest: a request's body
    /// may itself be the answer of another call.
    pub(crate) fn run<T>(self, work: impl FnOnce() -> T) -> (Seen, T) {
        let scope = Scope {
            watch: self,
            seen: Seen::default(),
        };
        let outer = Outer(CURRENT.replace(Some(scope)));
        let result = work();
        let seen = CURRENT.take().map(|scope| scope.seen).unwrap_or_default();
        drop(outer);
        (seen, result)
    }

    fn time_left(&self) -> Result<Option<Duration>, Stop> {
        if self.attempt.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let upload = self.upload_left()?;
        let Some(until) = self.until else {
            return Ok(upload);
        };
        let left = until.saturating_duration_since(self.attempt.runtime().now());
        if left.is_zero() {
            return Err(self.chunk.map_or(Stop::TimedOut, Stop::Overdue));
        }
        Ok(Some(left).into_iter().chain(upload).min())
    }

    /// Returns the time to the next look at the upload's rate.
    fn upload_left(&self) -> Result<Option<Duration>, Stop> {
        if !self.sends {
            return Ok(None);
        }
        self.attempt.check_upload().map_err(|_| Stop::TimedOut)
    }

    fn is_limited(&self) -> bool {
        self.until.is_some() || self.attempt.cancel().is_some()
    }
}

fn with_scope<T>(ask: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    CURRENT.with_borrow_mut(|scope| scope.as_mut().map(ask))
}

/// Returns how long a transport may block at most, and whether it has to ask
/// again before that.
fn ask(own: Option<Duration>, sliced: bool) -> Result<Option<Duration>, Error> {
    let answer = with_scope(|scope| {
        let left = scope.watch.time_left().inspect_err(|stop| {
            scope.seen.stop = Some(*stop);
        })?;
        let slice = (sliced && scope.watch.is_limited()).then_some(SLICE);
        Ok::<_, Stop>([left, slice, own].into_iter().flatten().min())
    });
    answer.unwrap_or(Ok(own)).map_err(Error::from)
}

/// Returns how long a transport may block before it asks again, `None` for as
/// long as it takes; at most `own`, what its own limits leave it.
pub(crate) fn pause(own: Option<Duration>) -> Result<Option<Duration>, Error> {
    ask(own, true)
}

/// As [`pause`], for what cannot be done in slices.
pub(crate) fn limit(own: Option<Duration>) -> Result<Option<Duration>, Error> {
    ask(own, false)
}

/// Notes something for the caller of ureq.
pub(crate) fn note(change: impl FnOnce(&mut Seen)) {
    with_scope(|scope| change(&mut scope.seen));
}

/// Tells whether the rest of the request's body is not wanted any more.
pub(crate) fn is_deaf() -> bool {
    with_scope(|scope| scope.seen.deaf).unwrap_or(false)
}

/// Returns the attempt's time.
pub(crate) fn now() -> Option<Instant> {
    with_scope(|scope| scope.watch.attempt.runtime().now())
}

#[cfg(test)]
mod tests {
    use tollgate::Body;

    use super::*;

    fn attempt() -> Attempt {
        Attempt::of(&http::Request::new(Body::empty()))
    }

    #[test]
    fn a_nested_run_leaves_the_outer_one_as_it_was() {
        let (outer, inner) = Watch::head(attempt()).run(|| {
            note(|seen| seen.input = true);
            let (inner, ()) = Watch::head(attempt()).run(|| note(|seen| seen.deaf = true));
            assert!(!is_deaf());
            inner
        });
        assert!(outer.input && !outer.deaf);
        assert!(inner.deaf && !inner.input);
    }

    #[test]
    fn a_panic_leaves_no_scope_behind() {
        let caught = std::panic::catch_unwind(|| Watch::head(attempt()).run(|| panic!("planned")));
        assert!(caught.is_err());
        assert!(now().is_none());
    }

    #[test]
    fn an_attempt_without_limits_is_waited_for_in_one_go() {
        let (_, wait) = Watch::head(attempt()).run(|| pause(None));
        assert_eq!(wait.unwrap(), None);
        let own = Some(Duration::from_secs(9));
        let (_, wait) = Watch::head(attempt()).run(|| pause(own));
        assert_eq!(wait.unwrap(), own);
    }
}
