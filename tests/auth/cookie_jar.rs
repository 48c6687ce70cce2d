//! Which cookies go where, and that nothing shows them.

use std::{error::Error as StdError, fmt::Write as _};

use tollgate::{
    InterceptorPair,
    auth::{CookieJar, CookieRefresh, CookieStore},
    client::Async,
    runtime::block_on,
};

use crate::support::{Drive, ENDPOINT, Jarred, all, seconds, some};

fn cookies_of_others_are_not_sent<E: Drive>() {
    let world = Jarred::new();
    world.set("deep=1; Path=/deep");
    world.set("wide=2; Path=/; Domain=api.test");
    let other = "https://other.test/";
    world.jar.set(other, "own=3; Path=/").unwrap();
    world.jar.set(other, "domain=4; Domain=other.test").unwrap();
    let client = world.bare::<E>();
    client.interceptors.use_pair(world.jar.clone());
    for url in [
        "/plain",
        "/deep/er",
        "/deeper",
        "https://sub.api.test/sub",
        "https://xapi.test/x",
        "https://sub.other.test/other",
    ] {
        drop(E::send(client.get(url).accept_any_status()).unwrap());
    }
    let wide = "access_token=a1; wide=2";
    assert_eq!(world.cookies("/plain"), all(&[wide]));
    assert_eq!(world.cookies("/deeper"), all(&[wide]));
    let deep = format!("deep=1; {wide}");
    assert_eq!(world.cookies("/deep/er"), all(&[&deep]));
    assert_eq!(world.cookies("/sub"), all(&["wide=2"]));
    assert_eq!(world.cookies("/x"), [None]);
    assert_eq!(world.cookies("/other"), all(&["domain=4"]));
}

fn a_secure_cookie_does_not_travel_in_the_clear<E: Drive>() {
    let world = Jarred::new();
    world.set("plain=1; Path=/");
    let client = E::builder(world.mock.clone())
        .base_url("http://api.test")
        .build()
        .unwrap();
    client.interceptors.use_pair(world.jar.clone());
    drop(E::send(client.get("/me").accept_any_status()).unwrap());
    assert_eq!(world.cookies("/me"), all(&["plain=1"]));
}

fn a_redirect_to_another_origin_takes_no_cookie_along<E: Drive>() {
    let world = Jarred::new();
    // Even the one whose domain has the target in it.
    world.set("wide=2; Path=/; Domain=api.test");
    let client = world.client::<E>(&world.pair());
    for away in [
        "https://evil.test/me",
        "https://sub.api.test/me",
        "https://api.test:8443/me",
    ] {
        world.change(|it| it.away = away);
        let call = client.get("/away").header("cookie", "mine=5");
        drop(E::send(call.accept_any_status()).unwrap());
    }
    assert_eq!(world.cookies("/me"), [None, None, None]);
    assert_eq!(world.bearers("/me"), [None, None, None]);
    let sent = world.cookies("/away").remove(0).unwrap();
    assert_eq!(sent, "mine=5; access_token=a1; wide=2");
    assert!(world.presented().is_empty());
}

fn what_a_caller_sets_wins<E: Drive>() {
    let world = Jarred::new();
    world.set("b=jar; Path=/");
    let client = world.bare::<E>();
    client.interceptors.use_pair(world.jar.clone());
    let call = client.get("/me").header("cookie", "access_token=mine");
    drop(E::send(call.accept_any_status()).unwrap());
    assert_eq!(world.cookies("/me"), all(&["access_token=mine; b=jar"]));
}

