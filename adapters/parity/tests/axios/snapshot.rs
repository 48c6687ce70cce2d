//! Cases 15 and 16: a call works on what was registered when it began.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tollgate::{Interceptors, Request};

use crate::{
    case::cases,
    lanes::Stage,
    support::{Do, World, pending_once},
};

cases! {
    15 what_a_hook_ejects_still_runs_for_its_call;
    16 what_a_hook_registers_runs_from_the_next_call_on;
}

/// Registers `q`, which changes the registries while a call is under way.
fn changing<L: Stage>(
    world: &World<'_, L>,
    change: impl Fn(&Interceptors) + Clone + Send + Sync + 'static,
) {
    let (all, log) = (world.client.interceptors.clone(), world.log.clone());
    let hook = async move |request: Request| {
        pending_once().await;
        log.add("q");
        change(&all);
        Ok(request)
    };
    world.client.interceptors.request.use_(hook);
}

fn what_a_hook_ejects_still_runs_for_its_call<L: Stage>(world: &World<'_, L>) {
    let victim = world.request("victim", Do::Pass, Do::Pass);
    let s = world.response("s", Do::Pass, Do::Pass);
    changing(world, move |all| {
        all.request.eject(victim);
        all.response.eject(s);
    });
    world.get("/1").unwrap();
    world.logged("q | victim.ok | T GET /1 | s.ok | => 200");
    world.get("/2").unwrap();
    world.logged("q | T GET /2 | => 200");
}

fn what_a_hook_registers_runs_from_the_next_call_on<L: Stage>(world: &World<'_, L>) {
    let first = Arc::new(AtomicBool::new(true));
    let log = world.log.clone();
    changing(world, move |all| {
        if !first.swap(false, Ordering::Relaxed) {
            return;
        }
        let (q, s) = (log.clone(), log.clone());
        all.request.use_sync(move |request| {
            q.add("q'");
            Ok(request)
        });
        all.response.use_sync(move |response| {
            s.add("s'");
            Ok(response)
        });
    });
    world.get("/1").unwrap();
    world.logged("q | T GET /1 | => 200");
    world.get("/2").unwrap();
    world.logged("q' | q | T GET /2 | s' | => 200");
}
