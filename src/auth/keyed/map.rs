//! [`Keyed`]: the bounded map of sessions.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::{Identity, IdentityError, MissingIdentity, Sending, SentAs};
use crate::{
    Request, Result,
    auth::{AuthEvent, SkipAuth, TokenRefreshBuilder, session::Session},
};

/// Says how the session of an identity is made.
pub(super) type Factory = Box<dyn Fn(&Identity) -> Result<TokenRefreshBuilder> + Send + Sync>;
pub(super) type KeyedHandler = dyn Fn(&Identity, &AuthEvent) + Send + Sync;

/// The sessions of a pair; see the module.
pub(in crate::auth) struct Keyed {
    pub(in crate::auth) id: u64,
    factory: Factory,
    handlers: Vec<Arc<KeyedHandler>>,
    limit: usize,
    missing: MissingIdentity,
    /// Grows with every use of a session.
    uses: AtomicU64,
    map: RwLock<HashMap<Identity, Entry>>,
}

/// What the builder was told.
pub(super) struct Plan {
    pub(super) factory: Factory,
    pub(super) handlers: Vec<Arc<KeyedHandler>>,
    pub(super) limit: usize,
    pub(super) missing: MissingIdentity,
}

struct Entry {
    session: Arc<Session>,
    /// The number of its last use.
    used: AtomicU64,
}

impl Keyed {
    pub(super) fn new(plan: Plan) -> Arc<Self> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            factory: plan.factory,
            handlers: plan.handlers,
            limit: plan.limit,
            missing: plan.missing,
            uses: AtomicU64::new(0),
            map: RwLock::default(),
        })
    }

    /// Finds whose token a request gets, and notes it there.
    pub(in crate::auth) fn for_request(
        &self,
        request: &mut Request,
    ) -> Result<Option<(Arc<Session>, Arc<Sending>)>> {
        let extensions = request.extensions();
        if extensions.get::<SkipAuth>().is_some() {
            return Ok(None);
        }
        let identity = extensions.get::<Identity>();
        let identity = identity.filter(|it| !it.as_str().is_empty());
        if let Some(sending) = SentAs::find(extensions, self.id) {
            if identity != Some(&sending.identity) {
                // On the first attempt it was copied from another call's.
                if request.attempt() > 1 {
                    return Err(IdentityError::Changed.into());
                }
            } else if let Some(session) = sending.session() {
                return Ok(Some((session, Arc::clone(sending))));
            }
        }
        let Some(identity) = identity.cloned() else {
            return match self.missing {
                MissingIdentity::Fail => Err(IdentityError::Missing.into()),
                MissingIdentity::Bare => Ok(None),
            };
        };
        let session = match self.known(&identity) {
            Some(session) => session,
            None => {
                let now = request.client().ok().map(|it| it.runtime().now());
                self.add(&identity, now)?
            }
        };
        let sending = Sending::new(self.id, identity, Arc::clone(&session));
        Ok(Some((session, sending.mark(request))))
    }

    /// Finds a session, or makes it.
    pub(super) fn session(&self, identity: &Identity) -> Result<Arc<Session>> {
        if identity.as_str().is_empty() {
            return Err(IdentityError::Missing.into());
        }
        match self.known(identity) {
            Some(session) => Ok(session),
            None => self.add(identity, None),
        }
    }

    fn known(&self, identity: &Identity) -> Option<Arc<Session>> {
        let map = self.read();
        Some(self.used(map.get(identity)?))
    }

    fn used(&self, entry: &Entry) -> Arc<Session> {
        let number = self.uses.fetch_add(1, Ordering::Relaxed);
        entry.used.store(number, Ordering::Relaxed);
        Arc::clone(&entry.session)
    }

    /// Makes a session, and room for it.
    fn add(&self, identity: &Identity, now: Option<Instant>) -> Result<Arc<Session>> {
        // The factory is the user's code: no lock is held.
        let session = self.make(identity)?;
        let mut map = self.write();
        if let Some(entry) = map.get(identity) {
            // Another call was faster.
            let first = self.used(entry);
            drop(map);
            return Ok(first);
        }
        let mut old = None;
        if map.len() >= self.limit {
            let idle = longest_idle(&mut map, now);
            old = idle.and_then(|idle| map.remove(&idle));
            if old.is_none() {
                drop(map);
                return Err(IdentityError::TooMany { limit: self.limit }.into());
            }
        }
        let entry = Entry {
            session,
            used: AtomicU64::default(),
        };
        let session = self.used(&entry);
        map.insert(identity.clone(), entry);
        drop(map);
        // A store may run code of the user's when it is dropped.
        drop(old);
        Ok(session)
    }

    fn make(&self, identity: &Identity) -> Result<Arc<Session>> {
        let session = (self.factory)(identity)?.session()?;
        for handler in &self.handlers {
            let (handler, identity) = (Arc::clone(handler), identity.clone());
            let handler = move |event: &AuthEvent| handler(&identity, event);
            session.handlers.add(Arc::new(handler));
        }
        Ok(session)
    }

    /// Puts a session away, if it is idle.
    pub(super) fn remove(&self, identity: &Identity) -> bool {
        let mut map = self.write();
        let idle = map.get_mut(identity).is_some_and(Entry::is_idle);
        let old = if idle { map.remove(identity) } else { None };
        drop(map);
        old.is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.read().len()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Identity, Entry>> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Identity, Entry>> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Tells whether nobody works with the session, and nothing would be lost
    /// with it. `&mut` proves that nobody comes meanwhile.
    fn is_idle(&mut self) -> bool {
        Arc::get_mut(&mut self.session).is_some_and(|session| session.is_settled())
    }
}

/// Finds the session that was idle for longest; one that still has a pause to
/// keep only where there is no other.
fn longest_idle(map: &mut HashMap<Identity, Entry>, now: Option<Instant>) -> Option<Identity> {
    map.iter_mut()
        .filter_map(|(identity, entry)| {
            let used = *entry.used.get_mut();
            entry.is_idle().then_some((identity, entry, used))
        })
        .min_by_key(|(_, entry, used)| {
            let paused = now.is_some_and(|now| !entry.session.is_rested(now));
            (paused, *used)
        })
        .map(|(identity, ..)| identity.clone())
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("identities", &self.len())
            .field("max_identities", &self.limit)
            .field("missing_identity", &self.missing)
            .finish_non_exhaustive()
    }
}
