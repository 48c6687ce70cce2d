//! Drives a flight: in a task of its own, never in a caller's future.
//!
//! ```text
//! lease ─▶ load ─▶ newer? ─no─▶ refresher ─▶ persist ─▶ publish ─▶ wake ─▶ events
//!                    └─yes────────────────────────────────┘
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
    superseded,
};
use crate::{
    Client, Runtime,
    auth::{Lease, RefreshClass, RefreshError, Stored, Token},
    runtime::BoxFuture,
};

/// How long one operation of the store may take after the server has answered.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(5);
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
        let work = AssertUnwindSafe(self.work(&client, why)).catch_unwind();
        let (landing, lease) = match Inside::new(self.session.id, work).await {
            Ok(done) => done,
            Err(_) => {
                self.session.tally.add(&self.session.tally.panics);
                let error = RefreshError::new(RefreshClass::Interrupted, "the refresh panicked");
                (Landing::fail(error), None)
            }
        };
        let rest = self.session.land(&self.flight, &client, landing);
        let rest = AssertUnwindSafe(self.finish(&client, lease, rest)).catch_unwind();
        if Inside::new(self.session.id, rest).await.is_err() {
            self.session.tally.add(&self.session.tally.panics);
        }
    }

    /// All that has to be done before the waiters can go on.
    async fn work(&self, client: &Client, why: Why) -> (Landing, Option<Lease>) {
        let session = &self.session;
        let timeout = session.options.refresh_timeout;
        let mut alarm = client.runtime().sleep(timeout);
        let ttl = timeout.saturating_add(STORE_TIMEOUT.saturating_mul(2));
        let lease = match before(&mut alarm, session.store.acquire(ttl)).await {
            Some(Ok(lease)) => lease,
            Some(Err(error)) => {
                return (
                    Landing::fail(store_failed("be locked").with_source(error)),
                    None,
                );
            }
            None => return (Landing::fail(store_failed("be locked in time")), None),
        };
        let landing = self.leased(client, why, &mut alarm).await;
        (landing.unwrap_or_else(Landing::fail), Some(lease))
    }

    async fn leased(
        &self,
        client: &Client,
        why: Why,
        alarm: &mut BoxFuture<'static, ()>,
    ) -> Result<Landing, RefreshError> {
        let session = &self.session;
        let saving = session.save_identity(self.flight.generation);
        match before(alarm, saving).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(store_failed("be written").with_source(error)),
            None => return Err(store_failed("be written in time")),
        }
        let stored = match before(alarm, session.store.load()).await {
            Some(Ok(stored)) => stored,
            Some(Err(error)) => return Err(store_failed("be read").with_source(error)),
            None => return Err(store_failed("be read in time")),
        };
        let mut look = session.look(&stored, why, client.runtime().wall())?;
        // The record may change once while we are refused; a store that goes
        // on changing is somebody else's refresh loop.
        for round in 0..2 {
            let view = match look {
                Look::Done(landing) => return Ok(landing),
                Look::Refresh(view) => view,
            };
            let error = match self.refresh(client, &view, alarm).await {
                Ok(token) => return Ok(self.keep(client, view, token).await),
                Err(error) => error,
            };
            if error.class() != RefreshClass::Rejected {
                return Ok(Landing::Fail {
                    seen: view.seen,
                    error,
                });
            }
            // Refused: perhaps because somebody else has spent it already.
            let again = match session.reload(client.runtime()).await {
                Ok(again) => again,
                Err(unread) => {
                    return Ok(Landing::Fail {
                        seen: view.seen,
                        error: unread,
                    });
                }
            };
            if again.stamp() == view.expected || round > 0 {
                return Ok(self.bury(client, view, error).await);
            }
            look = session.look(&again, Why::Stale, client.runtime().wall())?;
        }
        Err(superseded())
    }

    /// Asks the refresher, within the window and the flight's time.
    async fn refresh(
        &self,
        client: &Client,
        view: &View,
        alarm: &mut BoxFuture<'static, ()>,
    ) -> Result<Token, RefreshError> {
        let session = &self.session;
        let admitted = session.lock().window.admit(client.runtime().now());
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
        let now = client.runtime().wall();
        let held = match session.hold(token, Some(now)) {
            Ok(held) => held,
            Err(source) => {
                let error = RefreshError::new(
                    RefreshClass::Ambiguous,
                    "the refresher gave a token that cannot be used",
                );
                return Landing::Fail {
                    seen: view.seen,
                    error: error.with_source(source),
                };
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
        let dead = Stored::dead(view.base.next());
        let stamp = dead.stamp();
        let writing = session.store.compare_and_swap(view.expected, dead);
        // Whether or not it was written: the token is of no use any more.
        drop(within(client.runtime(), STORE_TIMEOUT, writing).await);
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
