//! [`Session`]: one sign-in, shared by all clients that its pair was given to.
//!
//! Its states are drawn in the module above.
//!
//! *Concurrency*: `ctl` decides, `snapshot` shows. A snapshot is published with
//! `ctl` held, so whoever holds `ctl` sees the last one; calls that only attach
//! read the snapshot, without a lock. `ctl` is not held across an await, I/O, a
//! waker or code of the user's.

mod drive;
mod flight;
mod identity;
mod idle;
mod inside;
mod join;
mod land;
mod limit;
mod look;
#[cfg(all(test, tollgate_loom))]
mod loom_models;
mod persist;
mod present;
mod recheck;
mod snapshot;
mod status;
mod sync;
mod timer;
mod watch;

use std::{
    fmt,
    hash::RandomState,
    sync::{
        Arc, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use flight::Flight;
pub(super) use flight::{Landed, Waiter};
use futures_channel::oneshot;
use http::HeaderName;
pub(super) use join::{Join, Refusal, Sent, Why};
use limit::{Cooldown, Window};
pub(super) use snapshot::{Held, Snapshot, Status};
use snapshot::{Making, Past};
use sync::{ArcSwap, AtomicBool, Mutex, MutexGuard};

use super::{
    AuthEvent, LostAnswer, MissingToken, RefreshClass, RefreshError, Refresher, Stamp, Token,
    TokenStore, counters::Tally, dpop::Dpop, event::Handlers, jwt,
};
use crate::{Client, Error, ErrorKind, Origins, Response, Result, Runtime, WeakClient};

pub(super) type Predicate = Arc<dyn Fn(&Response) -> bool + Send + Sync>;

/// What the builder was told.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the builder's, and none excludes another"
)]
pub(super) struct Options {
    pub(super) origins: Option<Origins>,
    pub(super) allow_plaintext: bool,
    pub(super) also_on_forbidden: bool,
    pub(super) refresh_when: Option<Predicate>,
    pub(super) replay_any_method: bool,
    pub(super) expiry_from_jwt: bool,
    pub(super) dpop: Option<Arc<Dpop>>,
    pub(super) leeway: Duration,
    pub(super) early: Duration,
    pub(super) refresh_timeout: Duration,
    pub(super) attempts: u32,
    pub(super) lost_answer: LostAnswer,
    pub(super) recheck: Option<Duration>,
    pub(super) missing: MissingToken,
    pub(super) header: HeaderName,
    /// The name of the cookie as which the token travels; `header` is `cookie`.
    pub(super) cookie: Option<String>,
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
    /// Whether calls ask the clock: the token that is shown expires, or the
    /// store is looked at again from time to time.
    expires: AtomicBool,
    /// Whether a client was seen.
    met: AtomicBool,
    snapshot: ArcSwap<Snapshot>,
    ctl: Mutex<Ctl>,
}

/// What only the deciding code needs.
struct Ctl {
    flight: Option<Arc<Flight>>,
    cooldown: Option<Cooldown>,
    window: Window,
    past: Past,
    /// The refresh tokens that have a successor.
    spent: Past,
    /// The tokens that were signed in with here.
    signed_in: Past,
    /// The store's record that the snapshot stands for; `None` before a load.
    stamp: Option<Stamp>,
    /// The fence of that record.
    fence: u64,
    /// A sign-in or sign-out has not reached the store yet.
    unsaved: bool,
    /// The token that is shown has not reached the store, which holds one that
    /// is spent.
    unstored: bool,
    /// The refresh token whose last answer was lost.
    ambiguous: Option<u64>,
    /// Somebody looks at the store, outside of a flight.
    looking: bool,
    /// Dropped with the session, it ends the watch over the store.
    watch: Option<oneshot::Sender<()>>,
    /// Dropped when `stamp` is another than the watch goes by.
    moved: Option<oneshot::Sender<()>>,
    /// The client that was seen last.
    client: Option<WeakClient>,
    random: fastrand::Rng,
}

impl Ctl {
    /// From now on the snapshot stands for the record with this stamp and fence.
    fn stand_for(&mut self, stamp: Stamp, fence: u64) {
        self.stamp = Some(stamp);
        self.fence = fence;
    }

    /// Forgets what belongs to the session so far.
    fn reset(&mut self) {
        self.unstored = false;
        self.cooldown = None;
        self.window = Window::default();
        self.past.clear();
        self.spent.clear();
        self.ambiguous = None;
    }
}

impl Session {
    pub(super) fn new(
        options: Options,
        store: Arc<dyn TokenStore>,
        refresher: Arc<dyn Refresher>,
    ) -> Arc<Self> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        // Due with the first call that does not read the store anyway.
        let never = SystemTime::UNIX_EPOCH..SystemTime::UNIX_EPOCH;
        let seen = options.recheck.map(|_| never);
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
            expires: AtomicBool::new(seen.is_some()),
            met: AtomicBool::new(false),
            snapshot: ArcSwap::from_pointee(Snapshot {
                generation: 1,
                version: 0,
                status: Status::Unloaded,
                rejected: false,
                homes: Arc::new([]),
                seen,
            }),
            ctl: Mutex::new(Ctl {
                flight: None,
                cooldown: None,
                window: Window::default(),
                past: Past::default(),
                spent: Past::default(),
                signed_in: Past::default(),
                stamp: None,
                fence: 0,
                unsaved: false,
                unstored: false,
                ambiguous: None,
                looking: false,
                watch: None,
                moved: None,
                client: None,
                random,
            }),
        })
    }

    /// Looks at the snapshot without counting a reference.
    #[inline]
    pub(super) fn peek<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        look(&self.snapshot.load())
    }

    pub(super) fn current(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    fn lock(&self) -> MutexGuard<'_, Ctl> {
        self.ctl.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a snapshot; `_ctl` proves that nobody else does at the same time.
    fn publish(&self, _ctl: &mut Ctl, snapshot: Snapshot) {
        let expires = snapshot
            .held()
            .is_some_and(|held| held.mandatory_at.is_some());
        let expires = expires || snapshot.seen.is_some();
        self.expires.store(expires, Ordering::Release);
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Gives a token of unknown expiry its own word on it, if that is wanted.
    fn dated(&self, token: Token, received: Option<SystemTime>) -> Token {
        if self.options.expiry_from_jwt {
            return jwt::hinted(token, received);
        }
        token
    }

    /// Checks a token and makes it ready to be attached.
    fn hold(&self, token: Token, now: Option<SystemTime>) -> Result<Arc<Held>> {
        if self.options.dpop.is_none() {
            token.check_unbound()?;
        }
        let share = self.lock().random.f64();
        Making {
            name: &self.options.header,
            leeway: self.options.leeway,
            early: self.options.early,
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

    /// Tells whether no client was seen yet, or the watch over the store has
    /// ended with the runtime of the one that was.
    pub(super) fn is_new(&self) -> bool {
        !self.met.load(Ordering::Relaxed)
    }

    /// Remembers a client, for what is to be done without a call, and begins
    /// to watch a store that tells what others write.
    pub(super) fn meet(self: &Arc<Self>, client: &Client) {
        self.clock(client);
        let mut ctl = self.lock();
        let old = ctl.client.replace(client.downgrade());
        let first = !self.met.swap(true, Ordering::Relaxed);
        drop(ctl);
        drop(old);
        if first && self.store.is_watchable() {
            self.watch(client.runtime());
        }
    }

    /// Tells whether calls can be sent with the token that there is.
    fn is_usable(&self, now: SystemTime) -> bool {
        self.peek(|snapshot| snapshot.is_usable(now))
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
