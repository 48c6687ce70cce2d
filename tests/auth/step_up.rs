//! What the server asks for beyond any refresh.

use std::time::Duration;

use http::header::AUTHORIZATION;
use tollgate::{
    ErrorCode, ErrorKind, MockAdapter, MockReply, NotReplayed, Recorded, Request,
    auth::{MemoryStore, SkipAuth, StepUp, Token, TokenRefresh, TokenRefreshBuilder},
    client::Client,
};

use crate::support::{BASE, Drive, authorization, client_of, pair_over, some};

const SCOPE: &str = r#"Bearer realm="api", error="insufficient_scope", scope="write read""#;

/// Answers by script, then with 200.
struct Scene<E: Drive> {
    mock: MockAdapter,
    client: Client<E>,
    refresh: TokenRefresh,
}

impl<E: Drive> Scene<E> {
    fn new(mock: MockAdapter) -> Self {
        Self::with(mock, |builder| builder)
    }

    fn with(
        mock: MockAdapter,
        set: impl FnOnce(TokenRefreshBuilder) -> TokenRefreshBuilder,
    ) -> Self {
        let store = MemoryStore::new(Token::new("a1").refresh("r1").scope("read list"));
        let builder = pair_over(store);
        let refresh = set(builder).build().unwrap();
        let client = client_of::<E>(mock.clone(), &refresh);
        Self {
            mock,
            client,
            refresh,
        }
    }

    fn tokens(&self) -> Vec<Option<String>> {
        self.calls().iter().map(authorization).collect()
    }

    fn calls(&self) -> Vec<Recorded> {
        let mut sent = self.mock.requests();
        sent.retain(|it| it.uri().path() != "/token");
        sent
    }
}

fn refused(status: u16, challenge: &str) -> MockReply {
    MockReply::status(status, "why").header("www-authenticate", challenge)
}

fn granted(access: &str) -> MockReply {
    let body = serde_json::json!({"access_token": access, "token_type": "bearer"});
    MockReply::status(200, body.to_string())
}

fn a_missing_scope_is_a_step_up_and_no_refresh<E: Drive>() {
    for status in [401, 403] {
        let scene = Scene::<E>::new(MockAdapter::new().then(refused(status, SCOPE)));
        let error = E::send(scene.client.get("/notes")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert_eq!(error.code(), ErrorCode::BadRequest);
        assert!(error.is_status(status));
        assert_eq!(error.request().unwrap().uri().path(), "/notes");
        assert_eq!((error.attempts(), error.interceptor()), (1, None));
        let Some(StepUp::Scope {
            required, scopes, ..
        }) = StepUp::find_in(&error)
        else {
            panic!("{error:?}");
        };
        assert_eq!(required, &["write", "read"]);
        assert_eq!(scopes, &["read", "list", "write"]);
        assert!(error.hint().is_some());
        assert!(error.to_json().contains("write read"));
        assert_eq!(error.into_response().unwrap().text().unwrap(), "why");
        assert_eq!(scene.refresh.counters().attempts, 0);
    }
}

/// Also where 403 and the predicate would refresh.
fn a_challenge_beats_the_other_triggers<E: Drive>() {
    let scene = Scene::<E>::with(MockAdapter::new().then(refused(403, SCOPE)), |it| {
        it.also_on_forbidden().refresh_when(|_| true)
    });
    let error = E::send(scene.client.get("/notes")).unwrap_err();
    assert!(StepUp::find_in(&error).is_some());
    assert_eq!(scene.refresh.counters().attempts, 0);
}

fn missing_claims_are_decoded<E: Drive>() {
    // {"access_token":{"nbf":{"essential":true}}}
    let challenge = "Bearer realm=\"\", authorization_uri=\"https://login.test/common\", \
                     error=\"insufficient_claims\", \
                     claims=\"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ==\"";
    let scene = Scene::<E>::new(MockAdapter::new().then(refused(401, challenge)));
    let error = E::send(scene.client.get("/me")).unwrap_err();
    let Some(StepUp::Claims { claims, .. }) = StepUp::find_in(&error) else {
        panic!("{error:?}");
    };
    let expected = r#"{"access_token":{"nbf":{"essential":true}}}"#;
    assert_eq!(claims.as_deref(), Some(expected));
    assert_eq!(scene.refresh.counters().attempts, 0);
}

fn a_stronger_sign_in_is_asked_for<E: Drive>() {
    let challenge = "Bearer error=\"insufficient_user_authentication\", \
                     acr_values=\"urn:phr urn:mfa\", max_age=\"5\"";
    let scene = Scene::<E>::new(MockAdapter::new().then(refused(401, challenge)));
    let error = E::send(scene.client.get("/me")).unwrap_err();
    let Some(StepUp::Authentication {
        acr_values,
        max_age,
        ..
    }) = StepUp::find_in(&error)
    else {
        panic!("{error:?}");
    };
    assert_eq!(acr_values, &["urn:phr", "urn:mfa"]);
    assert_eq!(*max_age, Some(Duration::from_secs(5)));
    let text = StepUp::find_in(&error).unwrap().to_string();
    assert_eq!(
        text,
        "the server asks the user to sign in again, by `urn:phr urn:mfa`, within 5 s"
    );
}

fn an_accepted_answer_is_returned_with_the_step_up<E: Drive>() {
    for status in [401, 403] {
        let scene = Scene::<E>::new(MockAdapter::new().then(refused(status, SCOPE)));
        let response = E::send(scene.client.get("/notes").accept_any_status()).unwrap();
        assert_eq!(
            (response.status().as_u16(), response.attempts()),
            (status, 1)
        );
        assert_eq!(response.text().unwrap(), "why");
        let step_up = response.extensions().get::<StepUp>();
        assert!(matches!(step_up, Some(StepUp::Scope { .. })));
        assert!(response.extensions().get::<NotReplayed>().is_none());
        assert_eq!(scene.refresh.counters().attempts, 0);
    }
}

fn any_other_401_is_refreshed<E: Drive>() {
    for challenge in [
        "Bearer error=\"invalid_token\"",
        "Bearer realm=\"api\"",
        "Basic realm=\"api\", error=\"insufficient_scope\"",
        "Bearer error=\"odd\"",
        "Negotiate",
        "!!!",
        "DPoP error=\"use_dpop_nonce\"",
    ] {
        let mock = MockAdapter::new()
            .then(refused(401, challenge))
            .then(granted("a2"));
        let scene = Scene::<E>::new(mock);
        let response = E::send(scene.client.get("/me")).unwrap();
        assert_eq!(response.attempts(), 2, "{challenge}");
        assert_eq!(scene.tokens(), some(&["a1", "a2"]), "{challenge}");
    }
}

fn a_plain_403_stays_what_it_is<E: Drive>() {
    for challenge in ["Bearer error=\"invalid_token\"", "Bearer"] {
        let scene = Scene::<E>::new(MockAdapter::new().then(refused(403, challenge)));
        let error = E::send(scene.client.get("/me")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Status);
        assert_eq!(scene.refresh.counters().attempts, 0);
    }
}

fn the_replay_may_ask_for_more_too<E: Drive>() {
    let mock = MockAdapter::new()
        .then(refused(401, "Bearer error=\"invalid_token\""))
        .then(granted("a2"))
        .then(refused(403, SCOPE));
    let scene = Scene::<E>::new(mock);
    let error = E::send(scene.client.get("/me")).unwrap_err();
    assert_eq!(error.attempts(), 2);
    let Some(StepUp::Scope { scopes, .. }) = StepUp::find_in(&error) else {
        panic!("{error:?}");
    };
    // The refresh named no scope: the old one holds.
    assert_eq!(scopes, &["read", "list", "write"]);
}

fn what_was_not_our_token_is_passed_on<E: Drive>() {
    let own = Scene::<E>::new(MockAdapter::new().then(refused(403, SCOPE)));
    let call = own.client.get("/me").header(AUTHORIZATION, "Bearer mine");
    let error = E::send(call).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status);
    assert!(StepUp::find_in(&error).is_none());

    let skipped = Scene::<E>::new(MockAdapter::new().then(refused(401, SCOPE)));
    let error = E::send(skipped.client.get("/me").extension(SkipAuth)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status);
}

