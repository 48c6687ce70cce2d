//! How refreshes go wrong.

use std::{io::Read, time::Duration};

use tollgate::auth::conformance::{RefreshFault, StrictAuthServer};

use crate::wire::{eventually, form_of, post_and_leave, refresh, sign_in};

/// Lets one refresh go wrong; returns the server, the token and the answer.
fn one(fault: RefreshFault) -> (StrictAuthServer, String, crate::wire::Answer) {
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    server.fail_refreshes([fault]);
    let answer = refresh(&server, &token);
    (server, token, answer)
}

#[test]
fn an_answer_in_its_name_leaves_the_token_unspent() {
    for (fault, status, holds) in [
        (RefreshFault::TooManyRequests(30), 429, ""),
        (RefreshFault::Unavailable, 503, ""),
        (RefreshFault::ServerError, 500, "server_error"),
        (RefreshFault::BadGateway, 502, "<html>"),
        (RefreshFault::BadRequestHtml, 400, "<html>"),
        (RefreshFault::OkHtml, 200, "<html>"),
        (RefreshFault::OkEmpty, 200, ""),
        (RefreshFault::InvalidGrant, 400, "invalid_grant"),
        (RefreshFault::ForbiddenGrant, 403, "invalid_grant"),
        (RefreshFault::InvalidClient, 401, "invalid_client"),
    ] {
        let (server, token, answer) = one(fault.clone());
        assert_eq!(answer.status, status, "{fault:?}");
        assert!(answer.body.contains(holds), "{fault:?}");
        assert!(answer.is_whole, "{fault:?}");
        if holds == "<html>" {
            assert!(answer.headers("content-type")[0].starts_with("text/html"));
        }
        if holds.is_empty() {
            assert_eq!(answer.body, "");
        }
        if status == 429 {
            assert_eq!(answer.headers("retry-after"), ["30"]);
        }
        if status == 401 {
            assert_eq!(
                answer.headers("www-authenticate"),
                ["Basic realm=\"token\""]
            );
        }
        assert_eq!(server.report().refreshes(), 0, "{fault:?}");
        assert_eq!(refresh(&server, &token).status, 200, "{fault:?}");
        let report = server.report();
        assert_eq!((report.reuses(), report.max_presentations()), (0, 2));
    }
}

#[test]
fn a_reset_leaves_the_token_unspent() {
    for (fault, presentations) in [(RefreshFault::Refuse, 0), (RefreshFault::Reset, 1)] {
        let (server, token, answer) = one(fault);
        assert_eq!(answer.status, 0);
        assert_eq!(server.report().max_presentations(), presentations);
        assert_eq!(refresh(&server, &token).status, 200);
        assert_eq!(server.report().refresh_calls(), 2);
    }
}

#[test]
fn what_dies_after_it_rotated_has_spent_the_token() {
    for fault in [RefreshFault::DieAfterRotate, RefreshFault::Truncated] {
        let (server, token, answer) = one(fault.clone());
        assert!(!answer.is_whole);
        let truncated = fault == RefreshFault::Truncated;
        assert_eq!(answer.status, if truncated { 200 } else { 0 });
        assert_eq!(answer.body.starts_with("{\"access_token\""), truncated);
        assert_eq!(
            (server.report().refreshes(), server.report().reuses()),
            (1, 0)
        );
        assert_eq!(refresh(&server, &token).status, 400);
        assert_eq!(server.report().reuses(), 1);
        assert_eq!(server.report().families_revoked(), 1);
    }
}

#[test]
fn a_drip_arrives_whole() {
    let (server, _, answer) = one(RefreshFault::SlowDrip(Duration::from_millis(1)));
    assert!(answer.is_whole);
    assert_ne!(answer.text("access_token"), "");
    assert_eq!(server.report().refreshes(), 1);
}

#[test]
fn a_hang_ends_with_the_server() {
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    server.fail_refreshes([RefreshFault::Hang]);
    let mut stream = post_and_leave(&server.token_url(), &form_of(&token));
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    eventually("it came", || server.report().max_presentations() == 1);
    assert!(stream.read(&mut [0]).is_err());
    drop(server);
    stream.set_read_timeout(Some(crate::wire::SOON)).unwrap();
    // The end, or a reset, but no time-out.
    let end = stream.read(&mut [0]);
    assert!(!matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
    assert_eq!(end.unwrap_or(0), 0);
}

#[test]
fn a_script_is_taken_up_one_by_one() {
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    server.fail_refreshes([RefreshFault::Unavailable, RefreshFault::Pass]);
    server.fail_refreshes([RefreshFault::ServerError]);
    assert_eq!(refresh(&server, &token).status, 503);
    let second = refresh(&server, &token);
    assert_eq!(second.status, 200);
    let token = second.text("refresh_token");
    assert_eq!(refresh(&server, &token).status, 500);
    assert_eq!(refresh(&server, &token).status, 200);
}
