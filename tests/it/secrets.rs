//! Headers that are secrets by the caller's word.

use http::HeaderValue;
use tollgate::{MockReply, Request};

use crate::support::{Reply, Way, World, everywhere};

const SECRET: &str = "s3cr3t";

fn names<W: Way>(world: &World<W>) -> World<W> {
    world.with(|builder| builder.sensitive_headers(["X-Api-Key"]))
}

fn key_arrived<W: Way>(world: &World<W>) -> Vec<bool> {
    let sent = world.mock.requests();
    let has = |sent: &tollgate::Recorded| sent.headers().contains_key("x-api-key");
    sent.iter().map(has).collect()
}

#[test]
fn a_named_header_is_printed_nowhere() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .sensitive_headers(["x-api-key"])
                .header("x-api-key", SECRET)
                .header_for(http::Method::GET, "x-api-key", SECRET)
        });
        let printed = world.log.clone();
        let print = move |request: Request| {
            printed.add(format!("{request:?}"));
            Ok(request)
        };
        // Hooks run last registered first: the second print sees a value that
        // the one before has set, and nobody has marked.
        world.client.interceptors.request.use_sync(print.clone());
        world
            .client
            .interceptors
            .request
            .use_sync(|mut it: Request| {
                let fresh = HeaderValue::from_static(SECRET);
                it.headers_mut().insert("x-api-key", fresh);
                Ok(it)
            });
        world.client.interceptors.request.use_sync(print);
        let answer = || MockReply::status(404, "").header("x-api-key", SECRET);
        world.mock.push(answer());
        let error = W::send(world.client.get("/a")).unwrap_err();
        let mut printed = world.log.take();
        assert_eq!(printed.len(), 2);
        assert_eq!(error.response().unwrap().headers()["x-api-key"], SECRET);
        printed.push(format!("{:?}", world.client.config()));
        printed.push(format!("{error:?} {:?}", error.response()));
        printed.push(format!("{:?}", error.request().unwrap()));
        printed.push(format!("{:?}", world.mock.requests()));
        for text in printed {
            assert!(!text.contains(SECRET), "{text}");
        }
        assert_eq!(world.mock.requests()[0].headers()["x-api-key"], SECRET);
    }
    everywhere!(law);
}

#[test]
fn a_named_header_does_not_cross_to_another_origin() {
    fn law<W: Way>(world: &World<W>) {
        let world = names(world);
        world.script([
            Reply::Redirect(302, "/b"),
            Reply::Redirect(302, "http://e/c"),
            Reply::Redirect(302, "http://h/d"),
        ]);
        let call = world.client.get("/a").header("x-api-key", SECRET);
        world.finish(call).unwrap();
        assert_eq!(key_arrived(&world), [true, true, false, false]);
    }
    everywhere!(law);
}

#[test]
fn a_named_header_of_a_hooks_does_not_cross_either() {
    fn law<W: Way>(world: &World<W>) {
        let world = names(world);
        world
            .client
            .interceptors
            .request
            .use_sync(|mut it: Request| {
                let fresh = HeaderValue::from_static(SECRET);
                it.headers_mut().insert("x-api-key", fresh);
                Ok(it)
            });
        let elsewhere = || world.script([Reply::Redirect(302, "http://e/b")]);
        elsewhere();
        world.get("/a").unwrap();
        assert_eq!(key_arrived(&world), [true, false]);
        world.client.interceptors.request.clear();
        // The hook's header is for `e`, and `f` is another origin again.
        world.script([
            Reply::Redirect(302, "http://e/b"),
            Reply::Redirect(302, "http://f/c"),
        ]);
        let call = world.client.get("/a").before_redirect(|redirect| {
            if redirect.uri().host() == Some("e") {
                let fresh = HeaderValue::from_static(SECRET);
                redirect.headers_mut().insert("x-api-key", fresh);
            }
            Ok(())
        });
        world.finish(call).unwrap();
        assert_eq!(key_arrived(&world)[2..], [false, true, false]);
    }
    everywhere!(law);
}

#[test]
fn the_clients_value_of_a_named_header_stays_with_the_clients_origin() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .allow_absolute_urls(true)
                .header("x-api-key", SECRET)
        });
        let named = |url: &str| world.client.get(url).sensitive_headers(["x-api-key"]);
        world.finish(named("/a")).unwrap();
        world.finish(named("http://e/a")).unwrap();
        world.get("http://e/a").unwrap();
        assert_eq!(key_arrived(&world), [true, false, true]);
    }
    everywhere!(law);
}

/// Axios replaces the list by a call's; here names add up, for a call that
/// names one more must not give the client's away.
#[test]
fn names_of_a_call_add_to_the_clients_unless_it_takes_them_off() {
    fn law<W: Way>(world: &World<W>) {
        let world = names(world);
        let elsewhere = || world.script([Reply::Redirect(302, "http://e/b")]);
        let call = || world.client.get("/a").header("x-api-key", SECRET);
        let call = || call().header("x-other", SECRET);
        elsewhere();
        world.finish(call().sensitive_headers(["x-other"])).unwrap();
        elsewhere();
        let off = call().without_sensitive_headers();
        world.finish(off.sensitive_headers(["x-other"])).unwrap();
        let had = |at: usize, name: &str| {
            let sent = world.mock.requests();
            sent[at].headers().contains_key(name)
        };
        assert!(!had(1, "x-api-key") && !had(1, "x-other"));
        assert!(had(3, "x-api-key") && !had(3, "x-other"));
        let none = world.with(|builder| {
            let some = builder.sensitive_headers(["x-api-key"]);
            some.without_sensitive_headers()
        });
        assert!(none.client.config().sensitive_headers().is_empty());
    }
    everywhere!(law);
}

#[test]
fn a_name_that_is_none_is_a_mistake_of_the_call_or_the_client() {
    fn law<W: Way>(world: &World<W>) {
        let call = world.client.get("/a").sensitive_headers(["x api"]);
        let error = world.finish(call).unwrap_err();
        assert!(error.to_string().contains("offset 1"), "{error}");
        world.logged("=> InvalidRequest");
        let builder = W::builder(world.mock.clone()).sensitive_headers([""]);
        assert!(builder.build().is_err());
    }
    everywhere!(law);
}
