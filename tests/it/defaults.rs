//! Defaults: of all calls, of one method, taken off, beaten by a call.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{
    HeaderMap, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use tollgate::{
    Attempt, Body, ErrorKind, MockAdapter, Request, Response, Runtime,
    client::{Call, Defaults},
    runtime::ManualRuntime,
};

use crate::support::{Do, Reply, Way, World, everywhere};

/// The headers that the adapter got with the last request.
fn last<W: Way>(world: &World<W>) -> HeaderMap {
    world.mock.requests().last().unwrap().headers().clone()
}

/// The headers that the adapter gets for a call.
fn sent<W: Way>(world: &World<W>, call: Call<W::Engine>) -> HeaderMap {
    world.finish(call).unwrap();
    last(world)
}

fn update<W: Way>(world: &World<W>, change: impl FnOnce(Defaults) -> Defaults) {
    world.client.update_defaults(change).unwrap();
}

#[test]
fn headers_of_a_method_beat_those_of_all_and_a_call_beats_both() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .header_for(Method::POST, "X-B", "of post")
                .header("x-a", "of all")
                .header("x-b", "of all")
                .header("x-c", "of all")
                .header_for(Method::POST, "x-c", "of post")
                .header_for(Method::PUT, "x-a", "of put")
        });
        let c = &world.client;
        let post = sent(&world, c.post("/u").header("x-C", "of the call"));
        assert_eq!(post["x-a"], "of all");
        assert_eq!(post["x-b"], "of post");
        assert_eq!(post["x-c"], "of the call");
        let get = sent(&world, c.get("/u"));
        assert!(["x-a", "x-b", "x-c"].iter().all(|it| get[*it] == "of all"));
        assert_eq!(sent(&world, c.put("/u"))["x-a"], "of put");
        let config = c.config();
        assert_eq!(config.headers_for(&Method::POST).unwrap()["x-b"], "of post");
        assert_eq!(config.headers_for(&Method::GET), None);
    }
    everywhere!(law);
}

#[test]
fn every_value_of_a_default_is_sent_and_replaced_as_one() {
    fn law<W: Way>(world: &World<W>) {
        let mut two = HeaderMap::new();
        two.append("x-two", HeaderValue::from_static("1"));
        two.append("x-two", HeaderValue::from_static("2"));
        let world = world.with(|builder| builder.header("x-two", "0").headers(two.clone()));
        let values = |headers: HeaderMap| -> Vec<HeaderValue> {
            headers.get_all("x-two").iter().cloned().collect()
        };
        assert_eq!(values(sent(&world, world.client.get("/u"))), ["1", "2"]);
        let call = world.client.get("/u").header("x-two", "3");
        assert_eq!(values(sent(&world, call)), ["3"]);
    }
    everywhere!(law);
}

#[test]
fn a_header_taken_off_for_one_call_is_set_by_no_default() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .header("x-all", "a")
                .header_for(Method::POST, "x-post", "p")
                .header("authorization", "t")
        });
        let post = || world.client.post("http://u:p@h/u").json(&1);
        let off = post()
            .without_header("X-All")
            .without_header("x-post")
            .without_header(AUTHORIZATION)
            .without_header(CONTENT_TYPE);
        world.script([Reply::Redirect(307, "/v")]);
        let headers = sent(&world, off);
        for name in ["x-all", "x-post", "authorization", "content-type"] {
            assert!(!headers.contains_key(name), "{name} was sent");
        }
        assert_eq!(world.mock.requests().len(), 2, "nor with the redirect");
        let headers = sent(&world, post());
        for name in ["x-all", "x-post", "authorization", "content-type"] {
            assert!(headers.contains_key(name), "{name} is missing");
        }
    }
    everywhere!(law);
}

#[test]
fn the_last_word_of_a_call_on_a_header_holds() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.header("x-a", "default"));
        let get = || world.client.get("/u");
        let set = sent(&world, get().without_header("x-a").header("X-A", "own"));
        assert_eq!(set["x-a"], "own");
        let off = sent(&world, get().header("x-a", "own").without_header("X-A"));
        assert!(!off.contains_key("x-a"));
        let error = W::send(get().without_header("x a")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("offset 1"), "{error}");
    }
    everywhere!(law);
}

/// axios keeps a header that was set to `false` from interceptors too, unless
/// they insist. Here an interceptor has the last word, as on everything: a
/// token would else be missing without a trace.
#[test]
fn an_interceptor_may_set_what_a_call_has_taken_off() {
    fn law<W: Way>(world: &World<W>) {
        world
            .client
            .interceptors
            .request
            .use_sync(|mut request: Request| {
                assert!(!request.headers().contains_key("x-a"));
                request.headers_mut().insert("x-a", "hook".parse()?);
                Ok(request)
            });
        let call = world.client.get("/u").without_header("x-a");
        assert_eq!(sent(world, call)["x-a"], "hook");
    }
    everywhere!(law);
}

