//! Cases 66 to 72: a call that is sent again.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde_json::json;
use tollgate::{Error, Request, adapter::conformance::Reply};

use crate::{
    case::cases,
    lanes::Stage,
    support::{Do, World, chunks},
};

cases! {
    66 a_hook_replays_once_and_sees_its_mark;
    67 a_replay_passes_the_request_hooks_again;
    68 hooks_after_the_one_that_replays_see_the_call_once
        deviates "an axios replay is a call of its own, which passes all hooks each time";
    71 a_replay_starts_from_the_body_that_the_caller_gave
        deviates "axios replays the config after its hooks: the body is a string by then";
    72 a_stream_that_can_be_sent_once_is_not_replayed
        deviates "axios sends an empty body and calls it a success";
}

fn a_hook_replays_once_and_sees_its_mark<L: Stage>(world: &World<'_, L>) {
    #[derive(Clone, Debug)]
    struct Marked;

    world.script([Reply::new(401)]);
    let log = world.log.clone();
    world.client.interceptors.request.use_sync(move |request| {
        let mark = request.extensions().get::<Marked>();
        log.add(format!("{mark:?} {}", request.attempt()));
        Ok(request)
    });
    let again = async |error: Error| {
        if error.extensions().get::<Marked>().is_some() {
            return Err(error);
        }
        error.replay_with(|request| {
            request.extensions_mut().insert(Marked);
        })
    };
    world.client.interceptors.response.use_rejected(again);
    let response = world.get("/u").unwrap();
    world.logged("None 1 | T GET /u | Some(Marked) 2 | T GET /u | => 200");
    assert_eq!(response.attempts(), 2);
}

fn a_replay_passes_the_request_hooks_again<L: Stage>(world: &World<'_, L>) {
    world.script([Reply::new(401)]);
    let token = Arc::new(AtomicU32::new(1));
    let current = Arc::clone(&token);
    let attach = move |mut request: Request| {
        let value = current.load(Ordering::Relaxed).into();
        request.headers_mut().insert("x-token", value);
        Ok(request)
    };
    world.client.interceptors.request.use_sync(attach);
    let renew = async move |error: Error| {
        token.store(2, Ordering::Relaxed);
        error.replay()
    };
    world.client.interceptors.response.use_rejected(renew);
    world.get("/u").unwrap();
    let requests = world.server.requests();
    let tokens: Vec<_> = requests.iter().map(|it| it.header("x-token")).collect();
    assert_eq!(tokens, [Some("1"), Some("2")]);
}

fn hooks_after_the_one_that_replays_see_the_call_once<L: Stage>(world: &World<'_, L>) {
    world.script([503, 503].map(Reply::new));
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

fn a_replay_starts_from_the_body_that_the_caller_gave<L: Stage>(world: &World<'_, L>) {
    world.script([503, 503].map(Reply::new));
    let log = world.log.clone();
    let touch = move |mut request: Request| {
        let mut body = request.body().as_bytes().unwrap().to_vec();
        log.add(String::from_utf8(body.clone()).unwrap());
        body.extend_from_slice(b" ");
        request.set_body(body);
        Ok(request)
    };
    world.client.interceptors.request.use_sync(touch);
    world.response("again", Do::Pass, Do::Replay(3));
    let call = world.client.post("/u").json(&json!({"tea": 2}));
    world.finish(call).unwrap();
    let line = r#"{"tea":2} | T POST /u | again"#;
    world.logged(&format!("{line}.err | {line}.err | {line}.ok | => 200"));
    for sent in world.server.requests() {
        assert_eq!(&sent.body()[..], br#"{"tea":2} "#);
        assert_eq!(sent.header("content-type"), Some("application/json"));
    }
}

fn a_stream_that_can_be_sent_once_is_not_replayed<L: Stage>(world: &World<'_, L>) {
    world.script([Reply::new(503)]);
    world.response("again", Do::Pass, Do::Replay(5));
    let body = chunks([Ok("one "), Ok("shot")]);
    let error = world
        .finish(world.client.post("/u").body(body))
        .unwrap_err();
    world.logged("T POST /u | again.err | => Status");
    assert!(error.is_status(503), "the first answer is returned");
    let note = error.notes().next().unwrap();
    assert!(
        note.starts_with("not replayed: the body is a stream"),
        "{note}"
    );
    let sent = world.server.requests();
    assert_eq!((sent.len(), &sent[0].body()[..]), (1, &b"one shot"[..]));
}
