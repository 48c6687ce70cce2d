//! Cases 27 to 38: what flows through the hooks.

use serde_json::{Value, json};
use tollgate::{
    Request, Response,
    adapter::conformance::{Reply, Script},
};

use crate::{
    case::cases,
    lanes::Stage,
    support::{Do, World, pending_once},
};

cases! {
    27 a_hook_may_replace_method_and_address;
    28 a_hook_may_send_a_call_elsewhere
        deviates "a hook sees the address after the join, and no base: it changes the address";
    29 what_a_hook_makes_of_a_body_is_sent
        deviates "a hook sees the body as the bytes to be sent: it reads and writes JSON itself";
    30 what_a_hook_appends_to_an_answer_reaches_the_caller;
    31 a_hook_may_answer_with_another_response
        deviates "a response is typed: a hook returns another `Response`, not any value";
    32 what_a_hook_changes_after_a_wait_reaches_the_caller;
    33 responses_are_hooked_with_and_without_request_hooks;
    34 the_last_hook_has_the_last_word
        deviates "a response is typed: the result is the last `Response`, not any value";
    35 a_hook_sees_what_the_one_before_made
        deviates "a response is typed: a hook is given the `Response` before it, not any value";
    36 a_hook_that_answers_keeps_the_call_from_being_sent
        deviates "axios has no early answer but by another adapter";
    37 what_a_hook_changes_is_not_changed_for_others;
    38 what_is_attached_to_a_call_comes_back_with_its_answer;
}

fn a_hook_may_replace_method_and_address<L: Stage>(world: &World<'_, L>) {
    let bar = world.server.url("/bar");
    let hook = move |mut request: Request| {
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = bar.parse()?;
        request.set_body("new");
        Ok(request)
    };
    world.client.interceptors.request.use_sync(hook);
    world.get("/foo").unwrap();
    world.logged("T POST /bar | => 200");
    assert_eq!(&world.last().body()[..], b"new");
}

fn a_hook_may_send_a_call_elsewhere<L: Stage>(world: &World<'_, L>) {
    let elsewhere = world.serve(Script::from(Reply::new(200).body("elsewhere")));
    let origin = elsewhere.origin().to_owned();
    let hook = move |mut request: Request| {
        let address = format!("{origin}{}", request.uri().path());
        *request.uri_mut() = address.parse()?;
        Ok(request)
    };
    world.client.interceptors.request.use_sync(hook);
    let response = world.get("/foo").unwrap();
    assert_eq!(response.text().unwrap(), "elsewhere");
    assert_eq!(elsewhere.requests()[0].target(), "/foo");
    world.logged("=> 200");
}

fn what_a_hook_makes_of_a_body_is_sent<L: Stage>(world: &World<'_, L>) {
    let hook = |mut request: Request| {
        let bytes = request.body().as_bytes().unwrap();
        let mut value: Value = serde_json::from_slice(bytes)?;
        value["baz"] = "qux".into();
        request.set_body(value.to_string());
        Ok(request)
    };
    world.client.interceptors.request.use_sync(hook);
    let sent = world.sent(world.client.post("/u").json(&json!({"foo": "bar"})));
    let body: Value = serde_json::from_slice(sent.body()).unwrap();
    assert_eq!(body, json!({"foo": "bar", "baz": "qux"}));
    assert_eq!(sent.header("content-type"), Some("application/json"));
}

/// Registers a hook that appends to the body of each answer.
fn append<L: Stage>(world: &World<'_, L>, letter: &'static str, turns: u32) {
    let hook = async move |mut response: Response| {
        for _ in 0..turns {
            pending_once().await;
        }
        let text = response.text()? + letter;
        response.set_body(text);
        Ok(response)
    };
    world.client.interceptors.response.use_(hook);
}

fn what_a_hook_appends_to_an_answer_reaches_the_caller<L: Stage>(world: &World<'_, L>) {
    append(world, "1", 0);
    assert_eq!(world.get("/u").unwrap().text().unwrap(), "OK1");
}

/// Registers a hook that answers with a response of its own.
fn replace<L: Stage>(world: &World<'_, L>, text: &'static str) {
    let hook = move |_| Ok(Response::new(http::StatusCode::OK, text));
    world.client.interceptors.response.use_sync(hook);
}

