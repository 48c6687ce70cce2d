//! A [`Line`] without tokio: a thread that asks one thing after the other, and
//! one that listens.
//!
//! *Not here*: cutting off a look-up of a name, a TLS handshake, or an answer
//! that comes a byte at a time. Whoever waits for the thread gives up in time;
//! the thread goes on when that is over.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use redis::{Cmd, Connection, ConnectionLike, PubSub, RedisError, RedisResult, Value};
use tollgate::runtime::{BoxFuture, Runtime, ThreadRuntime, block_on};

use super::{Job, Line, backoff, left, longest_pause, now};
use crate::{
    error::{self, Remedy},
    source::Source,
    watch::{Bell, Bells},
};

/// How often the listening thread looks whether it is still needed, and what
/// for.
const LOOK: Duration = Duration::from_millis(250);
/// How long it waits for the answer to a question.
const LIMIT: Duration = Duration::from_secs(1);
/// How long whoever waits gives the thread to say that the time is over.
const GRACE: Duration = Duration::from_millis(200);

/// The threads, from outside.
pub(crate) struct OnThreads {
    jobs: Sender<Job>,
    /// What the first thread needs to start.
    plan: Mutex<Option<Receiver<Job>>>,
    /// What the second thread needs to start; it ends when `end` is gone.
    ear: Mutex<Option<Ear>>,
    end: Arc<End>,
}

/// What both threads know.
struct End {
    source: Source,
    /// Of an operation.
    deadline: Duration,
    bells: Mutex<Bells>,
}

impl OnThreads {
    pub(crate) fn new(source: Source, deadline: Duration) -> Self {
        let (jobs, plan) = mpsc::channel();
        let end = Arc::new(End {
            source,
            deadline,
            bells: Mutex::default(),
        });
        Self {
            jobs,
            plan: Mutex::new(Some(plan)),
            ear: Mutex::new(Some(Ear(Arc::downgrade(&end)))),
            end,
        }
    }
}

impl Line for OnThreads {
    fn push(&self, job: Job) {
        if let Some(jobs) = take(&self.plan) {
            let end = Arc::clone(&self.end);
            start(move || Worker::new(end).work_off(&jobs));
        }
        // Where no thread has started, its end of the line is gone.
        if let Err(refused) = self.jobs.send(job) {
            (refused.0.done)(Err(error::no_thread(None)));
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        ThreadRuntime.sleep(duration)
    }

    fn give_up(&self, left: Duration) -> BoxFuture<'static, ()> {
        ThreadRuntime.sleep(left + GRACE)
    }

    fn subscribe(&self, channel: &str, bell: &Arc<Bell>) {
        lock(&self.end.bells).add(channel.to_owned(), Arc::downgrade(bell));
        if let Some(ear) = take(&self.ear) {
            start(move || ear.listen());
        }
    }
}

