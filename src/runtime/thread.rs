//! [`ThreadRuntime`] and [`block_on`]: time and tasks from `std` alone.

use std::{
    cell::RefCell,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant, SystemTime},
};

use super::{BoxFuture, Runtime, wall};

/// The system's clocks, and one thread for each spawned task.
///
/// A sleep inside [`block_on`] parks the calling thread and needs no other;
/// elsewhere it takes a thread for its duration.
///
/// ```
/// use std::time::Duration;
/// use tollgate::runtime::{Runtime, ThreadRuntime, block_on};
///
/// block_on(ThreadRuntime.sleep(Duration::from_millis(1)));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadRuntime;

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the system's clocks"
)]
impl Runtime for ThreadRuntime {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        wall::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Sleep {
            until: Instant::now().checked_add(duration),
            timer: None,
        })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        // A task that cannot get a thread is dropped; its drop guards answer
        // whoever waits for it.
        drop(
            thread::Builder::new()
                .name("tollgate-task".to_owned())
                .spawn(move || block_on(task)),
        );
    }
}

/// `until` is `None` where the sum overflows: such a sleep never ends.
struct Sleep {
    until: Option<Instant>,
    /// Whom the thread will wake, if one was needed: the last one to poll.
    timer: Option<Arc<Mutex<Waker>>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock and sleeps"
)]
impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until else {
            return Poll::Pending;
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if park_until(until, waker) {
            return Poll::Pending;
        }
        if let Some(timer) = &self.timer {
            lock(timer).clone_from(waker);
            return Poll::Pending;
        }
        let timer = Arc::new(Mutex::new(waker.clone()));
        let woken = Arc::clone(&timer);
        let started = thread::Builder::new()
            .name("tollgate-timer".to_owned())
            .spawn(move || {
                thread::sleep(left);
                let waker = lock(&woken).clone();
                waker.wake();
            });
        match started {
            Ok(_) => self.timer = Some(timer),
            // Without a thread the executor has to come back by itself.
            Err(_) => waker.wake_by_ref(),
        }
        Poll::Pending
    }
}

fn lock(timer: &Mutex<Waker>) -> MutexGuard<'_, Waker> {
    timer.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// The timers of the innermost [`block_on`] of this thread; `None` outside.
    static TIMERS: RefCell<Option<Vec<(Instant, Waker)>>> = const { RefCell::new(None) };
}

/// Asks the running [`block_on`], if there is one, to wake `waker` at `until`.
fn park_until(until: Instant, waker: &Waker) -> bool {
    TIMERS.with_borrow_mut(|timers| match timers {
        None => false,
        Some(timers) => {
            let known = timers
                .iter()
                .any(|(at, other)| *at == until && other.will_wake(waker));
            if !known {
                timers.push((until, waker.clone()));
            }
            true
        }
    })
}

/// Puts the outer [`block_on`]'s timers back, also when the future panics.
struct Nesting(Option<Vec<(Instant, Waker)>>);

impl Nesting {
    fn enter() -> Self {
        Self(TIMERS.with_borrow_mut(|timers| timers.replace(Vec::new())))
    }
}

impl Drop for Nesting {
    fn drop(&mut self) {
        TIMERS.with_borrow_mut(|timers| *timers = self.0.take());
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Drives a future to its end on the calling thread, without a runtime.
///
/// This is what the blocking client does with the pipeline. It may be nested.
/// A future that needs somebody else's reactor (a tokio socket, say) has to be
/// polled inside that runtime; see `docs/blocking.md`.
///
/// ```
/// assert_eq!(tollgate::runtime::block_on(async { 6 * 7 }), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // Most futures here are ready at once: no waker is made for those.
    let nesting = Nesting::enter();
    if let Poll::Ready(output) = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        return output;
    }
    TIMERS.with_borrow_mut(|timers| *timers = Some(Vec::new()));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            drop(nesting);
            return output;
        }
        wait();
    }
}

/// Parks until a waker or the earliest timer fires, and wakes what is due.
#[expect(clippy::disallowed_methods, reason = "parks until a point in time")]
fn wait() {
    let next = TIMERS.with_borrow(|timers| {
        timers
            .as_ref()
            .and_then(|timers| timers.iter().map(|(at, _)| *at).min())
    });
    match next {
        None => thread::park(),
        Some(at) => {
            let left = at.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                thread::park_timeout(left);
            }
            let now = Instant::now();
            let due = TIMERS.with_borrow_mut(|timers| match timers {
                None => Vec::new(),
                Some(timers) => timers.extract_if(.., |(at, _)| *at <= now).collect(),
            });
            for (_, waker) in due {
                waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_parks_the_thread_it_is_polled_on() {
        let before = ThreadRuntime.now();
        block_on(ThreadRuntime.sleep(Duration::from_millis(20)));
        assert!(ThreadRuntime.now() - before >= Duration::from_millis(20));
    }

    #[test]
    fn nested_calls_keep_their_own_timers() {
        block_on(async {
            let outer = ThreadRuntime.sleep(Duration::from_millis(30));
            block_on(ThreadRuntime.sleep(Duration::from_millis(5)));
            outer.await;
        });
    }

    #[test]
    fn a_sleep_without_end_does_not_overflow() {
        let mut sleep = ThreadRuntime.sleep(Duration::MAX);
        let polled = sleep.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }

    #[test]
    fn a_foreign_executor_is_woken_by_a_thread() {
        let sleep = ThreadRuntime.sleep(Duration::from_millis(5));
        executor_like(sleep);
    }

    /// An executor that knows nothing of our timers.
    fn executor_like(mut future: BoxFuture<'static, ()>) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        while future.as_mut().poll(&mut context).is_pending() {
            thread::park();
        }
    }

    #[test]
    fn the_last_one_to_poll_is_woken() {
        let mut sleep = ThreadRuntime.sleep(Duration::from_millis(20));
        let mut first = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut first).is_pending());
        // Another executor goes on with it: it must not wait for ever.
        executor_like(sleep);
    }

    #[test]
    fn a_spawned_task_runs() {
        let (sender, receiver) = std::sync::mpsc::channel();
        ThreadRuntime.spawn(Box::pin(async move { sender.send(7).unwrap() }));
        assert_eq!(receiver.recv(), Ok(7));
    }
}
