//! Sessions that have nothing to do with each other.

use std::sync::Arc;

use tollgate::{
    MockAdapter,
    auth::{MemoryStore, OAuth2Refresh, RefreshClass, RefreshError, Token, TokenRefresh},
    client::Client,
    runtime::ManualRuntime,
};

use crate::support::{Drive, Gate, Held, Odd, Server, World, authorization, seconds};

/// Two tenants, each with a host and a token server of its own, behind one
/// adapter.
struct Two {
    servers: [Arc<Server>; 2],
    mock: MockAdapter,
    time: ManualRuntime,
    sessions: [TokenRefresh; 2],
}

const HOSTS: [&str; 2] = ["one.test", "two.test"];

impl Two {
    fn new() -> Self {
        let servers = [World::new().server, World::new().server];
        let time = ManualRuntime::new();
        let all = servers.clone();
        let mock = MockAdapter::new()
            .handler(move |request| {
                let second = request.uri().host() == Some(HOSTS[1]);
                Ok(all[usize::from(second)].handle(request))
            })
            .with_runtime(time.clone());
        let tokens = [("a1", "r1"), ("b1", "s1")];
        for (server, (access, refresh)) in servers.iter().zip(tokens) {
            server.issue(access, refresh);
            server.expire();
        }
        let sessions = [0, 1].map(|index| {
            let (access, refresh) = tokens[index];
            let store = MemoryStore::new(Token::new(access).refresh(refresh));
            let endpoint = format!("https://{}/token", HOSTS[index]);
            TokenRefresh::builder(store, OAuth2Refresh::new(endpoint, "app"))
                .origins([format!("https://{}", HOSTS[index])])
                .refresh_attempts(1)
                .build()
                .unwrap()
        });
        // What they give is told apart.
        servers[1].name("b", "s");
        Self {
            servers,
            mock,
            time,
            sessions,
        }
    }

    /// One client with both pairs.
    fn client<E: Drive>(&self, adapter: Held) -> Client<E> {
        let client = E::builder(adapter).build().unwrap();
        for session in &self.sessions {
            client.interceptors.use_pair(session.clone());
        }
        client
    }

    fn open<E: Drive>(&self) -> Client<E> {
        let gate = Gate::default();
        gate.open();
        self.client(self.held(&gate))
    }

    fn held(&self, gate: &Gate) -> Held {
        Held {
            mock: self.mock.clone(),
            gate: gate.clone(),
            path: "/token",
        }
    }
}

fn url(index: usize) -> String {
    format!("https://{}/me", HOSTS[index])
}

fn class_of(error: &tollgate::Error) -> RefreshClass {
    RefreshError::find_in(error).unwrap().class()
}

/// Case 53, bug 43. Both refreshes are under way together.
fn two_sessions_refresh_at_once_and_do_not_mix<E: Drive>() {
    let world = Two::new();
    let gate = Gate::default();
    let client = world.client::<E>(world.held(&gate));
    std::thread::scope(|scope| {
        let calls = (0..10).map(|call| client.get(url(call % 2))).collect();
        let waiting = scope.spawn(|| E::send_all(calls));
        gate.await_arrivals(2);
        gate.open();
        for result in waiting.join().unwrap() {
            result.unwrap();
        }
    });
    assert_eq!(world.servers[0].presented(), ["r1"]);
    assert_eq!(world.servers[1].presented(), ["s1"]);
    let mut calls = world.mock.requests();
    calls.retain(|call| call.uri().path() == "/me");
    for call in calls {
        let letter = if call.uri().host() == Some(HOSTS[0]) {
            "Bearer a"
        } else {
            "Bearer b"
        };
        assert!(authorization(&call).unwrap().starts_with(letter));
    }
}

/// Case 53. A pause after a failure is one session's.
fn the_pause_of_one_session_holds_no_other_up<E: Drive>() {
    let world = Two::new();
    let client = world.open::<E>();
    world.servers[0].answer(Odd::html(500));
    for _ in 0..3 {
        let error = E::send(client.get(url(0))).unwrap_err();
        assert_eq!(class_of(&error), RefreshClass::Ambiguous);
        E::send(client.get(url(1))).unwrap();
    }
    assert_eq!(world.servers[0].refreshes(), 1);
    assert_eq!(world.servers[1].presented(), ["s1"]);
    world.time.advance(seconds(1));
    E::send(client.get(url(0))).unwrap();
}

/// Case 53. So is the number of refreshes in a time.
fn the_limit_of_one_session_is_not_used_up_by_another<E: Drive>() {
    let world = Two::new();
    let client = world.open::<E>();
    world.servers[0].always_refuse();
    for _ in 0..6 {
        drop(E::send(client.get(url(0))));
    }
    let error = E::send(client.get(url(0))).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Excessive);
    for _ in 0..5 {
        world.servers[1].expire();
        E::send(client.get(url(1))).unwrap();
    }
    assert_eq!(world.servers[1].refreshes(), 5);
}

/// Case 53. And its end.
fn the_end_of_one_session_ends_no_other<E: Drive>() {
    let world = Two::new();
    let client = world.open::<E>();
    let refused = Odd::json(400, r#"{"error":"invalid_grant"}"#);
    world.servers[0].answer(refused);
    let error = E::send(client.get(url(0))).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Rejected);
    E::send(client.get(url(1))).unwrap();
    assert!(world.sessions[1].status().ended().is_none());
}

both!(
    two_sessions_refresh_at_once_and_do_not_mix,
    the_pause_of_one_session_holds_no_other_up,
    the_limit_of_one_session_is_not_used_up_by_another,
    the_end_of_one_session_ends_no_other,
);
