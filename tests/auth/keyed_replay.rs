//! A replay goes out as who the call was, or not at all.

use std::sync::{Arc, Mutex};

use tollgate::{
    ErrorKind, Request,
    auth::{
        Identity, IdentityError, KeyedTokenRefresh, MissingIdentity, RefreshError, Token,
        TokenRefresh,
    },
    client::{Async, Client},
};

use crate::support::{BASE, Drive, Tenants, call};

/// A client with a pair, before which an interceptor names the identity, by
/// the attempt. The last one registered runs first, as in axios.
fn naming<E: Drive>(
    world: &Tenants,
    refresh: &KeyedTokenRefresh,
    name: impl Fn(u32) -> Option<&'static str> + Send + Sync + 'static,
) -> Client<E> {
    let client = world.client::<E>(refresh);
    client
        .interceptors
        .request
        .use_sync(move |mut request: Request| {
            let extensions = request.extensions();
            assert!(extensions.get::<Identity>().is_none(), "it starts anew");
            if let Some(name) = name(request.attempt()) {
                request.extensions_mut().insert(Identity::new(name));
            }
            Ok(request)
        });
    client
}

fn a_replay_keeps_the_identity<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let refresh = world.pair();
    let client = world.client::<E>(&refresh);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let names = Arc::clone(&seen);
    client.interceptors.response.use_sync(move |response| {
        let identity = response.extensions().get::<Identity>();
        names.lock().unwrap().push(identity.unwrap().to_string());
        Ok(response)
    });
    world.expire("a");
    let post = client.post("/t/a/drafts").body("mine");
    let response = E::send(post.extension(Identity::new("a"))).unwrap();
    assert_eq!(response.attempts(), 2);
    assert_eq!(world.sent(), ["a-a1", "a-a2"]);
    assert_eq!(world.refreshes("b"), 0);
    assert_eq!(*seen.lock().unwrap(), ["a"]);
    world.check();
}

fn a_call_whose_identity_has_changed_is_not_replayed<E: Drive>() {
    for (second, missing) in [
        (Some("b"), MissingIdentity::Fail),
        (None, MissingIdentity::Fail),
        (None, MissingIdentity::Bare),
    ] {
        let world = Tenants::new(&["a", "b"]);
        let refresh = world.builder().missing_identity(missing).build().unwrap();
        let client = naming::<E>(&world, &refresh, move |attempt| {
            if attempt == 1 { Some("a") } else { second }
        });
        world.expire("a");
        let error = E::send(client.post("/t/a/drafts").body("mine")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        let found = IdentityError::find_in(&error);
        assert_eq!(found, Some(&IdentityError::Changed), "{error}");
        // The refresh was made, for the next call.
        assert_eq!((world.refreshes("a"), world.refreshes("b")), (1, 0));
        assert_eq!(world.sent(), ["a-a1"]);
        world.check();
    }
}

/// Who was asked for is who was sent, whatever is written there later.
fn an_identity_that_changes_after_the_pair_changes_nothing<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let client = E::builder(world.mock.clone())
        .base_url(BASE)
        .build()
        .unwrap();
    client
        .interceptors
        .request
        .use_sync(|mut request: Request| {
            request.extensions_mut().insert(Identity::new("b"));
            Ok(request)
        });
    client.interceptors.use_pair(world.pair());
    world.expire("a");
    E::send(call(&client, "a")).unwrap();
    assert_eq!(world.sent(), ["a-a1", "a-a2"]);
    assert_eq!(world.refreshes("b"), 0);
}

fn a_replay_is_not_sent_as_who_signs_in_meanwhile<E: Drive>() {
    let world = Tenants::new(&["a"]);
    let refresh = world.pair();
    let client = E::builder(world.mock.clone())
        .base_url(BASE)
        .build()
        .unwrap();
    client.interceptors.use_pair(refresh.clone());
    let inner = world.clone();
    client
        .interceptors
        .request
        .use_(async move |request: Request| {
            if request.attempt() == 2 {
                let handle = refresh.session(&Identity::new("a"))?;
                handle.sign_in(inner.issue("a")).await?;
            }
            Ok(request)
        });
    world.expire("a");
    let error = E::send(call(&client, "a")).unwrap_err();
    assert!(RefreshError::find_in(&error).is_some(), "{error}");
    assert_eq!(world.sent(), ["a-a1"]);
}

/// What an answer brings along does not choose whose token the next call gets.
fn extensions_of_an_answer_do_not_choose_the_session<E: Drive>() {
    let world = Tenants::new(&["a", "b"]);
    let client = world.client::<E>(&world.pair());
    let answer = E::send(call(&client, "a")).unwrap();
    let extensions = answer.extensions().clone();
    client
        .interceptors
        .request
        .use_sync(move |mut request: Request| {
            if request.attempt() == 1 {
                let own = request.extensions().get::<Identity>().cloned();
                *request.extensions_mut() = extensions.clone();
                request.extensions_mut().insert(own.unwrap());
            }
            Ok(request)
        });
    world.expire("b");
    E::send(call(&client, "b")).unwrap();
    E::send(call(&client, "a")).unwrap();
    assert_eq!(world.sent(), ["a-a1", "b-a1", "b-a2", "a-a1"]);
    world.check();
}

fn a_refresher_may_call_as_another_identity<E: Drive>() {
    let world = Tenants::new(&["a", "service"]);
    let refresh = world.pair();
    let client = world.client::<Async>(&refresh);
    let inner = world.clone();
    let outer = TokenRefresh::keyed(move |identity: &Identity| {
        let (client, world) = (client.clone(), inner.clone());
        let refresher = async move |_: tollgate::Client, _: Token| {
            call(&client, "service").send().await?;
            Ok::<_, RefreshError>(world.issue("a"))
        };
        Ok(TokenRefresh::builder(inner.store(identity), refresher))
    });
    let client = world.client::<E>(&outer.build().unwrap());
    world.expire("a");
    world.expire("service");
    E::send(call(&client, "a")).unwrap();
    assert_eq!(world.sent(), ["a-a1", "service-a1", "service-a2", "a-a2"]);
    world.check();
}

both!(
    a_replay_keeps_the_identity,
    a_call_whose_identity_has_changed_is_not_replayed,
    an_identity_that_changes_after_the_pair_changes_nothing,
    a_replay_is_not_sent_as_who_signs_in_meanwhile,
    extensions_of_an_answer_do_not_choose_the_session,
    a_refresher_may_call_as_another_identity,
);