fn take<T>(kept: &Mutex<Option<T>>) -> Option<T> {
    lock(kept).take()
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a thread; where none can be had, what it needs is dropped.
fn start(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name("tollgate-redis".to_owned());
    drop(thread.spawn(work));
}

fn pause(duration: Duration) {
    block_on(ThreadRuntime.sleep(duration));
}

/// Has the connection.
struct Worker {
    end: Arc<End>,
    link: Option<Connection>,
    /// How many in a row were of no use, and when to make the next.
    failures: u32,
    not_before: Instant,
    trouble: Option<RedisError>,
}

impl Worker {
    fn new(end: Arc<End>) -> Self {
        Self {
            end,
            link: None,
            failures: 0,
            not_before: now(),
            trouble: None,
        }
    }

    fn work_off(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            let answer = catch_unwind(AssertUnwindSafe(|| self.ask(&job)));
            let answer = answer.unwrap_or_else(|_| {
                // Nobody knows what is left in it.
                self.link = None;
                Err(error::no_thread(None))
            });
            (job.done)(answer);
        }
    }

    /// Asks until there is an answer, an error that stays, or no time left.
    fn ask(&mut self, job: &Job) -> tollgate::Result<Value> {
        let mut last = None;
        let mut failures = 0;
        while !job.time.left().is_zero() {
            let answer = self.try_once(job);
            let remedy = answer.as_ref().err().map(error::remedy);
            self.count(remedy);
            let error = match (answer, remedy) {
                (Ok(value), _) => return Ok(value),
                (Err(error), Some(Remedy::Tell)) => {
                    return Err(error::failed(&job.key, &error));
                }
                (Err(error), _) => error,
            };
            error::keep(&mut last, error);
            // The first one tells of what happened while nobody asked.
            if failures > 0 {
                let next = backoff(failures, longest_pause(self.end.deadline));
                pause(next.min(job.time.left()));
            }
            failures += 1;
        }
        let last = last.or_else(|| self.trouble.clone());
        Err(error::too_late(&job.key, job.time.limit, last.as_ref()))
    }

    /// Notes whether the connection is of use; after the first of no use, the
    /// next is made at once.
    fn count(&mut self, remedy: Option<Remedy>) {
        if remedy == Some(Remedy::Reconnect) {
            self.link = None;
        }
        if self.link.is_some() {
            self.failures = 0;
            return;
        }
        self.not_before = now();
        if let Some(before) = self.failures.checked_sub(1) {
            self.not_before += backoff(before, longest_pause(self.end.deadline));
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn try_once(&mut self, job: &Job) -> RedisResult<Value> {
        let link = match self.link.take() {
            Some(link) => link,
            None => self.connect(job.time.until)?,
        };
        let link = self.link.insert(link);
        let answer = match send(link, &job.ask.command(), job.time.until) {
            Err(error) if error::is_unknown_script(&error) => match job.ask.in_full() {
                Some(full) => send(link, &full, job.time.until),
                None => Err(error),
            },
            answer => answer,
        }?;
        match job.ask.wait() {
            Some(wait) => Ok(Value::Array(vec![
                answer,
                send(link, &wait, job.time.until)?,
            ])),
            None => Ok(answer),
        }
    }

    fn connect(&mut self, until: Instant) -> RedisResult<Connection> {
        pause(left(self.not_before).min(left(until)));
        let connected = self.end.source.connect_by(limit(until));
        self.trouble = connected.as_ref().err().cloned();
        connected
    }
}

/// What is left, as the limit of a socket, which is not nothing.
fn limit(until: Instant) -> Duration {
    left(until).max(Duration::from_millis(1))
}

fn send(link: &mut Connection, command: &Cmd, until: Instant) -> RedisResult<Value> {
    let limit = Some(limit(until));
    link.set_read_timeout(limit)?;
    link.set_write_timeout(limit)?;
    link.req_command(command)?.extract_error()
}

/// Rings the bell for messages, until the store is gone.
struct Ear(Weak<End>);

impl Ear {
    fn listen(&self) {
        let mut failures = 0;
        while let Some(end) = self.0.upgrade() {
            let link = end.source.connect_by(LIMIT);
            // The stores may be gone from here on.
            drop(end);
            failures = match link.and_then(|link| self.hear(link)) {
                Ok(()) => 0,
                Err(_) => failures + 1,
            };
            pause(backoff(failures, Duration::from_secs(1)));
        }
    }

    /// Listens over one connection, until it breaks or the stores are gone.
    fn hear(&self, mut link: Connection) -> RedisResult<()> {
        link.set_write_timeout(Some(LIMIT))?;
        let mut messages = link.as_pubsub();
        let mut known = HashSet::new();
        while let Some(end) = self.0.upgrade() {
            messages.set_read_timeout(Some(LIMIT))?;
            subscribe(&mut messages, &mut known, &end.bells)?;
            drop(end);
            messages.set_read_timeout(Some(LOOK))?;
            match messages.get_message() {
                Ok(message) => {
                    if let Some(end) = self.0.upgrade() {
                        lock(&end.bells).ring(message.get_channel_name());
                    }
                }
                Err(error) if error.is_timeout() => {}
                Err(_) => break,
            }
        }
        Ok(())
    }
}

/// Subscribes to what is new, and leaves what nobody has any more.
fn subscribe(
    messages: &mut PubSub<'_>,
    known: &mut HashSet<String>,
    bells: &Mutex<Bells>,
) -> RedisResult<()> {
    let (channels, gone) = {
        let mut bells = lock(bells);
        let gone = bells.abandoned();
        (bells.channels(), gone)
    };
    for channel in gone {
        if known.remove(&channel) {
            messages.unsubscribe(&channel)?;
        }
    }
    for channel in channels {
        if !known.contains(&channel) {
            messages.subscribe(&channel)?;
            // Something may have been told before.
            lock(bells).ring(&channel);
            known.insert(channel);
        }
    }
    Ok(())
}
