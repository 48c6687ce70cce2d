//! [`Session`]: one sign-in, shared by all clients that its pair was given to.
//!
//! Its states are drawn in the module above.
//!
//! *Concurrency*: `ctl` decides, `snapshot` shows. A snapshot is published with
//! `ctl` held, so whoever holds `ctl` sees the last one; calls that only attach
//! read the snapshot. Neither lock is held across an await, I/O, a waker or
//! code of the user's.

mod drive;
mod flight;
mod identity;
mod inside;
mod limit;
mod look;
mod persist;
mod snapshot;

use std::{
    fmt,
    hash::RandomState,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderName, HeaderValue};

use flight::Flight;
pub(super) use flight::{Landed, Waiter};
use limit::{Cooldown, Window};
pub(super) use snapshot::{Held, Snapshot, Status};
use snapshot::{Making, Past, fingerprint};

use super::{
    AuthEvent, RefreshClass, RefreshError, Refresher, Stamp, Token, TokenStore, counters::Tally,
    event::Handlers,
};
use crate::{Client, Error, ErrorKind, Origins, Response, Result, Runtime};

pub(super) type Predicate = Arc<dyn Fn(&Response) -> bool + Send + Sync>;

/// What the builder was told.
pub(super) struct Options {
    pub(super) origins: Option<Origins>,
    pub(super) allow_plaintext: bool,
    pub(super) also_on_forbidden: bool,
    pub(super) refresh_when: Option<Predicate>,
    pub(super) leeway: Duration,
    pub(super) refresh_timeout: Duration,
    pub(super) header: HeaderName,
    pub(super) jitter_seed: Option<u64>,
}

/// The session's state machine; see the module.
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) options: Options,
    pub(super) tally: Tally,
    pub(super) handlers: Handlers,
    store: Arc<dyn TokenStore>,
    refresher: Arc<dyn Refresher>,
    keys: RandomState,
    /// That of the first client: one session goes by one clock.
    clock: OnceLock<Arc<dyn Runtime>>,
    /// Whether the token that is shown expires, so that calls ask the clock.
    expires: AtomicBool,
    snapshot: RwLock<Arc<Snapshot>>,
    ctl: Mutex<Ctl>,
}

/// What only the deciding code needs.
struct Ctl {
    flight: Option<Arc<Flight>>,
    cooldown: Option<Cooldown>,
    window: Window,
    past: Past,
    /// The store's record that the snapshot stands for; `None` before a load.
    stamp: Option<Stamp>,
    /// A sign-in or sign-out has not reached the store yet.
    unsaved: bool,
    /// The refresh token whose last answer was lost.
    ambiguous: Option<u64>,
    random: fastrand::Rng,
}

impl Ctl {
    /// Forgets what belongs to the session so far.
    fn reset(&mut self) {
        self.cooldown = None;
        self.window = Window::default();
        self.past.clear();
        self.ambiguous = None;
    }
}

/// Why a call needs a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There is none to attach.
    Stale,
    /// A server has refused the one that was sent.
    Refused,
    /// Somebody wants one.
    Asked,
}

/// What a call that needs a new token does.
pub(super) enum Join {
    /// There is a usable one already.
    Ready,
    /// Wait for the flight.
    Wait(Waiter),
    /// Nothing will be tried now.
    Failed(Arc<RefreshError>),
    /// Nobody is signed in.
    SignedOut,
    /// The call is part of the refresh itself.
    Inside,
}

/// A token as it was sent.
pub(super) struct Sent {
    pub(super) header: HeaderValue,
    /// The call waited for this token, which the server had just given.
    pub(super) awaited: Option<Landed>,
}

/// Whose token a server has refused.
pub(super) enum Refusal {
    /// Nothing of this session's, or of a session that is over; or one that
    /// was got for this very call, so that another would not help.
    PassOn,
    /// One that has been replaced since.
    Stale(Landed),
    /// The current one.
    Current(Join),
}

