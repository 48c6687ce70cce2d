//! Drives a flight: in a task of its own, never in a caller's future.
//!
//! ```text
//! load ─▶ newer? ─▶ lease ─▶ newer? ─▶ mark ─▶ ask ─▶ persist ─▶ publish ─▶ wake ─▶ events
//!           └──────────────────┴─ adopt ─────────────────────────▲
//! ```

use std::{sync::Arc, time::Duration};

use super::{
    Session, Status, Why,
    flight::Flight,
    look::{Look, Record, View, store_failed},
    persist::{Persisted, Unstored},
    present::Marked,
    timer::{Timer, within},
};
use crate::{
    Client,
    auth::{Lease, RefreshClass, RefreshError, Stamp, Stored, Swap, Token},
};

/// How long one operation of the store may take after the server has answered.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many tokens of a changing store a flight tries.
const ROUNDS: usize = 3;
/// What a token endpoint may answer at most.
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

/// What a flight has found out; [`Session::land`] makes it true.
pub(super) enum Landing {
    /// What the store has: a newer record, or that the session is over.
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
pub(super) struct Pilot {
    pub(super) session: Arc<Session>,
    pub(super) flight: Arc<Flight>,
}

/// What came of asking for the store's lease.
enum Locked {
    /// The fence, and the record as it is now.
    Given((u64, Stored)),
    /// Somebody else has refreshed.
    Needless(Landing),
}

/// What a flight holds while it is under way.
pub(super) struct Underway {
    pub(super) timer: Timer,
    lease: Option<Lease>,
    /// The record that bears this flight's mark.
    pub(super) mark: Option<Stamp>,
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
        let mut underway = Underway {
            timer: Timer::new(client.runtime(), self.session.options.refresh_timeout),
            lease: None,
            mark: None,
        };
        let session = &self.session;
        let work = self.work(&client, why, &mut underway);
        let found = session.inside(work).await.unwrap_or_else(|| {
            let what = "the refresh panicked";
            Err(RefreshError::new(RefreshClass::Interrupted, what))
        });
        let landing = found.unwrap_or_else(Landing::fail);
        let rest = session.land(&self.flight, &client, landing);
        session.inside(self.finish(&client, underway, rest)).await;
    }

    /// All that has to be done before the waiters can go on.
    async fn work(
        &self,
        client: &Client,
        why: Why,
        underway: &mut Underway,
    ) -> Result<Landing, RefreshError> {
        let session = &self.session;
        let saving = session.save_identity(self.flight.generation);
        answered(underway.timer.before(saving).await, "be written")?;
        // What somebody else has stored already is had without the lease.
        let stored = self.load(underway).await?;
        let now = session.clock(client).wall();
        let seen = session.look(&stored, (self.flight.generation, why, 0), now)?;
        if let Look::Done(landing) = seen {
            return Ok(landing);
        }
        match self.lock_store(client, why, underway).await? {
            Locked::Given(locked) => self.refresh(client, why, underway, locked).await,
            Locked::Needless(landing) => Ok(landing),
        }
    }

