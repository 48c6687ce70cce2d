//! The bound: who gives way, and who never does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Error, ErrorKind, Response, Result,
    auth::{
        Identity, IdentityError, KeyedTokenRefresh, LostAnswer, MemoryStore, OAuth2Refresh,
        RefreshClass, RefreshError, Stamp, Stored, Swap, Token, TokenRefresh, TokenStore,
    },
    client::Client,
    runtime::block_on,
};

use crate::support::{Count, Drive, Tenants, call, eventually, seconds};

fn of(world: &Tenants, limit: usize) -> KeyedTokenRefresh {
    world.builder().max_identities(limit).build().unwrap()
}

/// Sends, and waits until nobody works with the session any more.
fn send<E: Drive>(world: &Tenants, client: &Client<E>, name: &str) -> Result<Response> {
    let answer = E::send(call(client, name));
    world.settle();
    answer
}

fn assert_full(error: &Error, limit: usize) {
    assert_eq!(error.kind(), ErrorKind::Auth);
    let found = IdentityError::find_in(error).unwrap();
    assert!(
        matches!(found, IdentityError::TooMany { limit: it, .. } if *it == limit),
        "{error}"
    );
    assert!(found.to_string().contains(&format!("`{limit}`")));
    assert!(error.hint().unwrap().contains("max_identities"));
}

fn the_one_idle_for_longest_gives_way<E: Drive>() {
    let world = Tenants::new(&["a", "b", "c"]);
    let refresh = of(&world, 2);
    let client = world.client::<E>(&refresh);
    // `b` goes for `c`, then `a` for `b`, then `c` for `a`.
    for (name, made) in [
        ("a", 1),
        ("b", 2),
        ("a", 2),
        ("c", 3),
        ("a", 3),
        ("c", 3),
        ("b", 4),
        ("c", 4),
        ("b", 4),
        ("a", 5),
    ] {
        send(&world, &client, name).unwrap();
        assert_eq!(world.made.get(), made, "{name}");
        assert!(refresh.len() <= 2);
    }
    world.check();
}

fn who_comes_again_has_the_token_that_was_stored<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = of(&world, 1);
    let client = world.client::<E>(&refresh);
    for name in ["a", "b", "a", "b"] {
        world.expire(name);
        send(&world, &client, name).unwrap();
    }
    let expected = [
        "a-a1", "a-a2", "b-a1", "b-a2", "a-a2", "a-a3", "b-a2", "b-a3",
    ];
    assert_eq!(world.sent(), expected);
    world.check();
}

fn a_session_with_a_refresh_under_way_stays<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = of(&world, 1);
    let (client, gate) = world.held::<E>(&refresh, "/token/a");
    world.expire("a");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(call(&client, "a")));
        gate.await_arrivals(1);
        assert_full(&E::send(call(&client, "b")).unwrap_err(), 1);
        let b = Identity::new("b");
        assert_full(&refresh.session(&b).unwrap_err(), 1);
        assert!(!refresh.remove(&Identity::new("a")));
        gate.open();
        waiting.join().unwrap().unwrap();
    });
    world.settle();
    send(&world, &client, "b").unwrap();
    assert_eq!(world.sent(), ["a-a1", "a-a2", "b-a1"]);
    world.check();
}

/// Its answer may be a refusal, which has to find the session.
fn a_session_with_a_call_on_the_way_stays<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = of(&world, 1);
    let (client, gate) = world.held::<E>(&refresh, "/t/a/me");
    world.expire("a");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(call(&client, "a")));
        gate.await_arrivals(1);
        assert_full(&E::send(call(&client, "b")).unwrap_err(), 1);
        gate.open();
        waiting.join().unwrap().unwrap();
    });
    world.settle();
    send(&world, &client, "b").unwrap();
    assert_eq!(world.sent(), ["a-a1", "a-a2", "b-a1"]);
}

