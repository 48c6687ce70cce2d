//! Laws 8 and 9: a replay is the next attempt of the same call.

use std::time::Duration;

use tollgate::{
    Body, Error, ErrorKind, NotReplayed, Replay, Request, Response, ResponseFlow,
    runtime::ManualRuntime,
};

use crate::support::{Do, Reply, Way, World, everywhere, wait_until};

#[test]
fn hooks_after_the_one_that_replays_see_the_call_once() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503), Reply::Status(503)]);
        world.request("q", Do::Pass, Do::Pass);
        world.response("before", Do::Pass, Do::Pass);
        world.response("again", Do::Pass, Do::Replay(3));
        world.response("after", Do::Pass, Do::Pass);
        let response = world.get("/u").unwrap();
        let failed = "q.ok | T GET /u | before.err | again.err";
        let done = "q.ok | T GET /u | before.ok | again.ok | after.ok | => 200";
        world.logged(&format!("{failed} | {failed} | {done}"));
        assert_eq!(response.attempts(), 3);
    }
    everywhere!(law);
}

#[test]
fn a_success_can_be_replayed_as_well() {
    fn law<W: Way>(world: &World<W>) {
        world.response("again", Do::Replay(2), Do::Pass);
        world.response("after", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("T GET /u | again.ok | T GET /u | again.ok | after.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn two_hooks_that_replay_share_the_attempts() {
    fn law<W: Way>(world: &World<W>) {
        world.script((0..9).map(|_| Reply::Status(503)));
        let world = world.with(|builder| builder.max_attempts(4));
        world.response("inner", Do::Pass, Do::Replay(3));
        world.response("outer", Do::Pass, Do::Replay(99));
        let error = world.get("/u").unwrap_err();
        world.logged(
            "T GET /u | inner.err | T GET /u | inner.err | T GET /u | inner.err | outer.err | \
             T GET /u | inner.err | outer.err | => Status",
        );
        assert_eq!(error.attempts(), 4);
        assert!(error.to_string().contains(" after 4 attempts"), "{error}");
    }
    everywhere!(law);
}

#[test]
fn a_hook_that_always_replays_is_bounded_and_the_error_says_so() {
    fn law<W: Way>(world: &World<W>) {
        world.script((0..40).map(|_| Reply::Status(503)));
        world.response("again", Do::Pass, Do::Replay(u32::MAX));
        world.response("after", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        assert_eq!(world.mock.count(), 10, "the default");
        assert!(
            error.is_status(503),
            "the last answer is what the caller gets"
        );
        let notes: Vec<_> = error.notes().collect();
        let note = "not replayed: 10 attempts were made, the limit is 10; raise `max_attempts`, \
                    or replay less often";
        assert_eq!(notes, [note]);
        assert!(error.to_string().contains(note), "{error}");
        assert!(
            world
                .log
                .take()
                .ends_with(&["after.err".into(), "=> Status".into()])
        );

        let world = world.with(|builder| builder.max_attempts(1));
        world.response("again", Do::Pass, Do::Replay(u32::MAX));
        assert_eq!(world.get("/u").unwrap_err().attempts(), 1);
        world.logged("T GET /u | again.err | => Status");
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_success_that_is_not_replayed_says_why_in_its_extensions() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.max_attempts(2));
        world.response("again", Do::Replay(u32::MAX), Do::Pass);
        world.response("after", Do::Pass, Do::Pass);
        let response = world.get("/u").unwrap();
        world.logged("T GET /u | again.ok | T GET /u | again.ok | after.ok | => 200");
        let note = response.extensions().get::<NotReplayed>().unwrap();
        assert!(
            note.reason().contains("the limit is 2"),
            "{}",
            note.reason()
        );
    }
    everywhere!(law);
}

#[test]
fn replays_and_redirects_share_one_cap_of_twenty() {
    fn law<W: Way>(world: &World<W>) {
        let rounds = (0..50).flat_map(|_| [Reply::Redirect(302, "/b"), Reply::Status(503)]);
        world.script(rounds);
        let world = world.with(|builder| builder.max_attempts(1000));
        world.response("again", Do::Pass, Do::Replay(u32::MAX));
        let error = world.get("/a").unwrap_err();
        assert_eq!(world.mock.count(), 20);
        let note = "not replayed: the call has cost 20 requests, the limit is 20";
        assert!(error.notes().any(|it| it == note), "{error}");
        world.still_works();
    }
    everywhere!(law);
}

/// A hook that changes all there is to change, and would show a second time.
fn touch<W: Way>(world: &World<W>) {
    world.client.interceptors.request.use_sync(|mut request| {
        request.headers_mut().append("x-list", "more".parse()?);
        let longer = format!("{}/more", request.uri());
        *request.uri_mut() = longer.parse()?;
        let mut body = request.body().as_bytes().unwrap().to_vec();
        body.extend_from_slice(b"+more");
        request.set_body(body);
        request.extensions_mut().insert("made by a hook".to_owned());
        Ok(request)
    });
}

#[test]
fn a_replay_starts_from_the_original_request() {
    #[derive(Clone, Debug, PartialEq)]
    struct User(u32);

    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503), Reply::Status(503)]);
        let world = world.with(|builder| builder.header("x-list", "default"));
        touch(&world);
        let log = world.log.clone();
        world.client.interceptors.request.use_sync(move |request| {
            let user = request.extensions().get::<User>();
            let made = request.extensions().get::<String>();
            let list: Vec<_> = request.headers().get_all("x-list").iter().collect();
            log.add(format!("{} {user:?} {made:?} {list:?}", request.attempt()));
            Ok(request)
        });
        world.response("again", Do::Pass, Do::Replay(3));
        let call = world.client.post("/u").json(&("tea", 2)).extension(User(7));
        world.finish(call).unwrap();
        let line = |attempt: u32, end: &str| {
            format!("{attempt} Some(User(7)) None [\"default\"] | T POST /u/more | again.{end}")
        };
        let (one, two, three) = (line(1, "err"), line(2, "err"), line(3, "ok"));
        world.logged(&format!("{one} | {two} | {three} | => 200"));
        for sent in world.mock.requests() {
            assert_eq!(&sent.body()[..], b"[\"tea\",2]+more");
            assert_eq!(sent.headers().get_all("x-list").iter().count(), 2);
            assert_eq!(sent.headers()["content-type"], "application/json");
        }
    }
    everywhere!(law);
}

