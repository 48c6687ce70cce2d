//! No byte of a token in what is printed: the types beside the session.

use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use async_trait::async_trait;
use tollgate::{
    AdapterError, Error, ErrorKind, InterceptorPair, MockAdapter, MockReply, Result,
    auth::{
        AuthEvent, Challenge, CookieJar, CookieRefresh, CookieStore, Counters, DpopProver,
        DpopRequest, FileStore, JsonRefresh, Lease, LostAnswer, MemoryStore, OAuth2Refresh,
        Presented, RefreshClass, RefreshError, Secret, SessionStatus, Stamp, StepUp, StoreReport,
        StoreSuite, Stored, Swap, Token, TokenRefresh, TokenRefreshBuilder, TokenStore,
        conformance::{ApiFault, RefreshFault, StrictAuthServer},
    },
    runtime::block_on,
};

use crate::{
    secrecy::{Printed, WORD, token},
    support::{Drive, ENDPOINT, Odd, World, client_of, eventually, pair_over, seconds},
};

/// Prints what it is asked to prove, and proves with a secret.
struct Prover(Arc<Mutex<Printed>>);

impl DpopProver for Prover {
    fn proof(&self, request: &DpopRequest<'_>) -> Result<Secret> {
        self.0.lock().unwrap().debug(request);
        assert!(request.access_token().is_none_or(|it| it.contains(WORD)));
        Ok(Secret::from("CANARY-proof"))
    }
}

/// Case 72. What is refused with a challenge, and bound to a key.
fn a_challenge_a_step_up_and_a_proof_print_no_secret<E: Drive>() {
    let printed = Arc::new(Mutex::new(Printed::default()));
    for challenge in [
        r#"DPoP error="use_dpop_nonce""#,
        r#"Bearer error="insufficient_scope", scope="write""#,
        r#"Bearer error="insufficient_claims", claims="e30=""#,
        r#"Bearer error="insufficient_user_authentication", acr_values="x", max_age="5""#,
        r#"DPoP error="invalid_dpop_proof""#,
    ] {
        let refused = || {
            MockReply::status(401, "")
                .header("www-authenticate", challenge)
                .header("dpop-nonce", "n1")
        };
        let mock = MockAdapter::new().then(refused()).then(refused());
        let refresher = OAuth2Refresh::new("/token", "app").dpop(Prover(Arc::clone(&printed)));
        printed.lock().unwrap().debug(&refresher);
        let refresh =
            TokenRefresh::builder(MemoryStore::new(token().token_type("DPoP")), refresher)
                .dpop(Prover(Arc::clone(&printed)))
                .build()
                .unwrap();
        let client = client_of::<E>(mock.clone(), &refresh);
        let error = E::send(client.get("/me")).unwrap_err();
        let sent = &mock.requests()[0];
        assert_eq!(sent.headers()["dpop"], "CANARY-proof", "it was sent");
        let mut printed = printed.lock().unwrap();
        printed.debug(sent);
        printed.error(&error);
        printed.debug(&error.request());
        printed.debug(&error.response());
        let response = error.response().unwrap();
        printed.debug(&Challenge::parse_all(response.headers()));
        if let Some(step_up) = StepUp::find_in(&error) {
            printed.debug(step_up);
            printed.display(step_up);
        }
        printed.debug(&refresh);
    }
    printed.lock().unwrap().assert_clean();
}

/// Prints all that can be seen of a session.
fn show(printed: &Mutex<Printed>, refresh: &TokenRefresh) {
    let status: SessionStatus = refresh.status();
    let counters: Counters = refresh.counters();
    let mut printed = printed.lock().unwrap();
    printed.debug(&status);
    printed.debug(&status.cooling());
    printed.debug(&status.ended());
    printed.debug(&counters);
    printed.debug(refresh);
}

/// Writes fail, with an error of the store's.
struct Full(MemoryStore);

#[async_trait]
impl TokenStore for Full {
    async fn load(&self) -> Result<Stored> {
        self.0.load().await
    }

    async fn compare_and_swap(&self, _: Stamp, _: Stored) -> Result<Swap> {
        Err(Error::new(ErrorKind::Connect, "the disk is full"))
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.0.clear(epoch).await
    }
}