/// What came of a call does not hold its session, however long it is kept.
fn answers_and_errors_hold_nothing<E: Drive>() {
    let world = Tenants::new(&["a", "b", "c"]);
    let refresh = of(&world, 1);
    let client = world.client::<E>(&refresh);
    let answer = send(&world, &client, "a").unwrap();
    world.expire("b");
    let replayed = send(&world, &client, "b").unwrap();
    world.always_refuse("c");
    let refused = send(&world, &client, "c").unwrap_err();
    assert!(refused.is_status(401) && refused.attempts() == 2);
    world.down("b", true);
    world.expire("b");
    let failed = send(&world, &client, "b").unwrap_err();
    send(&world, &client, "a").unwrap();
    assert_eq!(refresh.len(), 1);
    drop((answer, replayed, refused, failed));
}

fn a_session_of_which_there_is_a_handle_stays<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = of(&world, 1);
    let client = world.client::<E>(&refresh);
    let a = Identity::new("a");
    let handle = refresh.session(&a).unwrap();
    assert_full(&send(&world, &client, "b").unwrap_err(), 1);
    assert!(!refresh.remove(&a));
    drop(handle);
    send(&world, &client, "b").unwrap();
    assert!(!refresh.remove(&a), "it is gone already");
    assert!(refresh.remove(&Identity::new("b")));
    assert!(refresh.is_empty());
}

/// A store whose writes fail while the test says so.
struct Failing {
    inner: Arc<MemoryStore>,
    fails: Arc<AtomicBool>,
}

#[async_trait]
impl TokenStore for Failing {
    async fn load(&self) -> Result<Stored> {
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::message("the disk is full"));
        }
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }
}

fn failing(world: &Tenants) -> (KeyedTokenRefresh, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(false));
    let (inner, switch) = (world.clone(), Arc::clone(&fails));
    let refresh = TokenRefresh::keyed(move |identity| {
        let store = Failing {
            inner: inner.store(identity),
            fails: Arc::clone(&switch),
        };
        let refresher = OAuth2Refresh::new(format!("/token/{identity}"), "app");
        let session = TokenRefresh::builder(store, refresher);
        Ok(session.after_lost_answer(LostAnswer::GiveUp))
    });
    (refresh.max_identities(1).build().unwrap(), fails)
}

fn a_sign_in_that_is_not_stored_is_not_lost<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let (refresh, fails) = failing(&world);
    let client = world.client::<E>(&refresh);
    fails.store(true, Ordering::SeqCst);
    let token = world.issue("a");
    let signing = refresh.session(&Identity::new("a")).unwrap();
    block_on(signing.sign_in(token)).unwrap_err();
    drop(signing);
    assert_full(&send(&world, &client, "b").unwrap_err(), 1);
    send(&world, &client, "a").unwrap();
    // The next refresh stores it.
    fails.store(false, Ordering::SeqCst);
    world.expire("a");
    send(&world, &client, "a").unwrap();
    send(&world, &client, "b").unwrap();
    assert_eq!(world.sent(), ["a-a2", "a-a2", "a-a3", "b-a1"]);
    world.check();
}

/// The store holds a spent token, and writing is given up after some tries.
fn a_token_that_is_not_stored_is_not_lost<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let (refresh, fails) = failing(&world);
    let client = world.client::<E>(&refresh);
    send(&world, &client, "a").unwrap();
    fails.store(true, Ordering::SeqCst);
    world.expire("a");
    E::send(call(&client, "a")).unwrap();
    assert_full(&E::send(call(&client, "b")).unwrap_err(), 1);
    // No pause between two tries is longer.
    eventually("it has given up", || {
        world.time.advance(seconds(30));
        world.is_settled()
    });
    assert_full(&send(&world, &client, "b").unwrap_err(), 1);
    fails.store(false, Ordering::SeqCst);
    world.expire("a");
    send(&world, &client, "a").unwrap();
    send(&world, &client, "b").unwrap();
    send(&world, &client, "a").unwrap();
    let expected = ["a-a1", "a-a1", "a-a2", "a-a2", "a-a3", "b-a1", "a-a3"];
    assert_eq!(world.sent(), expected);
    world.check();
}