#[test]
fn a_secret_header_of_a_method_stays_and_gives_way_to_no_other() {
    fn law<W: Way>(world: &World<W>) {
        let mut secret = HeaderValue::from_static("secret");
        secret.set_sensitive(true);
        let world = world.with(|builder| {
            builder
                .allow_absolute_urls(true)
                .header("x-key", "plain")
                .header_for(Method::POST, "x-key", secret.clone())
        });
        let c = &world.client;
        assert_eq!(sent(&world, c.post("/u"))["x-key"], "secret");
        assert!(!sent(&world, c.post("http://other/")).contains_key("x-key"));
        assert_eq!(sent(&world, c.get("http://other/"))["x-key"], "plain");
    }
    everywhere!(law);
}

#[test]
fn what_of_time_and_size_a_call_inherits_takes_off_or_sets() {
    fn law<W: Way>(_: &World<W>) {
        const S: Duration = Duration::from_secs(1);
        let time = ManualRuntime::new();
        let begin = time.now();
        let seen: Arc<Mutex<Option<[Option<Duration>; 2]>>> = Arc::default();
        let told = Arc::clone(&seen);
        let mock = MockAdapter::new().handler(move |request| {
            let attempt = request.extensions().get::<Attempt>().unwrap();
            let until = attempt.deadline().map(|until| until - begin);
            *told.lock().unwrap() = Some([until, attempt.read_timeout()]);
            Ok(http::Response::new(Body::from("12345678")))
        });
        let builder = || W::builder(mock.clone()).runtime(time.clone());
        let limited = || {
            builder()
                .timeout(5 * S)
                .deadline(9 * S)
                .read_timeout(2 * S)
                .max_response_bytes(4)
                .max_request_bytes(4)
        };
        let client = W::build(limited());
        let derived = W::build(client.derive().without_timeout().without_read_timeout());
        let open = W::build(
            client
                .derive()
                .without_deadline()
                .without_max_request_bytes()
                .without_max_response_bytes(),
        );
        let timed = |call: Call<W::Engine>| {
            W::send(call.without_max_response_bytes()).unwrap();
            seen.lock().unwrap().take().unwrap()
        };
        let get = || client.get("http://h/");
        assert_eq!(timed(get()), [Some(5 * S), Some(2 * S)]);
        assert_eq!(timed(get().timeout(S)), [Some(S), Some(2 * S)]);
        let off = get().without_timeout().without_read_timeout();
        assert_eq!(timed(off), [Some(9 * S), None]);
        let endless = get().without_timeout().without_deadline();
        assert_eq!(timed(endless.read_timeout(S)), [None, Some(S)]);
        assert_eq!(timed(derived.get("http://h/")), [Some(9 * S), None]);
        assert_eq!(
            timed(open.get("http://h/").without_timeout()),
            [None, Some(2 * S)]
        );
        let kind = |call: Call<W::Engine>| W::send(call).err().map(|error| error.kind());
        let put = || client.put("http://h/").body("12345678");
        assert_eq!(kind(get()), Some(ErrorKind::ResponseTooLarge));
        assert_eq!(kind(get().max_response_bytes(8)), None);
        let too_large = Some(ErrorKind::RequestTooLarge);
        assert_eq!(kind(put().max_response_bytes(8)), too_large);
        let put = || put().without_max_response_bytes();
        assert_eq!(kind(put().max_request_bytes(7)), too_large);
        assert_eq!(kind(put().without_max_request_bytes()), None);
        assert_eq!(kind(open.put("http://h/").body("12345678")), None);
    }
    everywhere!(law);
}

