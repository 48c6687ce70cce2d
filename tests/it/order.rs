//! The order of hooks, and what flows through them.

use serde::Serialize;
use tollgate::{Body, Error, Order, Request, Response};

use crate::support::{Do, Reply, Way, World, everywhere, pending_once};

fn three_and_three<W: Way>(world: &World<W>) {
    for name in ["q1", "q2", "q3"] {
        world.request(name, Do::Pass, Do::Pass);
    }
    for name in ["s1", "s2", "s3"] {
        world.response(name, Do::Pass, Do::Pass);
    }
}

const LIFO: &str = "q3.ok | q2.ok | q1.ok | T GET /u | s1.ok | s2.ok | s3.ok | => 200";
const FIFO: &str = "q1.ok | q2.ok | q3.ok | T GET /u | s1.ok | s2.ok | s3.ok | => 200";

#[test]
fn requests_run_last_registered_first_and_responses_first_registered_first() {
    fn law<W: Way>(world: &World<W>) {
        three_and_three(world);
        world.get("/u").unwrap();
        world.logged(LIFO);
    }
    everywhere!(law);
}

#[test]
fn fifo_on_the_client_reverses_requests_and_one_call_reverses_it_back() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.order(Order::Fifo));
        three_and_three(&world);
        world.get("/u").unwrap();
        world.logged(FIFO);
        let call = world.client.get("/u").order(Order::Lifo);
        world.finish(call).unwrap();
        world.logged(LIFO);
        assert_eq!(world.client.config().order(), Order::Fifo);
    }
    everywhere!(law);
}

#[test]
fn fifo_on_one_call_lasts_for_that_call_and_its_replays() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503)]);
        world.request("q1", Do::Pass, Do::Pass);
        world.request("q2", Do::Pass, Do::Pass);
        world.response("s", Do::Pass, Do::Replay(2));
        let call = world.client.get("/u").order(Order::Fifo);
        world.finish(call).unwrap();
        world.logged("q1.ok | q2.ok | T GET /u | s.err | q1.ok | q2.ok | T GET /u | s.ok | => 200");
        world.get("/u").unwrap();
        world.logged("q2.ok | q1.ok | T GET /u | s.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn each_way_to_register_takes_its_place_in_the_same_order() {
    fn law<W: Way>(world: &World<W>) {
        let (log, all) = (&world.log, &world.client.interceptors);
        let l = log.clone();
        all.request.use_(async move |request: Request| {
            l.add("use_");
            Ok(request)
        });
        let l = log.clone();
        all.request.use_(move |request: Request| {
            let l = l.clone();
            async move {
                l.add("closure of a future");
                Ok(request)
            }
        });
        let l = log.clone();
        all.request.use_sync(move |request| {
            l.add("use_sync");
            Ok(request)
        });
        let l = log.clone();
        all.request.use_flow(async move |request: Request| {
            l.add("use_flow");
            Ok(request.into())
        });
        let l = log.clone();
        let both = async move |request: Request| {
            l.add("use_both");
            Ok(request)
        };
        all.request.use_both(both, async |error: Error| Err(error));
        world.request("use_interceptor", Do::Pass, Do::Pass);
        let l = log.clone();
        let guard = all.request.use_scoped(async move |request: Request| {
            l.add("use_scoped");
            Ok(request)
        });
        world.get("/u").unwrap();
        world.logged(
            "use_scoped | use_interceptor.ok | use_both | use_flow | use_sync | \
             closure of a future | use_ | T GET /u | => 200",
        );
        drop(guard);
        assert_eq!(all.request.len(), 6, "the guard has ejected its own");
    }
    everywhere!(law);
}

#[test]
fn each_way_to_register_works_on_the_response_side() {
    fn law<W: Way>(world: &World<W>) {
        let (log, all) = (&world.log, &world.client.interceptors);
        let l = log.clone();
        all.response.use_(async move |response: Response| {
            l.add("use_");
            Ok(response)
        });
        let l = log.clone();
        all.response.use_sync(move |_| {
            l.add("use_sync fails");
            Err(Error::message("no"))
        });
        let l = log.clone();
        all.response.use_rejected(async move |error: Error| {
            l.add("use_rejected");
            Err(error)
        });
        let l = log.clone();
        let rejected = async move |_: Error| {
            l.add("use_both recovers");
            Ok(crate::support::answer(201).into())
        };
        all.response
            .use_both(async |response: Response| Ok(response), rejected);
        let l = log.clone();
        all.response.use_flow(async move |response: Response| {
            l.add("use_flow");
            Ok(response.into())
        });
        world.get("/u").unwrap();
        world.logged(
            "T GET /u | use_ | use_sync fails | use_rejected | use_both recovers | use_flow | \
             => 201",
        );
    }
    everywhere!(law);
}

#[test]
fn explain_shows_the_chain_in_the_order_in_which_it_runs() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        all.request.named("sign").use_sync(Ok);
        let when = all.request.named("trace").run_when(|_| true);
        when.use_(async |request| Ok(request));
        all.response.named("count").use_sync(Ok);
        assert_eq!(
            world.client.explain(),
            "request interceptors, last registered first:\n  \
             1. trace (#1, when its condition holds)\n  \
             2. sign (#0)\n\
             adapter, redirects, status policy\n\
             response interceptors, first registered first:\n  \
             1. count (#2)\n"
        );
        let fifo = world.client.derive().order(Order::Fifo);
        assert_eq!(
            W::build(fifo).explain(),
            "request interceptors, first registered first:\n  none\n\
             adapter, redirects, status policy\n\
             response interceptors, first registered first:\n  none\n"
        );
    }
    everywhere!(law);
}