fn nothing_prints_a_cookie<E: Drive>() {
    let world = Jarred::empty();
    world.set("access_token=CANARY-a; Path=/; Secure");
    world.set("refresh_token=CANARY-r; Path=/auth; Secure; HttpOnly");
    let store = world.store();
    let refresher = CookieRefresh::new(&store).json(&["CANARY"]).header(
        http::HeaderName::from_static("x-csrf"),
        http::HeaderValue::from_static("CANARY"),
    );
    let (attach, keep) = world.jar.clone().into_pair();
    let mut printed = format!(
        "{:?} {store:?} {refresher:?} {attach:?} {keep:?}",
        world.jar
    );
    write!(printed, "{:?} {:?}", world.jar.to_json(), store.token()).unwrap();
    write!(printed, "{:?}", world.jar.cookies_for(ENDPOINT)).unwrap();
    for text in ["CANARY", "a=CANARY\n", "a=CANARY; Domain=CANARY.test"] {
        let error = world.jar.set(ENDPOINT, text).unwrap_err();
        write!(printed, "{error} {error:?} {}", error.to_json()).unwrap();
    }
    let error = CookieStore::new(&world.jar, "CANARY").unwrap_err();
    write!(printed, "{error} {error:?}").unwrap();
    world.change(|it| {
        it.odd.push(
            http::Response::builder()
                .status(500)
                .header("set-cookie", "CANARY=CANARY"),
        );
        it.odd.push(
            http::Response::builder()
                .status(200)
                .header("set-cookie", "access_token=CANARY%20; Path=/"),
        );
    });
    let client = world.client::<E>(&world.pair());
    for _ in 0..3 {
        let error = E::send(client.get("/me")).unwrap_err();
        write!(printed, "{error} {error:?} {}", error.to_json()).unwrap();
        let mut next = error.source();
        while let Some(source) = next {
            write!(printed, "{source} {source:?}").unwrap();
            next = source.source();
        }
        world.time.advance(seconds(60));
    }
    assert!(!printed.contains("CANARY"), "{printed}");
}

#[test]
fn a_jar_that_was_kept_goes_on_where_it_ended() {
    let world = Jarred::new();
    world.set("access_token=a1; Path=/; Secure; Max-Age=10");
    let json = world.jar.to_json();
    world.time.advance(seconds(10));
    let jar = CookieJar::from_json(json.expose()).unwrap();
    let world = Jarred {
        jar: jar.clock(world.time.clone()),
        ..world
    };
    let client = world.client::<Async>(&world.pair());
    block_on(client.get("/me").send()).unwrap();
    assert_eq!(world.bearers("/me"), some(&["a2"]));
    assert_eq!(world.presented(), ["r1"]);
}

proptest::proptest! {
    /// Whatever a server sends: nothing panics, and what is kept can be sent,
    /// written out and read back.
    #[test]
    fn any_set_cookie_is_kept_or_refused(
        texts in proptest::collection::vec(set_cookie(), 1..6),
    ) {
        let jar = CookieJar::new();
        let kept = texts.iter().filter(|text| jar.set(ENDPOINT, text).is_ok());
        let kept = kept.count();
        let again = CookieJar::from_json(jar.to_json().expose()).unwrap();
        for url in [ENDPOINT, "https://api.test/", "http://sub.api.test/a"] {
            let header = jar.cookies_for(url);
            proptest::prop_assert_eq!(&again.cookies_for(url), &header);
            if let Some(header) = header {
                proptest::prop_assert!(kept > 0 && header.is_sensitive());
            }
        }
        proptest::prop_assert!(jar.cookies_for("https://b.test/").is_none());
    }
}

fn set_cookie() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let attribute = prop_oneof![
        "Path=/[a-z/%]{0,6}",
        "Domain=\\.?(sub\\.)?(api\\.)?(test|é\\.test|\\[::1\\])",
        "Max-Age=-?[0-9]{1,24}",
        "Expires=(Thu, )?[0-9]{1,2}[ -](Jan|Dec|Foo)[ -][0-9]{1,5} [0-9]{2}:00:00 GMT",
        "(Secure|HttpOnly|SameSite=Lax)",
        "\\PC{0,12}",
    ];
    let pair = "(__Host-|__Secure-)?[a-c]=\\PC{0,12}|\\PC{0,8}";
    (pair, prop::collection::vec(attribute, 0..5))
        .prop_map(|(pair, attributes)| format!("{pair}; {}", attributes.join("; ")))
}

both!(
    cookies_of_others_are_not_sent,
    a_secure_cookie_does_not_travel_in_the_clear,
    a_redirect_to_another_origin_takes_no_cookie_along,
    what_a_caller_sets_wins,
    nothing_prints_a_cookie,
);
