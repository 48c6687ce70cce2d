//! The tokens of a session: attached, refused, refreshed, and refused for good.

use tollgate::{
    adapter::conformance::{Reply, Script, Server},
    auth::{
        AuthEvent, JsonRefresh, MemoryStore, OAuth2Refresh, RefreshError, Refresher, Token,
        TokenRefresh,
    },
    client::Client,
};
use tollgate_parity::{Lane, Limits};

use crate::{
    canaries::{
        ACCESS, ASSERTION, CLIENT_SECRET, ENDPOINT, NEW_ACCESS, NEW_REFRESH, REFRESH, SAID,
        SET_COOKIE, got,
    },
    prints::Prints,
    scene::everywhere,
};

/// An API that takes the new token only, and its token server.
fn server(token: Reply) -> Server {
    let script = Script::new().on("/token", token).on_with("/me", |request| {
        match request.header("authorization") {
            Some(sent) if sent.ends_with(NEW_ACCESS) => Reply::new(200).body("welcome"),
            _ => Reply::new(401).header("set-cookie", format!("a={SET_COOKIE}")),
        }
    });
    Server::start(script).unwrap()
}

fn granted() -> Reply {
    let body = format!(
        r#"{{"access_token":"{NEW_ACCESS}","refresh_token":"{NEW_REFRESH}",
            "token_type":"bearer","expires_in":60,"id_token":"{SAID}"}}"#
    );
    json(200).body(body)
}

fn json(status: u16) -> Reply {
    Reply::new(status)
        .header("content-type", "application/json")
        .header("set-cookie", format!("a={SET_COOKIE}"))
}

fn endpoint(server: &Server) -> String {
    server.url(&format!("/token?key={ENDPOINT}"))
}

fn in_body(server: &Server) -> OAuth2Refresh {
    OAuth2Refresh::new(endpoint(server), "app")
        .client_secret(CLIENT_SECRET)
        .secret_in_body()
        .parameter("assertion", ASSERTION)
}

fn in_json(server: &Server) -> JsonRefresh {
    JsonRefresh::new(endpoint(server))
        .parameter("secret", CLIENT_SECRET)
        .parameter("assertion", ASSERTION)
}

/// A client with a session of an old token.
fn session<L: Lane>(
    lane: &L,
    server: &Server,
    prints: &Prints,
    refresher: impl Refresher + std::fmt::Debug,
) -> (Client<L::Engine>, TokenRefresh) {
    prints.debug("a refresher", &refresher);
    let token = Token::new(ACCESS).refresh(REFRESH);
    prints.debug("a token", &token);
    let store = MemoryStore::new(token);
    prints.debug("a store", &store);
    let events = prints.clone();
    let builder = TokenRefresh::builder(store, refresher)
        .refresh_attempts(1)
        .on_event(move |event: &AuthEvent| events.debug("an event", event));
    prints.debug("a builder of a pair", &builder);
    let refresh = builder.build().unwrap();
    let client = lane.builder().base_url(server.origin()).build().unwrap();
    client.interceptors.use_pair(refresh.clone());
    (client, refresh)
}

fn show(prints: &Prints, refresh: &TokenRefresh) {
    prints.debug("a pair", refresh);
    prints.debug("a status", &refresh.status());
    prints.debug("counters", &refresh.counters());
}

fn refreshed<L: Lane>(prints: &Prints) {
    let lane = L::start(Limits::default()).unwrap();
    let each: [fn(&L, &Server, &Prints) -> _; 2] = [
        |lane, server, prints| session(lane, server, prints, in_body(server)),
        |lane, server, prints| session(lane, server, prints, in_json(server)),
    ];
    for of in each {
        let server = server(granted());
        let (client, refresh) = of(&lane, &server, prints);
        show(prints, &refresh);
        let end = prints.end("a replay", lane.send(client.get("/me")));
        assert_eq!(end.unwrap().attempts(), 2);
        show(prints, &refresh);
        prints.client(&client);
        got(&server, &[ACCESS, REFRESH, CLIENT_SECRET, ASSERTION]);
        got(&server, &[ENDPOINT, NEW_ACCESS]);
    }
}

/// What a token server says instead of a token, with tokens in it.
fn refusals() -> Vec<Reply> {
    let said = |status, error: &str| {
        json(status).body(format!(
            r#"{{"error":"{error}","error_description":"{SAID}","error_uri":"{SAID}",
                "refresh_token":"{NEW_REFRESH}","access_token":"{NEW_ACCESS}"}}"#
        ))
    };
    let unusable = format!(r#"{{"access_token":"{NEW_ACCESS} é\n","refresh_token":"{SAID}"}}"#);
    let nested = format!(r#"{{"access_token":{{"it":"{NEW_ACCESS}"}}}}"#);
    vec![
        said(400, "invalid_grant"),
        said(401, "invalid_client"),
        // A code is short and printable, or it is none.
        said(400, &format!("{SAID} é")).header("x-said", SAID),
        said(503, "slow_down"),
        said(200, "invalid_grant"),
        json(200).body(unusable),
        json(200).body(nested),
        json(200).body(format!("{NEW_ACCESS}&{NEW_REFRESH}")),
        json(500).body(SAID),
        Reply::new(302).header("location", format!("/elsewhere?code={SAID}")),
        granted().fin_at(granted().head_len() + 30),
    ]
}

fn refused<L: Lane>(prints: &Prints) {
    let lane = L::start(Limits::default()).unwrap();
    for (at, reply) in refusals().into_iter().enumerate() {
        let server = server(reply);
        let (client, refresh) = session(&lane, &server, prints, in_body(&server));
        let end = prints.end("a refused refresh", lane.send(client.get("/me")));
        let error = end.unwrap_err();
        let cause = RefreshError::find_in(&error);
        let cause = cause.unwrap_or_else(|| panic!("refusal {at}: {error}"));
        prints.debug("a refresh error", cause);
        prints.display("a refresh error", cause);
        show(prints, &refresh);
        prints.client(&client);
        got(&server, &[ACCESS, REFRESH, CLIENT_SECRET]);
    }
}

everywhere! {
    a_refresh_and_its_replay_show_no_secret: refreshed;
    a_refused_refresh_shows_no_secret: refused;
}
