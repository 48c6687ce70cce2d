//! What a call is made of: address, query, headers, body, credentials.

use std::collections::BTreeMap;

use serde::Serialize;
use tollgate::{Body, ErrorKind, Request};

use crate::support::{Do, Way, World, everywhere};

/// The address that the adapter gets for a target under a base.
fn sent_to<W: Way>(world: &World<W>, base: &str, target: &str) -> String {
    let world = world.with(|builder| builder.base_url(base).allow_absolute_urls(true));
    world.get(target).unwrap();
    world.mock.requests().last().unwrap().uri().to_string()
}

#[test]
fn base_and_target_are_joined_with_one_slash() {
    fn law<W: Way>(world: &World<W>) {
        for (base, target, address) in [
            ("https://h/", "/users", "https://h/users"),
            ("https://h", "/users", "https://h/users"),
            ("https://h/", "users", "https://h/users"),
            ("https://h//", "//users", "https://users/"),
            ("https://h/v1/", "/users", "https://h/v1/users"),
            ("https://h/v1", "users", "https://h/v1/users"),
            ("https://h/v1", "", "https://h/v1"),
            ("https://h/v1", "/", "https://h/v1/"),
            ("https://h/v1", "?a=1", "https://h/v1?a=1"),
            ("https://h/v1/", "../x", "https://h/x"),
            ("HTTPS://H:443/v1", "x", "https://h/v1/x"),
            ("https://h:8443/v1", "x", "https://h:8443/v1/x"),
        ] {
            assert_eq!(sent_to(world, base, target), address, "{base} and {target}");
        }
    }
    everywhere!(law);
}

#[test]
fn an_absolute_address_is_told_by_axios_rule() {
    fn law<W: Way>(world: &World<W>) {
        for (target, address) in [
            ("HTTP://x/", "http://x/"),
            ("http://x:80/y", "http://x/y"),
            ("//x/y", "http://x/y"),
            ("/foo", "http://b/foo"),
            ("foo", "http://b/foo"),
            ("./a:b", "http://b/a:b"),
            ("!v://x", "http://b/!v://x"),
        ] {
            assert_eq!(sent_to(world, "http://b", target), address, "{target}");
        }
        let error = world.get("custom-scheme-v1.0://x/").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("scheme `custom-scheme-v1.0` is not supported")
        );
    }
    everywhere!(law);
}

#[test]
fn an_absolute_link_to_the_same_origin_works() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .base_url("https://h/v1")
                .header("authorization", "t")
        });
        world.get("https://h/v1/users?page=2").unwrap();
        world.get("https://H:443/v2").unwrap();
        world.get("//h/v3").unwrap();
        let sent = world.mock.requests();
        let places: Vec<_> = sent.iter().map(|it| it.uri().to_string()).collect();
        assert_eq!(
            places,
            ["https://h/v1/users?page=2", "https://h/v2", "https://h/v3"]
        );
        assert!(sent.iter().all(|it| it.headers()["authorization"] == "t"));
    }
    everywhere!(law);
}

#[test]
fn an_address_off_the_base_gets_none_of_the_clients_credentials() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            let mut key = http::HeaderValue::from_static("k");
            key.set_sensitive(true);
            let builder = builder
                .allow_absolute_urls(true)
                .header("authorization", "t");
            builder
                .header("cookie", "c")
                .header("x-api-key", key)
                .header("accept", "a")
        });
        world.get("https://other/x").unwrap();
        let sent = &world.mock.requests()[0];
        assert_eq!(sent.headers()["accept"], "a");
        for name in ["authorization", "cookie", "x-api-key"] {
            assert!(!sent.headers().contains_key(name), "{name} has left");
        }
        let call = world
            .client
            .get("https://other/x")
            .header("authorization", "own");
        world.finish(call).unwrap();
        assert_eq!(world.mock.requests()[1].headers()["authorization"], "own");
    }
    everywhere!(law);
}

#[derive(Serialize)]
struct Search {
    foo: &'static str,
    none: Option<u8>,
    tags: Vec<u8>,
}