#[test]
fn what_request_hooks_change_is_what_the_adapter_sees() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        for name in ["x-one", "x-two", "x-three"] {
            all.request.use_(async move |mut request: Request| {
                pending_once().await;
                request.headers_mut().insert(name, "set".parse()?);
                Ok(request)
            });
        }
        all.request.use_sync(|mut request| {
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = "http://h/bar".parse()?;
            request.set_body("new");
            Ok(request)
        });
        world.get("/foo").unwrap();
        world.logged("T POST /bar | => 200");
        let sent = &world.mock.requests()[0];
        for name in ["x-one", "x-two", "x-three"] {
            assert_eq!(sent.headers()[name], "set");
        }
        assert_eq!(&sent.body()[..], b"new");
    }
    everywhere!(law);
}

#[test]
fn what_response_hooks_change_is_what_the_caller_sees() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Body(200, "OK".into())]);
        let all = &world.client.interceptors;
        for letter in ["1", "2", "3"] {
            let append = async move |mut response: Response| {
                pending_once().await;
                let text = response.text()? + letter;
                response.set_body(text);
                Ok(response)
            };
            all.response.use_(append);
        }
        assert_eq!(world.get("/u").unwrap().text().unwrap(), "OK123");
        all.response.use_sync(|_| Ok(crate::support::answer(204)));
        let response = world.get("/u").unwrap();
        assert_eq!(response.text().unwrap(), "answer 204");
        assert_eq!(response.attempts(), 1, "it belongs to the call");
    }
    everywhere!(law);
}

#[derive(Serialize)]
struct Typed {
    foo: &'static str,
}

#[test]
fn hooks_see_the_merged_request_and_change_no_default() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.header("x-default", "d"));
        let log = world.log.clone();
        world
            .client
            .interceptors
            .request
            .use_sync(move |mut request| {
                let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
                log.add(format!(
                    "{} {} {} {}",
                    request.method(),
                    request.uri(),
                    header("x-default"),
                    header("content-type")
                ));
                request
                    .headers_mut()
                    .insert("x-default", "changed".parse()?);
                request.headers_mut().insert("x-new", "n".parse()?);
                Ok(request)
            });
        for _ in 0..2 {
            let call = world
                .client
                .post("/u")
                .query(&[("a", 1)])
                .json(&Typed { foo: "bar" });
            world.finish(call).unwrap();
        }
        let line = "POST http://h/u?a=1 d application/json | T POST /u?a=1 | => 200";
        world.logged(&format!("{line} | {line}"));
        assert_eq!(world.client.config().headers()["x-default"], "d");
        assert!(!world.client.config().headers().contains_key("x-new"));
    }
    everywhere!(law);
}

#[test]
fn metadata_of_a_call_reaches_every_hook_the_response_and_the_error() {
    #[derive(Clone, Debug, PartialEq)]
    struct User(u32);

    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(200), Reply::Status(500)]);
        let all = &world.client.interceptors;
        let log = world.log.clone();
        all.request.use_sync(move |request| {
            log.add(format!("q {:?}", request.extensions().get::<User>()));
            Ok(request)
        });
        let (ok, err) = (world.log.clone(), world.log.clone());
        all.response.use_both(
            async move |response: Response| {
                ok.add(format!("s {:?}", response.extensions().get::<User>()));
                Ok(response)
            },
            async move |error: Error| {
                err.add(format!("s {:?}", error.extensions().get::<User>()));
                Err(error)
            },
        );
        let response = world
            .finish(world.client.get("/u").extension(User(2)))
            .unwrap();
        assert_eq!(response.extensions().get(), Some(&User(2)));
        let error = world
            .finish(world.client.get("/u").extension(User(3)))
            .unwrap_err();
        assert_eq!(error.extensions().get(), Some(&User(3)));
        world.logged(
            "q Some(User(2)) | T GET /u | s Some(User(2)) | => 200 | \
             q Some(User(3)) | T GET /u | s Some(User(3)) | => Status",
        );
    }
    everywhere!(law);
}

#[test]
fn calls_that_run_at_once_do_not_mix() {
    fn law<W: Way>(world: &World<W>) {
        world
            .client
            .interceptors
            .request
            .use_(async |mut request: Request| {
                pending_once().await;
                let path = request.uri().path().to_owned();
                request.set_body(Body::from(path));
                Ok(request)
            });
        std::thread::scope(|scope| {
            for number in 0..8 {
                scope.spawn(move || {
                    for round in 0..25 {
                        let path = format!("/{number}/{round}");
                        let response = W::send(world.client.post(&path)).unwrap();
                        assert_eq!(response.uri().unwrap().path(), path);
                    }
                });
            }
        });
        for sent in world.mock.requests() {
            assert_eq!(sent.body(), sent.uri().path().as_bytes());
        }
        assert_eq!(world.mock.count(), 200);
    }
    everywhere!(law);
}
