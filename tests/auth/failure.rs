//! What a refresh that fails does to calls, to the token and to later calls.

use tollgate::{
    AdapterError, ErrorKind, MockReply,
    auth::{RefreshClass, RefreshError},
};

use crate::support::{Drive, Log, Odd, World, seconds, some};

fn class_of(error: &tollgate::Error) -> RefreshClass {
    RefreshError::find_in(error)
        .expect("the cause is a `RefreshError`")
        .class()
}

fn a_transient_failure_keeps_the_token_and_says_when_to_come_back<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd {
        retry_after: Some("17"),
        ..Odd::html(503)
    });
    let refresh = world.pair().build().unwrap();
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.to_string().contains("refused with 401"), "{error}");
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.class(), RefreshClass::NotSent);
    assert_eq!(cause.retry_after(), Some(seconds(17)));
    log.expect(&["failed"]);

    world.time.advance(seconds(17));
    E::send(client.get("/me")).unwrap();
    assert_eq!(
        world.server.presented(),
        ["r1", "r1"],
        "the same refresh token"
    );
    assert_eq!(refresh.counters().not_sent, 1);
}

/// All waiters get the same error, not each its own attempt.
fn a_failure_is_shared_by_all_who_wait<E: Drive>() {
    const CALLS: usize = 8;
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/token");
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    world.server.answer(Odd::html(502));
    let calls = (0..CALLS).map(|_| client.get("/me")).collect();
    let results = std::thread::scope(|scope| {
        scope.spawn(|| {
            crate::support::eventually("all wait", || {
                refresh.counters().coalesced as usize == CALLS - 1
            });
            gate.open();
        });
        E::send_all(calls)
    });
    let causes: Vec<*const RefreshError> = results
        .iter()
        .map(|result| {
            let error = result.as_ref().unwrap_err();
            std::ptr::from_ref(RefreshError::find_in(error).unwrap())
        })
        .collect();
    assert!(causes.windows(2).all(|pair| std::ptr::eq(pair[0], pair[1])));
    assert_eq!(world.server.refreshes(), 1);
}

fn during_the_cooldown_the_same_failure_is_the_answer_without_io<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::html(500));
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let first = E::send(client.get("/me")).unwrap_err();
    let count = world.mock.count();
    for _ in 0..3 {
        // The refused token is not sent again either.
        let again = E::send(client.get("/me")).unwrap_err();
        let same = std::ptr::eq(
            RefreshError::find_in(&first).unwrap(),
            RefreshError::find_in(&again).unwrap(),
        );
        assert!(same, "{again}");
    }
    assert_eq!(world.mock.count(), count);
    assert_eq!(refresh.counters().cooled, 3);
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 2);
}

/// Requests come every second for a minute; attempts do not.
fn a_server_that_is_down_is_asked_ever_more_rarely<E: Drive>() {
    let world = World::new();
    world.server.expire();
    for _ in 0..60 {
        world.server.answer(Odd::html(500));
    }
    let client = world.client::<E>(&world.pair().build().unwrap());
    for _ in 0..60 {
        E::send(client.get("/me")).unwrap_err();
        world.time.advance(seconds(1));
    }
    let attempts = world.server.refreshes();
    assert!((5..=7).contains(&attempts), "{attempts}");
}

fn signing_in_ends_the_cooldown<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::html(500));
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap_err();
    let token = world.server.issue("b1", "s1");
    tollgate::runtime::block_on(refresh.sign_in(token)).unwrap();
    E::send(client.get("/me")).unwrap();
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "s1"]);
}

fn asking_for_a_refresh_does_not_mind_the_cooldown<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::html(500));
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap_err();
    let asking = world.bare::<tollgate::client::Async>();
    tollgate::runtime::block_on(refresh.refresh_now(&asking)).unwrap();
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 2);
}

fn invalid_grant_ends_the_session_once_and_without_further_io<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world
        .server
        .answer(Odd::json(400, r#"{"error":"invalid_grant"}"#));
    let refresh = world.pair().build().unwrap();
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert_eq!(class_of(&error), RefreshClass::Rejected);
    let count = world.mock.count();
    for _ in 0..3 {
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionExpired);
    }
    world.time.advance(seconds(86_400));
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.mock.count(), count);
    log.expect(&["expired"]);

    // A later process learns it from the store.
    let later = world.client::<E>(&world.pair().build().unwrap());
    let error = E::send(later.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert_eq!(world.mock.count(), count);

    // Signing in again needs no new client.
    let token = world.server.issue("b1", "s1");
    tollgate::runtime::block_on(refresh.sign_in(token)).unwrap();
    E::send(client.get("/me")).unwrap();
}

fn a_proxys_page_is_no_verdict_on_the_token<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::html(400));
    let client = world.client::<E>(&world.pair().build().unwrap());
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.content_type(), Some("text/html"));
    assert!(cause.to_string().contains("400 (text/html)"), "{cause}");
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();

    world.server.expire();
    world
        .server
        .answer(Odd::json(403, r#"{"error":"invalid_grant"}"#));
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired, "{error}");
}

