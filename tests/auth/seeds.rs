//! What widely copied recipes for token refresh get wrong.

use std::{
    error::Error as StdError,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use tollgate::{
    AdapterError, Error, ErrorKind, MockReply, Multipart, Request, Result,
    auth::{MemoryStore, RefreshClass, RefreshError, Stamp, Stored, Swap, Token, TokenStore},
    runtime::block_on,
};

use crate::support::{Drive, World, eventually, pair_over, seconds, some};

const FAULTS: [ErrorKind; 5] = [
    ErrorKind::Dns,
    ErrorKind::Connect,
    ErrorKind::Tls,
    ErrorKind::Timeout,
    ErrorKind::Transport,
];

fn fault(kind: ErrorKind) -> MockReply {
    MockReply::error(AdapterError::new(kind, "a fault").with_source("the cable is cut"))
}

fn assert_told(error: &Error, kind: ErrorKind, attempts: u32) {
    assert_eq!(error.kind(), kind);
    assert!(error.response().is_none());
    assert!(RefreshError::find_in(error).is_none());
    assert_eq!(error.attempts(), attempts);
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(source) = next {
        texts.push(source.to_string());
        next = source.source();
    }
    assert!(texts.concat().contains("the cable is cut"), "{texts:?}");
}

/// Seed fault 2. No answer is no refusal, and nothing hides the cause.
fn an_error_without_a_response_keeps_its_cause<E: Drive>() {
    for kind in FAULTS {
        let world = World::new();
        let client = world.client::<E>(&world.pair().build().unwrap());
        world.mock.push(fault(kind));
        assert_told(&E::send(client.get("/me")).unwrap_err(), kind, 1);
        assert_eq!(world.server.refreshes(), 0);
        E::send(client.get("/me")).unwrap();

        // The same, where it is the replay that gets none.
        world.mock.push(MockReply::status(401, ""));
        let token = r#"{"access_token":"b1","refresh_token":"s1"}"#;
        world.mock.push(MockReply::status(200, token));
        world.mock.push(fault(kind));
        assert_told(&E::send(client.get("/me")).unwrap_err(), kind, 2);
        world.server.issue("b1", "s1");
        E::send(client.get("/me")).unwrap();
        assert_eq!(world.server.refreshes(), 0);
    }
}

/// Seed fault 3. The new token belongs to the session, not to any default.
fn a_new_token_gets_into_no_default_and_no_other_client<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let other = world.bare::<E>();
    E::send(client.get("/me")).unwrap();
    let derived = client.derive().build().unwrap();
    for it in [&client, &other, &derived] {
        assert!(!it.config().headers().contains_key(AUTHORIZATION));
    }
    E::send(client.get("https://other.test/x")).unwrap_err();
    E::send(other.get("/x")).unwrap_err();
    E::send(derived.get("/x")).unwrap_err();
    E::send(client.get("/me")).unwrap();
    let expected = [some(&["a1", "a2"]), vec![None, None, None], some(&["a2"])];
    assert_eq!(world.sent_tokens(), expected.concat());
    assert_eq!(world.server.refreshes(), 1);
}

/// Seed fault 4. The pair says nothing of what a body is.
fn a_body_keeps_its_content_type<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let form = Multipart::new().text("a", "b");
    let calls = [
        (client.post("/j").json(&[1]), Some("application/json")),
        (
            client.post("/f").form(&[("a", "b")]),
            Some("application/x-www-form-urlencoded"),
        ),
        (
            client.post("/m").multipart(form),
            Some("multipart/form-data"),
        ),
        (
            client
                .post("/t")
                .header("content-type", "text/csv")
                .body("a"),
            Some("text/csv"),
        ),
        (client.post("/b").body("a"), None),
        (client.get("/g"), None),
    ];
    for (call, expected) in calls {
        world.server.expire();
        let before = world.calls().len();
        E::send(call).unwrap();
        let sent = world.calls().split_off(before);
        assert_eq!(sent.len(), 2, "refused and replayed");
        let kinds: Vec<Option<&str>> = sent
            .iter()
            .map(|it| it.headers().get(CONTENT_TYPE)?.to_str().ok())
            .collect();
        assert_eq!(kinds[0], kinds[1]);
        let essence = kinds[0].and_then(|kind| kind.split(';').next());
        assert_eq!(essence, expected);
        // So that the window of refreshes does not close.
        world.time.advance(seconds(10));
    }
}

