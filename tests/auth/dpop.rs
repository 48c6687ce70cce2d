//! Tokens that are bound to a key: proofs, nonces, and no downgrade.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use http::header::AUTHORIZATION;
use tollgate::{
    Body, Error, ErrorKind, MockAdapter, Recorded, Result,
    auth::{
        DpopProver, DpopRequest, MemoryStore, OAuth2Refresh, RefreshClass, RefreshError, Secret,
        Token, TokenRefresh,
    },
    client::Client,
    runtime::{ManualRuntime, Runtime},
};

use crate::support::{Drive, authorization, client_of, pair_over, seconds};

/// Writes down what it is asked to prove: `method target token nonce`.
#[derive(Clone, Default)]
pub(crate) struct Key {
    pub(crate) ids: Arc<Mutex<Vec<String>>>,
    times: Arc<Mutex<Vec<SystemTime>>>,
}

impl DpopProver for Key {
    fn proof(&self, request: &DpopRequest<'_>) -> Result<Secret> {
        let printed = format!("{request:?}");
        let token = request.access_token().unwrap_or("a1");
        assert!(printed.contains("POST") || printed.contains("GET"));
        assert!(
            !printed.contains(token) && !printed.contains("n1"),
            "{printed}"
        );
        self.ids.lock().unwrap().push(request.id().to_owned());
        self.times.lock().unwrap().push(request.issued_at());
        Ok(Secret::new(format!(
            "{} {} {} {}",
            request.method(),
            request.target(),
            request.access_token().unwrap_or("-"),
            request.nonce().unwrap_or("-"),
        )))
    }
}

/// What a server wants; each `None` is not asked for.
#[derive(Default)]
pub(crate) struct Wants {
    pub(crate) api_nonce: Option<&'static str>,
    pub(crate) token_nonce: Option<&'static str>,
    /// The access token that the API takes.
    pub(crate) access: Option<&'static str>,
    /// The type that the token server gives.
    pub(crate) kind: Option<&'static str>,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) mock: MockAdapter,
    pub(crate) time: ManualRuntime,
    pub(crate) key: Key,
}

fn proof_of(request: &http::Request<Body>) -> Option<&str> {
    request.headers().get("dpop")?.to_str().ok()
}

fn respond(wants: &Wants, request: &http::Request<Body>) -> http::Response<Body> {
    let response = http::Response::builder();
    let nonce = proof_of(request).and_then(|proof| proof.rsplit(' ').next());
    let (response, body) = if request.uri().path() == "/token" {
        match wants.token_nonce {
            Some(wanted) if nonce != Some(wanted) => (
                response.status(400).header("dpop-nonce", wanted),
                r#"{"error":"use_dpop_nonce"}"#.to_owned(),
            ),
            _ => {
                let mut answer = serde_json::json!({"access_token": "a2", "refresh_token": "r2"});
                if let Some(kind) = wants.kind {
                    answer["token_type"] = kind.into();
                }
                (response, answer.to_string())
            }
        }
    } else {
        let header = request.headers().get(AUTHORIZATION);
        let token = header.and_then(|it| it.to_str().ok()?.split(' ').nth(1));
        let challenge = match wants.api_nonce {
            Some(wanted) if nonce != Some(wanted) => Some("use_dpop_nonce"),
            _ if wants.access.is_some() && token != wants.access => Some("invalid_token"),
            _ => None,
        };
        let response = match wants.api_nonce {
            Some(wanted) => response.header("dpop-nonce", wanted),
            None => response,
        };
        match challenge {
            Some(error) => {
                let challenge = format!("Bearer, DPoP algs=\"ES256\", error=\"{error}\"");
                (
                    response.status(401).header("www-authenticate", challenge),
                    String::new(),
                )
            }
            None => (response, "ok".to_owned()),
        }
    };
    response.body(body.into()).unwrap()
}

impl World {
    pub(crate) fn new(wants: Wants) -> Self {
        let time = ManualRuntime::new();
        let mock = MockAdapter::new()
            .handler(move |request| Ok(respond(&wants, request)))
            .with_runtime(time.clone());
        Self {
            mock,
            time,
            key: Key::default(),
        }
    }

    pub(crate) fn pair<E: Drive>(&self, token: Token) -> (Client<E>, TokenRefresh) {
        let refresher = OAuth2Refresh::new("/token", "app").dpop(self.key.clone());
        let refresh = TokenRefresh::builder(MemoryStore::new(token), refresher)
            .dpop(self.key.clone())
            .refresh_attempts(1)
            .build()
            .unwrap();
        let client = client_of::<E>(self.mock.clone(), &refresh);
        (client, refresh)
    }

    pub(crate) fn proofs(&self) -> Vec<String> {
        self.mock.requests().iter().filter_map(proof).collect()
    }
}

pub(crate) fn proof(request: &Recorded) -> Option<String> {
    Some(request.headers().get("dpop")?.to_str().unwrap().to_owned())
}

pub(crate) fn bound() -> Token {
    Token::new("a1").refresh("r1").token_type("DPoP")
}

fn every_send_has_a_proof_of_its_own<E: Drive>() {
    let world = World::new(Wants::default());
    let (client, _) = world.pair::<E>(bound());
    E::send(client.get("/me?a=b")).unwrap();
    world.time.advance(seconds(5));
    E::send(client.post("/me")).unwrap();
    let sent = world.mock.requests();
    assert_eq!(authorization(&sent[0]).as_deref(), Some("DPoP a1"));
    assert_eq!(
        world.proofs(),
        [
            "GET https://api.test/me a1 -",
            "POST https://api.test/me a1 -"
        ]
    );
    let times = world.key.times.lock().unwrap().clone();
    assert_eq!(times[1].duration_since(times[0]).unwrap(), seconds(5));
    assert_eq!(times[1], world.time.wall());
    assert!(sent.iter().all(|it| it.headers()["dpop"].is_sensitive()));
}

