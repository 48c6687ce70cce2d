//! Redirects, followed once for all adapters, and the guard at each hop.

use http::{HeaderName, HeaderValue};
use tollgate::{
    Body, ErrorCode, ErrorKind, MockAdapter, Origin, Recorded, Request,
    client::{Call, Client, EngineKind},
};

use crate::support::{Do, Reply, Way, World, everywhere};

const CREDENTIALS: [&str; 6] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "cookie2",
    "x-api-key",
    "x-bound",
];

/// A call with one of each kind of credential, the last two by a hook.
fn laden<E: EngineKind>(client: &Client<E>, call: Call<E>, home: &str) -> Call<E> {
    let home: Origin = home.parse().unwrap();
    client.interceptors.request.clear();
    client
        .interceptors
        .request
        .use_sync(move |mut request: Request| {
            let mut key = HeaderValue::from_static("k");
            key.set_sensitive(true);
            request.headers_mut().insert("x-api-key", key);
            let bound = HeaderName::from_static("x-bound");
            request
                .headers_mut()
                .insert(bound.clone(), HeaderValue::from_static("b"));
            request.bind_header(bound, home.clone().into());
            Ok(request)
        });
    call.bearer_auth("t")
        .header("cookie", "c")
        .header("proxy-authorization", "p")
        .header("cookie2", "c2")
        .header("x-plain", "kept")
}

fn credentials(sent: &Recorded) -> Vec<&str> {
    assert_eq!(sent.headers()["x-plain"], "kept");
    CREDENTIALS
        .into_iter()
        .filter(|name| sent.headers().contains_key(*name))
        .collect()
}

#[test]
fn methods_and_bodies_are_rewritten_as_the_standard_says() {
    fn law<W: Way>(world: &World<W>) {
        for (status, method, then, body) in [
            (301, "POST", "GET", ""),
            (302, "POST", "GET", ""),
            (303, "POST", "GET", ""),
            (303, "PUT", "GET", ""),
            (303, "DELETE", "GET", ""),
            (301, "PUT", "PUT", "b"),
            (302, "PATCH", "PATCH", "b"),
            (307, "POST", "POST", "b"),
            (308, "POST", "POST", "b"),
            (308, "DELETE", "DELETE", "b"),
            (303, "HEAD", "HEAD", "b"),
            (301, "HEAD", "HEAD", "b"),
            (307, "GET", "GET", "b"),
        ] {
            world.script([Reply::Redirect(status, "/b")]);
            let method = http::Method::from_bytes(method.as_bytes()).unwrap();
            let call = world
                .client
                .request(method.clone(), "/a")
                .json(&1)
                .body("b");
            let call = call
                .header("content-type", "text/plain")
                .header("x-keep", "k");
            world.finish(call).unwrap();
            world.logged(&format!("T {method} /a | T {then} /b | => 200"));
            let sent = world.mock.requests();
            let last = sent.last().unwrap();
            let what = format!("{status} of a {method}");
            assert_eq!(&last.body()[..], body.as_bytes(), "{what}");
            assert_eq!(
                last.headers().contains_key("content-type"),
                !body.is_empty(),
                "{what}"
            );
            assert_eq!(last.headers()["x-keep"], "k", "{what}");
        }
    }
    everywhere!(law);
}

#[test]
fn a_location_is_resolved_against_the_address_that_answered() {
    fn law<W: Way>(world: &World<W>) {
        for (location, address) in [
            ("c", "http://h/a/c"),
            ("/c", "http://h/c"),
            ("?q=1", "http://h/a/b?q=1"),
            ("../c#f", "http://h/c"),
            ("http://h:80/c", "http://h/c"),
            ("HTTP://H/c d", "http://h/c%20d"),
        ] {
            world.script([Reply::Redirect(302, location)]);
            let response = world.get("/a/b?x=y").unwrap();
            assert_eq!(response.uri().unwrap(), address, "{location}");
        }
    }
    everywhere!(law);
}