    /// Refreshes what is stored, under the lease with the number `fence`: again
    /// where somebody else has written another token meanwhile.
    async fn refresh(
        &self,
        client: &Client,
        why: Why,
        underway: &mut Underway,
        (fence, mut stored): (u64, Stored),
    ) -> Result<Landing, RefreshError> {
        let session = &self.session;
        let mut refused: Option<(u64, RefreshError)> = None;
        for _ in 0..ROUNDS {
            let now = session.clock(client).wall();
            let seen = session.look(&stored, (self.flight.generation, why, fence), now)?;
            let view = match seen {
                Look::Done(landing) => return Ok(landing),
                Look::Refresh(view) => view,
            };
            if let Some((_, error)) = refused.take_if(|(key, _)| *key == view.held.key) {
                return Ok(self.bury(client, view, error).await);
            }
            match self.mark(client, &view, underway).await {
                Ok(Marked::Done) => {}
                Ok(Marked::Moved(other)) => {
                    stored = other;
                    continue;
                }
                Ok(Marked::Lost(error)) if session.is_usable(now) => return Ok(view.failed(error)),
                Ok(Marked::Lost(error)) => return Ok(self.bury(client, view, error).await),
                Err(error) => return Ok(view.failed(error)),
            }
            let error = match self.ask(client, &view, &mut underway.timer).await {
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

    async fn load(&self, underway: &mut Underway) -> Result<Stored, RefreshError> {
        let loading = self.session.store.load();
        answered(underway.timer.before(loading).await, "be read")
    }

    /// Takes the store's lease, unless what somebody else has stored meanwhile
    /// will do.
    async fn lock_store(
        &self,
        client: &Client,
        why: Why,
        underway: &mut Underway,
    ) -> Result<Locked, RefreshError> {
        let session = &self.session;
        // It outlasts the refresh and the two writes that may follow.
        let ttl = session.options.refresh_timeout;
        let ttl = ttl.saturating_add(STORE_TIMEOUT.saturating_mul(2));
        let mut waited = false;
        for _ in 0..ROUNDS {
            let asked = client.runtime().now();
            let acquiring = session.store.acquire(ttl);
            // Whoever has it may have been cut off, and is waited for.
            let waiting = ttl.saturating_add(session.options.refresh_timeout);
            let acquired = within(client.runtime(), waiting, acquiring).await;
            let mut lease = answered(acquired, "be locked")?;
            // What others took is not taken off the time of this refresh, but
            // that of an answer on its way is: the lease has begun before.
            let age = lease.age().unwrap_or_else(|| {
                let now = client.runtime().now();
                now.saturating_duration_since(asked)
            });
            let left = session.options.refresh_timeout.saturating_sub(age);
            underway.timer = Timer::new(client.runtime(), left);
            if lease.is_contended() && !waited {
                waited = true;
                session.tally.add(&session.tally.lease_waits);
            }
            let record = lease.take_record();
            let (fence, withheld) = (lease.fence(), lease.is_withheld());
            underway.lease = Some(lease).filter(|_| !withheld);
            let stored = match record {
                Some(stored) => stored,
                None => self.load(underway).await?,
            };
            if !withheld {
                return Ok(Locked::Given((fence, stored)));
            }
            let now = session.clock(client).wall();
            let seen = session.look(&stored, (self.flight.generation, why, 0), now)?;
            if let Look::Done(landing) = seen {
                return Ok(Locked::Needless(landing));
            }
        }
        Err(store_failed("be locked: its record goes on changing"))
    }

    /// Stores a new token, which is never thrown away for a failing store.
    async fn keep(&self, client: &Client, view: View, token: Token) -> Landing {
        let session = &self.session;
        let now = session.clock(client).wall();
        let held = match session.hold(session.dated(token, Some(now)), Some(now)) {
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
            let record = Record {
                stamp,
                fence: view.fence,
                status: Status::Live(Arc::clone(&held)),
            };
            Landing::Commit(record, unstored)
        };
        let generation = self.flight.generation;
        let persisting = session.persist(client.runtime(), &view, &held.token, generation);
        match persisting.await {
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
        let dead = Stored::dead(view.base.max(view.expected).next()).with_fence(view.fence);
        let stamp = dead.stamp();
        let writing = session.store.compare_and_swap(view.expected, dead);
        // Whether or not it was written: this token is of no use any more.
        if let Some(Ok(Swap::Conflict(other))) = within(runtime, STORE_TIMEOUT, writing).await
            && let Ok(record) = session.record(&other, session.clock(client).wall())
            && !matches!(&record.status, Status::Live(held) if held.key == view.held.key)
        {
            return Landing::Adopt(record);
        }
        Landing::Adopt(Record {
            stamp,
            fence: view.fence,
            status: Status::Dead(Arc::new(error)),
        })
    }

    /// What is left to do when nobody waits any more.
    async fn finish(&self, client: &Client, underway: Underway, rest: Rest) {
        let session = &self.session;
        let runtime = client.runtime();
        if let Some(unstored) = rest.unstored {
            session.store_later(runtime, unstored).await;
        }
        if let Some(stamp) = underway.mark.filter(|_| self.flight.spent().is_none()) {
            // The server has not processed it. Where a write came after the
            // mark, the record is another.
            let unmarking = session.store.present(stamp, None);
            drop(within(runtime, STORE_TIMEOUT, unmarking).await);
        }
        if let Some(lease) = underway.lease {
            let releasing = session.store.release(lease);
            drop(within(runtime, STORE_TIMEOUT, releasing).await);
        }
        if let Some(orphan) = rest.orphan {
            session.revoke(client, &orphan).await;
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
    /// Tells the server that a token is not needed any more; best effort.
    pub(super) async fn revoke(&self, client: &Client, token: &Token) {
        let timeout = self.options.refresh_timeout;
        let Ok(own) = own_client(client, timeout) else {
            return;
        };
        let revoking = self.refresher.revoke(&own, token);
        if let Some(Ok(())) = within(client.runtime(), timeout, revoking).await {
            self.tally.add(&self.tally.revoked);
        }
    }
}

/// Makes the client that a refresher gets: it passes no interceptor, is read
/// into memory, and is no part of any call that could be cancelled or watched.
pub(super) fn own_client(client: &Client, timeout: Duration) -> Result<Client, RefreshError> {
    client
        .derive()
        .allow_absolute_urls(true)
        .max_redirects(0)
        .max_attempts(1)
        .max_response_bytes(MAX_ANSWER_BYTES)
        .timeout(timeout)
        .buffered()
        .without_cancel_handle()
        .without_on_upload_progress()
        .without_on_download_progress()
        .build()
        .map_err(|source| {
            RefreshError::new(RefreshClass::Config, "there is no client to refresh with")
                .with_source(source)
        })
}

/// What a store has answered in time, or the error that it has not.
pub(super) fn answered<T>(answer: Option<crate::Result<T>>, what: &str) -> Result<T, RefreshError> {
    match answer {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(store_failed(what).with_source(error)),
        None => Err(store_failed(&format!("{what} in time"))),
    }
}
