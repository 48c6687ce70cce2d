//! A fleet, its Redis and its authorization server.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tollgate::{
    auth::{
        Stored, TokenStore,
        conformance::{Report, Rotation, StrictAuthServer},
    },
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Server, until};

use crate::{
    child::{Settings, builder},
    processes::Processes,
};

/// Longer than any of these tests waits for a refresh.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// Longer than anybody is held up by a machine that has much to do.
pub(crate) const PATIENT: Option<Duration> = Some(Duration::from_secs(30));

/// Opens the store with this deadline, or with that which is the default.
pub(crate) fn open(redis: &str, key: &str, deadline: Option<Duration>) -> RedisStore {
    let mut store = RedisStore::builder(key).url(redis);
    if let Some(deadline) = deadline {
        store = store.deadline(deadline);
    }
    store.build().unwrap()
}

/// How often something is done.
pub(crate) fn size(name: &str, normal: usize) -> usize {
    std::env::var(name).map_or(normal, |text| text.parse().unwrap())
}

/// What came of the calls of one process or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) ok: usize,
    /// Failed because the session is over.
    pub(crate) over: usize,
    pub(crate) failed: usize,
    /// One of those got no answer of Redis within the deadline.
    pub(crate) kept_waiting: bool,
}

pub(crate) struct World {
    // In this order they are dropped.
    pub(crate) processes: Processes,
    pub(crate) auth: StrictAuthServer,
    store: Arc<dyn TokenStore>,
    pub(crate) redis: Server,
    key: String,
    /// Keeps the tests of this program apart: each needs all of the machine.
    _turn: MutexGuard<'static, ()>,
}

impl World {
    /// Starts a fleet whose processes have the token of one sign-in, and have
    /// used it; `None` where there is no `redis-server`.
    pub(crate) fn start(
        count: usize,
        rotation: Rotation,
        adapt: impl FnOnce(&mut Settings),
    ) -> Option<Self> {
        Some(Self::on(Server::start()?, count, rotation, adapt))
    }

    /// The same over a server that there is.
    pub(crate) fn on(
        redis: Server,
        count: usize,
        rotation: Rotation,
        adapt: impl FnOnce(&mut Settings),
    ) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let builder = StrictAuthServer::builder().rotation(rotation);
        let auth = builder.start().unwrap();
        let mut settings = Settings {
            redis: redis.url(),
            key: format!("fleet-{number}"),
            api: auth.api_url(),
            token_url: auth.token_url(),
            deadline: PATIENT,
            short_lease: None,
            first_timeout: TIMEOUT,
            refresh_timeout: TIMEOUT,
        };
        adapt(&mut settings);
        let store = Arc::new(open(&redis.url(), &settings.key, PATIENT));
        let mut world = Self {
            store,
            key: settings.key.clone(),
            processes: Processes::start(count, &settings),
            auth,
            redis,
            _turn: turn,
        };
        world.sign_in();
        // With a short deadline, one may have to ask again.
        until("all to have used the token", || {
            world.processes.tell_all("calls 1 1");
            let called = world.called();
            assert!(called.ok == count || called.kept_waiting, "{called:?}");
            called.ok == count
        });
        world
    }

    /// Signs in from here, as a process of its own.
    pub(crate) fn sign_in(&self) {
        let store = Arc::clone(&self.store);
        let session = builder(store, &self.auth.token_url()).build().unwrap();
        block_on(session.sign_in(self.auth.sign_in("ada"))).unwrap();
    }

    pub(crate) fn stored(&self) -> Stored {
        block_on(self.store.load()).unwrap()
    }

    /// Waits until nobody has the lease.
    pub(crate) fn until_lease_is_over(&self) {
        let mut connection = self.redis.connection();
        let name = format!("{{{}}}:l", self.key);
        until("the lease to end", || {
            let exists = redis::cmd("EXISTS").arg(&name).query(&mut connection);
            exists.is_ok_and(|exists: bool| !exists)
        });
    }

    /// The stored pair is the one that the server takes.
    pub(crate) fn assert_stored_is_current(&self) {
        let stored = self.stored();
        let session = builder(Arc::clone(&self.store), &self.auth.token_url());
        let session = session.build().unwrap();
        let client = tollgate::blocking::Client::builder(tollgate_ureq::UreqAdapter::new())
            .base_url(self.auth.api_url())
            .build()
            .unwrap();
        client.interceptors.use_pair(session.clone());
        client.get("/").send().unwrap();
        assert_eq!(session.counters().attempts, 0, "{stored:?}");
    }

    /// Waits for the calls of all that are alive.
    pub(crate) fn called(&mut self) -> Called {
        let mut all = Called::default();
        for number in self.processes.alive() {
            let called = self.called_by(number);
            all.ok += called.ok;
            all.over += called.over;
            all.failed += called.failed;
            all.kept_waiting |= called.kept_waiting;
        }
        all
    }

    /// Waits for the calls of one process.
    pub(crate) fn called_by(&mut self, number: usize) -> Called {
        let said = self.processes.take(number, "called");
        let [ok, over, failed] = said.numbers()[..] else {
            panic!("no numbers in `{}`", said.text);
        };
        if failed > 0 {
            println!("process {number}: {}", said.text);
        }
        Called {
            ok,
            over,
            failed,
            kept_waiting: said.text.contains("redis gave no answer"),
        }
    }

    /// Waits until so many calls were refused since `before`.
    pub(crate) fn until_refused(&self, before: &Report, count: u64) {
        until("calls to be refused", || {
            self.auth.report().unauthorized() >= before.unauthorized() + count
        });
    }
}