/// Seed fault 5. What others have thrown, and every other status, goes on.
fn what_is_no_refusal_is_passed_on<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    for status in [400, 402, 403, 404, 407, 419, 429, 500, 503] {
        let reply = MockReply::status(status, "why").header("x-id", "7");
        world.mock.push(reply);
        let error = E::send(client.get("/me")).unwrap_err();
        assert!(error.is_status(status), "{error}");
        let response = error.into_response().unwrap();
        assert_eq!(response.headers()["x-id"], "7");
        assert_eq!(response.text().unwrap(), "why");
    }
    let throws = client
        .interceptors
        .request
        .use_sync(|_: Request| Err::<Request, _>(Error::new(ErrorKind::InvalidRequest, "not so")));
    let count = world.mock.count();
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("not so"), "{error}");
    assert!(client.interceptors.request.eject(throws));
    assert_eq!(world.mock.count(), count);
    assert_eq!(world.server.refreshes(), 0);
}

/// Reads fail while the test says so.
struct Damaged {
    inner: MemoryStore,
    whole: AtomicBool,
}

#[async_trait]
impl TokenStore for Damaged {
    async fn load(&self) -> Result<Stored> {
        if self.whole.load(Ordering::SeqCst) {
            return self.inner.load().await;
        }
        Err(Error::new(ErrorKind::Decode, "the record is not JSON"))
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }
}

/// Seed fault 8. A typed error for each call, and no new client afterwards.
fn a_damaged_record_fails_calls_by_name_until_it_is_whole<E: Drive>() {
    let world = World::new();
    let store = Arc::new(Damaged {
        inner: MemoryStore::new(Token::new("a1").refresh("r1")),
        whole: AtomicBool::new(false),
    });
    let refresh = pair_over(Arc::clone(&store)).build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..3 {
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        let cause = RefreshError::find_in(&error).unwrap();
        assert_eq!(cause.class(), RefreshClass::Store);
        let source = StdError::source(cause).unwrap();
        assert!(source.to_string().contains("not JSON"), "{source}");
        world.time.advance(seconds(31));
    }
    assert_eq!(world.mock.count(), 0);
    store.whole.store(true, Ordering::SeqCst);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1"]));
}

/// Seed fault 8. No record is nobody signed in; one that comes is used.
fn a_missing_record_is_nobody_signed_in_until_it_is_there<E: Drive>() {
    let world = World::over(MemoryStore::empty());
    let refresh = world.pair().recheck_store(seconds(1)).build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..3 {
        assert!(E::send(client.get("/me")).unwrap_err().is_status(401));
    }
    let elsewhere = world.pair().build().unwrap();
    block_on(elsewhere.sign_in(Token::new("a1").refresh("r1"))).unwrap();
    world.time.advance(seconds(1));
    drop(E::send(client.get("/me")));
    eventually("it is seen", || refresh.counters().adopted == 1);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens().last(), some(&["a1"]).last());
    assert_eq!(world.server.refreshes(), 0);
}

both!(
    an_error_without_a_response_keeps_its_cause,
    a_new_token_gets_into_no_default_and_no_other_client,
    a_body_keeps_its_content_type,
    what_is_no_refusal_is_passed_on,
    a_damaged_record_fails_calls_by_name_until_it_is_whole,
    a_missing_record_is_nobody_signed_in_until_it_is_there,
);
