//! Law 4: a call works on the registries as they were when it started.

use std::sync::{Arc, Mutex};

use tollgate::{Error, Interceptors, Request, Response};

use crate::support::{Do, Log, Reply, Way, World, everywhere, pending_once};

/// Registers a hook that changes the registries while it runs.
fn changing<W: Way>(
    world: &World<W>,
    name: &'static str,
    change: impl Fn(&Interceptors, &Log) + Clone + Send + Sync + 'static,
) {
    let all = world.client.interceptors.clone();
    let log = world.log.clone();
    world
        .client
        .interceptors
        .request
        .named(name)
        .use_(async move |request: Request| {
            pending_once().await;
            log.add(format!("{name}.ok"));
            change(&all, &log);
            Ok(request)
        });
}

#[test]
fn an_ejected_hook_still_runs_in_the_call_that_ejects_it() {
    fn law<W: Way>(world: &World<W>) {
        let victim = world.request("victim", Do::Pass, Do::Pass);
        let after = world.response("after", Do::Pass, Do::Pass);
        changing(world, "ejector", move |all, log| {
            let gone = (all.request.eject(victim), all.response.eject(after));
            log.add(format!("ejected {gone:?}"));
        });
        world.get("/1").unwrap();
        world
            .logged("ejector.ok | ejected (true, true) | victim.ok | T GET /1 | after.ok | => 200");
        world.get("/2").unwrap();
        world.logged("ejector.ok | ejected (false, false) | T GET /2 | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_hook_registered_by_a_hook_runs_from_the_next_call_on() {
    fn law<W: Way>(world: &World<W>) {
        let once = Arc::new(Mutex::new(false));
        changing(world, "adder", move |all, log| {
            if std::mem::replace(&mut once.lock().unwrap(), true) {
                return;
            }
            let (q, s) = (log.clone(), log.clone());
            all.request.use_sync(move |request| {
                q.add("new q");
                Ok(request)
            });
            all.response.use_sync(move |response| {
                s.add("new s");
                Ok(response)
            });
        });
        world.get("/1").unwrap();
        world.logged("adder.ok | T GET /1 | => 200");
        world.get("/2").unwrap();
        world.logged("new q | adder.ok | T GET /2 | new s | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_hook_that_ejects_itself_finishes_its_call() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Pass);
        let own = Arc::new(Mutex::new(None));
        let (all, mine, log) = (
            world.client.interceptors.clone(),
            Arc::clone(&own),
            world.log.clone(),
        );
        let id = world
            .client
            .interceptors
            .request
            .use_(async move |request: Request| {
                let id = mine.lock().unwrap().take();
                log.add(format!(
                    "B ejects itself: {:?}",
                    id.map(|id| all.request.eject(id))
                ));
                pending_once().await;
                Ok(request)
            });
        *own.lock().unwrap() = Some(id);
        world.get("/1").unwrap();
        world.logged("B ejects itself: Some(true) | A.ok | T GET /1 | => 200");
        world.get("/2").unwrap();
        world.logged("A.ok | T GET /2 | => 200");
    }
    everywhere!(law);
}

#[test]
fn clear_inside_a_hook_takes_effect_from_the_next_call_on() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        changing(world, "clearer", |all, _| {
            all.request.clear();
            all.response.clear();
        });
        world.get("/1").unwrap();
        world.logged("clearer.ok | A.ok | T GET /1 | S.ok | => 200");
        world.get("/2").unwrap();
        world.logged("T GET /2 | => 200");
    }
    everywhere!(law);
}

#[test]
fn error_halves_and_response_hooks_may_change_the_registries_too() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(500), Reply::Status(200)]);
        let first = world.response("first", Do::Pass, Do::Pass);
        let all = world.client.interceptors.clone();
        world
            .client
            .interceptors
            .response
            .use_rejected(async move |error: Error| {
                assert!(all.response.eject(first));
                all.request
                    .use_sync(|_| Err(Error::message("registered too late")));
                Err(error)
            });
        let all = world.client.interceptors.clone();
        world
            .client
            .interceptors
            .response
            .use_sync(move |response: Response| {
                all.response.clear();
                Ok(response)
            });
        world.response("last", Do::Pass, Do::Pass);
        world.get("/1").unwrap_err();
        world.logged("T GET /1 | first.err | last.err | => Status");
        world.client.interceptors.request.clear();
        world.get("/2").unwrap();
        world.logged("T GET /2 | last.ok | => 200");
        assert!(world.client.interceptors.response.is_empty());
    }
    everywhere!(law);
}

#[test]
fn all_attempts_of_a_call_work_on_the_same_snapshot() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503)]);
        let victim = world.request("victim", Do::Pass, Do::Pass);
        changing(world, "ejector", move |all, _| {
            all.request.eject(victim);
            all.response.clear();
        });
        world.response("again", Do::Pass, Do::Replay(2));
        world.get("/1").unwrap();
        world.logged(
            "ejector.ok | victim.ok | T GET /1 | again.err | \
             ejector.ok | victim.ok | T GET /1 | again.ok | => 200",
        );
        world.get("/2").unwrap();
        world.logged("ejector.ok | T GET /2 | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_call_starts_when_it_is_sent_and_not_when_it_is_made() {
    fn law<W: Way>(world: &World<W>) {
        let early = world.request("early", Do::Pass, Do::Pass);
        let call = world.client.get("/u");
        world.client.interceptors.request.eject(early);
        world.request("late", Do::Pass, Do::Pass);
        world.finish(call).unwrap();
        world.logged("late.ok | T GET /u | => 200");
    }
    everywhere!(law);
}

#[test]
fn clones_of_a_client_share_their_registries() {
    fn law<W: Way>(world: &World<W>) {
        let clone = world.client.clone();
        clone
            .interceptors
            .request
            .use_sync(|_| Err(Error::message("stop")));
        world.get("/u").unwrap_err();
        world.client.interceptors.request.clear();
        assert!(clone.interceptors.request.is_empty());
        world.logged("=> Interceptor");
    }
    everywhere!(law);
}
