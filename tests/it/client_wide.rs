//! Progress, cancelling and streaming as defaults of a client.

use std::time::Duration;

use serde_json::json;
use tollgate::{
    Attempt, CancelHandle, MockAdapter, MockReply, QueryFormat, Response,
    auth::{MemoryStore, OAuth2Refresh, Token, TokenRefresh},
    client::{Call, Defaults},
};

use crate::{
    progress::told,
    support::{Do, Reply, Way, World, chunks, everywhere, wait_until},
};

fn update<W: Way>(world: &World<W>, change: impl FnOnce(Defaults) -> Defaults) {
    world.client.update_defaults(change).unwrap();
}

#[test]
fn a_call_inherits_the_handlers_of_progress_replaces_them_or_takes_them_off() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            let builder = builder.on_upload_progress(told(&world.log, "up"));
            builder.on_download_progress(told(&world.log, "down"))
        });
        let log = world.log.clone();
        let send = |set: &dyn Fn(Call<W::Engine>) -> Call<W::Engine>| {
            let call = world.client.post("/u").body("12345");
            world.finish(set(call)).unwrap();
        };
        send(&|it| it);
        world.logged("up#1 5/5 +5 done | T POST /u | down#1 3/3 +3 done | => 200");
        send(&|it| it.on_upload_progress(told(&log, "own")));
        world.logged("own#1 5/5 +5 done | T POST /u | down#1 3/3 +3 done | => 200");
        send(&|it| it.without_on_upload_progress());
        world.logged("T POST /u | down#1 3/3 +3 done | => 200");
        send(&|it| {
            it.on_download_progress(told(&log, "own"))
                .without_on_upload_progress()
        });
        world.logged("T POST /u | own#1 3/3 +3 done | => 200");
        send(&|it| {
            it.without_on_download_progress()
                .without_on_upload_progress()
        });
        world.logged("T POST /u | => 200");
        let config = world.client.config();
        assert!(config.has_upload_progress() && config.has_download_progress());
        let child = W::build(world.client.derive().without_on_upload_progress());
        world.finish(child.post("/u").body("1")).unwrap();
        world.logged("T POST /u | down#1 3/3 +3 done | => 200");
        assert!(!child.config().has_upload_progress());
        update(&world, Defaults::without_on_download_progress);
        send(&|it| it);
        world.logged("up#1 5/5 +5 done | T POST /u | => 200");
    }
    everywhere!(law);
}

#[test]
fn handlers_of_progress_outlive_replays_and_redirects() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.on_upload_progress(told(&world.log, "up")));
        world.response("S", Do::Replay(2), Do::Pass);
        world.script([Reply::Redirect(307, "/v"), Reply::Status(200)]);
        world.finish(world.client.put("/u").body("1")).unwrap();
        world.logged(
            "up#1 1/1 +1 done | T PUT /u | up#1 1/1 +1 done | T PUT /v | S.ok | \
             up#2 1/1 +1 done | T PUT /u | S.ok | => 200",
        );
    }
    everywhere!(law);
}

fn is_stream(response: &Response) -> bool {
    response.bytes().is_err()
}

#[test]
fn a_call_streams_as_its_client_says_or_as_it_says_itself() {
    fn law<W: Way>(world: &World<W>) {
        let lines = world.log.clone();
        let mock = MockAdapter::new().handler(move |request| {
            let attempt = request.extensions().get::<Attempt>().unwrap();
            lines.add(format!("stream: {}", attempt.is_stream()));
            let mut answer = http::Response::new(chunks([Ok("a"), Ok("b")]));
            if request.uri().path() == "/404" {
                *answer.status_mut() = http::StatusCode::NOT_FOUND;
            }
            Ok(answer)
        });
        let client = W::build(W::builder(mock).base_url("http://h").stream());
        let get = || client.get("/u");
        assert!(client.config().is_stream());
        assert!(is_stream(&world.finish(get()).unwrap()));
        assert_eq!(
            world.finish(get().buffered()).unwrap().text().unwrap(),
            "ab"
        );
        assert!(is_stream(&world.finish(get().buffered().stream()).unwrap()));
        let refused = world.finish(client.get("/404")).unwrap_err();
        assert_eq!(refused.response().unwrap().text().unwrap(), "ab");
        let child = W::build(client.derive().buffered());
        assert_eq!(world.finish(child.get("/u")).unwrap().text().unwrap(), "ab");
        assert!(is_stream(&world.finish(child.get("/u").stream()).unwrap()));
        client.update_defaults(Defaults::buffered).unwrap();
        assert!(!is_stream(&world.finish(get()).unwrap()));
        world.logged(
            "stream: true | => 200 | stream: false | => 200 | stream: true | => 200 | \
             stream: true | => Status | stream: false | => 200 | stream: true | => 200 | \
             stream: false | => 200",
        );
    }
    everywhere!(law);
}