#[test]
fn parameters_are_encoded_as_axios_does() {
    fn law<W: Way>(world: &World<W>) {
        let query = |call| {
            world.finish(call).unwrap();
            let sent = world.mock.requests();
            sent.last()
                .unwrap()
                .uri()
                .query()
                .unwrap_or_default()
                .to_owned()
        };
        let get = || world.client.get("/u");
        assert_eq!(
            query(get().query(&[("foo", Some("bar")), ("no", None)])),
            "foo=bar"
        );
        assert_eq!(query(get().query(&[("q", ":$, ")])), "q=:$,+");
        assert_eq!(
            query(get().query(&[("q", "a&b=c#d%")])),
            "q=a%26b%3Dc%23d%25"
        );
        let search = Search {
            foo: "é",
            none: None,
            tags: vec![1, 2],
        };
        assert_eq!(query(get().query(&search)), "foo=%C3%A9&tags=1&tags=2");
        let map = BTreeMap::from([("a", 1), ("b", 2)]);
        assert_eq!(query(get().query(&map).query(&[("c", 3)])), "a=1&b=2&c=3");
        assert_eq!(query(world.client.get("/u?x=1").query(&map)), "x=1&a=1&b=2");
        assert_eq!(query(world.client.get("/u#frag").query(&map)), "a=1&b=2");
        assert_eq!(query(get().query(&())), "");
    }
    everywhere!(law);
}

#[test]
fn headers_of_a_call_beat_those_of_the_client_whatever_their_case() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.header("xFoo", "1").header("x-keep", "k"));
        let mut several = http::HeaderMap::new();
        several.append("x-many", "a".parse().unwrap());
        several.append("x-many", "b".parse().unwrap());
        let call = world.client.get("/u").header("XFOO", "2").headers(several);
        world.finish(call).unwrap();
        let sent = &world.mock.requests()[0];
        assert_eq!(
            sent.headers().get_all("xfoo").iter().collect::<Vec<_>>(),
            ["2"]
        );
        assert_eq!(
            sent.headers().get_all("x-many").iter().collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(sent.headers()["x-keep"], "k");
    }
    everywhere!(law);
}