#[test]
fn a_change_of_a_replay_is_made_once_and_lasts() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503), Reply::Status(503)]);
        let log = world.log.clone();
        world.client.interceptors.request.use_sync(move |request| {
            let list: Vec<_> = request.headers().get_all("x-key").iter().collect();
            log.add(format!("{list:?} {:?}", request.extensions().get::<u8>()));
            Ok(request)
        });
        world
            .client
            .interceptors
            .response
            .use_rejected(async |error: Error| {
                if error.attempts() > 1 {
                    return error.replay();
                }
                error.replay_with(|request| {
                    request
                        .headers_mut()
                        .append("x-key", "new".parse().unwrap());
                    request.extensions_mut().insert(9_u8);
                })
            });
        world.get("/u").unwrap();
        world.logged(
            "[] None | T GET /u | [\"new\"] Some(9) | T GET /u | [\"new\"] Some(9) | T GET /u | \
             => 200",
        );
    }
    everywhere!(law);
}

/// Where secrets may go is measured by the address that the call was made for,
/// not by the one that a replay was given.
#[test]
fn a_replay_that_is_sent_elsewhere_takes_no_credentials_along() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503)]);
        let secret = |mut request: Request| {
            let value = "Basic c2VjcmV0".parse()?;
            request.headers_mut().insert("authorization", value);
            Ok(request)
        };
        world.client.interceptors.request.use_sync(secret);
        world
            .client
            .interceptors
            .response
            .use_rejected(async |error: Error| {
                error.replay_with(|request| *request.uri_mut() = "http://other/u".parse().unwrap())
            });
        let answer = world.get("/u").unwrap();
        let head = answer.request().unwrap();
        assert_eq!(head.uri(), "http://other/u");
        assert!(head.headers().get("authorization").is_none());
    }
    everywhere!(law);
}

#[test]
fn several_changes_of_one_replay_are_made_in_order() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503)]);
        world
            .client
            .interceptors
            .response
            .use_rejected(async |error: Error| {
                let ResponseFlow::Replay(replay) = error.replay()? else {
                    unreachable!("a replay is a replay");
                };
                let add = |value: &'static str| {
                    move |request: &mut Request| {
                        request.headers_mut().append("x-n", value.parse().unwrap());
                    }
                };
                let replay: Replay = replay.with(add("1")).with(add("2"));
                Ok(replay.into())
            });
        world.get("/u").unwrap();
        let sent = &world.mock.requests()[1];
        let values: Vec<_> = sent.headers().get_all("x-n").iter().collect();
        assert_eq!(values, ["1", "2"]);
    }
    everywhere!(law);
}