/// The token was replaced while the call was on its way.
fn a_step_up_for_an_earlier_token_is_one_too<E: Drive>() {
    for accepts in [false, true] {
        let mock = MockAdapter::new()
            .then(granted("a2"))
            .then(refused(403, SCOPE));
        let store = MemoryStore::new(Token::new("a1").refresh("r1").scope("read"));
        let refresh = pair_over(store).build().unwrap();
        let client = E::builder(mock.clone()).base_url(BASE).build().unwrap();
        let handle = refresh.clone();
        // Registered first, so that it runs after the token is attached.
        client
            .interceptors
            .request
            .use_(async move |request: Request| {
                handle.refresh_now(&request.client()?).await?;
                Ok(request)
            });
        client.interceptors.use_pair(refresh.clone());
        let call = client.get("/me");
        let call = if accepts {
            call.accept_any_status()
        } else {
            call
        };
        match E::send(call) {
            Ok(response) => assert!(response.extensions().get::<StepUp>().is_some()),
            Err(error) => assert!(StepUp::find_in(&error).is_some() && !accepts, "{error}"),
        }
        assert_eq!(
            authorization(&mock.requests()[1]).as_deref(),
            Some("Bearer a1")
        );
        assert_eq!(refresh.counters().attempts, 1);
    }
}

fn notes_of_others_are_kept<E: Drive>() {
    let scene = Scene::<E>::new(MockAdapter::new().then(refused(403, SCOPE)));
    let interceptors = &scene.client.interceptors;
    interceptors.response.clear();
    interceptors.request.clear();
    interceptors
        .response
        .use_rejected(async |error: tollgate::Error| Err(error.with_note("seen before")));
    interceptors.use_pair(scene.refresh.clone());
    let error = E::send(scene.client.get("/me")).unwrap_err();
    assert!(StepUp::find_in(&error).is_some());
    assert_eq!(error.notes().collect::<Vec<_>>(), ["seen before"]);
}

both!(
    a_missing_scope_is_a_step_up_and_no_refresh,
    a_challenge_beats_the_other_triggers,
    missing_claims_are_decoded,
    a_stronger_sign_in_is_asked_for,
    an_accepted_answer_is_returned_with_the_step_up,
    any_other_401_is_refreshed,
    a_plain_403_stays_what_it_is,
    the_replay_may_ask_for_more_too,
    what_was_not_our_token_is_passed_on,
    a_step_up_for_an_earlier_token_is_one_too,
    notes_of_others_are_kept,
);
