//! Drives a flight: in a task of its own, never in a caller's future.
//!
//! ```text
//! lease ─▶ load ─▶ newer? ─▶ refresher ─▶ persist ─▶ publish ─▶ wake ─▶ events
//!                    └─ adopt ───────────────────────▲
//! ```

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures::{
    FutureExt,
    future::{Either, select},
};

use super::{
    Session, Status, Why,
    flight::Flight,
    inside::Inside,
    limit,
    look::{Look, Record, View, store_failed},
    persist::{Persisted, Unstored},
};
use crate::{
    Client, Runtime,
    auth::{Lease, RefreshClass, RefreshError, Stored, Swap, Token},
    runtime::BoxFuture,
};

/// How long one operation of the store may take after the server has answered.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many tokens of a changing store a flight tries.
const ROUNDS: usize = 3;
/// What a token endpoint may answer at most.
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

/// What a flight has found out; [`Session::land`] makes it true.
pub(super) enum Landing {
    /// The store had a newer record.
    Adopt(Record),
    /// The server gave a new token.
    Commit(Record, Option<Unstored>),
    /// There is no new token; `seen` is a newer record that did not help.
    Fail {
        seen: Option<Record>,
        error: RefreshError,
    },
    /// The session ended meanwhile; the new token is nobody's.
    Orphan(Token),
}

impl Landing {
    fn fail(error: RefreshError) -> Self {
        Self::Fail { seen: None, error }
    }
}

/// Ends its flight however the task ends: also if it is dropped before or
/// between polls, as by the shutdown of a runtime.
struct Pilot {
    session: Arc<Session>,
    flight: Arc<Flight>,
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.session.abandon(&self.flight);
    }
}

/// Starts the task that drives `flight`.
pub(super) fn launch(session: Arc<Session>, flight: Arc<Flight>, client: &Client, why: Why) {
    let runtime = Arc::clone(client.runtime());
    let client = client.clone();
    let pilot = Pilot { session, flight };
    runtime.spawn(Box::pin(async move { pilot.fly(client, why).await }));
}

impl Pilot {
    async fn fly(self, client: Client, why: Why) {
        let mut lease = None;
        let work = AssertUnwindSafe(self.work(&client, why, &mut lease)).catch_unwind();
        let landing = match Inside::new(self.session.id, work).await {
            Ok(landing) => landing.unwrap_or_else(Landing::fail),
            Err(_) => {
                self.session.tally.add(&self.session.tally.panics);
                Landing::fail(RefreshError::new(
                    RefreshClass::Interrupted,
                    "the refresh panicked",
                ))
            }
        };
        let rest = self.session.land(&self.flight, &client, landing);
        let rest = AssertUnwindSafe(self.finish(&client, lease, rest)).catch_unwind();
        if Inside::new(self.session.id, rest).await.is_err() {
            self.session.tally.add(&self.session.tally.panics);
        }
    }

    /// All that has to be done before the waiters can go on.
    async fn work(
        &self,
        client: &Client,
        why: Why,
        lease: &mut Option<Lease>,
    ) -> Result<Landing, RefreshError> {
        let session = &self.session;
        let timeout = session.options.refresh_timeout;
        let mut alarm = client.runtime().sleep(timeout);
        // It outlasts the refresh and the two writes that may follow.
        let ttl = timeout.saturating_add(STORE_TIMEOUT.saturating_mul(2));
        let acquiring = session.store.acquire(ttl);
        *lease = Some(answered(before(&mut alarm, acquiring).await, "be locked")?);
        let saving = session.save_identity(self.flight.generation);
        answered(before(&mut alarm, saving).await, "be written")?;
        let loading = session.store.load();
        let mut stored = answered(before(&mut alarm, loading).await, "be read")?;
        let mut refused: Option<(u64, RefreshError)> = None;
        for _ in 0..ROUNDS {
            let now = session.clock(client).wall();
            let view = match session.look(&stored, (self.flight.generation, why), now)? {
                Look::Done(landing) => return Ok(landing),
                Look::Refresh(view) => view,
            };
            if let Some((_, error)) = refused.take_if(|(key, _)| *key == view.held.key) {
                return Ok(self.bury(client, view, error).await);
            }
            let error = match self.refresh(client, &view, &mut alarm).await {
                Ok(token) => return Ok(self.keep(client, view, token).await),
                Err(error) => error,
            };
            if error.class() != RefreshClass::Rejected {
                return Ok(view.failed(error));
            }
            // Perhaps somebody else has spent it already.
            let loading = within(client.runtime(), STORE_TIMEOUT, session.store.load());
            stored = match answered(loading.await, "be read") {
                Ok(stored) => stored,
                Err(unread) => return Ok(view.failed(unread)),
            };
            refused = Some((view.held.key, error));
        }
        Err(store_failed("be followed: its token goes on changing"))
    }

