//! [`Line`]: work that is done one after the other, on a thread of its own.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use futures_channel::oneshot;

use super::fault;
use crate::Result;

type Job = Box<dyn FnOnce() + Send>;

/// Runs blocking work for async callers; the thread ends with the last job.
///
/// One thread for all that wait, so that a lock which is never given back
/// holds up one thread and not one for each try.
pub(super) struct Line {
    name: &'static str,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    running: bool,
}

impl Line {
    /// Creates an idle line; `name` is that of its thread, 15 bytes at most.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            queue: Arc::default(),
        }
    }

    /// Does the work even if nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        self.push(Box::new(move || drop(sender.send(work()))))?;
        answer(receiver).await
    }

    /// Leaves the work undone if nobody waits for it when its turn comes; what
    /// it gives is dropped if nobody waits then.
    pub(super) async fn run_if_awaited<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        self.push(Box::new(move || {
            if !sender.is_canceled() {
                drop(sender.send(work()));
            }
        }))?;
        answer(receiver).await
    }

    fn push(&self, job: Job) -> Result<()> {
        let mut queue = lock(&self.queue);
        queue.jobs.push_back(job);
        if queue.running {
            return Ok(());
        }
        queue.running = true;
        drop(queue);
        let work = Arc::clone(&self.queue);
        let thread = thread::Builder::new().name(self.name.to_owned());
        match thread.spawn(move || work_off(&work)) {
            Ok(_) => Ok(()),
            Err(error) => {
                let mut queue = lock(&self.queue);
                queue.running = false;
                let jobs = std::mem::take(&mut queue.jobs);
                drop(queue);
                // Wakes who waits for them.
                drop(jobs);
                Err(fault::no_thread(error))
            }
        }
    }
}

async fn answer<T>(receiver: oneshot::Receiver<Result<T>>) -> Result<T> {
    receiver.await.unwrap_or_else(|_| Err(fault::cut_off()))
}

fn work_off(queue: &Mutex<Queue>) {
    loop {
        let mut queue = lock(queue);
        let Some(job) = queue.jobs.pop_front() else {
            queue.running = false;
            return;
        };
        drop(queue);
        // Whoever waits hears of a panic because the answer is dropped.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;
    use crate::{Error, runtime::block_on};

    #[test]
    fn work_is_done_in_order_and_the_thread_ends() {
        let line = Line::new("a-line");
        let done = Arc::new(Mutex::new(Vec::new()));
        for number in 0..100 {
            let done = Arc::clone(&done);
            let name = block_on(line.run(move || {
                done.lock().unwrap().push(number);
                Ok(thread::current().name().map(str::to_owned))
            }));
            assert_eq!(name.unwrap().as_deref(), Some("a-line"));
        }
        assert!(done.lock().unwrap().is_sorted());
        while lock(&line.queue).running {
            thread::yield_now();
        }
    }

    #[test]
    fn a_panic_is_an_error_and_does_not_end_the_line() {
        let line = Line::new("a-line");
        let error = block_on(line.run(|| -> Result<()> {
            std::panic::resume_unwind(Box::new("a fault"));
        }));
        assert!(error.unwrap_err().to_string().contains("cut off"));
        assert_eq!(block_on(line.run(|| Ok(7))).unwrap(), 7);
        let error = block_on(line.run(|| Err::<(), _>(Error::message("no")))).unwrap_err();
        assert_eq!(error.to_string(), "no");
    }

    #[test]
    fn what_nobody_waits_for_is_left_or_done_as_asked() {
        let line = Line::new("a-line");
        let (open, gate) = mpsc::channel::<()>();
        let held = line.run(move || gate.recv().map_err(Error::other));
        let mut held = Box::pin(held);
        assert!(held.as_mut().now_or_never().is_none());
        let (sender, seen) = mpsc::channel();
        let other = sender.clone();
        let done = line.run(move || sender.send("done").map_err(Error::other));
        let left = line.run_if_awaited(move || other.send("left").map_err(Error::other));
        assert!(done.now_or_never().is_none());
        assert!(left.now_or_never().is_none());
        open.send(()).unwrap();
        block_on(held).unwrap();
        assert_eq!(seen.iter().collect::<Vec<_>>(), ["done"]);
    }
}
