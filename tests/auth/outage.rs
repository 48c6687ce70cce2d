//! The token server is down, for ten thousand calls at once.

use std::sync::Arc;

use tollgate::{
    auth::{RefreshClass, RefreshError, Token, TokenRefresh},
    runtime::{ManualRuntime, Runtime},
};

use crate::{
    storm::{CALLS, THREADS, clients_over, storm},
    support::{Gate, Held, Odd, World, eventually, pair_over, seconds},
};

/// The pair with its default number of tries.
fn default_pair(world: &World) -> TokenRefresh {
    pair_over(Arc::clone(&world.store))
        .jitter_seed(7)
        .build()
        .unwrap()
}

fn down(world: &World) {
    for _ in 0..200 {
        world.server.answer(Odd::html(503));
    }
}

/// Moves the clock until the tries are over, once all calls wait.
///
/// No faster than real time: the refresh has to note its pauses.
fn pass_the_pauses(world: &World, refresh: &TokenRefresh) {
    eventually("all wait", || {
        refresh.counters().coalesced as usize == CALLS + THREADS - 1
    });
    eventually("the tries are over", || {
        world.time.advance(std::time::Duration::from_millis(1));
        !refresh.status().is_refreshing()
    });
}

/// Refused by the API, and expired by the clock.
#[test]
fn a_server_that_stays_down_is_asked_three_times_and_all_share_the_answer() {
    for refused in [true, false] {
        let world = World::new();
        let expired = Token::new("a1").refresh("r1").expires_at(world.now());
        let world = if refused { world } else { World::with(expired) };
        let refresh = default_pair(&world);
        let (on_async, on_threads) = clients_over(world.mock.clone(), &world, &refresh);
        if refused {
            on_threads.get("/first").send().unwrap();
            world.server.expire();
        }
        down(&world);
        let (succeeded, errors) = std::thread::scope(|scope| {
            scope.spawn(|| pass_the_pauses(&world, &refresh));
            storm(&on_async, &on_threads)
        });
        assert_eq!((succeeded, errors.len()), (0, CALLS + THREADS));
        assert_eq!(world.server.presented(), ["r1", "r1", "r1"]);
        let first = RefreshError::find_in(&errors[0]).unwrap();
        assert_eq!(first.class(), RefreshClass::NotSent);
        for error in &errors {
            assert!(std::ptr::eq(first, RefreshError::find_in(error).unwrap()));
        }
    }
}

/// One that fails, and one that hangs: the clock does not move, so whoever
/// waited for either would wait for ever.
#[test]
fn while_the_token_lives_nobody_waits_for_a_server_that_is_down() {
    for hangs in [false, true] {
        let now = ManualRuntime::new().wall();
        let token = Token::new("a1").refresh("r1");
        let world = World::with(token.expires_in(seconds(3600), now));
        world.time.advance(seconds(3600 - 68));
        let refresh = default_pair(&world);
        let gate = Gate::default();
        let adapter = Held {
            mock: world.mock.clone(),
            gate: gate.clone(),
            path: if hangs { "/token" } else { "/none" },
        };
        let (on_async, on_threads) = clients_over(adapter, &world, &refresh);
        down(&world);
        let before = world.now();
        on_threads.get("/first").send().unwrap();
        let (succeeded, errors) = storm(&on_async, &on_threads);
        assert_eq!((succeeded, errors.len()), (CALLS + THREADS, 0));
        assert_eq!(world.now(), before);
        let counters = refresh.counters();
        assert_eq!(counters.coalesced, 0, "nobody waits");
        assert!(counters.attempts <= 1 && world.server.refreshes() <= 1);
        assert!(
            world
                .sent_tokens()
                .iter()
                .all(|it| it.as_deref() == Some("Bearer a1"))
        );
        gate.open();
    }
}
