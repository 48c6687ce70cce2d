//! A flight and its waiters.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use loom::{future::block_on, thread};

use super::world::explore;
use crate::auth::{
    RefreshClass, RefreshError,
    session::{
        Landed, Waiter,
        flight::{Flight, Outcome},
    },
};

const LANDED: Landed = Landed {
    generation: 1,
    version: 2,
    minted: true,
};

fn error() -> Arc<RefreshError> {
    Arc::new(RefreshError::new(RefreshClass::Interrupted, "cut off"))
}

fn poll(waiter: &mut Waiter) -> Poll<Outcome> {
    Pin::new(waiter).poll(&mut Context::from_waker(Waker::noop()))
}

fn complete(flight: &Arc<Flight>, outcome: Outcome) -> thread::JoinHandle<()> {
    let flight = Arc::clone(flight);
    thread::spawn(move || flight.complete(outcome))
}

fn wait(flight: &Arc<Flight>) -> thread::JoinHandle<Outcome> {
    let waiter = flight.wait();
    thread::spawn(move || block_on(waiter))
}

#[test]
fn a_waiter_that_comes_while_the_flight_ends_is_woken() {
    explore(3, || {
        let flight = Flight::new(1, false);
        let ending = complete(&flight, Ok(LANDED));
        assert_eq!(block_on(flight.wait()).unwrap(), LANDED);
        ending.join().unwrap();
        assert!(flight.is_done());
    });
}

#[test]
fn two_waiters_get_the_same_outcome() {
    explore(3, || {
        let flight = Flight::new(1, false);
        let (one, two) = (wait(&flight), wait(&flight));
        flight.complete(Err(error()));
        let one = one.join().unwrap().unwrap_err();
        assert!(Arc::ptr_eq(&one, &two.join().unwrap().unwrap_err()));
    });
}

#[test]
fn of_two_ends_one_is_for_all() {
    explore(3, || {
        let flight = Flight::new(1, false);
        let other = complete(&flight, Err(error()));
        let waiting = wait(&flight);
        flight.complete(Ok(LANDED));
        let here = block_on(flight.wait());
        assert_eq!(here.is_ok(), waiting.join().unwrap().is_ok());
        other.join().unwrap();
    });
}

#[test]
fn a_waiter_that_leaves_while_the_flight_ends_harms_nobody() {
    explore(3, || {
        let flight = Flight::new(1, false);
        let mut leaving = flight.wait();
        assert!(poll(&mut leaving).is_pending());
        let left = thread::spawn(move || drop(leaving));
        let ending = complete(&flight, Ok(LANDED));
        assert_eq!(block_on(flight.wait()).unwrap(), LANDED);
        left.join().unwrap();
        ending.join().unwrap();
    });
}

/// The task of a waiter moves while the flight ends: the last one is woken.
#[test]
fn a_waiter_with_another_waker_is_woken_by_it() {
    explore(3, || {
        let flight = Flight::new(1, false);
        let mut waiter = flight.wait();
        assert!(poll(&mut waiter).is_pending());
        let ending = complete(&flight, Ok(LANDED));
        assert_eq!(block_on(waiter).unwrap(), LANDED);
        ending.join().unwrap();
    });
}

/// What was spent is seen by whoever sees the end.
#[test]
fn what_was_spent_is_known_when_the_flight_ends() {
    explore(3, || {
        let flight = Flight::new(1, false);
        let pilot = Arc::clone(&flight);
        let ending = thread::spawn(move || {
            pilot.spend(7);
            pilot.complete(Err(error()));
        });
        block_on(flight.wait()).unwrap_err();
        assert_eq!(flight.spent(), Some(7));
        ending.join().unwrap();
    });
}