#[test]
fn a_one_shot_stream_is_not_replayed_and_nothing_empty_is_sent() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503)]);
        world.request("q", Do::Pass, Do::Pass);
        world.response("again", Do::Pass, Do::Replay(5));
        world.response("after", Do::Pass, Do::Pass);
        let body = crate::support::chunks([Ok("one "), Ok("shot")]);
        let error = world
            .finish(world.client.post("/u").body(body))
            .unwrap_err();
        world.logged("q.ok | T POST /u | again.err | after.err | => Status");
        assert!(error.is_status(503), "the first answer is returned");
        let note = "not replayed: the body is a stream and can be sent once; use `Body::factory`";
        assert_eq!(error.notes().collect::<Vec<_>>(), [note]);
        let sent = world.mock.requests();
        assert_eq!((sent.len(), &sent[0].body()[..]), (1, &b"one shot"[..]));
        assert!(sent[0].was_stream());
    }
    everywhere!(law);
}

#[test]
fn a_factory_opens_its_body_anew_for_each_attempt() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503), Reply::Status(503)]);
        world.response("again", Do::Pass, Do::Replay(3));
        let log = world.log.clone();
        let body = Body::factory(move || {
            log.add("opened");
            crate::support::chunks([Ok("each "), Ok("time")])
        });
        world.finish(world.client.put("/u").body(body)).unwrap();
        let failed = "opened | T PUT /u | again.err";
        world.logged(&format!(
            "{failed} | {failed} | opened | T PUT /u | again.ok | => 200"
        ));
        assert!(
            world
                .mock
                .requests()
                .iter()
                .all(|sent| &sent.body()[..] == b"each time")
        );
    }
    everywhere!(law);
}

#[test]
fn a_request_that_failed_before_it_was_sent_can_be_replayed() {
    fn law<W: Way>(world: &World<W>) {
        let log = world.log.clone();
        world.client.interceptors.request.use_sync(move |request| {
            log.add(format!("try {}", request.attempt()));
            match request.attempt() {
                1 => Err(Error::message("not yet")),
                _ => Ok(request),
            }
        });
        world.response("again", Do::Pass, Do::Replay(2));
        world.get("/u").unwrap();
        world.logged("try 1 | again.err | try 2 | T GET /u | again.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_call_that_could_not_be_prepared_is_not_replayed() {
    fn law<W: Way>(world: &World<W>) {
        world.response("again", Do::Pass, Do::Replay(5));
        let error = world.get("http:relative").unwrap_err();
        world.logged("again.err | => InvalidUrl");
        assert!(error.to_string().contains("not replayed"), "{error}");
    }
    everywhere!(law);
}

#[test]
fn an_error_of_no_call_cannot_be_replayed() {
    let error = Error::message("mine").replay().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interceptor);
    assert!(error.to_string().contains("belongs to no call"), "{error}");
    assert!(error.original_request().is_none());
}

#[test]
fn a_replay_waits_by_the_clients_clock() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        world.script([Reply::Status(503)]);
        let world = world.with(|builder| builder.runtime(time.clone()));
        let log = world.log.clone();
        let later = async move |error: Error| {
            let ResponseFlow::Replay(replay) = error.replay()? else {
                unreachable!("a replay is a replay");
            };
            log.add("wait");
            Ok(replay.after(Duration::from_secs(3600)).into())
        };
        world.client.interceptors.response.use_rejected(later);
        std::thread::scope(|scope| {
            let call = scope.spawn(|| world.get("/u"));
            wait_until("the call sleeps", || time.sleeping() == 1);
            assert_eq!(world.mock.count(), 1);
            time.advance(Duration::from_secs(3599));
            assert_eq!(world.mock.count(), 1);
            time.advance(Duration::from_secs(1));
            call.join().unwrap().unwrap();
        });
        world.logged("T GET /u | wait | T GET /u | => 200");
        assert_eq!(time.sleeping(), 0);
    }
    everywhere!(law);
}

#[test]
fn the_response_of_a_replayed_call_counts_the_attempts_and_keeps_the_last_request() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(401)]);
        world.client.interceptors.request.use_sync(|mut request| {
            let attempt = request.attempt();
            request.headers_mut().insert("x-attempt", attempt.into());
            Ok(request)
        });
        world.response("again", Do::Pass, Do::Replay(2));
        let response: Response = world.get("/u").unwrap();
        assert_eq!(response.attempts(), 2);
        assert_eq!(response.request().unwrap().headers()["x-attempt"], "2");
    }
    everywhere!(law);
}