#[test]
fn an_answer_of_an_interceptor_stays_a_stream_where_the_client_says_so() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(tollgate::client::ClientBuilder::stream);
        let requests = &world.client.interceptors.request;
        requests
            .use_flow(async |_| Ok(Response::new(http::StatusCode::OK, chunks([Ok("a")])).into()));
        assert!(is_stream(&world.get("/u").unwrap()));
        let read = world.finish(world.client.get("/u").buffered()).unwrap();
        assert_eq!(read.text().unwrap(), "a");
        world.logged("=> 200 | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_handle_of_the_client_cancels_its_calls_in_flight_and_later_ones() {
    fn law<W: Way>(world: &World<W>) {
        let handle = CancelHandle::new();
        let mock = MockAdapter::new().then(MockReply::never());
        let client = W::build(W::builder(mock.clone()).cancel_handle(&handle));
        let get = || client.get("http://h/u");
        let error = std::thread::scope(|scope| {
            let running = scope.spawn(|| W::send(get()));
            wait_until("the call waits", || handle.waiting() > 0);
            handle.cancel_with("the program ends");
            running.join().unwrap().unwrap_err()
        });
        assert!(error.is_cancelled() && error.to_string().contains("the program ends"));
        assert_eq!(handle.waiting(), 0, "a listener is left");
        assert_eq!(mock.count(), 1);
        assert!(W::send(get()).unwrap_err().is_cancelled());
        let broken = get().header("a b", "");
        assert!(!W::send(broken).unwrap_err().is_cancelled());
        assert_eq!(mock.count(), 1, "nothing more was sent");
        let own = CancelHandle::new();
        W::send(get().cancel_handle(&own)).unwrap();
        W::send(get().without_cancel_handle()).unwrap();
        let back = get().without_cancel_handle().cancel_handle(&handle);
        assert!(W::send(back).unwrap_err().is_cancelled());
        own.cancel();
        let child = W::build(client.derive().cancel_handle(&own));
        assert!(W::send(child.get("http://h/u")).unwrap_err().is_cancelled());
        let free = W::build(client.derive().without_cancel_handle());
        W::send(free.get("http://h/u")).unwrap();
        assert!(client.config().cancel_handle().is_some());
        client
            .update_defaults(Defaults::without_cancel_handle)
            .unwrap();
        W::send(get()).unwrap();
        assert_eq!(mock.count(), 5);
        world.log.take();
    }
    everywhere!(law);
}

/// A refresh is read into memory, and belongs to all that wait for it.
#[test]
fn a_token_is_refreshed_whatever_the_client_says_of_its_calls() {
    fn law<W: Way>(world: &World<W>) {
        let token = json!({"access_token": "a2"});
        let mock = MockAdapter::new()
            .reply(401, "")
            .reply_json(200, &token)
            .reply(200, "hello");
        let builder = W::builder(mock.clone()).base_url("https://h").stream();
        let builder = builder.on_upload_progress(told(&world.log, "up"));
        let client = W::build(builder.on_download_progress(told(&world.log, "down")));
        let store = MemoryStore::new(Token::new("a1").refresh("r1"));
        let refresher = OAuth2Refresh::new("https://id.example.com/token", "app");
        let pair = TokenRefresh::builder(store, refresher).build().unwrap();
        client.interceptors.use_pair(pair);
        let call = client.put("/u").body("12");
        assert!(is_stream(&world.finish(call).unwrap()));
        assert_eq!(mock.count(), 3);
        world.logged("up#1 2/2 +2 done | down#1 0/0 +0 done | up#2 2/2 +2 done | => 200");
    }
    everywhere!(law);
}

/// Each setting is printed and told, handlers and functions as what they are.
#[test]
fn what_a_client_says_of_its_calls_can_be_asked_for_and_printed() {
    let second = Duration::from_secs(1);
    let builder = tollgate::blocking::Client::builder(MockAdapter::new());
    let plain = builder.build().unwrap();
    let text = format!("{:?}", plain.config());
    for setting in [
        "stream: false",
        "cancel_handle: None",
        "min_upload_rate: None",
        "min_download_rate: None",
        "max_upload_rate: None",
        "max_download_rate: None",
        "on_upload_progress: false",
        "on_download_progress: false",
        "max_depth: 100",
    ] {
        assert!(text.contains(setting), "{setting} in {text}");
    }
    let format = QueryFormat::new()
        .max_depth(7)
        .encode(|text, _| text.to_owned());
    let builder = plain.derive().stream().cancel_handle(&CancelHandle::new());
    let builder = builder
        .min_upload_rate(1, second)
        .min_download_rate(2, second);
    let builder = builder.max_upload_rate(3).max_download_rate(4);
    let builder = builder.on_upload_progress(drop).on_download_progress(drop);
    let client = builder.query_format(format).build().unwrap();
    let config = client.config();
    assert_eq!(config.min_upload_rate(), Some((1, second)));
    assert_eq!(config.min_download_rate(), Some((2, second)));
    let text = format!("{config:?}");
    for setting in [
        "stream: true",
        "cancel_handle: Some",
        "min_upload_rate: Some((1, 1s))",
        "min_download_rate: Some((2, 1s))",
        "max_upload_rate: Some(3)",
        "max_download_rate: Some(4)",
        "on_upload_progress: true",
        "on_download_progress: true",
        "max_depth: 7",
        "encode: Some(\"custom\")",
    ] {
        assert!(text.contains(setting), "{setting} in {text}");
    }
}
