//! A session and its callers.

use std::time::Duration;

use loom::future::block_on;

use super::world::{Tasks, World, beside, explore};
use crate::{
    Error, ErrorKind,
    auth::{RefreshClass, RefreshError, Stored, Swap, Token, TokenStore},
};

const HOUR: Duration = Duration::from_secs(3600);

/// `a1` has expired by the clock.
fn stale() -> World {
    World::new(|token, now| token.expires_at(now), &["a2", "b1"], |it| it)
}

/// The server has never heard of `a1`; it was read from the store already.
fn refused(tasks: Tasks) -> (World, crate::Client) {
    let world = World::new(|token, _| token, &["a2", "b1"], |it| it);
    let client = world.client(tasks);
    (world, client)
}

fn class(error: &Error) -> Option<RefreshClass> {
    RefreshError::find_in(error).map(RefreshError::class)
}

fn is_superseded(error: &Error) -> bool {
    error.is_status(401)
        || (error.kind() == ErrorKind::Auth && class(error) == Some(RefreshClass::Superseded))
}

#[test]
fn two_calls_with_a_stale_token_make_one_refresh() {
    explore(3, || {
        let world = stale();
        let client = world.client(Tasks::Run);
        let other = client.clone();
        let calling = beside(move || World::call(&other).map(drop));
        World::call(&client).unwrap();
        calling.join().unwrap().unwrap();
        assert_eq!(world.presented(), ["r1"]);
        assert_eq!(world.stored(), "a2");
        assert!(!world.refresh.status().is_refreshing());
    });
}

#[test]
fn two_refused_calls_make_one_refresh() {
    explore(3, || {
        let (world, client) = refused(Tasks::Run);
        let other = client.clone();
        let calling = beside(move || World::call(&other).map(drop));
        World::call(&client).unwrap();
        calling.join().unwrap().unwrap();
        assert_eq!(world.presented(), ["r1"]);
        assert_eq!(world.stored(), "a2");
    });
}

/// Whoever signs in is who is shown and stored, wherever the refresh of the
/// one before was; nobody waits for ever.
#[test]
fn a_sign_in_is_not_undone_by_a_refresh_that_lands() {
    explore(3, || {
        let (world, client) = refused(Tasks::Run);
        let signing = world.clone();
        let signed = beside(move || {
            let token = Token::new("b1").refresh("s1");
            block_on(signing.refresh.sign_in(token)).unwrap();
        });
        if let Err(error) = World::call(&client) {
            assert!(is_superseded(&error), "{error:?}");
        }
        signed.join().unwrap();
        let (generation, _, access) = world.shown();
        assert_eq!((generation, access.as_deref()), (2, Some("b1")));
        assert_eq!(world.stored(), "b1");
        assert!(world.presented().len() <= 1, "{:?}", world.presented());
        assert!(!world.refresh.status().is_refreshing());
    });
}

/// The same with somebody who waits for the refresh.
#[test]
fn who_waits_when_somebody_signs_in_is_answered() {
    explore(2, || {
        let world = stale();
        let client = world.client(Tasks::Run);
        let (other, signing) = (client.clone(), world.clone());
        let calling = beside(move || World::call(&other).map(drop));
        let signed = beside(move || {
            let token = Token::new("b1").refresh("s1");
            block_on(signing.refresh.sign_in(token)).unwrap();
        });
        for result in [World::call(&client).map(drop), calling.join().unwrap()] {
            if let Err(error) = result {
                assert!(is_superseded(&error), "{error:?}");
            }
        }
        signed.join().unwrap();
        assert_eq!(world.shown().2.as_deref(), Some("b1"));
        assert_eq!(world.stored(), "b1");
    });
}

#[test]
fn what_is_shown_never_goes_back() {
    explore(3, || {
        let world = stale();
        let client = world.client(Tasks::Run);
        let reading = world.clone();
        let read = beside(move || [reading.shown(), reading.shown(), reading.shown()]);
        let signing = world.clone();
        let signed = beside(move || {
            drop(block_on(signing.refresh.sign_out()));
        });
        drop(World::call(&client));
        signed.join().unwrap();
        let last = world.shown();
        let [one, two, three] = read.join().unwrap();
        for (before, after) in [(&one, &two), (&two, &three), (&three, &last)] {
            assert!((before.0, before.1) <= (after.0, after.1));
            // One version is one token.
            assert!(before.1 != after.1 || before.2 == after.2);
        }
        assert_eq!(last.2, None);
    });
}

/// A flight whose task is gone ends, and the next one can start.
#[test]
fn a_flight_that_is_dropped_answers_all() {
    explore(3, || {
        let (world, dying) = refused(Tasks::Drop);
        // Reading the store is a flight, too.
        World::call(&world.client(Tasks::Run)).unwrap();
        block_on(world.refresh.sign_in(Token::new("a1").refresh("r1"))).unwrap();
        let other = dying.clone();
        let calling = beside(move || World::call(&other).map(drop));
        for result in [World::call(&dying).map(drop), calling.join().unwrap()] {
            let error = result.unwrap_err();
            assert_eq!(class(&error), Some(RefreshClass::Interrupted));
        }
        assert!(!world.refresh.status().is_refreshing());
        World::call(&world.client(Tasks::Run)).unwrap();
        assert_eq!(world.presented().len(), 2);
    });
}

/// A refresh in the background, and a call whose token is refused meanwhile.
#[test]
fn the_background_refresh_and_a_refused_call_are_one() {
    explore(2, || {
        let world = World::new(
            |token, now| token.expires_in(HOUR, now - HOUR + Duration::from_secs(62)),
            &["a2"],
            |it| it,
        );
        let client = world.client(Tasks::Run);
        let other = client.clone();
        let calling = beside(move || World::call(&other).map(drop));
        World::call(&client).unwrap();
        calling.join().unwrap().unwrap();
        assert_eq!(world.presented(), ["r1"]);
    });
}

/// A look into the store, a call that does another, and somebody who signs in.
#[test]
fn a_look_into_the_store_does_not_undo_a_sign_in() {
    explore(3, || {
        let world = World::new(
            |token, _| token,
            &["a1", "b1", "c1"],
            |it| it.recheck_store(Duration::from_secs(1)),
        );
        let client = world.client(Tasks::Run);
        World::call(&client).unwrap();
        // Another process refreshes.
        let stamp = block_on(world.store.load()).unwrap().stamp();
        let theirs = Stored::live(stamp.next(), Token::new("c1").refresh("t1"));
        let swap = block_on(world.store.compare_and_swap(stamp, theirs)).unwrap();
        assert_eq!(swap, Swap::Done);
        world.time.advance(Duration::from_secs(2));
        let signing = world.clone();
        let signed = beside(move || {
            let token = Token::new("b1").refresh("s1");
            block_on(signing.refresh.sign_in(token)).unwrap();
        });
        World::call(&client).unwrap();
        signed.join().unwrap();
        let (generation, _, access) = world.shown();
        assert_eq!((generation, access.as_deref()), (2, Some("b1")));
        assert_eq!(world.stored(), "b1");
        assert!(!world.refresh.session.lock().looking);
    });
}
