//! Nonces of DPoP: put in at once, for the API and for the token server.

use tollgate::{
    Body, MockAdapter, Request,
    auth::{RefreshClass, RefreshError, Token},
};

use crate::{
    dpop::{Wants, World, bound, proof},
    support::Drive,
};

fn a_nonce_is_put_in_without_a_refresh<E: Drive>() {
    let world = World::new(Wants {
        api_nonce: Some("n1"),
        ..Wants::default()
    });
    let (client, refresh) = world.pair::<E>(bound());
    let response = E::send(client.post("/orders").json(&1)).unwrap();
    assert_eq!(response.attempts(), 2);
    assert_eq!(
        world.proofs(),
        [
            "POST https://api.test/orders a1 -",
            "POST https://api.test/orders a1 n1"
        ]
    );
    let sent = world.mock.requests();
    assert_eq!(sent[0].body(), sent[1].body());
    let ids = world.key.ids.lock().unwrap().clone();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(refresh.counters().attempts, 0);
    // The next call has it from the start; a new one is taken from any answer.
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.mock.requests().len(), 3);
}

fn a_nonce_of_a_success_is_taken<E: Drive>() {
    let world = World::new(Wants {
        api_nonce: Some("n1"),
        ..Wants::default()
    });
    let (client, _) = world.pair::<E>(bound());
    E::send(client.get("/me")).unwrap();
    let mock = MockAdapter::new().handler(|_| {
        let ok = http::Response::builder().header("dpop-nonce", "n2");
        Ok(ok.body(Body::empty()).unwrap())
    });
    let (client, _) = World {
        mock: mock.clone(),
        ..world.clone()
    }
    .pair::<E>(bound());
    E::send(client.get("/one")).unwrap();
    E::send(client.get("/two")).unwrap();
    let proofs: Vec<_> = mock.requests().iter().filter_map(proof).collect();
    assert_eq!(
        proofs,
        [
            "GET https://api.test/one a1 -",
            "GET https://api.test/two a1 n2"
        ]
    );
}

/// One for the nonce, and the one after the refresh.
fn a_nonce_does_not_use_up_the_replay<E: Drive>() {
    let world = World::new(Wants {
        api_nonce: Some("n1"),
        access: Some("a2"),
        kind: Some("DPoP"),
        ..Wants::default()
    });
    let (client, refresh) = world.pair::<E>(bound());
    let response = E::send(client.get("/me")).unwrap();
    assert_eq!(response.attempts(), 3);
    assert_eq!(refresh.counters().attempts, 1);
    // The token server has the API's origin here, and so its nonce.
    assert_eq!(
        world.proofs().last().unwrap(),
        "GET https://api.test/me a2 n1"
    );
}

fn a_server_that_always_asks_for_a_nonce_gets_one<E: Drive>() {
    for nonce in [Some("n1"), None] {
        let mock = MockAdapter::new().handler(move |_| {
            let mut refused = http::Response::builder()
                .status(401)
                .header("www-authenticate", "DPoP error=\"use_dpop_nonce\"");
            if let Some(nonce) = nonce {
                refused = refused.header("dpop-nonce", nonce);
            }
            Ok(refused.body(Body::empty()).unwrap())
        });
        let world = World {
            mock: mock.clone(),
            ..World::new(Wants::default())
        };
        let (client, refresh) = world.pair::<E>(bound());
        let error = E::send(client.get("/me")).unwrap_err();
        assert!(error.is_status(401));
        assert!(error.notes().any(|note| note.contains("nonce")), "{error}");
        assert_eq!(mock.requests().len(), 1 + usize::from(nonce.is_some()));
        assert_eq!(refresh.counters().attempts, 0);
    }
}

fn a_nonce_for_the_token_server_costs_no_refresh_token<E: Drive>() {
    let world = World::new(Wants {
        token_nonce: Some("t1"),
        access: Some("a2"),
        kind: Some("dpop"),
        ..Wants::default()
    });
    let (client, refresh) = world.pair::<E>(bound());
    E::send(client.get("/me")).unwrap();
    assert_eq!(
        world.proofs(),
        [
            "GET https://api.test/me a1 -",
            "POST https://api.test/token - -",
            "POST https://api.test/token - t1",
            "GET https://api.test/me a2 -",
        ]
    );
    let counters = refresh.counters();
    assert_eq!(
        (counters.attempts, counters.refreshed, counters.failed),
        (1, 1, 0)
    );
}

fn a_token_server_that_takes_no_nonce_leaves_the_refresh_token_intact<E: Drive>() {
    let world = World::new(Wants::default());
    let mock = MockAdapter::new().handler(|request| {
        let status = if request.uri().path() == "/token" {
            400
        } else {
            401
        };
        let refused = http::Response::builder()
            .status(status)
            .header("dpop-nonce", "n");
        Ok(refused
            .body(r#"{"error":"use_dpop_nonce"}"#.into())
            .unwrap())
    });
    let world = World {
        mock: mock.clone().with_runtime(world.time.clone()),
        ..world
    };
    let (client, refresh) = world.pair::<E>(bound());
    let error = E::send(client.get("/me")).unwrap_err();
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.class(), RefreshClass::NotSent);
    assert_eq!(cause.code(), Some("use_dpop_nonce"));
    assert_eq!(refresh.counters().not_sent, 1);
    let posts = mock.requests();
    assert_eq!(
        posts
            .iter()
            .filter(|it| it.uri().path() == "/token")
            .count(),
        2
    );
}

/// What one user has sent is not sent again as another, for a nonce neither.
fn a_sign_in_ends_the_replay_for_a_nonce<E: Drive>() {
    let world = World::new(Wants {
        api_nonce: Some("n1"),
        ..Wants::default()
    });
    let (client, refresh) = world.pair::<E>(bound());
    let handle = refresh.clone();
    // Registered later, so that it runs before the token is attached.
    client
        .interceptors
        .request
        .use_(async move |request: Request| {
            if request.attempt() == 2 {
                handle.sign_in(Token::new("b1").token_type("DPoP")).await?;
            }
            Ok(request)
        });
    let error = E::send(client.get("/me")).unwrap_err();
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.class(), RefreshClass::Superseded);
    assert_eq!(world.mock.requests().len(), 1);
}

both!(
    a_nonce_is_put_in_without_a_refresh,
    a_nonce_of_a_success_is_taken,
    a_nonce_does_not_use_up_the_replay,
    a_server_that_always_asks_for_a_nonce_gets_one,
    a_nonce_for_the_token_server_costs_no_refresh_token,
    a_token_server_that_takes_no_nonce_leaves_the_refresh_token_intact,
    a_sign_in_ends_the_replay_for_a_nonce,
);
