//! What a test may do to a running server.

use std::{thread, time::Duration};

use tollgate::{
    auth::conformance::{ExpiresIn, StrictAuthServer},
    runtime::{ManualRuntime, Runtime},
};

use crate::wire::{SOON, call, eventually, form_of, post, post_and_leave, refresh, sign_in, texts};

#[test]
fn all_tokens_expire_on_command() {
    let server = StrictAuthServer::start().unwrap();
    let (access, token) = sign_in(&server);
    let (other, _) = texts(&server.sign_in("bob"));
    server.expire_all();
    assert_eq!(call(&server, &access).status, 401);
    assert_eq!(call(&server, &other).status, 401);
    let fresh = refresh(&server, &token).text("access_token");
    assert_eq!(call(&server, &fresh).status, 200);
    assert_eq!(server.report().expiries(), 1);
    assert_eq!(server.report().unauthorized(), 2);
}

#[test]
fn they_expire_at_counts_of_accepted_calls() {
    let server = StrictAuthServer::start().unwrap();
    server.expire_at(&[2, 0]);
    let (access, token) = sign_in(&server);
    let statuses: Vec<u16> = (0..3).map(|_| call(&server, &access).status).collect();
    assert_eq!(statuses, [200, 200, 401]);
    assert_eq!(server.report().expiries(), 2);
    let fresh = refresh(&server, &token).text("access_token");
    for _ in 0..3 {
        assert_eq!(call(&server, &fresh).status, 200);
    }
}

#[test]
fn a_token_expires_by_the_clock() {
    let clock = ManualRuntime::new();
    let server = StrictAuthServer::builder()
        .clock(clock.clone())
        .lifetime(Duration::from_secs(60))
        .start()
        .unwrap();
    let token = server.sign_in("ada");
    assert_eq!(token.expiry(), Some(clock.wall() + Duration::from_secs(60)));
    let (access, _) = texts(&token);
    clock.advance(Duration::from_secs(59));
    assert_eq!(call(&server, &access).status, 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(call(&server, &access).status, 401);
    assert_eq!(server.report().expiries(), 0);
}

#[test]
fn a_lifetime_is_told_as_it_was_chosen() {
    for (told, json) in [
        (ExpiresIn::Seconds, r#","expires_in":3600}"#),
        (ExpiresIn::Text, r#","expires_in":"3600"}"#),
        (ExpiresIn::Raw("-1".to_owned()), r#","expires_in":-1}"#),
        (ExpiresIn::Omitted, "-"),
    ] {
        let server = StrictAuthServer::builder()
            .expires_in(told.clone())
            .start()
            .unwrap();
        let first = server.sign_in("ada");
        let known = matches!(told, ExpiresIn::Seconds | ExpiresIn::Text);
        assert_eq!(first.expiry().is_some(), known);
        let answer = refresh(&server, &texts(&first).1);
        let omitted = answer.json().get("expires_in").is_none();
        assert_eq!(omitted, told == ExpiresIn::Omitted);
        assert!(omitted || answer.body.ends_with(json), "{}", answer.body);
    }
}

#[test]
fn a_jwt_has_three_parts_and_tells_its_expiry() {
    let clock = ManualRuntime::new();
    let server = StrictAuthServer::builder()
        .clock(clock.clone())
        .lifetime(Duration::from_secs(60))
        .jwt()
        .start()
        .unwrap();
    let token = server.sign_in("a");
    let parts: Vec<&str> = token.access_token().expose().split('.').collect();
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[0], "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
    let payload: serde_json::Value = serde_json::from_slice(&decoded(parts[1])).unwrap();
    let issued = payload["iat"].as_u64().unwrap();
    assert_eq!(payload["sub"], "a");
    assert_eq!(payload["exp"].as_u64().unwrap(), issued + 60);
    token.check().unwrap();
    assert_eq!(call(&server, token.access_token().expose()).status, 200);
}

/// Decodes base64url, bit by bit.
fn decoded(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = |letter: char| alphabet.find(letter).unwrap();
    let bits: String = text
        .chars()
        .map(|it| format!("{:06b}", value(it)))
        .collect();
    let bytes = bits.as_bytes().chunks_exact(8);
    bytes
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

#[test]
fn held_answers_are_decided_and_wait() {
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    let (_, other) = sign_in(&server);
    let held = server.hold_refreshes();
    thread::scope(|scope| {
        let first = scope.spawn(|| refresh(&server, &token));
        assert!(held.wait_for(1, SOON));
        let second = scope.spawn(|| refresh(&server, &other));
        assert!(held.wait_for(2, SOON));
        assert!(!held.wait_for(3, Duration::from_millis(1)));
        assert_eq!(server.report().refreshes(), 2);
        assert!(!first.is_finished() && !second.is_finished());
        held.release(1);
        eventually("one has gone", || held.waiting() == 1);
        drop(held);
        assert_eq!(first.join().unwrap().status, 200);
        assert_eq!(second.join().unwrap().status, 200);
    });
    assert_eq!(refresh(&server, "x").status, 400);
}

#[test]
fn a_new_hold_does_not_catch_who_was_let_go() {
    let server = StrictAuthServer::start().unwrap();
    let (access, _) = sign_in(&server);
    thread::scope(|scope| {
        for _ in 0..20 {
            let held = server.hold_calls();
            let call = scope.spawn(|| call(&server, &access).status);
            assert!(held.wait_for(1, SOON));
            drop(held);
            let again = server.hold_calls();
            assert_eq!(call.join().unwrap(), 200);
            drop(again);
        }
    });
}

#[test]
fn a_held_refusal_was_decided_before_the_refresh() {
    let server = StrictAuthServer::start().unwrap();
    let (access, token) = sign_in(&server);
    server.expire_all();
    let held = server.hold_calls();
    thread::scope(|scope| {
        let straggler = scope.spawn(|| call(&server, &access).status);
        assert!(held.wait_for(1, SOON));
        assert_eq!(refresh(&server, &token).status, 200);
        held.release(1);
        assert_eq!(straggler.join().unwrap(), 401);
    });
}

#[test]
fn a_server_ends_though_answers_are_held() {
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    let held = server.hold_refreshes();
    let waiting = post_and_leave(&server.token_url(), &form_of(&token));
    assert!(held.wait_for(1, SOON));
    let ended = thread::spawn(move || drop(server));
    ended.join().unwrap();
    drop((held, waiting));
}

#[test]
fn a_user_is_thrown_out() {
    let server = StrictAuthServer::start().unwrap();
    let (access, token) = sign_in(&server);
    sign_in(&server);
    let (other, _) = texts(&server.sign_in("bob"));
    assert_eq!(server.revoke_family("ada"), 2);
    assert_eq!(server.revoke_family("ada"), 0);
    assert_eq!(call(&server, &access).status, 401);
    assert_eq!(post(&server.token_url(), &form_of(&token)).status, 400);
    assert_eq!(call(&server, &other).text("user"), "bob");
    assert_eq!(server.report().families_revoked(), 2);
    assert_eq!(server.report().reuses(), 0);
}