fn a_hook_may_answer_with_another_response<L: Stage>(world: &World<'_, L>) {
    replace(world, "stuff");
    let response = world.get("/u").unwrap();
    assert_eq!(response.text().unwrap(), "stuff");
    assert_eq!(response.attempts(), 1, "it belongs to the call");
}

fn what_a_hook_changes_after_a_wait_reaches_the_caller<L: Stage>(world: &World<'_, L>) {
    append(world, " late", 10);
    assert_eq!(world.get("/u").unwrap().text().unwrap(), "OK late");
}

fn responses_are_hooked_with_and_without_request_hooks<L: Stage>(world: &World<'_, L>) {
    world.response("s", Do::Pass, Do::Pass);
    world.get("/1").unwrap();
    world.logged("T GET /1 | s.ok | => 200");
    world.request("q", Do::Pass, Do::Pass);
    world.get("/2").unwrap();
    world.logged("q.ok | T GET /2 | s.ok | => 200");
}

fn the_last_hook_has_the_last_word<L: Stage>(world: &World<'_, L>) {
    replace(world, "1");
    replace(world, "2");
    assert_eq!(world.get("/u").unwrap().text().unwrap(), "2");
}

fn a_hook_sees_what_the_one_before_made<L: Stage>(world: &World<'_, L>) {
    replace(world, "1");
    append(world, ",2", 1);
    assert_eq!(world.get("/u").unwrap().text().unwrap(), "1,2");
}

fn a_hook_that_answers_keeps_the_call_from_being_sent<L: Stage>(world: &World<'_, L>) {
    world.request("never", Do::Pass, Do::Pass);
    world.request("cache", Do::Answer(200), Do::Pass);
    world.response("s1", Do::Pass, Do::Pass);
    world.response("s2", Do::Pass, Do::Pass);
    let response = world.get("/u").unwrap();
    world.logged("cache.ok | s1.ok | s2.ok | => 200");
    assert_eq!(response.text().unwrap(), "answer 200");
    assert_eq!(world.count(), 0);
}

/// Something nested that a caller attaches.
#[derive(Clone, Debug, PartialEq)]
struct Metadata {
    u: u32,
    tags: Vec<String>,
}

impl Metadata {
    fn new(u: u32) -> Self {
        let tags = vec!["caller's".to_owned()];
        Self { u, tags }
    }
}

fn what_a_hook_changes_is_not_changed_for_others<L: Stage>(world: &World<'_, L>) {
    let world = world.with(|builder| builder.header("x-default", "d"));
    let log = world.log.clone();
    let hook = move |mut request: Request| {
        let default = request.headers()["x-default"].to_str()?.to_owned();
        let metadata: &mut Metadata = request.extensions_mut().get_mut().unwrap();
        log.add(format!("{default} {}", metadata.tags.len()));
        metadata.tags.push("hook's".to_owned());
        request
            .headers_mut()
            .insert("x-default", "changed".parse()?);
        Ok(request)
    };
    world.client.interceptors.request.use_sync(hook);
    let metadata = Metadata::new(2);
    for _ in 0..2 {
        let call = world.client.get("/u").extension(metadata.clone());
        world.finish(call).unwrap();
        world.logged("d 1 | T GET /u | => 200");
        assert_eq!(world.last().header("x-default"), Some("changed"));
    }
    assert_eq!(metadata, Metadata::new(2));
    let defaults = world.client.derive().build().unwrap();
    let sent = world.sent(defaults.get("/u"));
    assert_eq!(sent.header("x-default"), Some("d"));
    world.logged("T GET /u");
}

fn what_is_attached_to_a_call_comes_back_with_its_answer<L: Stage>(world: &World<'_, L>) {
    world.script([Reply::new(200), Reply::new(500)]);
    let log = world.log.clone();
    let hook = move |response: Response| {
        log.add(format!(
            "{:?}",
            response.extensions().get().map(|it: &Metadata| it.u)
        ));
        Ok(response)
    };
    world.client.interceptors.response.use_sync(hook);
    let call = |u| world.client.get("/u").extension(Metadata::new(u));
    let response = world.finish(call(2)).unwrap();
    assert_eq!(response.extensions().get(), Some(&Metadata::new(2)));
    let error = world.finish(call(3)).unwrap_err();
    assert_eq!(error.extensions().get(), Some(&Metadata::new(3)));
    world.logged("T GET /u | Some(2) | => 200 | T GET /u | => Status");
}