fn invalid_client_keeps_the_session<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world
        .server
        .answer(Odd::json(401, r#"{"error":"invalid_client"}"#));
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(class_of(&error), RefreshClass::Config);
    assert_eq!(
        RefreshError::find_in(&error).unwrap().code(),
        Some("invalid_client")
    );
    world.time.advance(seconds(29));
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.server.refreshes(), 1, "a long pause");
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();
}

fn a_redirect_of_the_token_server_is_not_followed<E: Drive>() {
    for status in [302, 303, 307, 308] {
        let world = World::new();
        world.mock.push(MockReply::status(401, ""));
        let redirect = MockReply::status(status, "");
        world.mock.push(redirect.header("location", "/token"));
        let client = world.client::<E>(&world.pair().build().unwrap());
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(class_of(&error), RefreshClass::Config, "{status}");
        assert_eq!(world.mock.count(), 2, "{status}");
    }
}

fn a_success_forgets_the_failures_before_it<E: Drive>() {
    let world = World::new();
    world.server.without_rotation();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let pause_after_failure = || {
        world.server.expire();
        world.server.answer(Odd::html(500));
        let error = E::send(client.get("/me")).unwrap_err();
        let pause = RefreshError::find_in(&error)
            .unwrap()
            .retry_after()
            .unwrap();
        world.time.advance(pause);
        pause
    };
    assert!(pause_after_failure() <= seconds(1));
    assert!(pause_after_failure() > seconds(1));
    E::send(client.get("/me")).unwrap();
    assert!(pause_after_failure() <= seconds(1));
}

fn transport_errors_are_told_apart<E: Drive>() {
    for (kind, class) in [
        (ErrorKind::Dns, RefreshClass::NotSent),
        (ErrorKind::Connect, RefreshClass::NotSent),
        (ErrorKind::Tls, RefreshClass::NotSent),
        (ErrorKind::Timeout, RefreshClass::Ambiguous),
        (ErrorKind::Transport, RefreshClass::Ambiguous),
    ] {
        let world = World::new();
        let client = world.client::<E>(&world.pair().build().unwrap());
        world.mock.push(MockReply::status(401, ""));
        world
            .mock
            .push(MockReply::error(AdapterError::new(kind, "a fault")));
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(class_of(&error), class, "{kind:?}");
    }
}

fn a_huge_answer_of_the_token_server_is_cut_off<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    world.mock.push(MockReply::status(401, ""));
    world.mock.push(MockReply::status(200, "x".repeat(2 << 20)));
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Ambiguous);
    let source = std::error::Error::source(RefreshError::find_in(&error).unwrap());
    assert!(source.unwrap().to_string().contains("1048576"));
}

fn a_refresh_token_refused_after_a_lost_answer_says_so<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    world.mock.push(MockReply::status(401, ""));
    world.mock.push(MockReply::error(AdapterError::timeout()));
    E::send(client.get("/me")).unwrap_err();
    world.time.advance(seconds(1));
    world
        .server
        .answer(Odd::json(400, r#"{"error":"invalid_grant"}"#));
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert!(RefreshError::find_in(&error).unwrap().is_rotation_lost());
}

/// The API refuses every token: refreshing helps nobody.
fn refreshes_are_limited_to_five_in_thirty_seconds<E: Drive>() {
    let world = World::new();
    world.server.always_refuse();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    for _ in 0..5 {
        let error = E::send(client.get("/me")).unwrap_err();
        assert!(error.is_status(401), "{error}");
    }
    for _ in 0..3 {
        let error = E::send(client.get("/me")).unwrap_err();
        assert_eq!(class_of(&error), RefreshClass::Excessive);
    }
    assert_eq!(world.server.refreshes(), 5);
    world.time.advance(seconds(30));
    assert!(E::send(client.get("/me")).unwrap_err().is_status(401));
    assert_eq!(world.server.refreshes(), 6);
}

fn the_refused_token_once_more_is_not_replayed<E: Drive>() {
    let world = World::new();
    world.server.expire();
    world.server.answer(Odd::json(
        200,
        r#"{"access_token":"a1","refresh_token":"r9"}"#,
    ));
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert!(error.is_status(401), "{error}");
    assert!(
        error
            .notes()
            .any(|note| note.contains("the refused token again"))
    );
    assert_eq!(world.sent_tokens(), some(&["a1"]));
    // The rotated refresh token is kept all the same.
    world.server.issue("a1", "r9");
    world.server.expire();
    world.time.advance(seconds(1));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1", "r9"]);
}

both!(
    a_transient_failure_keeps_the_token_and_says_when_to_come_back,
    a_failure_is_shared_by_all_who_wait,
    during_the_cooldown_the_same_failure_is_the_answer_without_io,
    a_server_that_is_down_is_asked_ever_more_rarely,
    signing_in_ends_the_cooldown,
    asking_for_a_refresh_does_not_mind_the_cooldown,
    invalid_grant_ends_the_session_once_and_without_further_io,
    a_proxys_page_is_no_verdict_on_the_token,
    invalid_client_keeps_the_session,
    a_redirect_of_the_token_server_is_not_followed,
    transport_errors_are_told_apart,
    a_huge_answer_of_the_token_server_is_cut_off,
    a_success_forgets_the_failures_before_it,
    a_refresh_token_refused_after_a_lost_answer_says_so,
    refreshes_are_limited_to_five_in_thirty_seconds,
    the_refused_token_once_more_is_not_replayed,
);
