//! Several identities behind one pair: each is as if it were alone.

use std::sync::{Arc, Mutex};

use tollgate::{
    Error, ErrorKind, Origin,
    auth::{
        AuthEvent, Identity, IdentityError, JsonRefresh, MemoryStore, MissingIdentity,
        RefreshClass, RefreshError, SessionState, SkipAuth, Token, TokenRefresh,
    },
    runtime::block_on,
};

use crate::support::{BASE, Drive, Tenants, call, eventually, seconds};

fn class_of(error: &Error) -> RefreshClass {
    RefreshError::find_in(error).unwrap().class()
}

fn two_identities_never_mix<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let client = world.client::<E>(&world.pair());
    let rounds: [&[&str]; 5] = [&[], &["a"], &["b"], &["a", "b"], &["a", "b"]];
    for expired in rounds {
        let before = ["a", "b"].map(|name| world.refreshes(name));
        for name in expired {
            world.expire(name);
        }
        let names = (0..200).map(|number| if number % 2 == 0 { "a" } else { "b" });
        let calls = names.map(|name| call(&client, name)).collect();
        for answer in E::send_all(calls) {
            answer.unwrap();
        }
        for (name, before) in ["a", "b"].iter().zip(before) {
            let due = usize::from(expired.contains(name));
            assert_eq!(world.refreshes(name) - before, due, "{name} of {expired:?}");
        }
        world.check();
        world.time.advance(seconds(60));
    }
}

fn a_refresh_that_is_held_up_holds_up_nobody_else<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = world.pair();
    let (client, gate) = world.held::<E>(&refresh, "/token/a");
    for name in ["a", "b"] {
        world.expire(name);
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(call(&client, "a")));
        gate.await_arrivals(1);
        E::send(call(&client, "b")).unwrap();
        E::send(call(&client, "b")).unwrap();
        assert_eq!((world.refreshes("a"), world.refreshes("b")), (0, 1));
        gate.open();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(world.refreshes("a"), 1);
    world.check();
}

fn pauses_are_each_identitys_own<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    for name in ["a", "b"] {
        world.expire(name);
    }
    world.down("a", true);
    for _ in 0..3 {
        let error = E::send(call(&client, "a")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        E::send(call(&client, "b")).unwrap();
    }
    assert_eq!(world.refreshes("a"), 1, "the rest came from the pause");
    let session = |name| refresh.session(&Identity::new(name)).unwrap();
    assert!(session("a").status().cooling().is_some());
    assert!(session("b").status().cooling().is_none());
    assert_eq!(session("a").counters().cooled, 2);
    world.down("a", false);
    world.time.advance(seconds(1));
    E::send(call(&client, "a")).unwrap();
    world.check();
}

fn the_count_of_refreshes_is_each_identitys_own<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let client = world.client::<E>(&world.pair());
    world.always_refuse("a");
    for _ in 0..5 {
        let error = E::send(call(&client, "a")).unwrap_err();
        assert!(error.is_status(401), "{error}");
    }
    let error = E::send(call(&client, "a")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Excessive);
    world.expire("b");
    E::send(call(&client, "b")).unwrap();
    assert_eq!((world.refreshes("a"), world.refreshes("b")), (5, 1));
}

fn signing_one_out_leaves_the_other<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    let (a, b) = (Identity::new("a"), Identity::new("b"));
    E::send(call(&client, "a")).unwrap();
    block_on(refresh.session(&a).unwrap().sign_out()).unwrap();
    let error = E::send(call(&client, "a")).unwrap_err();
    assert!(error.is_status(401));
    E::send(call(&client, "b")).unwrap();
    assert_eq!(world.sent(), ["a-a1", "none", "b-a1"]);
    let state = |it| refresh.session(it).unwrap().status().state();
    assert_eq!(
        (state(&a), state(&b)),
        (SessionState::Empty, SessionState::Fresh)
    );
    let token = world.issue("a");
    block_on(refresh.session(&a).unwrap().sign_in(token)).unwrap();
    E::send(call(&client, "a")).unwrap();
    world.check();
}

fn events_carry_the_identity<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&log);
    let refresh = world
        .builder()
        .on_event(move |identity, event| {
            let name = match event {
                AuthEvent::Refreshed { .. } => "refreshed",
                AuthEvent::RefreshFailed { .. } => "failed",
                _ => return,
            };
            heard.lock().unwrap().push(format!("{identity} {name}"));
        })
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    world.expire("a");
    E::send(call(&client, "a")).unwrap();
    world.settle();
    world.expire("b");
    world.down("b", true);
    E::send(call(&client, "b")).unwrap_err();
    eventually("both are told", || log.lock().unwrap().len() >= 2);
    assert_eq!(*log.lock().unwrap(), ["a refreshed", "b failed"]);
}

fn a_call_without_an_identity_is_not_sent<E: Drive>() {
    let world = Tenants::new(&["a"]);
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    for call in [
        client.get("/t/a/me"),
        client.get("/t/a/me").extension(Identity::new("")),
    ] {
        let error = E::send(call).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        let found = IdentityError::find_in(&error);
        assert_eq!(found, Some(&IdentityError::Missing), "{error}");
        assert!(error.hint().unwrap().contains("SkipAuth"));
    }
    assert_eq!(world.mock.count(), 0);
    let error = E::send(client.get("/t/a/me").extension(SkipAuth)).unwrap_err();
    assert!(error.is_status(401), "it was sent, bare");
    assert_eq!(world.sent(), ["none"]);
    let error = refresh.session(&Identity::new("")).unwrap_err();
    assert_eq!(
        IdentityError::find_in(&error),
        Some(&IdentityError::Missing)
    );
    assert!(refresh.is_empty());
}

