//! A token that lives in a cookie jar.

use tollgate::{
    ErrorKind, Runtime,
    auth::{
        CookieRefresh, RefreshClass, RefreshError, Stamp, Stored, Swap, Token, TokenRefresh,
        TokenStore,
    },
    client::{Async, Blocking, Client},
    runtime::block_on,
};

use crate::support::{BASE, Drive, ENDPOINT, Gate, Held, Jarred, Log, all, seconds, settled, some};

fn a_refused_cookie_is_refreshed_and_the_call_replayed<E: Drive>() {
    let world = Jarred::new();
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    let log = Log::default();
    log.listen(&refresh);
    E::send(client.get("/me")).unwrap();
    world.change(|it| it.valid = None);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.bearers("/me"), some(&["a1", "a1", "a2"]));
    // The refresh token goes to its path alone.
    let access = ["access_token=a1", "access_token=a1"];
    assert_eq!(world.cookies("/me")[..2], all(&access));
    let last = world.cookies("/me").remove(2).unwrap();
    assert_eq!(last, "access_token=a2; theme=dark");
    let sent = all(&["refresh_token=r1; access_token=a1"]);
    assert_eq!(world.cookies("/auth/refresh"), sent);
    assert_eq!(world.bearers("/auth/refresh"), [None]);
    assert_eq!(world.value("refresh_token").as_deref(), Some("r2"));
    let counters = refresh.counters();
    assert_eq!((counters.refreshed, counters.adopted), (1, 0));
    log.expect(&["refreshed"]);
}

fn an_expired_cookie_is_refreshed_before_the_call<E: Drive>() {
    let world = Jarred::new();
    world.change(|it| it.max_age = Some(3600));
    world.set("access_token=a1; Path=/; Secure; Max-Age=3600");
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    world.time.advance(seconds(3601));
    assert_eq!(world.value("access_token"), None);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.bearers("/me"), some(&["a1", "a2"]));
    // What has expired is not sent to the endpoint either.
    let sent = world.cookies("/auth/refresh");
    assert_eq!(sent, all(&["refresh_token=r1"]));
    // The new cookie's life is the token's: at first nothing is asked, then a
    // refresh is made in the background.
    world.time.advance(seconds(3000));
    E::send(client.get("/me")).unwrap();
    settled(&refresh);
    assert_eq!(world.presented(), ["r1"]);
    world.time.advance(seconds(530));
    E::send(client.get("/me")).unwrap();
    settled(&refresh);
    assert_eq!(world.presented(), ["r1", "r2"]);
}

fn a_hundred_calls_in_parallel_make_one_refresh<E: Drive>() {
    let world = Jarred::new();
    world.change(|it| it.valid = None);
    let client = world.client::<E>(&world.pair());
    let calls = (0..100).map(|_| client.get("/me")).collect();
    for answer in E::send_all(calls) {
        answer.unwrap();
    }
    assert_eq!(world.presented(), ["r1"]);
}

fn signing_in_writes_the_cookies_and_signing_out_deletes_them<E: Drive>() {
    let world = Jarred::empty();
    world.set("theme=dark; Path=/");
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    let at = world.time.wall() + seconds(3600);
    block_on(refresh.sign_in(Token::new("a1").refresh("r1").expires_at(at))).unwrap();
    E::send(client.get("/me")).unwrap();
    let me = world.cookies("/me").remove(0).unwrap();
    assert_eq!(me, "theme=dark; access_token=a1");
    // The refresh token stays in the folder of its endpoint.
    assert_eq!(world.value("refresh_token").as_deref(), Some("r1"));
    let elsewhere = |url| world.jar.cookies_for(url);
    assert_eq!(
        elsewhere("http://api.test/auth/refresh").unwrap(),
        "theme=dark"
    );
    let json = world.jar.to_json();
    assert!(
        json.expose()
            .contains("refresh_token=r1; Path=/auth; Secure; HttpOnly")
    );
    world.time.advance(seconds(3600));
    assert_eq!(world.value("access_token"), None);

    block_on(refresh.sign_out()).unwrap();
    assert_eq!(world.store().token(), None);
    assert_eq!(world.jar.cookies_for(ENDPOINT).unwrap(), "theme=dark");
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.bearers("/me"), [some(&["a1"]), vec![None]].concat());
}