#[test]
fn an_appended_value_comes_behind_those_of_the_call_and_replaces_the_clients() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.header("x-many", "client"));
        let sent = |call| {
            world.finish(call).unwrap();
            let sent = world.mock.requests().pop().unwrap();
            let values = sent.headers().get_all("x-many").iter();
            values
                .map(|value| value.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let call = || world.client.get("/u").append_header("X-Many", "a");
        assert_eq!(sent(call().append_header("x-many", "b")), ["a", "b"]);
        assert_eq!(sent(call().header("x-many", "c")), ["c"]);
        let first = world.client.get("/u").header("x-many", "c");
        assert_eq!(sent(first.append_header("x-many", "c")), ["c", "c"]);
        let off = world.client.get("/u").without_header("x-many");
        assert_eq!(sent(off.append_header("x-many", "a")), ["a"]);
        let error = world.finish(call().append_header("x-many", "a\nb"));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
    everywhere!(law);
}

#[test]
fn a_body_sets_its_type_unless_there_is_one() {
    fn law<W: Way>(world: &World<W>) {
        let sent = |call| {
            world.finish(call).unwrap();
            let sent = world.mock.requests();
            let last = sent.last().unwrap();
            let kind = last
                .headers()
                .get("content-type")
                .map(|it| it.to_str().unwrap().to_owned());
            (kind, String::from_utf8(last.body().to_vec()).unwrap())
        };
        let post = || world.client.post("/u");
        let json = Some("application/json".to_owned());
        assert_eq!(sent(post().json(&["é"])), (json.clone(), "[\"é\"]".into()));
        assert_eq!(
            sent(
                post()
                    .header("CONTENT-type", "application/vnd.api+json")
                    .json(&1)
            ),
            (Some("application/vnd.api+json".into()), "1".into())
        );
        let form = Some("application/x-www-form-urlencoded".to_owned());
        assert_eq!(
            sent(post().form(&[("param1", "value 1"), ("param2", "value2")])),
            (form, "param1=value+1&param2=value2".into())
        );
        assert_eq!(sent(post().body("plain")), (None, "plain".into()));
        assert_eq!(sent(post().json(&1).body("plain")), (None, "plain".into()));
        assert_eq!(sent(world.client.delete("/u").json(&1)), (json, "1".into()));
        assert_eq!(sent(world.client.get("/u")), (None, String::new()));
    }
    everywhere!(law);
}

#[test]
fn an_empty_post_has_a_length_and_an_empty_get_has_none() {
    fn law<W: Way>(world: &World<W>) {
        world.finish(world.client.post("/u")).unwrap();
        world.finish(world.client.post("/u").body(())).unwrap();
        world.get("/u").unwrap();
        let sent = world.mock.requests();
        assert_eq!(sent[0].headers()["content-length"], "0");
        assert_eq!(sent[1].headers()["content-length"], "0");
        assert!(!sent[2].headers().contains_key("content-length"));
    }
    everywhere!(law);
}

#[test]
fn basic_credentials_are_utf_8_and_beat_user_info() {
    fn law<W: Way>(world: &World<W>) {
        let sent = |call| {
            world.finish(call).unwrap();
            let sent = world.mock.requests();
            let last = sent.last().unwrap();
            assert!(last.headers()["authorization"].is_sensitive());
            assert!(!last.uri().to_string().contains('@'), "{}", last.uri());
            last.headers()["authorization"].to_str().unwrap().to_owned()
        };
        let get = || world.client.get("http://u:p@h/x");
        let auth = |user, password| sent(get().basic_auth(user, password));
        assert_eq!(
            auth("Aladdin", "open sesame"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(auth("Aladdin", ""), "Basic QWxhZGRpbjo=");
        assert_eq!(
            auth("Aladdin", "open ßç£☃sesame"),
            "Basic QWxhZGRpbjpvcGVuIMOfw6fCo+KYg3Nlc2FtZQ=="
        );
        assert_eq!(sent(get()), "Basic dTpw");
        assert_eq!(
            sent(world.client.get("http://us%65r:p%3Aw@h/")),
            "Basic dXNlcjpwOnc="
        );
        assert_eq!(sent(get().bearer_auth("t")), "Bearer t");
    }
    everywhere!(law);
}

#[test]
fn a_response_keeps_every_value_of_a_header() {
    fn law<W: Way>(world: &World<W>) {
        let reply = tollgate::MockReply::status(200, "\u{feff}text");
        world.mock.push(
            reply
                .header("set-cookie", "a=1")
                .header("set-cookie", "b=2"),
        );
        let response = world.get("/u").unwrap();
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(
            response.text().unwrap(),
            "text",
            "without its byte-order mark"
        );
        assert_eq!(response.bytes().unwrap().len(), 7);
        let reply = tollgate::MockReply::status(200, &b"caf\xe9"[..]);
        world
            .mock
            .push(reply.header("content-type", "text/plain; charset=ISO-8859-1"));
        assert_eq!(world.get("/u").unwrap().text().unwrap(), "café");
    }
    everywhere!(law);
}

#[test]
fn a_hook_that_changes_a_typed_body_is_seen_by_the_adapter() {
    fn law<W: Way>(world: &World<W>) {
        world.request("Q", Do::Pass, Do::Pass);
        world
            .client
            .interceptors
            .request
            .use_sync(|mut request: Request| {
                let bytes = request.body().as_bytes().unwrap();
                let mut value: serde_json::Value = serde_json::from_slice(bytes)?;
                value["baz"] = "qux".into();
                request.set_body(Body::from(serde_json::to_vec(&value)?));
                Ok(request)
            });
        let call = world
            .client
            .post("/u")
            .json(&serde_json::json!({"foo": "bar"}));
        world.finish(call).unwrap();
        let sent = &world.mock.requests()[0];
        let body: serde_json::Value = serde_json::from_slice(sent.body()).unwrap();
        assert_eq!(body, serde_json::json!({"foo": "bar", "baz": "qux"}));
    }
    everywhere!(law);
}

#[test]
fn every_verb_is_sent_as_itself() {
    fn law<W: Way>(world: &World<W>) {
        let c = &world.client;
        let query = http::Method::from_bytes(b"QUERY").unwrap();
        for call in [
            c.get("/"),
            c.post("/"),
            c.put("/"),
            c.patch("/"),
            c.delete("/"),
            c.head("/"),
            c.options("/"),
            c.request(query, "/"),
        ] {
            W::send(call).unwrap();
        }
        world.logged(
            "T GET / | T POST / | T PUT / | T PATCH / | T DELETE / | T HEAD / | T OPTIONS / | \
             T QUERY /",
        );
    }
    everywhere!(law);
}
