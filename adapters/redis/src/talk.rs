//! [`Talk`]: asks Redis, for one key.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{
    channel::oneshot,
    future::{Either, select},
};
use redis::Value;
use tollgate::Result;

use crate::{
    ask::Ask,
    error,
    keys::Keys,
    lease::Hold,
    line::{Job, Line, Time},
    watch::Bell,
};

/// What a store asks with, whatever it keeps.
pub(crate) struct Talk {
    pub(crate) keys: Keys,
    pub(crate) line: Arc<dyn Line>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) deadline: Duration,
    pub(crate) poll_every: Duration,
    /// The leases that this store has, for the write that gives one back.
    pub(crate) held: Mutex<Vec<Arc<Hold>>>,
}

impl Talk {
    /// The time of an operation that begins now.
    pub(crate) fn time(&self) -> Time {
        Time::starts(self.deadline)
    }

    /// Asks, and reads the answer on the thread of the store: what `read`
    /// gives is dropped there if nobody waits for it.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        time: Time,
        ask: Ask,
        read: impl FnOnce(Result<Value>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let time = match ask.replicas {
            Some(replicas) => time.and(replicas.limit),
            None => time,
        };
        self.line
            .push(Job::new(&self.keys.record, ask, time, move |answer| {
                drop(sender.send(read(answer)));
            }));
        match select(receiver, self.line.give_up(time.left())).await {
            Either::Left((answer, _)) => answer.unwrap_or_else(|_| Err(error::no_thread(None))),
            Either::Right(_) => Err(error::too_late(&self.keys.record, time.limit, None)),
        }
    }

    /// Another one over the same connection, for other names.
    pub(crate) fn with_keys(&self, keys: Keys) -> Self {
        Self {
            keys,
            line: Arc::clone(&self.line),
            bell: Arc::default(),
            deadline: self.deadline,
            poll_every: self.poll_every,
            held: Mutex::default(),
        }
    }

    /// Shows a store of this name and key.
    pub(crate) fn show(&self, f: &mut fmt::Formatter<'_>, name: &str, key: &str) -> fmt::Result {
        f.debug_struct(name)
            .field("key", &key)
            .field("deadline", &self.deadline)
            .field("poll_every", &self.poll_every)
            .finish_non_exhaustive()
    }

    /// Looks whenever a message has come, and after each pause at the latest,
    /// until a look finds something.
    pub(crate) async fn watch<T, F>(&self, look: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<Option<T>>>,
    {
        self.subscribe();
        loop {
            // A message that comes during the look is not missed.
            let told = self.bell.listen();
            if let Some(found) = look().await? {
                return Ok(found);
            }
            self.hear(told, self.poll_every).await;
        }
    }

    /// Hears messages from now on, if it can.
    pub(crate) fn subscribe(&self) {
        self.line.subscribe(&self.keys.channel, &self.bell);
    }

    /// Waits for a message, if one can be heard, and at most for `pause`.
    pub(crate) async fn hear(&self, told: oneshot::Receiver<()>, pause: Duration) {
        self.subscribe();
        select(told, self.line.sleep(pause)).await;
    }
}