fn a_replay_has_a_new_proof_for_the_new_token<E: Drive>() {
    let world = World::new(Wants {
        access: Some("a2"),
        kind: Some("DPoP"),
        ..Wants::default()
    });
    let (client, refresh) = world.pair::<E>(bound());
    E::send(client.post("/orders").json(&1)).unwrap();
    assert_eq!(
        world.proofs(),
        [
            "POST https://api.test/orders a1 -",
            "POST https://api.test/token - -",
            "POST https://api.test/orders a2 -",
        ]
    );
    let ids = world.key.ids.lock().unwrap().clone();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3);
    assert_eq!(refresh.counters().refreshed, 1);
}

fn a_proof_that_is_refused_starts_no_refresh<E: Drive>() {
    let mock = MockAdapter::new().handler(|_| {
        let refused = http::Response::builder()
            .status(401)
            .header("www-authenticate", "DPoP error=\"invalid_dpop_proof\"");
        Ok(refused.body(Body::empty()).unwrap())
    });
    let world = World {
        mock: mock.clone(),
        ..World::new(Wants::default())
    };
    let (client, refresh) = world.pair::<E>(bound());
    assert!(E::send(client.get("/me")).unwrap_err().is_status(401));
    assert_eq!((mock.requests().len(), refresh.counters().attempts), (1, 0));
}

/// An answer that does not name the type does not make a bearer token of it.
fn a_bound_token_is_not_downgraded<E: Drive>() {
    let world = World::new(Wants {
        access: Some("a2"),
        ..Wants::default()
    });
    let (client, _) = world.pair::<E>(bound());
    E::send(client.get("/me")).unwrap();
    let sent = world.mock.requests();
    assert_eq!(authorization(&sent[2]).as_deref(), Some("DPoP a2"));
}

fn a_bearer_token_needs_no_proof<E: Drive>() {
    let world = World::new(Wants::default());
    let (client, _) = world.pair::<E>(Token::new("a1"));
    E::send(client.get("/me")).unwrap();
    let sent = world.mock.requests();
    assert_eq!(authorization(&sent[0]).as_deref(), Some("Bearer a1"));
    assert!(proof(&sent[0]).is_none() && world.key.ids.lock().unwrap().is_empty());
}

fn a_bound_token_without_a_prover_is_refused<E: Drive>() {
    let world = World::new(Wants::default());
    let refresh = pair_over(MemoryStore::new(bound())).build().unwrap();
    let client = client_of::<E>(world.mock.clone(), &refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    let cause = RefreshError::find_in(&error).and_then(std::error::Error::source);
    let cause = cause.and_then(Error::find_in).unwrap();
    assert_eq!(cause.kind(), ErrorKind::InvalidRequest);
    assert!(cause.hint().unwrap().contains("dpop"), "{cause}");
    let error = tollgate::runtime::block_on(refresh.sign_in(bound())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(world.mock.requests().is_empty());
}

fn a_prover_that_fails_sends_nothing<E: Drive>() {
    struct Locked;

    impl DpopProver for Locked {
        fn proof(&self, _: &DpopRequest<'_>) -> Result<Secret> {
            Err(Error::message("the key is locked"))
        }
    }

    struct Garbled;

    impl DpopProver for Garbled {
        fn proof(&self, _: &DpopRequest<'_>) -> Result<Secret> {
            Ok(Secret::new("CANARY\n"))
        }
    }

    let provers: [Arc<dyn DpopProver>; 2] = [Arc::new(Locked), Arc::new(Garbled)];
    for prover in provers {
        let world = World::new(Wants::default());
        let refresher = OAuth2Refresh::new("/token", "app").dpop(Arc::clone(&prover));
        let refresh = TokenRefresh::builder(MemoryStore::new(bound()), refresher)
            .dpop(prover)
            .refresh_attempts(1)
            .build()
            .unwrap();
        let client = client_of::<E>(world.mock.clone(), &refresh);
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(!format!("{error} {error:?}").contains("CANARY"));
        let client = E::into_async(client);
        let error = tollgate::runtime::block_on(refresh.refresh_now(&client)).unwrap_err();
        let cause = RefreshError::find_in(&error).unwrap();
        assert_eq!(cause.class(), RefreshClass::NotSent, "{cause}");
        assert!(world.mock.requests().is_empty());
    }
}

/// The proof goes where the token goes, and nowhere else.
fn a_redirect_elsewhere_gets_neither_token_nor_proof<E: Drive>() {
    let world = World::new(Wants::default());
    let mock = MockAdapter::new().handler(|request| {
        let answer = http::Response::builder();
        let answer = match request.uri().host() {
            Some("api.test") => answer.status(307).header("location", "https://other.test/"),
            _ => answer,
        };
        Ok(answer.body(Body::empty()).unwrap())
    });
    let world = World {
        mock: mock.clone(),
        ..world
    };
    let (client, _) = world.pair::<E>(bound());
    E::send(client.get("/me")).unwrap();
    let sent = mock.requests();
    assert!(proof(&sent[0]).is_some());
    assert!(proof(&sent[1]).is_none() && authorization(&sent[1]).is_none());
}

both!(
    every_send_has_a_proof_of_its_own,
    a_replay_has_a_new_proof_for_the_new_token,
    a_proof_that_is_refused_starts_no_refresh,
    a_bound_token_is_not_downgraded,
    a_bearer_token_needs_no_proof,
    a_bound_token_without_a_prover_is_refused,
    a_prover_that_fails_sends_nothing,
    a_redirect_elsewhere_gets_neither_token_nor_proof,
);
