//! Refresh endpoints that are not OAuth's.

use tollgate::auth::conformance::{RefreshFault, Rotation, StrictAuthServer};

use crate::wire::{Answer, call, send, sign_in};

fn json(server: &StrictAuthServer, body: &str) -> Answer {
    let head = "POST\ncontent-type: application/json";
    send(&server.json_refresh_url(), head, body)
}

#[test]
fn json_is_refreshed_in_json() {
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    let body = format!(r#"{{"token":"{token}"}}"#);
    let answer = json(&server, &body);
    assert_eq!(answer.status, 200);
    assert_eq!(call(&server, &answer.text("token")).status, 200);
    assert_ne!(answer.text("refreshToken"), token);

    for body in ["", "[]", r#"{"token":1}"#] {
        assert_eq!(json(&server, body).status, 400);
    }
    let again = json(&server, &body);
    assert_eq!(
        (again.status, &*again.text("message")),
        (401, "sign in again")
    );
    assert_eq!(again.json().get("error"), None);
    assert_eq!(server.report().reuses(), 1);
    assert_eq!(send(&server.json_refresh_url(), "GET", "").status, 405);
}

fn cookie(server: &StrictAuthServer, cookie: &str) -> Answer {
    let head = format!("POST\ncookie: a=b; {cookie}");
    send(&server.cookie_refresh_url(), &head, "")
}

#[test]
fn cookies_are_refreshed_in_cookies() {
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    let answer = cookie(&server, &format!("refresh={token}"));
    assert_eq!(answer.status, 200);
    let set = answer.headers("set-cookie");
    let access = set[0].strip_suffix("; HttpOnly; Path=/").unwrap();
    assert_eq!(access, format!("access={}", answer.text("token")));
    let refresh = set[1].strip_suffix("; HttpOnly; Path=/auth").unwrap();
    assert!(refresh.starts_with("refresh=refresh-"), "{refresh}");
    assert_eq!(answer.json().get("refreshToken"), None);

    let api = send(&server.api_url(), &format!("GET\ncookie: {access}"), "");
    assert_eq!(api.text("user"), "ada");
    assert_eq!(cookie(&server, refresh).status, 200);

    assert_eq!(cookie(&server, "refresh=").status, 401);
    assert_eq!(cookie(&server, "xrefresh=1").status, 401);
    let gone = cookie(&server, refresh);
    assert_eq!(gone.status, 401);
    assert!(gone.headers("set-cookie")[0].starts_with("refresh=; Max-Age=0;"));
    assert_eq!(server.report().reuses(), 1);
}

#[test]
fn both_follow_the_script_and_the_rotation() {
    let server = StrictAuthServer::builder()
        .rotation(Rotation::Omitted)
        .client_secret_basic("app", "s")
        .start()
        .unwrap();
    let (_, token) = sign_in(&server);
    server.fail_refreshes([RefreshFault::Unavailable, RefreshFault::OkEmpty]);
    let body = format!(r#"{{"token":"{token}"}}"#);
    assert_eq!(json(&server, &body).status, 503);
    assert_eq!(cookie(&server, &format!("refresh={token}")).body, "");
    assert_eq!(json(&server, &body).json().get("refreshToken"), None);
    let answer = cookie(&server, &format!("refresh={token}"));
    assert_eq!(answer.headers("set-cookie").len(), 1);
    assert_eq!(server.report().max_presentations(), 4);
}