fn a_call_without_an_identity_is_sent_bare_where_that_is_asked_for<E: Drive>() {
    let world = Tenants::new(&["a"]);
    let bare = world.builder().missing_identity(MissingIdentity::Bare);
    let client = world.client::<E>(&bare.build().unwrap());
    let error = E::send(client.get("/t/a/me")).unwrap_err();
    assert!(error.is_status(401) && error.attempts() == 1, "{error}");
    E::send(call(&client, "a")).unwrap();
    assert_eq!(world.sent(), ["none", "a-a1"]);
    assert_eq!(world.refreshes("a"), 0);
}

/// It runs before the pair, as it is registered after it.
fn an_interceptor_names_the_identity<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let client = world.client::<E>(&world.pair());
    client
        .interceptors
        .request
        .use_sync(|mut request: tollgate::Request| {
            let name = request.uri().path().split('/').nth(2).unwrap().to_owned();
            request.extensions_mut().insert(Identity::new(name));
            Ok(request)
        });
    world.expire("b");
    for name in ["a", "b"] {
        let path = format!("/t/{name}/me");
        E::send(client.get(path)).unwrap();
    }
    assert_eq!(world.sent(), ["a-a1", "b-a1", "b-a2"]);
    world.check();
}

fn a_factory_that_refuses_or_panics_leaves_nothing_behind<E: Drive>() {
    let world = Tenants::new(&["a"]);
    let inner = world.clone();
    let refresh = TokenRefresh::keyed(move |identity: &Identity| match identity.as_str() {
        "unknown" => Err(Error::message("this tenant is not known")),
        "plain" => Ok(inner.session(identity).origins(["http://api.test"])),
        "fault" => panic!("a fault in the factory"),
        _ => Ok(inner.session(identity)),
    })
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    for (name, text) in [
        ("unknown", "not known"),
        ("plain", "without encryption"),
        ("fault", "a fault in the factory"),
    ] {
        for _ in 0..2 {
            let error = E::send(call(&client, name)).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
    assert!(refresh.is_empty());
    assert_eq!(world.mock.count(), 0);
    E::send(call(&client, "a")).unwrap();
    assert_eq!(refresh.len(), 1);
}

/// The factory gives each tenant the origins of its own.
fn a_token_goes_only_where_its_own_identity_may<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let inner = world.clone();
    let refresh = TokenRefresh::keyed(move |identity: &Identity| {
        let origin: Origin = format!("https://{identity}.test").parse()?;
        Ok(inner.session(identity).origins(origin))
    })
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    for (host, name) in [("a", "a"), ("b", "b"), ("b", "a")] {
        let target = format!("https://{host}.test/t/{name}/me");
        let call = client.get(target).extension(Identity::new(name));
        assert_eq!(E::send(call).is_ok(), host == name);
    }
    assert_eq!(world.sent(), ["a-a1", "b-a1", "none"]);
}

/// A handle is a pair too: a client of one tenant alone.
fn a_handle_shares_the_session_with_the_keyed_pair<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    let own = E::builder(world.mock.clone())
        .base_url(BASE)
        .build()
        .unwrap();
    let handle = refresh.session(&Identity::new("a")).unwrap();
    own.interceptors.use_pair(handle.clone());
    world.expire("a");
    E::send(own.get("/t/a/me")).unwrap();
    E::send(call(&client, "a")).unwrap();
    assert_eq!(world.sent(), ["a-a1", "a-a2", "a-a2"]);
    assert_eq!(handle.counters().refreshed, 1);
    assert_eq!(world.made.get(), 1);
}

/// Each in a header of its own: one for all users, one for the application.
fn several_pairs_work_on_one_client<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let client = world.client::<E>(&world.pair());
    let other = world.clone();
    let second = TokenRefresh::keyed(move |identity: &Identity| {
        Ok(other.session(identity).header("x-second"))
    });
    client.interceptors.use_pair(second.build().unwrap());
    let store = MemoryStore::new(Token::new("app"));
    let third = TokenRefresh::builder(store, JsonRefresh::new("/never"));
    client
        .interceptors
        .use_pair(third.header("x-app").build().unwrap());
    world.expire("a");
    E::send(call(&client, "a")).unwrap();
    E::send(call(&client, "b")).unwrap();
    assert_eq!(world.sent(), ["a-a1", "a-a2", "b-a1"]);
    let requests = world.mock.requests();
    let last = requests.last().unwrap().headers();
    assert_eq!(last["x-second"], "b-a1");
    assert_eq!(last["x-app"], "app");
    world.check();
}

both!(
    two_identities_never_mix,
    a_refresh_that_is_held_up_holds_up_nobody_else,
    pauses_are_each_identitys_own,
    the_count_of_refreshes_is_each_identitys_own,
    signing_one_out_leaves_the_other,
    events_carry_the_identity,
    a_call_without_an_identity_is_not_sent,
    a_call_without_an_identity_is_sent_bare_where_that_is_asked_for,
    an_interceptor_names_the_identity,
    a_factory_that_refuses_or_panics_leaves_nothing_behind,
    a_token_goes_only_where_its_own_identity_may,
    a_handle_shares_the_session_with_the_keyed_pair,
    several_pairs_work_on_one_client,
);
