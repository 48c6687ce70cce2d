//! A [`Line`] over tokio, in a thread and a runtime of its own.
//!
//! *Concurrency*: jobs run at the same time over one connection. One task
//! connects, with a pause between tries that grows; all jobs wait for it, so
//! that a server that is down sees one connection at a time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use futures::{
    FutureExt, StreamExt,
    channel::{mpsc, oneshot},
    future::{self, BoxFuture, Shared, select},
};
use redis::{RedisError, RedisResult, Value};
use tokio::{runtime::Builder, time};

use super::{
    Job, Line, backoff, left,
    listen::{Wanted, listen},
    longest_pause, now,
};
use crate::{
    ask::Ask,
    error::{self, Remedy},
    source::{Source, Wire},
    watch::Bell,
};

enum Order {
    Work(Job),
    Sleep(Duration, oneshot::Sender<()>),
    Subscribe(Wanted),
}

/// The thread, from outside.
pub(crate) struct OnTokio {
    plan: Mutex<Option<Plan>>,
    orders: mpsc::UnboundedSender<Order>,
}

/// What the thread needs to start.
struct Plan {
    orders: mpsc::UnboundedReceiver<Order>,
    io: Arc<Io>,
}

impl OnTokio {
    pub(crate) fn new(source: Source, deadline: Duration) -> Self {
        let (sender, receiver) = mpsc::unbounded();
        let io = Io {
            source,
            deadline,
            link: Mutex::new(Link::fresh()),
            trouble: Mutex::default(),
            cuts: Bell::default(),
        };
        Self {
            plan: Mutex::new(Some(Plan {
                orders: receiver,
                io: Arc::new(io),
            })),
            orders: sender,
        }
    }

    fn order(&self, order: Order) {
        self.start();
        if let Err(refused) = self.orders.unbounded_send(order)
            && let Order::Work(job) = refused.into_inner()
        {
            (job.done)(Err(error::no_thread(None)));
        }
    }

    fn start(&self) {
        if let Some(plan) = lock(&self.plan).take() {
            let thread = thread::Builder::new().name("tollgate-redis".to_owned());
            // Where no thread starts, its end of the line is dropped: jobs are
            // refused from now on.
            drop(thread.spawn(move || work_off(plan)));
        }
    }
}

impl Line for OnTokio {
    fn push(&self, job: Job) {
        self.order(Order::Work(job));
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (sender, receiver) = oneshot::channel();
        self.order(Order::Sleep(duration, sender));
        receiver.map(|_| ()).boxed()
    }

    fn give_up(&self, _: Duration) -> BoxFuture<'static, ()> {
        future::pending().boxed()
    }

    fn subscribe(&self, channel: &str, bell: &Arc<Bell>) {
        let wanted = (channel.to_owned(), Arc::downgrade(bell));
        self.order(Order::Subscribe(wanted));
    }
}

fn work_off(plan: Plan) {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(follow(plan));
}

/// Carries out orders until all who could give one are gone, and what they
/// ordered is done.
async fn follow(Plan { mut orders, io }: Plan) {
    let (busy, mut idle) = mpsc::channel::<()>(0);
    let mut listener = None;
    while let Some(order) = orders.next().await {
        match order {
            Order::Work(job) => {
                let (io, busy) = (Arc::clone(&io), busy.clone());
                tokio::spawn(async move {
                    io.run(job).await;
                    drop(busy);
                });
            }
            Order::Sleep(duration, mut sender) => {
                tokio::spawn(async move {
                    select(Box::pin(time::sleep(duration)), sender.cancellation()).await;
                    // Who does not wait any more hears nothing.
                    let _: Result<(), ()> = sender.send(());
                });
            }
            Order::Subscribe(wanted) => {
                let listener = listener.get_or_insert_with(|| {
                    let (sender, receiver) = mpsc::unbounded();
                    tokio::spawn(listen(Arc::clone(&io), receiver));
                    sender
                });
                // It ends where there is nothing to listen to.
                drop(listener.unbounded_send(wanted));
            }
        }
    }
    drop(busy);
    idle.next().await;
}

type Connecting = Shared<BoxFuture<'static, RedisResult<Arc<Linked>>>>;

/// A connection, and which one it is.
struct Linked {
    wire: Box<dyn Wire>,
}

enum Link {
    /// None; after `failures` tries, and the next one not before a time.
    Down {
        failures: u32,
        not_before: Instant,
    },
    Connecting(Connecting),
    Up(Arc<Linked>),
}

impl Link {
    fn fresh() -> Self {
        Self::Down {
            failures: 0,
            not_before: now(),
        }
    }
}

