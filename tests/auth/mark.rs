//! The mark that is written before the refresh token is spent, and the fence
//! that says whose answer is later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use async_trait::async_trait;
use tollgate::{
    Client, Error, ErrorKind, Result,
    auth::{
        Lease, LostAnswer, MemoryStore, Presented, RefreshClass, RefreshError, Stamp, Stored, Swap,
        Token, TokenRefresh, TokenStore,
    },
    runtime::block_on,
};

use crate::support::{Drive, Log, Odd, World, eventually, pair_over, some};

/// A store with leases of the test's, whose marks can fail.
#[derive(Default)]
struct Marked {
    inner: MemoryStore,
    unwritable: AtomicBool,
}

impl Marked {
    const FENCE: u64 = 7;

    fn new(record: Stored) -> Arc<Self> {
        let store = Arc::new(Self::default());
        store.write(record);
        store
    }

    /// Writes as another process does.
    fn write(&self, record: Stored) {
        let stamp = self.read().stamp();
        let swap = block_on(self.inner.compare_and_swap(stamp, record)).unwrap();
        assert_eq!(swap, Swap::Done);
    }

    fn read(&self) -> Stored {
        block_on(self.inner.load()).unwrap()
    }

    fn access(&self) -> String {
        let record = self.read();
        record.token().unwrap().access_token().expose().to_owned()
    }
}

#[async_trait]
impl TokenStore for Marked {
    async fn load(&self) -> Result<Stored> {
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, _: std::time::Duration) -> Result<Lease> {
        Ok(Lease::new(Self::FENCE))
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        if self.unwritable.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Connect, "the disk is full"));
        }
        self.inner.present(stamp, presented).await
    }
}

fn signed_in() -> Stored {
    Stored::live(Stamp::new(1, 1), Token::new("a1").refresh("r1"))
}

fn pair(store: &Arc<Marked>) -> tollgate::auth::TokenRefreshBuilder {
    pair_over(Arc::clone(store))
        .refresh_attempts(1)
        .jitter_seed(7)
}

fn the_mark_is_there_while_the_token_is_spent_and_gone_after<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let store = Marked::new(signed_in());
    let (seen, server) = (Arc::clone(&store), Arc::clone(&world.server));
    let refresh = TokenRefresh::builder(Arc::clone(&store), async move |_: Client, _: Token| {
        let mark = seen.read().presented().unwrap();
        assert_eq!(mark.fence, Marked::FENCE);
        assert!(mark.at > SystemTime::UNIX_EPOCH);
        Ok::<_, RefreshError>(server.issue("b1", "s1"))
    })
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    let record = store.read();
    assert_eq!(record.presented(), None);
    assert_eq!((record.fence(), record.stamp().version), (Marked::FENCE, 2));
}

fn a_store_that_cannot_be_marked_spends_nothing<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let store = Marked::new(signed_in());
    store.unwritable.store(true, Ordering::SeqCst);
    let refresh = pair(&store).build().unwrap();
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.class(), RefreshClass::Store);
    assert_eq!(world.server.refreshes(), 0);
    store.unwritable.store(false, Ordering::SeqCst);
    world.time.advance(crate::support::seconds(2));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1"]);
}

/// What the server has not processed is not taken for a lost answer later.
fn the_mark_is_taken_back_when_nothing_was_processed<E: Drive>() {
    for odd in [
        Odd::html(503),
        Odd::json(401, r#"{"error":"invalid_client"}"#),
    ] {
        let world = World::new();
        world.server.expire();
        world.server.answer(odd);
        let store = Marked::new(signed_in());
        let client = world.client::<E>(&pair(&store).build().unwrap());
        E::send(client.get("/me")).unwrap_err();
        eventually("the mark is gone", || store.read().presented().is_none());
    }
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::html(500));
    let store = Marked::new(signed_in());
    let client = world.client::<E>(&pair(&store).build().unwrap());
    E::send(client.get("/me")).unwrap_err();
    assert!(store.read().presented().is_some(), "the answer was lost");
}

/// Whoever left the mark was cut off between the question and the answer.
fn a_mark_of_somebody_else_is_a_lost_answer<E: Drive>() {
    let mark = Presented::new(3, SystemTime::UNIX_EPOCH);
    // The default: it may not have come to anything, so it is tried once more.
    let world = World::new();
    world.server.expire();
    let store = Marked::new(signed_in().with_presented(mark));
    let refresh = pair(&store).build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(refresh.counters().recovered, 1);

    // The same, where the server had spent it.
    let world = World::new();
    world.server.issue("b1", "s1");
    let store = Marked::new(signed_in().with_presented(mark));
    let refresh = pair(&store).build().unwrap();
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert!(RefreshError::find_in(&error).unwrap().is_rotation_lost());
    assert!(store.read().is_dead());
    log.expect(&["expired"]);

    // A server that takes a second presentation for theft.
    let world = World::new();
    world.server.expire();
    let store = Marked::new(signed_in().with_presented(mark));
    let refresh = pair(&store).after_lost_answer(LostAnswer::GiveUp);
    let client = world.client::<E>(&refresh.build().unwrap());
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert!(RefreshError::find_in(&error).unwrap().is_rotation_lost());
    assert_eq!(world.server.refreshes(), 0);
    assert!(store.read().is_dead());
}

/// Two answers of the server's: the later one stays, whoever writes first.
fn the_higher_fence_wins<E: Drive>() {
    for (fence, expected) in [(3, "c1"), (9, "b1"), (0, "b1")] {
        let world = World::new();
        world.server.expire();
        let store = Marked::new(signed_in());
        let (late, server) = (Arc::clone(&store), Arc::clone(&world.server));
        let refresh =
            TokenRefresh::builder(Arc::clone(&store), async move |_: Client, _: Token| {
                let stamp = late.read().stamp().next();
                let theirs = Token::new("b1").refresh("s1");
                late.write(Stored::live(stamp, theirs).with_fence(fence));
                server.issue(expected, "t1");
                Ok::<_, RefreshError>(Token::new("c1").refresh("t1"))
            })
            .build()
            .unwrap();
        let client = world.client::<E>(&refresh);
        E::send(client.get("/me")).unwrap();
        assert_eq!(world.sent_tokens(), some(&["a1", expected]), "{fence}");
        assert_eq!(store.access(), expected);
    }
}

/// Another user's record is never overwritten, whatever the fence.
fn a_fence_is_of_no_use_in_another_epoch<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let store = Marked::new(signed_in());
    let (late, server) = (Arc::clone(&store), Arc::clone(&world.server));
    let refresh = TokenRefresh::builder(Arc::clone(&store), async move |_: Client, _: Token| {
        let stamp = late.read().stamp().next_epoch();
        late.write(Stored::live(stamp, server.issue("b1", "s1")).with_fence(3));
        Ok::<_, RefreshError>(Token::new("c1").refresh("t1"))
    })
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert!(error.is_status(401), "{error}");
    assert_eq!(store.access(), "b1");
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
}

both!(
    the_mark_is_there_while_the_token_is_spent_and_gone_after,
    a_store_that_cannot_be_marked_spends_nothing,
    the_mark_is_taken_back_when_nothing_was_processed,
    a_mark_of_somebody_else_is_a_lost_answer,
    the_higher_fence_wins,
    a_fence_is_of_no_use_in_another_epoch,
);
