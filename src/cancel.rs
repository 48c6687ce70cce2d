//! [`CancelHandle`]: stops calls from anywhere, also from another thread.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use slab::Slab;

/// Cancels the calls that it was given to (axios: `AbortController`).
///
/// Clones share one state. Cancelling is final: a call that gets a cancelled
/// handle fails at once, with nothing sent. Honoured before dispatch, during
/// I/O, between interceptors and during back-off.
///
/// ```
/// use tollgate::{CancelHandle, Client, MockAdapter};
///
/// # tollgate::runtime::block_on(async {
/// let client = Client::new(MockAdapter::new());
/// let handle = CancelHandle::new();
/// handle.cancel_with("the user closed the page");
///
/// let error = client.get("http://h/x").cancel_handle(&handle).await.unwrap_err();
/// assert!(error.is_cancelled());
/// assert!(error.to_string().contains("the user closed the page"));
/// # });
/// ```
#[doc(alias = "AbortController")]
#[doc(alias = "AbortSignal")]
#[doc(alias = "CancelToken")]
#[derive(Clone, Default)]
pub struct CancelHandle {
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    waiting: Mutex<Waiting>,
    /// Whose cancellation is ours too.
    #[cfg(feature = "tokio-util")]
    token: Option<tokio_util::sync::CancellationToken>,
}

#[derive(Default)]
struct Waiting {
    reason: Option<Cow<'static, str>>,
    wakers: Slab<Waker>,
}

impl CancelHandle {
    /// Creates a handle that has not been cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels every call that has this handle, now and later.
    pub fn cancel(&self) {
        self.stop(None);
    }

    /// Cancels, and gives the errors a reason; the first reason stays.
    pub fn cancel_with(&self, reason: impl Into<Cow<'static, str>>) {
        self.stop(Some(reason.into()));
    }

    fn stop(&self, reason: Option<Cow<'static, str>>) {
        let wakers: Vec<Waker> = {
            let mut waiting = self.lock();
            if self.state.cancelled.swap(true, Ordering::AcqRel) {
                return;
            }
            waiting.reason = reason;
            waiting.wakers.drain().collect()
        };
        for waker in wakers {
            waker.wake();
        }
    }

    /// Tells whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let cancelled = self.state.cancelled.load(Ordering::Acquire);
        #[cfg(feature = "tokio-util")]
        let cancelled = cancelled
            || self
                .state
                .token
                .as_ref()
                .is_some_and(|it| it.is_cancelled());
        cancelled
    }

    /// Returns the reason that was given, if any.
    #[must_use]
    pub fn reason(&self) -> Option<Cow<'static, str>> {
        self.lock().reason.clone()
    }

    /// Returns a future that completes on cancellation.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves no trace.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled {
            handle: self.clone(),
            key: None,
            #[cfg(feature = "tokio-util")]
            token: self
                .state
                .token
                .clone()
                .map(|token| Box::pin(token.cancelled_owned())),
        }
    }

    /// Returns how many futures wait for the cancellation.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().wakers.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle that is cancelled with the token, or by itself; the token is not
/// cancelled with it.
///
/// ```
/// use tokio_util::sync::CancellationToken;
/// use tollgate::CancelHandle;
///
/// let token = CancellationToken::new();
/// let handle = CancelHandle::from(token.child_token());
/// token.cancel();
/// assert!(handle.is_cancelled());
/// ```
#[cfg(feature = "tokio-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio-util")))]
impl From<tokio_util::sync::CancellationToken> for CancelHandle {
    fn from(token: tokio_util::sync::CancellationToken) -> Self {
        Self {
            state: Arc::new(State {
                token: Some(token),
                ..State::default()
            }),
        }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// Completes when its [`CancelHandle`] is cancelled.
#[derive(Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct Cancelled {
    handle: CancelHandle,
    key: Option<usize>,
    #[cfg(feature = "tokio-util")]
    token: Option<Pin<Box<tokio_util::sync::WaitForCancellationFutureOwned>>>,
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.handle.is_cancelled() {
            return Poll::Ready(());
        }
        #[cfg(feature = "tokio-util")]
        if let Some(token) = &mut self.token
            && token.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(());
        }
        let handle = self.handle.clone();
        let mut waiting = handle.lock();
        // Lost-wakeup rule: the flag is read again under the lock.
        if handle.is_cancelled() {
            return Poll::Ready(());
        }
        match self.key.and_then(|key| waiting.wakers.get_mut(key)) {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.key = Some(waiting.wakers.insert(context.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // After a cancellation the slab is empty, so nothing is removed.
            let waker = self.handle.lock().wakers.try_remove(key);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_future_leaves_no_listener() {
        let handle = CancelHandle::new();
        let mut cancelled = handle.cancelled();
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut cancelled).poll(&mut context).is_pending());
        assert_eq!(handle.waiting(), 1);
        drop(cancelled);
        assert_eq!(handle.waiting(), 0);
    }

    #[test]
    fn the_first_reason_stays() {
        let handle = CancelHandle::new();
        handle.cancel_with("one");
        handle.cancel_with("two");
        assert_eq!(handle.reason().as_deref(), Some("one"));
        let mut context = Context::from_waker(Waker::noop());
        assert!(
            Pin::new(&mut handle.cancelled())
                .poll(&mut context)
                .is_ready()
        );
    }
}