/// The connection, and where it comes from.
pub(super) struct Io {
    pub(super) source: Source,
    /// Of an operation.
    pub(super) deadline: Duration,
    link: Mutex<Link>,
    /// Why there is no connection, if a try has failed.
    trouble: Mutex<Option<RedisError>>,
    /// Rung when a connection is taken out of use.
    pub(super) cuts: Bell,
}

impl Io {
    async fn run(self: Arc<Self>, job: Job) {
        let Job {
            key,
            ask,
            limit,
            until,
            done,
        } = job;
        let mut last = None;
        let asking = self.ask(&key, &ask, &mut last);
        let answer = time::timeout(left(until), asking).await;
        let last = last.or_else(|| lock(&self.trouble).clone());
        done(answer.unwrap_or_else(|_| Err(error::too_late(&key, limit, last.as_ref()))));
    }

    /// Asks until there is an answer, or an error that stays.
    async fn ask(
        self: &Arc<Self>,
        key: &str,
        ask: &Ask,
        last: &mut Option<RedisError>,
    ) -> tollgate::Result<Value> {
        let mut failures = 0;
        loop {
            let error = match self.try_once(ask).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if error::remedy(&error) == Remedy::Tell {
                return Err(error::failed(key, &error));
            }
            error::keep(last, error);
            // The first one tells of what happened while nobody asked.
            if failures > 0 {
                time::sleep(backoff(failures, longest_pause(self.deadline))).await;
            }
            failures += 1;
        }
    }

    async fn try_once(self: &Arc<Self>, ask: &Ask) -> RedisResult<Value> {
        let linked = self.linked().await?;
        let mut wire = linked.wire.twin();
        // A connection that says nothing is not used again.
        let silent = Cut(self, Some(linked));
        let answer = perform(&mut *wire, ask).await;
        match &answer {
            Err(error) if error::remedy(error) == Remedy::Reconnect => drop(silent),
            _ => silent.keep(),
        }
        answer
    }

    /// The connection, when there is one.
    async fn linked(self: &Arc<Self>) -> RedisResult<Arc<Linked>> {
        let connecting = {
            let mut link = lock(&self.link);
            match &*link {
                Link::Up(linked) => return Ok(Arc::clone(linked)),
                Link::Connecting(connecting) => connecting.clone(),
                Link::Down {
                    failures,
                    not_before,
                } => {
                    let connecting = Arc::clone(self).connect(*failures, *not_before);
                    let connecting = connecting.boxed().shared();
                    // It goes on if nobody waits for it.
                    tokio::spawn(connecting.clone());
                    *link = Link::Connecting(connecting.clone());
                    connecting
                }
            }
        };
        connecting.await
    }

    async fn connect(
        self: Arc<Self>,
        failures: u32,
        not_before: Instant,
    ) -> RedisResult<Arc<Linked>> {
        time::sleep(left(not_before)).await;
        let limit = self.source.limit(self.deadline);
        let connected = time::timeout(limit, self.source.connect()).await;
        let connected = connected.unwrap_or_else(|_| Err(silence()));
        *lock(&self.trouble) = connected.as_ref().err().cloned();
        let mut link = lock(&self.link);
        match connected {
            Ok(wire) => {
                let linked = Arc::new(Linked { wire });
                *link = Link::Up(Arc::clone(&linked));
                Ok(linked)
            }
            Err(error) => {
                *link = Link::Down {
                    failures: failures.saturating_add(1),
                    not_before: now() + backoff(failures, longest_pause(self.deadline)),
                };
                Err(error)
            }
        }
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection was not made in time.
fn silence() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Takes a connection out of use when it is dropped, as with a deadline.
struct Cut<'a>(&'a Io, Option<Arc<Linked>>);

impl Cut<'_> {
    fn keep(mut self) {
        self.1 = None;
    }
}

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        let Some(mine) = self.1.take() else {
            return;
        };
        let mut link = lock(&self.0.link);
        if matches!(&*link, Link::Up(linked) if Arc::ptr_eq(linked, &mine)) {
            *link = Link::fresh();
            drop(link);
            self.0.cuts.ring();
        }
    }
}

/// Asks once, over one connection.
async fn perform(wire: &mut dyn Wire, ask: &Ask) -> RedisResult<Value> {
    let answer = wire.send(&ask.command()).await;
    let answer = match answer {
        Err(error) if error::is_unknown_script(&error) => match ask.in_full() {
            Some(full) => wire.send(&full).await,
            None => Err(error),
        },
        answer => answer,
    }?;
    match ask.wait() {
        Some(wait) => Ok(Value::Array(vec![answer, wire.send(&wait).await?])),
        None => Ok(answer),
    }
}
