//! `basic_auth` and `bearer_auth`, of a call and of the client.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use tollgate::{ErrorKind, client::Call};

use crate::support::{Way, World, everywhere};

const ALADDIN: &str = "Basic QWxhZGRpbjo=";

/// What the adapter gets as `Authorization`.
fn sent<W: Way>(world: &World<W>, call: Call<W::Engine>) -> Option<HeaderValue> {
    world.finish(call).unwrap();
    let sent = world.mock.requests();
    let headers = sent.last().unwrap().headers();
    assert!(headers.get_all(AUTHORIZATION).iter().count() <= 1);
    headers.get(AUTHORIZATION).cloned()
}

#[test]
fn credentials_beat_a_header_of_the_call_whatever_came_first() {
    fn law<W: Way>(world: &World<W>) {
        let get = || world.client.get("http://u:p@h/x");
        let mut map = HeaderMap::new();
        map.append(AUTHORIZATION, HeaderValue::from_static("header"));
        for way in ["none", "header", "headers"] {
            let first = |call: Call<W::Engine>| match way {
                "none" => call,
                "header" => call.header("AUTHORIZATION", "header"),
                _ => call.headers(map.clone()),
            };
            let basic = sent(world, first(get().basic_auth("Aladdin", ""))).unwrap();
            assert_eq!(basic, ALADDIN);
            assert!(basic.is_sensitive());
            let basic = sent(world, first(get()).basic_auth("Aladdin", ""));
            assert_eq!(basic.unwrap(), ALADDIN);
            let bearer = sent(world, first(get().bearer_auth("t"))).unwrap();
            assert_eq!(bearer, "Bearer t");
            assert!(bearer.is_sensitive());
        }
        let off = get().header("authorization", "header").basic_auth("a", "b");
        assert_eq!(sent(world, off.without_auth()).unwrap(), "header");
        let named = get()
            .basic_auth("Aladdin", "")
            .without_header(AUTHORIZATION);
        assert_eq!(
            sent(world, named).unwrap(),
            ALADDIN,
            "only defaults are off"
        );
    }
    everywhere!(law);
}

#[test]
fn of_two_credentials_the_later_one_is_sent() {
    fn law<W: Way>(world: &World<W>) {
        let get = || world.client.get("/u");
        let bearer = get().basic_auth("Aladdin", "").bearer_auth("t");
        assert_eq!(sent(world, bearer).unwrap(), "Bearer t");
        let basic = get().bearer_auth("t").basic_auth("Aladdin", "");
        assert_eq!(sent(world, basic).unwrap(), ALADDIN);
        assert_eq!(sent(world, get().bearer_auth("t").without_auth()), None);
    }
    everywhere!(law);
}

/// axios sends the client's `auth` even where the call has a header of its own.
/// Here what a call says beats the client, as in everything else: a request of
/// another crate's that has its own credentials is sent with them.
#[test]
fn credentials_of_the_client_beat_its_headers_and_yield_to_the_call() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .header("authorization", "default")
                .basic_auth("Aladdin", "")
        });
        let get = || world.client.get("/x");
        let auth = |call| sent(&world, call).unwrap();
        assert_eq!(auth(get()), ALADDIN);
        assert_eq!(auth(get().header("authorization", "own")), "own");
        assert_eq!(auth(get().bearer_auth("t")), "Bearer t");
        let info = "http://u:p@h/x";
        assert_eq!(auth(world.client.get(info)), "Basic dTpw");
        let request = http::Request::get("/x").header("authorization", "own");
        let request = request.body(()).unwrap();
        assert_eq!(auth(world.client.execute(request)), "own");
        assert_eq!(auth(get().without_auth()), "default");
        let own = get().header("authorization", "own");
        assert_eq!(auth(own.without_auth()), "own");
        for url in ["/x", info] {
            let none = world.client.get(url).without_header(AUTHORIZATION);
            assert_eq!(sent(&world, none), None);
        }
        let derived = W::build(world.client.derive().without_auth());
        assert_eq!(auth(derived.get("/x")), "default");
        world
            .client
            .update_defaults(|defaults| defaults.bearer_auth("t2"))
            .unwrap();
        assert_eq!(auth(get()), "Bearer t2");
    }
    everywhere!(law);
}

#[test]
fn credentials_of_the_client_stay_with_its_origin() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.allow_absolute_urls(true).bearer_auth("t"));
        assert_eq!(sent(&world, world.client.get("http://other/")), None);
        let own = world.client.get("http://other/").bearer_auth("own");
        assert_eq!(sent(&world, own).unwrap(), "Bearer own");
        let info = world.client.get("http://u:p@other/");
        assert_eq!(sent(&world, info).unwrap(), "Basic dTpw");
    }
    everywhere!(law);
}

#[test]
fn a_bearer_token_that_cannot_be_sent_is_refused_and_not_shown() {
    fn law<W: Way>(world: &World<W>) {
        let long = "CANARY".repeat(3000);
        for bad in [
            "",
            "CANARY\r\nx-i: 1",
            "CANARY\0",
            "CANARY\u{1b}",
            "CANARY\u{7f}",
            "CANARY\u{fc}",
            " CANARY",
            "CANARY ",
            "CANARY CANARY",
            "CANARY,CANARY",
            "=CANARY",
            &long,
        ] {
            let call = world.client.get("/u").bearer_auth(bad);
            let of_call = W::send(call).unwrap_err();
            let builder = W::builder(world.mock.clone()).bearer_auth(bad);
            let of_client = builder.build().unwrap_err();
            let update = |defaults: tollgate::client::Defaults| defaults.bearer_auth(bad);
            let of_update = world.client.update_defaults(update).unwrap_err();
            for error in [of_call, of_client, of_update] {
                assert_eq!(error.kind(), ErrorKind::InvalidRequest);
                let text = format!("{error} {error:?}");
                assert!(text.contains("header `authorization`"), "{text}");
                assert!(!text.contains("CANARY"), "{text}");
                assert!(
                    error
                        .hint()
                        .unwrap()
                        .contains("send another form by `header`")
                );
            }
        }
        let edge = "a".repeat(16 * 1024);
        let bearer = sent(world, world.client.get("/u").bearer_auth(&edge));
        assert_eq!(bearer.unwrap().len(), 16 * 1024 + 7);
        let all = "azAZ09-._~+/==";
        let bearer = sent(world, world.client.get("/u").bearer_auth(all));
        assert_eq!(bearer.unwrap(), format!("Bearer {all}").as_str());
    }
    everywhere!(law);
}

#[test]
fn user_info_is_percent_decoded_and_what_is_malformed_is_kept() {
    fn law<W: Way>(world: &World<W>) {
        for (address, user, password) in [
            ("http://us%65r:p%3Aw@h/", "user", "p:w"),
            ("http://us%65r@h/", "user", ""),
            ("http://%C3%BC:%E2%98%83@h/", "\u{fc}", "\u{2603}"),
            ("http://a%zz:b%4@h/", "a%zz", "b%4"),
            ("http://a%40b:c@d@h/", "a@b", "c@d"),
        ] {
            let from_address = sent(world, world.client.get(address));
            let set = sent(world, world.client.get("/").basic_auth(user, password));
            assert_eq!(from_address, set, "{address}");
        }
    }
    everywhere!(law);
}
