//! A token that travels as a cookie.

use tollgate::ErrorKind;

use crate::support::{Drive, Jarred, all};

/// The jar's other cookies stay beside it.
fn a_token_that_travels_as_a_cookie_is_renewed_there<E: Drive>() {
    let world = Jarred::new();
    world.set("a=0; Path=/");
    world.change(|it| it.by_cookie = true);
    let refresh = world.builder().cookie("access_token").build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    world.change(|it| it.valid = None);
    E::send(client.get("/me")).unwrap();
    let me = world.cookies("/me");
    let old = "access_token=a1; a=0";
    assert_eq!(me[..2], all(&[old, old]));
    assert_eq!(me[2].as_deref(), Some("access_token=a2; a=0; theme=dark"));
    assert_eq!(world.bearers("/me"), [None, None, None]);
    assert_eq!(refresh.counters().refreshed, 1);
    // Without a jar too, and never twice.
    let bare = world.bare::<E>();
    bare.interceptors.use_pair(refresh);
    E::send(bare.get("/bare").header("cookie", "mine=1")).unwrap();
    let sent = world.cookies("/bare");
    assert_eq!(sent, all(&["access_token=a2; mine=1"]));
}

fn a_cookie_that_the_caller_set_is_nobodys_to_renew<E: Drive>() {
    let world = Jarred::new();
    world.change(|it| it.by_cookie = true);
    let refresh = world.builder().cookie("access_token").build().unwrap();
    let client = world.client::<E>(&refresh);
    let call = client.get("/me").header("cookie", "access_token=other");
    assert!(E::send(call).unwrap_err().is_status(401));
    assert_eq!(world.cookies("/me"), all(&["access_token=other"]));
    assert!(world.presented().is_empty());
}

fn a_token_that_travels_as_a_cookie_stays_with_its_origins<E: Drive>() {
    let world = Jarred::new();
    let refresh = world.builder().cookie("access_token").build().unwrap();
    let client = world.client::<E>(&refresh);
    world.change(|it| it.away = "https://evil.test/me");
    assert!(E::send(client.get("/away")).unwrap_err().is_status(401));
    assert_eq!(world.cookies("/away"), all(&["access_token=a1"]));
    assert_eq!(world.cookies("/me"), [None]);
    assert!(world.presented().is_empty());
    for bad in ["", "a b", "a=b", "a;", "\u{e9}"] {
        let error = world.builder().cookie(bad).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Builder, "{bad:?}");
    }
}

both!(
    a_token_that_travels_as_a_cookie_is_renewed_there,
    a_cookie_that_the_caller_set_is_nobodys_to_renew,
    a_token_that_travels_as_a_cookie_stays_with_its_origins,
);