fn what_is_signed_in_with_goes_where_the_cookie_before_it_went<E: Drive>() {
    let world = Jarred::new();
    world.set("wide=1; Path=/; Domain=api.test");
    world.set("access_token=old; Path=/v1; Domain=api.test; Secure");
    world
        .jar
        .set(ENDPOINT, "access_token=; Path=/; Max-Age=0")
        .unwrap();
    block_on(world.pair().sign_in(Token::new("a1").refresh("r1"))).unwrap();
    let at = |url| world.jar.cookies_for(url).unwrap();
    assert_eq!(at("https://sub.api.test/v1/x"), "access_token=a1; wide=1");
    assert_eq!(at("https://sub.api.test/x"), "wide=1");
    let client = world.client::<E>(&world.pair());
    E::send(client.get("/me")).unwrap();
}

fn an_answer_that_sets_a_new_pair_makes_a_refresh_needless<E: Drive>() {
    let world = Jarred::new();
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    world.change(|it| {
        it.sets = vec![
            "access_token=b1; Path=/; Secure".to_owned(),
            "refresh_token=s1; Path=/auth; Secure; HttpOnly".to_owned(),
        ];
    });
    E::send(client.get("/me")).unwrap();
    world.change(|it| it.valid = Some("b1".to_owned()));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.bearers("/me"), some(&["a1", "a1", "b1"]));
    assert!(world.presented().is_empty());
    assert_eq!(refresh.counters().adopted, 1);
}

fn a_refusal_that_sets_a_new_pair_is_replayed_with_it<E: Drive>() {
    let world = Jarred::new();
    let client = world.client::<E>(&world.pair());
    world.change(|it| {
        it.valid = Some("b1".to_owned());
        it.sets = vec!["access_token=b1; Path=/; Secure".to_owned()];
    });
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.bearers("/me"), some(&["a1", "b1"]));
    assert!(world.presented().is_empty());
}

fn a_log_in_by_cookies_is_handed_over<E: Drive>() {
    let world = Jarred::empty();
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    world.change(|it| {
        it.sets = vec![
            "access_token=a1; Path=/; Secure".to_owned(),
            "refresh_token=r1; Path=/auth; Secure; HttpOnly".to_owned(),
        ];
    });
    drop(E::send(client.post("/login").accept_any_status()).unwrap());
    let token = world.store().token().unwrap();
    block_on(refresh.sign_in(token)).unwrap();
    world.change(|it| it.valid = None);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.bearers("/me"), some(&["a1", "a2"]));
    assert_eq!(world.presented(), ["r1"]);
}

fn an_access_token_in_the_body_stays_in_memory<E: Drive>() {
    let world = Jarred::empty();
    world.set("refresh_token=r1; Path=/auth; Secure; HttpOnly");
    world.change(|it| it.in_body = true);
    let store = world.store().access_in_memory();
    let refresher = CookieRefresh::new(&store).access_field("data.token");
    let refresh = TokenRefresh::builder(store, refresher).build().unwrap();
    let client = world.client::<E>(&refresh);
    // There is none yet, so that it is got before the first call.
    E::send(client.get("/me")).unwrap();
    E::send(client.get("/me")).unwrap();
    world.time.advance(seconds(60));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.bearers("/me"), some(&["a2", "a2", "a3"]));
    assert_eq!(world.cookies("/me"), all(&["theme=dark"; 3]));
    assert_eq!(world.presented(), ["r1", "r2"]);
    assert_eq!(refresh.counters().refreshed, 2);
}

fn a_refused_refresh_cookie_ends_the_session<E: Drive>() {
    let world = Jarred::new();
    world.change(|it| {
        it.valid = None;
        it.refresh = "other".to_owned();
    });
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.status().map(|it| it.as_u16()), Some(401));
    assert!(block_on(world.store().load()).unwrap().is_dead());
    assert!(world.jar.cookies_for(ENDPOINT).is_none());
    // The next log-in is another session.
    world.set("access_token=b1; Path=/; Secure");
    let stored = block_on(world.store().load()).unwrap();
    assert!(!stored.is_dead() && stored.token().is_some());
}