/// Case 72. Every event, and the status after it.
fn every_event_and_every_status_prints_no_secret<E: Drive>() {
    let printed = Arc::new(Mutex::new(Printed::default()));
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let world = World::with(token());
    let (log, names) = (Arc::clone(&printed), Arc::clone(&kinds));
    let refresh = pair_over(Full(MemoryStore::new(token())))
        .refresh_attempts(1)
        .after_lost_answer(LostAnswer::RetryOnce)
        .on_event(move |event: &AuthEvent| {
            log.lock().unwrap().debug(event);
            let name = format!("{event:?}");
            let name = name.split([' ', '{']).next().unwrap().to_owned();
            names.lock().unwrap().push(name);
        })
        .build()
        .unwrap();
    let client = world.client::<E>(&refresh);
    show(&printed, &refresh);
    let body = r#"{"access_token":"CANARY-2","refresh_token":"CANARY-r2","expires_in":9,
        "scope":"a","error_description":"CANARY"}"#;
    for (odd, count) in [
        (Odd::json(503, r#"{"error_description":"CANARY"}"#), 2),
        (Odd::json(500, "CANARY"), 4),
        (Odd::json(200, body), 7),
        (
            Odd::json(400, r#"{"error":"invalid_grant","error_uri":"CANARY"}"#),
            9,
        ),
    ] {
        world.server.answer(odd);
        let error = E::send(client.get("/me")).unwrap_err();
        eventually("it is told", || kinds.lock().unwrap().len() == count);
        printed.lock().unwrap().error(&error);
        show(&printed, &refresh);
        world.time.advance(seconds(60));
    }
    let expected = [
        "Refreshing",
        "RefreshFailed",
        "Refreshing",
        "RefreshFailed",
        "Refreshing",
        "Refreshed",
        "PersistFailed",
        "Refreshing",
        "SessionExpired",
    ];
    assert_eq!(*kinds.lock().unwrap(), expected);
    printed.lock().unwrap().assert_clean();
}

/// Case 72. What stores hold and hand out.
#[test]
fn stores_and_records_print_no_secret() {
    let mut printed = Printed::default();
    let mark = Presented::new(3, SystemTime::UNIX_EPOCH);
    let record = Stored::live(Stamp::new(1, 2), token())
        .with_fence(3)
        .with_presented(mark);
    printed.debug(&mark);
    printed.debug(&record);
    printed.debug(&record.to_record());
    let text = record.to_record();
    let cut = &text.expose()[..text.expose().len() - 3];
    printed.error(&Stored::from_record(cut).unwrap_err());
    printed.debug(&Stored::from_record(text.expose()).unwrap());
    printed.debug(&Swap::Conflict(record.clone()));
    printed.debug(&Lease::new(3).contended().with_guard(token()));

    let folder = std::env::temp_dir().join(format!("tollgate-printed-{}", std::process::id()));
    let files = FileStore::new(folder.join("token.json"));
    let lease = block_on(files.acquire(seconds(9))).unwrap();
    printed.debug(&lease);
    block_on(files.compare_and_swap(Stamp::default(), record.clone())).unwrap();
    printed.debug(&block_on(files.load()).unwrap());
    printed.debug(&block_on(
        files.compare_and_swap(Stamp::default(), record.clone()),
    ));
    printed.debug(&files);
    drop(lease);
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "").unwrap();
    let error = block_on(files.compare_and_swap(Stamp::default(), record)).unwrap_err();
    printed.error(&error);
    std::fs::remove_file(&folder).unwrap();

    let jar = CookieJar::new();
    jar.set(ENDPOINT, "access_token=CANARY-a; Secure").unwrap();
    jar.set(ENDPOINT, "refresh_token=CANARY-r; Secure").unwrap();
    let cookies = CookieStore::new(&jar, ENDPOINT).unwrap();
    printed.debug(&jar);
    printed.debug(&jar.to_json());
    printed.debug(&jar.get(ENDPOINT, "access_token"));
    printed.error(&CookieJar::from_json("[CANARY").unwrap_err());
    printed.debug(&block_on(cookies.load()).unwrap());
    printed.debug(&cookies);
    printed.debug(&CookieRefresh::new(&cookies).json(&[WORD]));
    // `AttachCookies` and `KeepCookies`, `Attach` and `Renew`.
    let builder: TokenRefreshBuilder =
        TokenRefresh::builder(cookies.clone(), CookieRefresh::new(&cookies));
    printed.debug(&builder);
    printed.debug(&builder.cookie("access_token").build().unwrap().into_pair());
    printed.debug(&jar.into_pair());

    let suite = StoreSuite::new(|| {
        let store = Arc::new(MemoryStore::new(token()));
        (Arc::clone(&store), store)
    });
    printed.debug(&suite);
    // Such a store is not new, and fails: a `StoreReport` with its reasons.
    let report: StoreReport = suite.only("a_new_store_is_empty").run();
    assert!(!report.has_passed());
    printed.debug(&report);
    printed.display(&report);
    printed.assert_clean();
}

/// Case 72. A bare `RefreshError`, of each class and from any error.
#[test]
fn refresh_errors_print_no_secret_of_their_causes() {
    let mut printed = Printed::default();
    for class in [
        RefreshClass::NotSent,
        RefreshClass::Ambiguous,
        RefreshClass::Rejected,
        RefreshClass::Config,
    ] {
        let mock = MockAdapter::new()
            .reply(401, "CANARY")
            .reply(400, r#"{"error":"invalid_grant","refresh_token":"CANARY"}"#);
        mock.push(MockReply::error(AdapterError::timeout()));
        let client = tollgate::blocking::Client::new(mock);
        for _ in 0..3 {
            let call = client.post("https://id.test/token?refresh_token=CANARY");
            let call = call.bearer_auth("CANARY").form(&[("refresh_token", WORD)]);
            let error = call.send().unwrap_err();
            let error = RefreshError::new(class, "no").with_source(RefreshError::from(error));
            printed.debug(&error);
            printed.display(&error);
            printed.error(&Error::other(error));
        }
    }
    printed.debug(&JsonRefresh::new("https://CANARY@id.test/r?key=CANARY"));
    printed.assert_clean();
}

/// Case 72. The server for tests, which knows all tokens.
#[test]
fn the_strict_server_prints_no_secret() {
    let mut printed = Printed::default();
    let builder = StrictAuthServer::builder().client_secret_post("app", WORD);
    printed.debug(&builder);
    let server = builder.start().unwrap();
    let token: Token = server.sign_in("ada");
    server.fail_refreshes([RefreshFault::Unavailable]);
    server.fail_calls([ApiFault::Unauthorized]);
    let client = raw_call(&server, &token);
    let held = server.hold_refreshes();
    let shown = format!(
        "{server:?} {server:#?} {:?} {:#?} {held:?} {client:?} {:?} {:?}",
        server.report(),
        server.api_calls(),
        RefreshFault::InvalidGrant,
        ApiFault::InsufficientScope("a".to_owned()),
    );
    printed.display(&shown);
    printed.assert_clean();
    for secret in [Some(token.access_token()), token.refresh_token()] {
        assert!(!shown.contains(secret.unwrap().expose()), "{shown}");
    }
}

/// Sends a call over a plain socket, with the token in the address too.
fn raw_call(server: &StrictAuthServer, token: &Token) -> String {
    use std::io::{Read as _, Write as _};

    let access = token.access_token().expose();
    let mut socket = std::net::TcpStream::connect(server.address()).unwrap();
    write!(
        socket,
        "GET /api/me?access_token={access} HTTP/1.1\r\nhost: a\r\n\
         authorization: Bearer {access}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// What holds nothing that could be secret.
const PLAIN: &[&str] = &[
    "SkipAuth",
    "ReplayAfterRefusal",
    "LostAnswer",
    "MissingIdentity",
    "MissingToken",
    "RefreshClass",
    "SessionState",
    // Traits.
    "DpopProver",
    "IntoOrigins",
    "Refresher",
    "TokenStore",
];

/// Case 72. A type that is made public is printed here, or says why not.
#[test]
fn every_public_type_of_auth_is_printed() {
    let laws = concat!(include_str!("secrecy.rs"), include_str!("printed.rs"));
    let module = include_str!("../../src/auth/mod.rs");
    let exports = module.split("pub use ").skip(1);
    let exports = exports.filter_map(|export| Some(export.split_once(';')?.0));
    let types: Vec<&str> = exports
        .flat_map(words)
        .filter(|word| word.starts_with(char::is_uppercase) && !PLAIN.contains(word))
        .collect();
    assert!(types.len() >= 25, "{types:?}");
    let named: Vec<&str> = words(laws).collect();
    let missing: Vec<_> = types.iter().filter(|word| !named.contains(word)).collect();
    assert!(missing.is_empty(), "in no law of secrecy: {missing:?}");
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric())
}

both!(
    a_challenge_a_step_up_and_a_proof_print_no_secret,
    every_event_and_every_status_prints_no_secret,
);
