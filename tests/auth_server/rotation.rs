//! What becomes of a refresh token that was used.

use tollgate::auth::conformance::{Rotation, StrictAuthServer};

use crate::wire::{call, refresh, sign_in};

fn with(rotation: Rotation) -> StrictAuthServer {
    StrictAuthServer::builder()
        .rotation(rotation)
        .start()
        .unwrap()
}

#[test]
fn each_refresh_gives_a_new_pair() {
    let server = StrictAuthServer::start().unwrap();
    let (mut access, mut token) = sign_in(&server);
    for _ in 0..3 {
        let answer = refresh(&server, &token);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers("cache-control"), ["no-store"]);
        assert_eq!(answer.json()["token_type"], "Bearer");
        assert_eq!(answer.json()["expires_in"], 3600);
        assert_ne!(answer.text("access_token"), access);
        assert_ne!(answer.text("refresh_token"), token);
        access = answer.text("access_token");
        token = answer.text("refresh_token");
        assert_eq!(call(&server, &access).status, 200);
    }
    let report = server.report();
    assert_eq!((report.refresh_calls(), report.refreshes()), (3, 3));
    assert_eq!((report.reuses(), report.max_presentations()), (0, 1));
}

#[test]
fn a_reuse_revokes_the_family_and_no_other() {
    let server = StrictAuthServer::start().unwrap();
    let (_, first) = sign_in(&server);
    let (other_access, other) = sign_in(&server);
    let second = refresh(&server, &first);
    let answer = refresh(&server, &first);
    assert_eq!(
        (answer.status, &*answer.text("error")),
        (400, "invalid_grant")
    );

    assert_eq!(call(&server, &second.text("access_token")).status, 401);
    let answer = refresh(&server, &second.text("refresh_token"));
    assert_eq!(answer.text("error"), "invalid_grant");
    assert_eq!(refresh(&server, &first).status, 400);

    assert_eq!(call(&server, &other_access).status, 200);
    assert_eq!(refresh(&server, &other).status, 200);
    let report = server.report();
    assert_eq!((report.reuses(), report.max_presentations()), (2, 3));
    assert_eq!((report.families(), report.families_revoked()), (2, 1));
    assert_eq!(report.refreshes(), 2);
}

#[test]
fn a_grace_takes_the_one_just_superseded_so_often() {
    let server = with(Rotation::Grace(2));
    let (_, first) = sign_in(&server);
    let next = refresh(&server, &first).text("refresh_token");
    for _ in 0..2 {
        let again = refresh(&server, &first);
        assert_eq!(again.text("refresh_token"), next);
        assert_eq!(call(&server, &again.text("access_token")).status, 200);
    }
    assert_eq!(server.report().reuses(), 0);
    assert_eq!(refresh(&server, &first).status, 400);
    assert_eq!(refresh(&server, &next).status, 400);
    assert_eq!(server.report().reuses(), 1);
    assert_eq!(server.report().families_revoked(), 1);
}

#[test]
fn a_grace_takes_no_older_one() {
    let server = with(Rotation::Grace(9));
    let (_, first) = sign_in(&server);
    let second = refresh(&server, &first).text("refresh_token");
    assert_eq!(refresh(&server, &second).status, 200);
    assert_eq!(refresh(&server, &first).status, 400);
    assert_eq!(server.report().reuses(), 1);
    assert_eq!(refresh(&server, &second).status, 400);
}

#[test]
fn without_rotation_the_token_stays() {
    for (rotation, repeated) in [(Rotation::None, true), (Rotation::Omitted, false)] {
        let server = with(rotation);
        let (_, token) = sign_in(&server);
        for _ in 0..3 {
            let answer = refresh(&server, &token);
            assert_eq!(answer.status, 200);
            let named = answer.text("refresh_token");
            assert_eq!(named, if repeated { &*token } else { "" });
        }
        let report = server.report();
        assert_eq!((report.refreshes(), report.reuses()), (3, 0));
        assert_eq!(server.revoke_family("ada"), 1);
        assert_eq!(refresh(&server, &token).status, 400);
        assert_eq!(server.report().refreshes(), 3);
    }
}

#[test]
fn a_token_of_another_server_is_unknown() {
    let server = StrictAuthServer::start().unwrap();
    let (access, token) = sign_in(&StrictAuthServer::start().unwrap());
    assert_eq!(refresh(&server, &token).text("error"), "invalid_grant");
    assert_eq!(call(&server, &access).status, 401);
    assert_eq!(server.report().reuses(), 0);
    assert_eq!(server.report().max_presentations(), 0);
}