fn an_endpoint_that_is_busy_leaves_the_cookies<E: Drive>() {
    let world = Jarred::new();
    world.change(|it| {
        it.valid = None;
        it.odd.push(http::Response::builder().status(503));
        it.odd.push(http::Response::builder().status(200));
    });
    let client = world.client::<E>(&world.pair());
    for class in [RefreshClass::NotSent, RefreshClass::Ambiguous] {
        let error = E::send(client.get("/me")).unwrap_err();
        let cause = RefreshError::find_in(&error).unwrap();
        assert_eq!(cause.class(), class, "{cause}");
        world.time.advance(seconds(60));
    }
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.presented(), ["r1", "r1", "r1"]);
}

fn an_expired_refresh_cookie_is_not_asked_with<E: Drive>() {
    let world = Jarred::new();
    world.set("refresh_token=r1; Path=/auth; Secure; HttpOnly; Max-Age=5");
    world.change(|it| it.valid = None);
    world.time.advance(seconds(5));
    let client = world.client::<E>(&world.pair());
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert!(world.presented().is_empty());
}

/// Their one jar makes them take turns.
fn two_sessions_over_one_jar_make_one_refresh<E: Drive>() {
    let world = Jarred::new();
    let (one, two) = (world.pair(), world.pair());
    let (first, second) = (world.client::<E>(&one), world.client::<E>(&two));
    for client in [&first, &second] {
        E::send(client.get("/me")).unwrap();
    }
    world.change(|it| it.valid = None);
    let calls = (0..20).map(|number| {
        let client = if number % 2 == 0 { &first } else { &second };
        client.get("/me")
    });
    for answer in E::send_all(calls.collect()) {
        answer.unwrap();
    }
    assert_eq!(world.presented(), ["r1"]);
    let (one, two) = (one.counters(), two.counters());
    assert_eq!(one.refreshed + two.refreshed, 1);
    assert_eq!(one.adopted + two.adopted, 1);
}

#[test]
fn both_engines_share_a_jar_and_a_refresh() {
    let world = Jarred::new();
    let refresh = world.pair();
    let blocking = world.client::<Blocking>(&refresh);
    let waiting = world.client::<Async>(&refresh);
    block_on(waiting.get("/me").send()).unwrap();
    world.change(|it| it.valid = None);
    blocking.get("/me").send().unwrap();
    block_on(waiting.get("/me").send()).unwrap();
    assert_eq!(world.presented(), ["r1"]);
    assert_eq!(world.bearers("/me"), some(&["a1", "a1", "a2", "a2"]));
}

/// The second session waits in `acquire` while the first one's refresh hangs.
#[test]
fn a_lease_is_given_to_one_session_at_a_time() {
    let world = Jarred::new();
    world.change(|it| it.valid = None);
    let held = Held {
        mock: world.mock.clone(),
        gate: Gate::default(),
        path: "/auth/refresh",
    };
    let (one, two) = (world.pair(), world.pair());
    let client = |refresh: &TokenRefresh| {
        let client = Client::<Async>::builder(held.clone()).base_url(BASE);
        let client = client.build().unwrap();
        client.interceptors.use_pair(world.jar.clone());
        client.interceptors.use_pair(refresh.clone());
        client
    };
    let (first, second) = (client(&one), client(&two));
    std::thread::scope(|scope| {
        for client in [&first, &second] {
            scope.spawn(|| block_on(client.get("/me").send()).unwrap());
        }
        held.gate.await_arrivals(1);
        held.gate.open();
    });
    assert_eq!(world.presented(), ["r1"]);
    assert_eq!(world.change(|it| it.reused), 0);
}