/// The store does not keep the mark of it: the session has to.
fn a_token_that_must_not_be_presented_again_is_not_forgotten<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let (refresh, _) = failing(&world);
    let client = world.client::<E>(&refresh);
    world.lose_answers("a");
    world.expire("a");
    send(&world, &client, "a").unwrap_err();
    assert_full(&send(&world, &client, "b").unwrap_err(), 1);
    // The next try ends the session, and that is stored.
    world.time.advance(seconds(60));
    let error = send(&world, &client, "a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    send(&world, &client, "b").unwrap();
    let error = send(&world, &client, "a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert_eq!(world.refreshes("a"), 1);
}

/// Putting it away would forget when the server may be asked again.
fn a_session_with_a_pause_to_keep_goes_last<E: Drive>() {
    let world = Tenants::new(&["a", "b", "c", "d"]);
    let refresh = of(&world, 2);
    let client = world.client::<E>(&refresh);
    world.down("a", true);
    world.expire("a");
    send(&world, &client, "a").unwrap_err();
    for name in ["b", "c"] {
        send(&world, &client, name).unwrap();
    }
    send(&world, &client, "a").unwrap_err();
    assert_eq!((world.refreshes("a"), world.made.get()), (1, 3));
    // Once it is over, its turn comes as that of the others does.
    world.time.advance(Duration::from_secs(31));
    send(&world, &client, "c").unwrap();
    send(&world, &client, "d").unwrap();
    assert_eq!(world.made.get(), 4);
    send(&world, &client, "c").unwrap();
    assert_eq!(world.made.get(), 4, "`a` went");
}

/// Both ask the factory, and each gets a store of its own.
fn calls_that_come_first_at_the_same_time_share_one_session<E: Drive>() {
    let world = Tenants::new(&["a"]);
    let asked = Count::default();
    let count = asked.clone();
    let refresh = TokenRefresh::keyed(move |identity| {
        count.add();
        eventually("the other call is here", || count.get() == 2);
        let store = MemoryStore::new(Token::new("a-a1").refresh("a-r1"));
        let refresher = OAuth2Refresh::new(format!("/token/{identity}"), "app");
        Ok(TokenRefresh::builder(store, refresher))
    });
    let refresh = refresh.max_identities(1).build().unwrap();
    let client = world.client::<E>(&refresh);
    world.expire("a");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| E::send(call(&client, "a")).unwrap());
        }
    });
    assert_eq!((asked.get(), world.refreshes("a")), (2, 1));
    assert_eq!(refresh.len(), 1);
    world.check();
}

/// More tenants than there is room for, from many threads, while tokens expire:
/// a call may find no room, but no token is mixed up, lost or spent twice.
fn under_pressure_nothing_is_mixed_up_and_nothing_is_lost<E: Drive>() {
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let world = Tenants::new(&NAMES);
    let refresh = of(&world, 4);
    let client = world.client::<E>(&refresh);
    let sent = Count::default();
    std::thread::scope(|scope| {
        for first in 0..6 {
            let (world, client, sent, refresh) = (&world, &client, &sent, &refresh);
            scope.spawn(move || {
                for round in 0..50 {
                    let name = NAMES[(first * 7 + round * 3) % NAMES.len()];
                    if round % 5 == first {
                        world.expire(name);
                    }
                    match E::send(call(client, name)) {
                        Ok(_) => drop(sent.add()),
                        // It may expire again between the refresh and the replay.
                        Err(error) if error.is_status(401) => {}
                        Err(error) => match RefreshError::find_in(&error) {
                            Some(error) => assert_eq!(error.class(), RefreshClass::Excessive),
                            None => assert_full(&error, 4),
                        },
                    }
                    assert!(refresh.len() <= 4);
                }
            });
        }
    });
    assert!(sent.get() > 50, "{} calls went through", sent.get());
    world.settle();
    world.time.advance(seconds(60));
    for name in NAMES {
        send(&world, &client, name).unwrap();
    }
    world.check();
}

both!(
    the_one_idle_for_longest_gives_way,
    who_comes_again_has_the_token_that_was_stored,
    a_session_with_a_refresh_under_way_stays,
    a_session_with_a_call_on_the_way_stays,
    answers_and_errors_hold_nothing,
    a_session_of_which_there_is_a_handle_stays,
    a_sign_in_that_is_not_stored_is_not_lost,
    a_token_that_is_not_stored_is_not_lost,
    a_token_that_must_not_be_presented_again_is_not_forgotten,
    a_session_with_a_pause_to_keep_goes_last,
    calls_that_come_first_at_the_same_time_share_one_session,
    under_pressure_nothing_is_mixed_up_and_nothing_is_lost,
);
