//! Two tenants over one pool: a token goes with its tenant's requests only.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tollgate::{
    adapter::conformance::{Received, Reply, Script, Server},
    auth::{MemoryStore, RefreshError, Token, TokenRefresh},
    client::Client,
};
use tollgate_parity::Lane;

use crate::support::{Adapters, on_every_lane};

const TENANTS: [&str; 2] = ["one", "two"];

/// Calls of both tenants together.
const CALLS: usize = 1000;

/// Threads of each tenant.
const HANDS: usize = 4;

/// A client whose tokens are `TENANT-1`, `TENANT-2` and so on.
fn client<L: Lane>(lane: &L, server: &Server, tenant: &'static str) -> Client<L::Engine> {
    let turn = Arc::new(AtomicUsize::new(1));
    let next = move || {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        Token::new(format!("{tenant}-{turn}")).refresh("again")
    };
    let store = MemoryStore::new(next());
    let refresher = async move |_: tollgate::Client, _: Token| Ok::<_, RefreshError>(next());
    let pair = TokenRefresh::builder(store, refresher).build().unwrap();
    let client = lane.builder().base_url(server.origin()).build().unwrap();
    client.interceptors.use_pair(pair);
    client
}

/// Whose the token and the body are, and which call it is.
fn read(request: &Received) -> (String, String, usize) {
    let token = request.header("authorization").unwrap_or_default();
    let token = token.trim_start_matches("Bearer ");
    let (whose, _) = token.split_once('-').unwrap_or_default();
    let body = String::from_utf8_lossy(request.body());
    let (tenant, call) = body.split_once(' ').unwrap();
    (whose.to_owned(), tenant.to_owned(), call.parse().unwrap())
}

/// Refuses the first token of each tenant, once half of its calls are done.
fn script() -> Script {
    let done = TENANTS.map(|_| AtomicUsize::new(0));
    Script::new().otherwise(move |request| {
        let (_, tenant, _) = read(request);
        let index = usize::from(tenant == TENANTS[1]);
        let late = done[index].load(Ordering::SeqCst) >= CALLS / TENANTS.len() / 2;
        if late && request.header("authorization") == Some(&format!("Bearer {tenant}-1")) {
            return Reply::new(401);
        }
        done[index].fetch_add(1, Ordering::SeqCst);
        Reply::new(200).body(request.body().clone())
    })
}

fn law<L: Lane + Sync>(lane: &L) {
    let server = Server::start(script()).unwrap();
    let clients = TENANTS.map(|tenant| client(lane, &server, tenant));
    // All hands make their next calls together: no tenant is through first.
    let round = Barrier::new(TENANTS.len() * HANDS);
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (tenant, client) in TENANTS.iter().zip(&clients) {
            for hand in 0..HANDS {
                let (round, answers) = (&round, &answers);
                scope.spawn(move || {
                    for call in (hand..CALLS / TENANTS.len()).step_by(HANDS) {
                        round.wait();
                        let body = format!("{tenant} {call}");
                        let answer = lane.send(client.post("/x").body(body.clone()));
                        answers.lock().unwrap().push((body, answer));
                    }
                });
            }
        }
    });
    // Here, as a hand that panics would leave the others waiting.
    for (body, answer) in answers.into_inner().unwrap() {
        assert_eq!(answer.unwrap().text().unwrap(), body);
    }
    judge(&server.requests(), &L::name());
}

fn judge(requests: &[Received], lane: &str) {
    let mut turns = 0;
    let mut shared = std::collections::BTreeMap::new();
    let mut before = None;
    for request in requests {
        let (whose, tenant, call) = read(request);
        assert_eq!(whose, tenant, "call {call} on {lane}");
        turns += usize::from(before.replace(tenant.clone()) != Some(tenant.clone()));
        let users: &mut Vec<_> = shared.entry(request.connection()).or_default();
        users.push(tenant);
    }
    assert!(requests.len() > CALLS, "tokens were refused on {lane}");
    assert!(turns > CALLS / 20, "{turns} turns on {lane}");
    let both = |users: &Vec<String>| TENANTS.iter().all(|it| users.iter().any(|user| user == it));
    assert!(
        shared.values().any(both),
        "no connection served both on {lane}"
    );
}

#[test]
fn a_tenants_token_is_on_its_own_requests_only() {
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}
