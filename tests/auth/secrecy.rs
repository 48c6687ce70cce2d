//! No byte of a token in anything that is printed.

use std::{
    error::Error as StdError,
    fmt::{Debug, Display},
    sync::{Arc, Mutex},
};

use tollgate::{
    InterceptorPair,
    auth::{
        Identity, IdentityError, JsonRefresh, KeyedTokenRefresh, KeyedTokenRefreshBuilder,
        MemoryStore, OAuth2Refresh, RefreshError, Secret, Stamp, Stored, Swap, Token, TokenRefresh,
    },
    runtime::block_on,
};

use crate::support::{Drive, Odd, World, seconds};

pub(crate) const WORD: &str = "CANARY";

#[derive(Default)]
pub(crate) struct Printed(Vec<String>);

impl Printed {
    pub(crate) fn debug(&mut self, value: &impl Debug) {
        self.0.push(format!("{value:?} {value:#?}"));
    }

    pub(crate) fn display(&mut self, value: &impl Display) {
        self.0.push(format!("{value} {value:#}"));
    }

    pub(crate) fn error(&mut self, error: &tollgate::Error) {
        self.debug(error);
        self.display(error);
        self.0.push(error.to_json());
        let mut next = error.source();
        while let Some(source) = next {
            self.0.push(format!("{source} {source:?}"));
            next = source.source();
        }
    }

    pub(crate) fn assert_clean(&self) {
        assert!(!self.0.is_empty());
        for text in &self.0 {
            assert!(!text.contains(WORD), "{text}");
        }
    }
}

pub(crate) fn token() -> Token {
    Token::new("CANARY-access").refresh("CANARY-refresh")
}

#[test]
fn no_public_type_prints_a_secret() {
    let mut printed = Printed::default();
    printed.debug(&Secret::from(WORD));
    printed.debug(&token());
    let stored = Stored::live(Stamp::default(), token());
    printed.debug(&Swap::Conflict(stored.clone()));
    printed.debug(&stored);
    printed.debug(&MemoryStore::new(token()));
    let oauth2 = OAuth2Refresh::new("https://user:CANARY@id.test/token?k=CANARY", "app")
        .client_secret(WORD)
        .parameter("assertion", WORD);
    printed.debug(&oauth2);
    printed.debug(&JsonRefresh::new("/r?k=CANARY").parameter("secret", WORD));
    let builder = TokenRefresh::builder(MemoryStore::new(token()), oauth2);
    printed.debug(&builder);
    let refresh = builder.build().unwrap();
    block_on(refresh.sign_in(token())).unwrap();
    printed.debug(&refresh);
    printed.debug(&refresh.counters());
    let (attach, renew) = refresh.into_pair();
    printed.debug(&attach);
    printed.debug(&renew);
    for bad in ["CANARY\n", "CANARY,", "CANARY é"] {
        let error = Token::new(bad).check().unwrap_err();
        printed.error(&error);
        let error = Token::new("a")
            .refresh(format!("{bad}\0"))
            .check()
            .unwrap_err();
        printed.error(&error);
    }
    printed.assert_clean();
}

#[test]
fn no_type_of_a_keyed_pair_prints_a_secret() {
    let mut printed = Printed::default();
    let builder: KeyedTokenRefreshBuilder = TokenRefresh::keyed(|_| {
        let refresher = OAuth2Refresh::new("/token", "app").client_secret(WORD);
        Ok(TokenRefresh::builder(MemoryStore::new(token()), refresher))
    });
    printed.debug(&builder);
    let refresh: KeyedTokenRefresh = builder.max_identities(1).build().unwrap();
    let handle = refresh.session(&Identity::new("a")).unwrap();
    block_on(handle.sign_in(token())).unwrap();
    printed.debug(&handle);
    let full = refresh.session(&Identity::new("b")).unwrap_err();
    printed.debug(&IdentityError::find_in(&full).unwrap());
    printed.error(&full);
    printed.error(&refresh.session(&Identity::new("")).unwrap_err());
    printed.debug(&refresh);
    let (attach, renew) = refresh.into_pair();
    printed.debug(&attach);
    printed.debug(&renew);
    printed.assert_clean();
}

/// Every odd answer of the token server, with tokens in its body.
fn no_error_and_no_event_prints_a_secret<E: Drive>() {
    let printed = Arc::new(Mutex::new(Printed::default()));
    let bodies = [
        (200, r#"{"refresh_token":"CANARY-new"}"#),
        (
            200,
            r#"{"access_token":"CANARY new","refresh_token":"CANARY"}"#,
        ),
        (200, "CANARY"),
        (200, ""),
        (
            400,
            r#"{"error":"invalid_client","refresh_token":"CANARY"}"#,
        ),
        (400, r#"{"error":"CANARY é","error_description":"CANARY"}"#),
        (500, "CANARY"),
        (503, "CANARY"),
        (404, "CANARY"),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"CANARY"}"#,
        ),
    ];
    for (status, body) in bodies {
        let world = World::with(token());
        world.server.answer(Odd::json(status, body));
        world.server.answer(Odd::html(502));
        let log = Arc::clone(&printed);
        let refresh = world
            .pair()
            .on_event(move |event| log.lock().unwrap().debug(event))
            .build()
            .unwrap();
        let client = world.client::<E>(&refresh);
        for _ in 0..2 {
            let error = E::send(client.get("/me")).unwrap_err();
            assert!(RefreshError::find_in(&error).is_some());
            let mut printed = printed.lock().unwrap();
            printed.error(&error);
            printed.debug(&client);
            printed.display(&client.explain());
            drop(printed);
            world.time.advance(seconds(60));
        }
    }
    printed.lock().unwrap().assert_clean();
}

/// The token is sent, refused and replayed: what is kept of it is redacted.
fn no_response_and_no_status_error_prints_a_secret<E: Drive>() {
    let world = World::with(token());
    world
        .server
        .answer(Odd::json(200, r#"{"access_token":"CANARY-2"}"#));
    let client = world.client::<E>(&world.pair().build().unwrap());
    let error = E::send(client.get("/me")).unwrap_err();
    assert!(error.is_status(401));
    let sent = &error.request().unwrap().headers()["authorization"];
    assert_eq!(sent, "Bearer CANARY-2", "it was sent");
    let mut printed = Printed::default();
    printed.error(&error);
    printed.debug(&error.request());
    printed.debug(&error.response());
    printed.debug(sent);
    printed.assert_clean();
}

both!(
    no_error_and_no_event_prints_a_secret,
    no_response_and_no_status_error_prints_a_secret,
);
