//! Law: which bodies are told of, and how their events end.

use std::sync::{Arc, Mutex};

use tollgate::{Body, CancelHandle, Error, ErrorKind, Progress, Response};

use crate::{
    progress::{paced, stopped_clock, told, watched},
    support::{Do, Reply, Way, World, answer, chunks, everywhere, failing_body},
};

#[test]
fn each_attempt_counts_from_zero() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        world.response("again", Do::Replay(2), Do::Pass);
        let call = world.client.post("/u").body("hello");
        world.finish(watched(&world, call)).unwrap();
        world.logged(
            "up#1 5/5 +5 done | T POST /u | down#1 3/3 +3 done | again.ok | \
             up#2 5/5 +5 done | T POST /u | down#2 3/3 +3 done | again.ok | => 200",
        );
    }
    everywhere!(law);
}

#[test]
fn a_redirect_is_told_of_where_it_sends_the_body_again() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        world.script([Reply::Redirect(307, "/v")]);
        let call = world.client.post("/u").body("hello");
        world.finish(watched(&world, call)).unwrap();
        world.logged(
            "up#1 5/5 +5 done | T POST /u | up#1 5/5 +5 done | T POST /v | \
             down#1 3/3 +3 done | => 200",
        );
        world.script([Reply::Redirect(303, "/v")]);
        let call = world.client.post("/u").body("hello");
        world.finish(watched(&world, call)).unwrap();
        world.logged("up#1 5/5 +5 done | T POST /u | T GET /v | down#1 3/3 +3 done | => 200");
    }
    everywhere!(law);
}

#[test]
fn no_bytes_have_one_event_the_last() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        world.script([
            Reply::Body(204, Body::empty()),
            Reply::Body(200, chunks([])),
            Reply::Body(200, "not for HEAD".into()),
        ]);
        world
            .finish(watched(&world, world.client.get("/u")))
            .unwrap();
        world.logged("up#1 0/0 +0 done | T GET /u | down#1 0/0 +0 done | => 204");
        world
            .finish(watched(&world, world.client.get("/u")))
            .unwrap();
        world.logged("up#1 0/0 +0 done | T GET /u | down#1 0/? +0 done | => 200");
        world
            .finish(watched(&world, world.client.head("/u")))
            .unwrap();
        world.logged("up#1 0/0 +0 done | T HEAD /u | down#1 0/0 +0 done | => 200");
        let call = world.client.post("/u").body(Body::factory(|| chunks([])));
        world.finish(watched(&world, call)).unwrap();
        world.logged("up#1 0/? +0 done | T POST /u | down#1 3/3 +3 done | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_refused_status_is_told_of() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        world.script([Reply::Body(
            500,
            chunks([Ok("no"), Ok("pe")]).with_length(4),
        )]);
        let call = watched(&world, world.client.get("/u"));
        world.finish(call.stream()).unwrap_err();
        world
            .logged("up#1 0/0 +0 done | T GET /u | down#1 2/4 +2 | down#1 4/4 +2 done | => Status");
    }
    everywhere!(law);
}

#[test]
fn an_early_answer_has_no_events() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        world.client.interceptors.request.use_flow(async |_| {
            let mut response = answer(200);
            response.set_body(chunks([Ok("a"), Ok("b")]));
            Ok(response.into())
        });
        let call = world.client.post("/u").body("hello");
        let response = world.finish(watched(&world, call)).unwrap();
        assert_eq!(response.text().unwrap(), "ab");
        world.logged("=> 200");
    }
    everywhere!(law);
}

#[test]
fn a_stream_is_told_of_as_it_is_read() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        for body in [chunks([Ok("ab"), Ok("cd")]).with_length(4), "abcd".into()] {
            world.script([Reply::Body(200, body)]);
            let call = world.client.get("/u").stream();
            let call = call.on_download_progress(told(&world.log, "down"));
            let response = world.finish(call).unwrap();
            assert_eq!(response.body().length(), Some(4));
            world.logged("T GET /u | => 200");
            std::io::read_to_string(response.into_body().into_reader()).unwrap();
            let lines = world.log.take();
            assert_eq!(lines.last().unwrap().split(' ').next_back(), Some("done"));
            assert!(lines.last().unwrap().starts_with("down#1 4/4"), "{lines:?}");
        }
        world.script([Reply::Body(200, chunks([Ok("ab"), Ok("cd")]))]);
        let call = world.client.get("/u").stream();
        let call = call.on_download_progress(told(&world.log, "down"));
        drop(world.finish(call).unwrap());
        world.logged("T GET /u | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_body_that_breaks_or_falls_short_is_not_done() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        world.script([
            Reply::Body(200, failing_body("cut")),
            Reply::Body(200, chunks([Ok("abc")]).with_length(5)),
            Reply::Body(200, chunks([Ok("abc"), Ok("def")]).with_length(5)),
        ]);
        for expected in [
            "T GET /u | down#1 5/? +5 | => Transport",
            "T GET /u | down#1 3/5 +3 | => 200",
            "T GET /u | down#1 3/5 +3 | down#1 5/5 +2 done | => 200",
        ] {
            let call = world.client.get("/u");
            let call = call.on_download_progress(told(&world.log, "down"));
            drop(world.finish(call));
            world.logged(expected);
        }
    }
    everywhere!(law);
}

#[test]
fn a_call_that_is_cancelled_in_the_middle_is_not_done() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        let cancel = CancelHandle::new();
        let events: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let (kept, ends) = (Arc::clone(&events), cancel.clone());
        let body = paced(&time, &[(1000, 10); 10]).with_length(100);
        world.script([Reply::Body(200, body)]);
        let call = world.client.get("/u").cancel_handle(&cancel);
        let call = call.on_download_progress(move |progress| {
            kept.lock().unwrap().push(progress);
            if progress.loaded() >= 30 {
                ends.cancel();
            }
        });
        assert!(world.finish(call).unwrap_err().is_cancelled());
        let events = events.lock().unwrap();
        let loaded: Vec<u64> = events.iter().map(Progress::loaded).collect();
        assert_eq!(loaded, [10, 20, 30]);
        assert!(!events.iter().any(Progress::is_done));
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_handler_that_panics_fails_its_call_and_nothing_else() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        let check = |error: &Error, name: &str| {
            assert_eq!(error.kind(), ErrorKind::Interceptor, "{error:?}");
            let text = format!("the handler of `{name}` panicked: no bar");
            assert!(error.to_string().contains(&text), "{error}");
        };
        let panics = |_: Progress| panic!("no bar");
        for body in [Body::from("hello"), chunks([Ok("a")]), Body::empty()] {
            let call = world.client.post("/u").body(body);
            let error = world.finish(call.on_upload_progress(panics)).unwrap_err();
            check(&error, "on_upload_progress");
            assert!(error.request().is_some());
        }
        for body in [Body::from("hello"), chunks([Ok("a")]), chunks([])] {
            world.script([Reply::Body(200, body)]);
            let call = world.client.get("/u").on_download_progress(panics);
            let error = world.finish(call).unwrap_err();
            check(&error, "on_download_progress");
            assert!(error.is_status(200), "its head has come");
        }
        world.script([Reply::Body(200, chunks([Ok("a")]))]);
        let call = world.client.get("/u").on_download_progress(panics);
        let response: Response = world.finish(call.stream()).unwrap();
        let reader = response.into_body().into_reader();
        let error = std::io::read_to_string(reader).unwrap_err();
        check(&Error::from(error), "on_download_progress");
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}