#[test]
fn credentials_stay_on_the_same_origin() {
    fn law<W: Way>(world: &World<W>) {
        world.script([
            Reply::Redirect(302, "/b"),
            Reply::Redirect(307, "http://H:80/c"),
        ]);
        let call = laden(&world.client, world.client.get("/a"), "http://h");
        world.finish(call).unwrap();
        for sent in world.mock.requests() {
            assert_eq!(credentials(&sent), CREDENTIALS, "{}", sent.uri());
        }
        assert_eq!(world.mock.count(), 3);
    }
    everywhere!(law);
}

#[test]
fn no_credential_crosses_to_another_port_host_or_scheme() {
    fn law<W: Way>(world: &World<W>) {
        for status in [301, 302, 303, 307, 308] {
            for location in [
                "http://h:8080/x",
                "http://e/x",
                "http://h.e/x",
                "//e/x",
                "https://h/x",
            ] {
                world.script([Reply::Redirect(status, location)]);
                let call = laden(&world.client, world.client.get("/a"), "http://h");
                world.finish(call).unwrap();
                let sent = world.mock.requests();
                assert_eq!(credentials(&sent[sent.len() - 2]), CREDENTIALS);
                let none: [&str; 0] = [];
                assert_eq!(
                    credentials(&sent[sent.len() - 1]),
                    none,
                    "{status} to {location}"
                );
            }
        }
    }
    everywhere!(law);
}

#[test]
fn what_was_taken_off_stays_off_on_the_way_back() {
    fn law<W: Way>(world: &World<W>) {
        world.script([
            Reply::Redirect(302, "http://e/x"),
            Reply::Redirect(302, "http://h/back"),
            Reply::Redirect(302, "/again"),
        ]);
        let call = laden(&world.client, world.client.get("/a"), "http://h");
        let response = world.finish(call).unwrap();
        world.logged("T GET /a | T GET http://e/x | T GET /back | T GET /again | => 200");
        let none: [&str; 0] = [];
        for sent in &world.mock.requests()[1..] {
            assert_eq!(credentials(sent), none, "{}", sent.uri());
        }
        let head = response.request().unwrap();
        assert!(
            !head.headers().contains_key("authorization"),
            "as it was really sent"
        );
    }
    everywhere!(law);
}

#[test]
fn the_next_call_and_a_replay_have_their_credentials_again() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(302, "http://e/x"), Reply::Status(503)]);
        world.response("again", Do::Pass, Do::Replay(2));
        let call = laden(&world.client, world.client.get("/a"), "http://h");
        world.finish(call).unwrap();
        world.logged("T GET /a | T GET http://e/x | again.err | T GET /a | again.ok | => 200");
        assert_eq!(credentials(&world.mock.requests()[2]), CREDENTIALS);
    }
    everywhere!(law);
}

#[test]
fn a_header_bound_to_several_origins_travels_between_them() {
    fn law<W: Way>(world: &World<W>) {
        let origins: tollgate::Origins = ["http://h", "http://friend"]
            .into_iter()
            .map(|it| it.parse().unwrap())
            .collect();
        world
            .client
            .interceptors
            .request
            .use_sync(move |mut request: Request| {
                let name = http::header::AUTHORIZATION;
                request.headers_mut().insert(name.clone(), "t".parse()?);
                request.bind_header(name, origins.clone());
                Ok(request)
            });
        world.script([
            Reply::Redirect(302, "http://friend/"),
            Reply::Redirect(302, "http://e/"),
        ]);
        world.get("/a").unwrap();
        let had: Vec<_> = world
            .mock
            .requests()
            .iter()
            .map(|sent| sent.headers().contains_key("authorization"))
            .collect();
        assert_eq!(had, [true, true, false]);
    }
    everywhere!(law);
}