#[test]
fn two_writers_that_expect_the_same_do_not_both_succeed() {
    let world = Jarred::new();
    let store = world.store();
    let load = || block_on(world.store().load()).unwrap();
    let stamp = load().stamp();
    assert_eq!((stamp.epoch, stamp.version), (1, 1));
    let write = |token: &Token| {
        let new = Stored::live(stamp.next(), token.clone());
        block_on(store.compare_and_swap(stamp, new)).unwrap()
    };
    let token = Token::new("b1")
        .refresh("s1")
        .scope("x")
        .expires_in(seconds(60), world.time.wall());
    assert_eq!(write(&token), Swap::Done);
    assert_eq!(load(), Stored::live(stamp.next(), token.clone()));
    assert_eq!(write(&token), Swap::Conflict(load()));
    // A cookie that is set is a write, too.
    world.set("access_token=c1; Path=/; Secure");
    assert_eq!(load().stamp(), stamp.next().next());
    // One that is set by nobody of the session is not.
    world.set("theme=light; Path=/");
    assert_eq!(load().stamp(), stamp.next().next());
    let cleared = block_on(store.clear(1)).unwrap();
    assert_eq!(cleared.epoch, 2);
    assert_eq!(load(), Stored::empty(cleared));
    world.set("access_token=d1; Path=/; Secure");
    assert_eq!(load().stamp().epoch, 3);
    assert_eq!(block_on(store.clear(2)).unwrap().epoch, 3);
    assert!(load().token().is_some());
}

#[test]
fn a_token_that_has_expired_stays_in_the_jar_for_its_session() {
    let world = Jarred::new();
    world.set("access_token=a1; Path=/; Secure; Max-Age=5");
    let expiry = world.time.wall() + seconds(5);
    let before = block_on(world.store().load()).unwrap();
    world.time.advance(seconds(5));
    world.set("theme=dark");
    assert_eq!(world.value("access_token"), None);
    let after = block_on(world.store().load()).unwrap();
    assert_eq!(after, before);
    assert_eq!(after.token().unwrap().expiry(), Some(expiry));
}

/// Somebody else may have logged in.
#[test]
fn an_access_token_in_memory_goes_with_its_refresh_cookie() {
    let world = Jarred::empty();
    let store = world.store().access_in_memory();
    let token = Token::new("a1").refresh("r1");
    let new = Stored::live(Stamp::new(1, 1), token.clone());
    let swap = block_on(store.compare_and_swap(Stamp::default(), new)).unwrap();
    assert_eq!(swap, Swap::Done);
    assert_eq!(store.token(), Some(token));
    world.set("refresh_token=s1; Path=/auth; Secure");
    let token = store.token().unwrap();
    assert_ne!(token.access_token().expose(), "a1");
    assert_eq!(token.refresh_token().unwrap().expose(), "s1");
    assert!(token.expiry().unwrap() < world.time.wall());
}

#[test]
fn what_cannot_be_a_cookie_is_refused_and_changes_nothing() {
    let world = Jarred::new();
    let store = world.store();
    let stamp = block_on(store.load()).unwrap().stamp();
    let token = Token::new("b1").refresh("CANARY; Path=/");
    let new = Stored::live(stamp.next(), token);
    let error = block_on(store.compare_and_swap(stamp, new)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!format!("{error} {error:?}").contains("CANARY"));
    assert_eq!(world.value("access_token").as_deref(), Some("a1"));
    assert_eq!(block_on(store.load()).unwrap().stamp(), stamp);
}

both!(
    a_refused_cookie_is_refreshed_and_the_call_replayed,
    an_expired_cookie_is_refreshed_before_the_call,
    a_hundred_calls_in_parallel_make_one_refresh,
    signing_in_writes_the_cookies_and_signing_out_deletes_them,
    what_is_signed_in_with_goes_where_the_cookie_before_it_went,
    an_answer_that_sets_a_new_pair_makes_a_refresh_needless,
    a_refusal_that_sets_a_new_pair_is_replayed_with_it,
    a_log_in_by_cookies_is_handed_over,
    an_access_token_in_the_body_stays_in_memory,
    a_refused_refresh_cookie_ends_the_session,
    an_endpoint_that_is_busy_leaves_the_cookies,
    an_expired_refresh_cookie_is_not_asked_with,
    two_sessions_over_one_jar_make_one_refresh,
);