    /// Asks the refresher, within the window and the flight's time.
    async fn refresh(
        &self,
        client: &Client,
        view: &View,
        alarm: &mut BoxFuture<'static, ()>,
    ) -> Result<Token, RefreshError> {
        let session = &self.session;
        let now = session.clock(client).now();
        let admitted = session.lock().window.admit(now);
        admitted.map_err(limit::excessive)?;
        let own = session.own_client(client)?;
        session.tally.add(&session.tally.attempts);
        let asking = session.refresher.refresh(&own, &view.held.token);
        match before(alarm, asking).await {
            Some(Ok(token)) => Ok(token.or_keep(&view.held.token)),
            Some(Err(error)) => Err(error),
            None => Err(RefreshError::new(
                RefreshClass::Ambiguous,
                format!(
                    "no new token came within {:?}",
                    session.options.refresh_timeout
                ),
            )),
        }
    }

    /// Stores a new token, which is never thrown away for a failing store.
    async fn keep(&self, client: &Client, view: View, token: Token) -> Landing {
        let session = &self.session;
        let now = session.clock(client).wall();
        let held = match session.hold(token, Some(now)) {
            Ok(held) => held,
            Err(source) => {
                let error = RefreshError::new(
                    RefreshClass::Ambiguous,
                    "the refresher gave a token that cannot be used",
                );
                return view.failed(error.with_source(source));
            }
        };
        let commit = |stamp, unstored| {
            let status = Status::Live(Arc::clone(&held));
            Landing::Commit(Record { stamp, status }, unstored)
        };
        let runtime = client.runtime();
        match session
            .persist(runtime, &view, &held.token, self.flight.generation)
            .await
        {
            Persisted::Saved(stamp) => commit(stamp, None),
            Persisted::Unsaved(unstored) => commit(view.expected, Some(unstored)),
            Persisted::Over => Landing::Orphan(held.token.clone()),
            // Somebody else was faster: theirs is stored, ours is forgotten.
            Persisted::Foreign(stored) => match session.record(&stored, now) {
                Ok(record) => Landing::Adopt(record),
                Err(error) => Landing::fail(error),
            },
        }
    }

    /// Writes down that the session is over.
    async fn bury(&self, client: &Client, view: View, error: RefreshError) -> Landing {
        let session = &self.session;
        let lost = session.lock().ambiguous == Some(view.held.key);
        let error = if lost {
            error.with_rotation_lost()
        } else {
            error
        };
        let runtime = client.runtime();
        let dead = Stored::dead(view.base.max(view.expected).next());
        let stamp = dead.stamp();
        let writing = session.store.compare_and_swap(view.expected, dead);
        // Whether or not it was written: this token is of no use any more.
        if let Some(Ok(Swap::Conflict(other))) = within(runtime, STORE_TIMEOUT, writing).await
            && let Ok(record) = session.record(&other, session.clock(client).wall())
            && !matches!(&record.status, Status::Live(held) if held.key == view.held.key)
        {
            return Landing::Adopt(record);
        }
        let status = Status::Dead(Arc::new(error));
        Landing::Adopt(Record { stamp, status })
    }

    /// What is left to do when nobody waits any more.
    async fn finish(&self, client: &Client, lease: Option<Lease>, rest: Rest) {
        let session = &self.session;
        let runtime = client.runtime();
        if let Some(unstored) = rest.unstored {
            session.store_later(runtime, unstored).await;
        }
        if let Some(lease) = lease {
            let releasing = session.store.release(lease);
            drop(within(runtime, STORE_TIMEOUT, releasing).await);
        }
        if let (Some(orphan), Ok(own)) = (rest.orphan, session.own_client(client)) {
            let revoking = session.refresher.revoke(&own, &orphan);
            drop(within(runtime, session.options.refresh_timeout, revoking).await);
        }
    }
}

/// What a landing leaves to be done.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) orphan: Option<Token>,
    pub(super) unstored: Option<Unstored>,
}

impl Session {
    /// Makes the client that a refresher gets: it passes no interceptor.
    fn own_client(&self, client: &Client) -> Result<Client, RefreshError> {
        client
            .derive()
            .allow_absolute_urls(true)
            .max_redirects(0)
            .max_attempts(1)
            .max_response_bytes(MAX_ANSWER_BYTES)
            .timeout(self.options.refresh_timeout)
            .build()
            .map_err(|source| {
                RefreshError::new(RefreshClass::Config, "there is no client to refresh with")
                    .with_source(source)
            })
    }
}

/// What a store has answered in time, or the error that it has not.
fn answered<T>(answer: Option<crate::Result<T>>, what: &str) -> Result<T, RefreshError> {
    match answer {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(store_failed(what).with_source(error)),
        None => Err(store_failed(&format!("{what} in time"))),
    }
}

/// Awaits a future until the alarm goes off.
async fn before<T>(
    alarm: &mut BoxFuture<'static, ()>,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), alarm).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Awaits a future for a time.
pub(super) async fn within<T>(
    runtime: &Arc<dyn Runtime>,
    time: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    before(&mut runtime.sleep(time), future).await
}
