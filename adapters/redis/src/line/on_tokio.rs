//! A [`Line`] over tokio, in a thread and a runtime of its own.
//!
//! *Concurrency*: jobs run at the same time over one connection; see `link`.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    channel::{mpsc, oneshot},
    future::{self, BoxFuture, select},
};
use redis::{RedisError, RedisResult, Value};
use tokio::{runtime::Builder, time};

use super::{
    Job, Line, backoff,
    link::{Links, lock},
    listen::{Wanted, listen},
    longest_pause,
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
    links: Arc<Links>,
}

impl OnTokio {
    pub(crate) fn new(source: Source, deadline: Duration) -> Self {
        let (sender, receiver) = mpsc::unbounded();
        Self {
            plan: Mutex::new(Some(Plan {
                orders: receiver,
                links: Arc::new(Links::new(source, deadline)),
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
async fn follow(Plan { mut orders, links }: Plan) {
    let (busy, mut idle) = mpsc::channel::<()>(0);
    let mut listener = None;
    while let Some(order) = orders.next().await {
        match order {
            Order::Work(job) => {
                let (links, busy) = (Arc::clone(&links), busy.clone());
                tokio::spawn(async move {
                    run(links, job).await;
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
                    tokio::spawn(listen(Arc::clone(&links), receiver));
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

async fn run(links: Arc<Links>, job: Job) {
    let Job {
        key,
        ask,
        time: given,
        done,
    } = job;
    let mut last = None;
    let asking = answer(&links, &key, &ask, &mut last);
    let answer = time::timeout(given.left(), asking).await;
    let last = last.or_else(|| links.trouble());
    done(answer.unwrap_or_else(|_| Err(error::too_late(&key, given.limit, last.as_ref()))));
}

/// Asks until there is an answer, or an error that stays.
async fn answer(
    links: &Arc<Links>,
    key: &str,
    ask: &Ask,
    last: &mut Option<RedisError>,
) -> tollgate::Result<Value> {
    let mut failures = 0;
    loop {
        let error = match try_once(links, ask).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if error::remedy(&error) == Remedy::Tell {
            return Err(error::failed(key, &error));
        }
        error::keep(last, error);
        // The first one tells of what happened while nobody asked.
        if failures > 0 {
            time::sleep(backoff(failures, longest_pause(links.deadline))).await;
        }
        failures += 1;
    }
}

async fn try_once(links: &Arc<Links>, ask: &Ask) -> RedisResult<Value> {
    let link = links.get().await?;
    let answer = perform(&mut *link.wire(), ask).await;
    match &answer {
        Err(error) if error::remedy(error) == Remedy::Reconnect => link.broken(),
        _ => link.answered(),
    }
    answer
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
