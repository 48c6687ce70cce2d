//! Law 6, second half: a panic is an error of its call and of nothing else.

use tollgate::{
    Error, ErrorKind, Request, Response, Result,
    client::{Call, Client},
};

use crate::support::{Do, Reply, Style, Way, World, everywhere, pending_once};

#[test]
fn a_panic_of_a_request_hook_goes_to_the_next_one_by_name() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Pass);
        world.request("B", Do::Panic("b fell over"), Do::Recover);
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("B.ok | A.err | S.err | => Interceptor");
        assert_eq!(error.interceptor(), Some("B"));
        assert!(
            error.to_string().contains("panicked: b fell over"),
            "{error}"
        );
        assert_eq!(world.mock.count(), 0);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_panic_of_an_error_half_replaces_the_error() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Panic("a fell over"));
        world.request("B", Do::Fail("b broke"), Do::Pass);
        world.response("S", Do::Pass, Do::Panic("s fell over"));
        world.response("T", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("B.ok | A.err | S.err | T.err | => Interceptor");
        assert_eq!(error.interceptor(), Some("S"));
        assert!(error.to_string().contains("s fell over"), "{error}");
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_panic_of_a_response_hook_is_recovered_like_any_error() {
    fn law<W: Way>(world: &World<W>) {
        world.response("R1", Do::Panic("r1 fell over"), Do::Pass);
        world.response("R2", Do::Pass, Do::Answer(200));
        world.response("R3", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("T GET /u | R1.ok | R2.err | R3.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_panic_in_closures_before_and_after_an_await_is_caught() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        let say = |error: &Error| error.to_string();
        all.request.named("plain").use_sync(|_| panic!("at once"));
        assert!(say(&world.get("/u").unwrap_err()).contains("`plain`: it panicked: at once"));
        all.request.clear();
        all.request
            .named("before")
            .use_(async |_: Request| -> Result<Request> { panic!("number {}", 7) });
        assert!(say(&world.get("/u").unwrap_err()).contains("`before`: it panicked: number 7"));
        all.request.clear();
        all.request
            .named("after")
            .use_(async |_: Request| -> Result<Request> {
                pending_once().await;
                std::panic::panic_any(5_u32)
            });
        assert!(say(&world.get("/u").unwrap_err()).contains("`after`: it panicked: no text"));
        all.request.clear();
        all.response.named("late").use_rejected(async |_: Error| {
            pending_once().await;
            panic!("late")
        });
        world.script([Reply::Status(500)]);
        assert!(say(&world.get("/u").unwrap_err()).contains("`late`: it panicked: late"));
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_panic_while_a_future_is_made_or_dropped_is_caught() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }

    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        all.request.named("maker").use_(|request: Request| {
            assert!(request.attempt() == 0, "before there is a future");
            async move { Ok(request) }
        });
        let error = world.get("/u").unwrap_err();
        assert!(
            error.to_string().contains("before there is a future"),
            "{error}"
        );
        all.request.clear();
        all.request.named("dropper").use_(async |request: Request| {
            let grenade = Grenade;
            pending_once().await;
            drop(grenade);
            Ok(request)
        });
        let error = world.get("/u").unwrap_err();
        assert!(error.to_string().contains("in drop"), "{error}");
        assert_eq!(error.interceptor(), Some("dropper"));
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_panic_of_the_status_policy_is_an_error_with_the_response() {
    fn law<W: Way>(world: &World<W>) {
        world.response("S", Do::Pass, Do::Pass);
        let call = world
            .client
            .get("/u")
            .validate_status(|_| panic!("cannot say"));
        let error = world.finish(call).unwrap_err();
        world.logged("T GET /u | S.err | => Interceptor");
        assert!(
            error
                .to_string()
                .contains("`validate_status` panicked: cannot say"),
            "{error}"
        );
        assert!(error.is_status(200), "the answer is attached");
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_panic_of_the_adapter_is_an_error() {
    fn law<W: Way>(world: &World<W>) {
        let mock = tollgate::MockAdapter::new().handler(|_| panic!("adapter fell over"));
        let client = W::build(W::builder(mock));
        let error = W::send(client.get("http://h/")).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the adapter panicked: adapter fell over"),
            "{error}"
        );
        assert_eq!(error.interceptor(), None);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_panic_of_the_change_of_a_replay_is_an_error_by_name() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503)]);
        let all = &world.client.interceptors;
        all.response
            .named("again")
            .use_rejected(async |error: Error| error.replay_with(|_| panic!("cannot change")));
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("T GET /u | S.err | => Interceptor");
        assert!(error.to_string().contains("cannot change"), "{error}");
        assert_eq!(error.interceptor(), Some("again"));
        world.still_works();
    }
    everywhere!(law);
}

/// A hook that panics in one of five places, by the number in the path.
fn rig<E>(client: &Client<E>) {
    let all = &client.interceptors;
    let number = |request: &Request| -> u32 { request.uri().path()[1..].parse().unwrap() };
    let when = all.request.run_when(move |request| {
        assert!(number(request) % 5 != 1, "condition");
        true
    });
    when.use_sync(move |request| {
        assert!(number(&request) % 5 != 2, "sync");
        Ok(request)
    });
    all.request.use_(async move |request: Request| {
        assert!(number(&request) % 5 != 3, "before");
        pending_once().await;
        assert!(number(&request) % 5 != 4, "after");
        Ok(request)
    });
    all.response.use_(async |response: Response| {
        let clean = response.uri().is_some_and(|uri| uri.path() == "/clean");
        assert!(clean, "response");
        Ok(response)
    });
}

fn storm<W: Way>(world: &World<W>) {
    let call = |path: String| -> Call<W::Engine> { world.client.get(path) };
    rig(&world.client);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for round in 0..125 {
                    let error = W::send(call(format!("/{}", thread * 125 + round))).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Interceptor);
                    assert!(error.to_string().contains("panicked"), "{error}");
                }
            });
        }
    });
    world.client.interceptors.request.clear();
    for _ in 0..200 {
        W::send(call("/clean".to_owned())).unwrap();
    }
    assert_eq!(
        world.mock.count(),
        400,
        "a fifth of the calls got as far as the adapter"
    );
}

/// Three times a thousand panics, so only one style of scripted hooks.
#[test]
fn a_thousand_panics_on_eight_threads_poison_nothing() {
    crate::support::agree(&[
        crate::support::play::<crate::support::OnTokio>(Style::Ready, storm),
        crate::support::play::<crate::support::OnThread>(Style::Ready, storm),
        crate::support::play::<crate::support::InBlocking>(Style::Ready, storm),
    ]);
}