#[test]
fn what_is_allowed_is_allowed_or_refused_per_call() {
    fn law<W: Way>(world: &World<W>) {
        let strict = world.with(|builder| builder.max_attempts(1));
        let lax = world.with(|builder| {
            builder
                .allow_absolute_urls(true)
                .allow_downgrade(true)
                .allow_cross_origin_bodies(true)
        });
        let kind = |call: Call<W::Engine>| W::send(call).err().map(|error| error.kind());
        for (world, allowed) in [(&strict, false), (&lax, true)] {
            let c = &world.client;
            let foreign = || c.get("http://other/u");
            let refused = (!allowed).then_some(ErrorKind::InvalidUrl);
            assert_eq!(kind(foreign()), refused);
            assert_eq!(kind(foreign().allow_absolute_urls(true)), None);
            let refused = Some(ErrorKind::InvalidUrl);
            assert_eq!(kind(foreign().allow_absolute_urls(false)), refused);

            let redirected = |target: &str, to: &'static str, own: Option<bool>| {
                world.script([Reply::Redirect(307, to)]);
                let call = c.post(target).body("b").without_base_url();
                kind(match own {
                    None => call,
                    Some(allow) => call.allow_downgrade(allow).allow_cross_origin_bodies(allow),
                })
            };
            let refused = Some(ErrorKind::Redirect);
            let bodies = |own| redirected("http://h/u", "http://other/", own);
            let downgrade = |own| redirected("https://h/u", "http://h/", own);
            let inherited = refused.filter(|_| !allowed);
            assert_eq!([bodies(None), downgrade(None)], [inherited; 2]);
            assert_eq!([bodies(Some(true)), downgrade(Some(true))], [None; 2]);
            assert_eq!([bodies(Some(false)), downgrade(Some(false))], [refused; 2]);
        }
        strict.log.take();
        strict.response("S", Do::Replay(9), Do::Pass);
        strict.get("/once").unwrap();
        strict
            .finish(strict.client.get("/u").max_attempts(3))
            .unwrap();
        strict
            .finish(strict.client.get("/u").max_attempts(0))
            .unwrap();
        strict.logged(
            "T GET /once | S.ok | => 200 | T GET /u | S.ok | T GET /u | S.ok | T GET /u | S.ok \
             | => 200 | T GET /u | S.ok | => 200",
        );
    }
    everywhere!(law);
}

#[test]
fn a_call_with_a_base_of_its_own_leaves_the_clients_credentials_behind() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .header("cookie", "c")
                .header("x-plain", "p")
                .basic_auth("u", "p")
        });
        let c = &world.client;
        let there = sent(&world, c.get("/u").base_url("http://other/v1"));
        assert!(!there.contains_key("cookie") && !there.contains_key("authorization"));
        assert_eq!(there["x-plain"], "p");
        let here = sent(&world, c.get("/u").base_url("http://h/v2"));
        assert!(here.contains_key("cookie") && here.contains_key("authorization"));
        let bare = sent(&world, c.get("http://other/u").without_base_url());
        assert!(!bare.contains_key("cookie") && !bare.contains_key("authorization"));
        world.logged(
            "T GET http://other/v1/u | => 200 | T GET /v2/u | => 200 | T GET http://other/u | => 200",
        );
        let kind = |call: Call<W::Engine>| W::send(call).unwrap_err().kind();
        let relative = c.get("/u").without_base_url();
        assert_eq!(kind(relative), ErrorKind::InvalidUrl);
        let leaves = c.get("http://h/u").base_url("http://other");
        assert_eq!(kind(leaves), ErrorKind::InvalidUrl);
        assert_eq!(kind(c.get("/u").base_url("h")), ErrorKind::InvalidUrl);
    }
    everywhere!(law);
}

#[test]
fn extensions_of_the_client_reach_whom_those_of_a_call_reach() {
    #[derive(Clone, Debug, PartialEq)]
    struct Tenant(u32);
    #[derive(Clone, Debug, PartialEq)]
    struct Region(&'static str);

    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.extension(Tenant(1)).extension(Region("eu")));
        let seen: Arc<Mutex<Vec<Option<Tenant>>>> = Arc::default();
        let told = Arc::clone(&seen);
        let requests = &world.client.interceptors.request;
        requests.use_sync(move |request: Request| {
            let tenant = request.extensions().get().cloned();
            told.lock().unwrap().push(tenant);
            Ok(request)
        });
        let both = |of: &http::Extensions| (of.get().cloned(), of.get().cloned());
        let get = || world.client.get("/u");
        let response: Response = world.finish(get().extension(Tenant(2))).unwrap();
        let eu = Some(Region("eu"));
        assert_eq!(both(response.extensions()), (Some(Tenant(2)), eu.clone()));
        world.script([Reply::Status(500)]);
        let error = world.finish(get()).unwrap_err();
        assert_eq!(both(error.extensions()), (Some(Tenant(1)), eu));
        let none = get().without_extension::<Tenant>();
        let none = world.finish(none.without_extension::<Region>()).unwrap();
        assert_eq!(both(none.extensions()), (None::<Tenant>, None::<Region>));
        update(&world, |it| it.without_extension::<Tenant>());
        let own = get().without_extension::<Tenant>().extension(Tenant(3));
        world.finish(own).unwrap();
        world.finish(get()).unwrap();
        let tenants = [
            Some(Tenant(2)),
            Some(Tenant(1)),
            None,
            Some(Tenant(3)),
            None,
        ];
        assert_eq!(*seen.lock().unwrap(), tenants);
        world.log.take();
    }
    everywhere!(law);
}