#[test]
fn a_hook_that_leaves_the_origin_leaves_the_credentials_behind() {
    fn law<W: Way>(world: &World<W>) {
        let call = laden(&world.client, world.client.get("/a"), "http://h");
        // Registered first, so it runs after the one that attaches.
        let all = &world.client.interceptors;
        let move_away = |mut request: Request| {
            *request.uri_mut() = "http://e/x".parse()?;
            Ok(request)
        };
        all.request.use_sync(move_away);
        world.finish(call.order(tollgate::Order::Fifo)).unwrap();
        world.logged("T GET http://e/x | => 200");
        let none: [&str; 0] = [];
        assert_eq!(credentials(&world.mock.requests()[0]), none);
    }
    everywhere!(law);
}

#[test]
fn extensions_of_a_request_do_not_cross_origins() {
    #[derive(Clone)]
    struct Secret;

    fn law<W: Way>(_: &World<W>) {
        let log = crate::support::Log::default();
        let told = log.clone();
        let mock = MockAdapter::new().handler(move |request| {
            let host = request.uri().host().unwrap();
            told.add(format!(
                "{host} {}",
                request.extensions().get::<Secret>().is_some()
            ));
            let mut response = http::Response::new(Body::empty());
            let location = match request.uri().path() {
                "/a" => "http://h/b",
                "/b" => "http://e/c",
                "/c" => "http://h/d",
                _ => return Ok(response),
            };
            *response.status_mut() = http::StatusCode::FOUND;
            response
                .headers_mut()
                .insert("location", HeaderValue::from_static(location));
            Ok(response)
        });
        let client = W::build(W::builder(mock));
        let response = W::send(client.get("http://h/a").extension(Secret)).unwrap();
        assert_eq!(log.take(), ["h true", "h true", "e false", "h false"]);
        assert!(
            response.extensions().get::<Secret>().is_some(),
            "the caller has them still"
        );
    }
    everywhere!(law);
}

#[test]
fn https_is_not_left_for_http_unless_allowed() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.base_url("https://h"));
        world.script([Reply::Redirect(302, "http://h/b")]);
        let error = world.get("/a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect);
        assert_eq!(error.code(), ErrorCode::RedirectFailed);
        let text = error.to_string();
        assert!(
            text.contains("from https to http") && text.contains("allow_downgrade"),
            "{text}"
        );
        assert_eq!(world.mock.count(), 1);
        let lax = world.with(|builder| builder.base_url("https://h").allow_downgrade(true));
        lax.script([Reply::Redirect(302, "http://h/b")]);
        let call = laden(&lax.client, lax.client.get("/a"), "https://h");
        lax.finish(call).unwrap();
        let none: [&str; 0] = [];
        assert_eq!(credentials(&world.mock.requests()[2]), none);
    }
    everywhere!(law);
}

#[test]
fn a_limit_of_none_hands_the_redirect_to_the_status_policy() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(302, "/b"), Reply::Redirect(302, "/b")]);
        let error = world
            .finish(world.client.get("/a").max_redirects(0))
            .unwrap_err();
        assert!(error.is_status(302));
        let call = world.client.get("/a").max_redirects(0).accept_any_status();
        let response = world.finish(call).unwrap();
        assert_eq!(response.headers()["location"], "/b");
        world.logged("T GET /a | => Status | T GET /a | => 302");
    }
    everywhere!(law);
}

#[test]
fn an_answer_without_a_location_is_no_redirect() {
    fn law<W: Way>(world: &World<W>) {
        world.script([
            Reply::Status(302),
            Reply::Redirect(300, "/b"),
            Reply::Redirect(304, "/b"),
        ]);
        for status in [302, 300, 304] {
            assert!(world.get("/a").unwrap_err().is_status(status));
        }
        assert_eq!(world.mock.count(), 3);
    }
    everywhere!(law);
}

#[test]
fn hooks_see_the_last_answer_of_a_chain_of_redirects() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(302, "/b"), Reply::Redirect(302, "/c")]);
        world.request("Q", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        world.get("/a").unwrap();
        world.logged("Q.ok | T GET /a | T GET /b | T GET /c | S.ok | => 200");
    }
    everywhere!(law);
}