impl Session {
    pub(super) fn new(
        options: Options,
        store: Arc<dyn TokenStore>,
        refresher: Arc<dyn Refresher>,
    ) -> Arc<Self> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let random = match options.jitter_seed {
            Some(seed) => fastrand::Rng::with_seed(seed),
            None => fastrand::Rng::new(),
        };
        Arc::new(Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            options,
            tally: Tally::default(),
            handlers: Handlers::default(),
            store,
            refresher,
            keys: RandomState::new(),
            clock: OnceLock::new(),
            expires: AtomicBool::new(false),
            snapshot: RwLock::new(Arc::new(Snapshot {
                generation: 1,
                version: 0,
                status: Status::Unloaded,
                rejected: false,
                homes: Arc::new([]),
            })),
            ctl: Mutex::new(Ctl {
                flight: None,
                cooldown: None,
                window: Window::default(),
                past: Past::default(),
                stamp: None,
                unsaved: false,
                ambiguous: None,
                random,
            }),
        })
    }

    /// Looks at the snapshot without counting a reference.
    pub(super) fn peek<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        look(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn current(&self) -> Arc<Snapshot> {
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&snapshot)
    }

    fn lock(&self) -> MutexGuard<'_, Ctl> {
        self.ctl.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a snapshot; `_ctl` proves that nobody else does at the same time.
    fn publish(&self, _ctl: &mut Ctl, snapshot: Snapshot) {
        let expires = snapshot
            .held()
            .is_some_and(|held| held.mandatory_at.is_some());
        self.expires.store(expires, Ordering::Release);
        let snapshot = Arc::new(snapshot);
        let mut shown = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *shown, snapshot);
        drop(shown);
        drop(old);
    }

    /// Checks a token and makes it ready to be attached.
    fn hold(&self, token: Token, now: Option<SystemTime>) -> Result<Arc<Held>> {
        let share = self.lock().random.f64();
        Making {
            name: &self.options.header,
            leeway: self.options.leeway,
            share,
            now,
            keys: &self.keys,
        }
        .hold(token)
    }

    /// Remembers the origin of a client's base.
    pub(super) fn learn(&self, home: Origins) {
        /// More clients with different bases than this share no session.
        const MAX_HOMES: usize = 64;
        let mut ctl = self.lock();
        let mut snapshot = (*self.current()).clone();
        if snapshot.homes.len() < MAX_HOMES && !snapshot.homes.contains(&home) {
            snapshot.homes = snapshot.homes.iter().cloned().chain([home]).collect();
            self.publish(&mut ctl, snapshot);
        }
    }

    /// Returns the session's clock; the first client's, if there is none yet.
    pub(super) fn clock(&self, client: &Client) -> &Arc<dyn Runtime> {
        self.clock.get_or_init(|| Arc::clone(client.runtime()))
    }

    /// Asks the wall clock, if there is one and the token expires.
    pub(super) fn time(&self) -> Option<SystemTime> {
        if !self.expires.load(Ordering::Acquire) {
            return None;
        }
        Some(self.clock.get()?.wall())
    }

    /// Both times, which must be asked for before a lock is taken: the clock
    /// may be the user's.
    fn times(&self, client: &Client) -> (SystemTime, Instant) {
        let clock = self.clock(client);
        (clock.wall(), clock.now())
    }

    /// Joins the flight that is under way, or starts one.
    ///
    /// Who starts it is decided here, before the first await.
    pub(super) fn join(self: &Arc<Self>, client: &Client, why: Why) -> Join {
        let times = self.times(client);
        let mut ctl = self.lock();
        let snapshot = self.current();
        let joined = self.join_locked(&mut ctl, &snapshot, times, why);
        drop(ctl);
        self.start(joined, client, why)
    }

    /// Decides what to make of a refused header, and joins.
    pub(super) fn refused(self: &Arc<Self>, sent: &Sent, client: &Client) -> Refusal {
        let mark = fingerprint(&self.keys, sent.header.as_bytes());
        let times = self.times(client);
        let mut ctl = self.lock();
        let snapshot = self.current();
        let landed = Landed {
            generation: snapshot.generation,
            version: snapshot.version,
            minted: false,
        };
        if snapshot.held().is_some_and(|held| held.mark == mark) {
            let awaited = sent
                .awaited
                .is_some_and(|awaited| awaited.version == landed.version);
            if awaited || inside::is_inside(self.id) {
                return Refusal::PassOn;
            }
            let mut rejected = (*snapshot).clone();
            if !rejected.rejected {
                rejected.rejected = true;
                self.publish(&mut ctl, rejected.clone());
            }
            let joined = self.join_locked(&mut ctl, &rejected, times, Why::Refused);
            drop(ctl);
            return Refusal::Current(self.start(joined, client, Why::Refused));
        }
        if ctl.past.contains(mark) {
            self.tally.add(&self.tally.stale_hits);
            // No version: the current token is attached if it is fresh, as on
            // any other call.
            return Refusal::Stale(Landed {
                version: 0,
                ..landed
            });
        }
        Refusal::PassOn
    }

    /// `Err` holds a flight that has to be started outside of the lock.
    fn join_locked(
        &self,
        ctl: &mut Ctl,
        snapshot: &Snapshot,
        (wall, now): (SystemTime, Instant),
        why: Why,
    ) -> Result<Join, Arc<Flight>> {
        // Refresh race: the token may have come while the call got here.
        if why == Why::Stale && snapshot.is_usable(wall) {
            return Ok(Join::Ready);
        }
        match &snapshot.status {
            Status::Dead(error) => return Ok(Join::Failed(Arc::clone(error))),
            Status::Empty => return Ok(Join::SignedOut),
            Status::Unloaded | Status::Live(_) => {}
        }
        if inside::is_inside(self.id) {
            return Ok(Join::Inside);
        }
        if let Some(flight) = &ctl.flight {
            self.tally.add(&self.tally.coalesced);
            return Ok(Join::Wait(flight.wait()));
        }
        let key = snapshot.held().map_or(0, |held| held.key);
        let cooling = ctl.cooldown.as_ref().filter(|_| why != Why::Asked);
        if let Some(error) = cooling.and_then(|it| it.holds(key, now)) {
            self.tally.add(&self.tally.cooled);
            return Ok(Join::Failed(Arc::clone(error)));
        }
        let first = matches!(snapshot.status, Status::Unloaded);
        let flight = Flight::new(snapshot.generation, first);
        ctl.flight = Some(Arc::clone(&flight));
        Err(flight)
    }

    fn start(
        self: &Arc<Self>,
        joined: Result<Join, Arc<Flight>>,
        client: &Client,
        why: Why,
    ) -> Join {
        match joined {
            Ok(join) => join,
            Err(flight) => {
                let waiter = flight.wait();
                drive::launch(Arc::clone(self), flight, client, why);
                Join::Wait(waiter)
            }
        }
    }

    /// Tells the handlers.
    fn tell(&self, event: &AuthEvent) {
        for _ in 0..self.handlers.tell(event) {
            self.tally.add(&self.tally.panics);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.current();
        let status = match &snapshot.status {
            Status::Unloaded => "unloaded",
            Status::Empty => "signed out",
            Status::Live(_) if snapshot.rejected => "refused",
            Status::Live(_) => "signed in",
            Status::Dead(_) => "expired",
        };
        f.debug_struct("Session")
            .field("status", &status)
            .field("generation", &snapshot.generation)
            .field("version", &snapshot.version)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}

/// The error of a call that gets no token, with the shared cause.
pub(super) fn failure(error: &Arc<RefreshError>) -> Error {
    let (kind, text) = match error.class() {
        RefreshClass::Rejected => (ErrorKind::SessionExpired, "the session has expired"),
        _ => (ErrorKind::Auth, "the token could not be refreshed"),
    };
    let shared: Arc<dyn std::error::Error + Send + Sync> = Arc::clone(error) as _;
    let failure = Error::new(kind, text).with_shared_source(shared);
    match error.class() {
        RefreshClass::Rejected => failure.with_hint("sign in again"),
        _ => failure,
    }
}

/// The error of a call whose session ended while it waited.
pub(super) fn superseded() -> RefreshError {
    RefreshError::new(
        RefreshClass::Superseded,
        "somebody signed in or out while the call waited",
    )
}
