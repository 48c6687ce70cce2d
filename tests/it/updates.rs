//! Defaults that change at run time, while calls are in flight.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderValue};
use tollgate::{
    Client, ErrorKind, MockAdapter, Order, Request,
    client::{Call, Defaults},
    runtime::block_on,
};

use crate::support::{Do, Reply, Way, World, everywhere};

/// The headers that the adapter gets for a call.
fn sent<W: Way>(world: &World<W>, call: Call<W::Engine>) -> HeaderMap {
    world.finish(call).unwrap();
    world.mock.requests().last().unwrap().headers().clone()
}

fn update<W: Way>(world: &World<W>, change: impl FnOnce(Defaults) -> Defaults) {
    world.client.update_defaults(change).unwrap();
}

#[test]
fn updated_defaults_hold_from_the_next_call_on_for_all_clones() {
    fn law<W: Way>(world: &World<W>) {
        let before = world.client.config();
        let child = W::build(world.client.derive());
        let clone = world.client.clone();
        let made_before = clone.get("/u");
        update(world, |defaults| {
            defaults.header("x-a", "1").base_url("http://h/v2")
        });
        assert_eq!(sent(world, made_before)["x-a"], "1");
        assert_eq!(sent(world, clone.get("/u"))["x-a"], "1");
        assert!(!sent(world, child.get("/u")).contains_key("x-a"));
        update(world, |defaults| {
            defaults.without_header("x-a").header("x-b", "2")
        });
        let headers = sent(world, clone.get("/u"));
        assert!(!headers.contains_key("x-a") && headers["x-b"] == "2");
        world.logged(
            "T GET /v2/u | => 200 | T GET /v2/u | => 200 | T GET /u | => 200 | T GET /v2/u | => 200",
        );
        assert!(before.headers().is_empty(), "a snapshot stays as it is");
        assert_eq!(clone.config().headers()["x-b"], "2");
        let late = W::build(clone.derive());
        assert_eq!(sent(world, late.get("/u"))["x-b"], "2");
    }
    everywhere!(law);
}

#[test]
fn a_call_in_flight_keeps_the_defaults_it_started_with() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.header("x-a", "old").max_attempts(2));
        world.request("Q1", Do::Pass, Do::Pass);
        let seen: Arc<Mutex<Vec<HeaderValue>>> = Arc::default();
        let headers = Arc::clone(&seen);
        let client = world.client.clone();
        world
            .client
            .interceptors
            .request
            .use_sync(move |request: Request| {
                headers
                    .lock()
                    .unwrap()
                    .push(request.headers()["x-a"].clone());
                client.update_defaults(|defaults| {
                    defaults
                        .header("x-a", "new")
                        .order(Order::Fifo)
                        .max_attempts(1)
                        .max_redirects(0)
                        .accept_any_status()
                })?;
                Ok(request)
            });
        world.request("Q3", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Replay(2));
        world.script([Reply::Redirect(307, "/v"), Reply::Status(500)]);
        world.get("/u").unwrap();
        world.logged(
            "Q3.ok | Q1.ok | T GET /u | T GET /v | S.err | Q3.ok | Q1.ok | T GET /u | S.ok | => 200",
        );
        world.script([Reply::Status(500)]);
        assert_eq!(world.get("/u").unwrap().status(), 500);
        world.logged("Q1.ok | Q3.ok | T GET /u | S.ok | => 500");
        assert_eq!(*seen.lock().unwrap(), ["old", "old", "new"]);
    }
    everywhere!(law);
}

/// The defaults are read when a call is sent, not when its future first runs.
#[test]
fn a_future_that_has_not_run_yet_keeps_its_defaults_too() {
    let mock = MockAdapter::new();
    mock.push(tollgate::MockReply::status(307, "").header("location", "/v"));
    let client = Client::builder(mock.clone())
        .base_url("http://h")
        .header("x-a", "old")
        .build()
        .unwrap();
    let sending = client.get("/u").send();
    let change = |it: Defaults| it.header("x-a", "new").max_redirects(0);
    client.update_defaults(change).unwrap();
    assert_eq!(block_on(sending).unwrap().status(), 200);
    let sent = mock.requests();
    assert_eq!(sent.len(), 2, "the redirect was followed");
    assert!(sent.iter().all(|it| it.headers()["x-a"] == "old"));
}

#[test]
fn an_update_that_fails_changes_nothing() {
    fn law<W: Way>(world: &World<W>) {
        let try_to = |change: fn(Defaults) -> Defaults| {
            let error = world.client.update_defaults(change).unwrap_err();
            assert!(world.client.config().headers().is_empty());
            error.kind()
        };
        let wrong_header = try_to(|it| it.header("x-a", "1").header("x-b", "\n"));
        assert_eq!(wrong_header, ErrorKind::InvalidRequest);
        let wrong_base = try_to(|it| it.header("x-a", "1").base_url("h"));
        assert_eq!(wrong_base, ErrorKind::InvalidUrl);
        let panics = std::panic::AssertUnwindSafe(|| {
            let change = |_: Defaults| -> Defaults { panic!("in an update") };
            world.client.update_defaults(change)
        });
        std::panic::catch_unwind(panics).unwrap_err();
        update(world, |defaults| defaults.header("x-a", "1"));
        assert_eq!(sent(world, world.client.get("/u"))["x-a"], "1");
    }
    everywhere!(law);
}

/// It would wait for itself, or lose one of the two.
#[test]
fn an_update_inside_an_update_is_an_error() {
    fn law<W: Way>(world: &World<W>) {
        let client = world.client.clone();
        let mut inner = None;
        update(world, |defaults| {
            inner = Some(client.update_defaults(|inside| inside.header("x-b", "2")));
            defaults.header("x-a", "1")
        });
        let error = inner.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Builder);
        assert!(error.hint().unwrap().contains("one update after the other"));
        update(world, |defaults| defaults.header("x-c", "3"));
        let config = world.client.config();
        let names: Vec<_> = config.headers().keys().collect();
        assert_eq!(names, ["x-a", "x-c"]);
    }
    everywhere!(law);
}

#[test]
fn no_update_is_lost_among_threads() {
    fn law<W: Way>(world: &World<W>) {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let client = world.client.clone();
                scope.spawn(move || {
                    for number in 0..25 {
                        let name = format!("x-{thread}-{number}");
                        let change = |it: Defaults| it.header(name, "1");
                        client.update_defaults(change).unwrap();
                        W::send(client.get("/u")).unwrap();
                    }
                });
            }
        });
        assert_eq!(world.client.config().headers().len(), 100);
        let whole = |headers: &HeaderMap| {
            let of = |thread| {
                let prefix = format!("x-{thread}-");
                let mine = headers.keys().filter(|it| it.as_str().starts_with(&prefix));
                mine.count()
            };
            (0..4).map(of).sum::<usize>() == headers.len()
        };
        assert!(world.mock.requests().iter().all(|it| whole(it.headers())));
        world.log.take();
    }
    everywhere!(law);
}
