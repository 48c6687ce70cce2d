//! A strict OAuth server: refresh tokens rotate, and one that is used twice
//! revokes the whole family (RFC 9700 §4.14).

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Answer, Asked, Server};

/// What the server has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// API calls that were let through.
    pub accepted: u64,
    /// API calls that were refused with 401.
    pub unauthorized: u64,
    /// Times that the server let the access token expire.
    pub expiries: u64,
    /// Refreshes that were granted.
    pub refreshes: u64,
    /// Refresh tokens that came a second time.
    pub reuse: u64,
}

struct State {
    generation: u64,
    /// The generation whose access token is good; `None` once it has expired.
    good: Option<u64>,
    used: HashSet<String>,
    revoked: bool,
    /// Counts of accepted calls at which the access token expires next.
    schedule: Vec<u64>,
    tally: Tally,
}

/// The authorization server and the API behind it, on one port.
#[derive(Debug)]
pub struct OAuth {
    server: Server,
    state: Arc<Shared>,
}

#[derive(Debug)]
struct Shared(Mutex<State>);

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OAuth {
    /// Starts the server; its first pair of tokens is
    /// [`access`](Self::access) and [`refresh`](Self::refresh).
    ///
    /// # Errors
    ///
    /// What the system says when it has no port or no thread to give.
    pub fn start() -> io::Result<Self> {
        let state = Arc::new(Shared(Mutex::new(State {
            generation: 0,
            good: Some(0),
            used: HashSet::new(),
            revoked: false,
            schedule: Vec::new(),
            tally: Tally::default(),
        })));
        let shared = Arc::clone(&state);
        let server = Server::start(move |asked| answer(&mut shared.lock(), &asked))?;
        Ok(Self { server, state })
    }

    /// Returns the address below which the API answers.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the token endpoint (RFC 6749 §3.2).
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.server.url())
    }

    /// Returns the current access token, expired or not.
    #[must_use]
    pub fn access(&self) -> String {
        access(self.state.lock().generation)
    }

    /// Returns the current refresh token.
    #[must_use]
    pub fn refresh(&self) -> String {
        refresh(self.state.lock().generation)
    }

    /// Lets the access token expire now, and again whenever so many more
    /// calls have been accepted.
    pub fn expire_at(&self, accepted: &[u64]) {
        let mut state = self.state.lock();
        let base = state.tally.accepted;
        let mut schedule: Vec<u64> = accepted.iter().map(|count| base + count).collect();
        schedule.sort_unstable_by(|a, b| b.cmp(a));
        state.schedule = schedule;
        expire_if_due(&mut state);
    }

    /// Returns what has been counted so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.state.lock().tally
    }
}

fn access(generation: u64) -> String {
    format!("access-{generation}")
}

fn refresh(generation: u64) -> String {
    format!("refresh-{generation}")
}

fn expire_if_due(state: &mut State) {
    if state
        .schedule
        .last()
        .is_some_and(|at| state.tally.accepted >= *at)
    {
        state.schedule.pop();
        state.good = None;
        state.tally.expiries += 1;
    }
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    if asked.path == "/oauth/token" {
        return grant(state, &asked.body);
    }
    let good = state
        .good
        .map(|generation| format!("Bearer {}", access(generation)));
    if state.revoked || good.is_none() || asked.authorization != good {
        state.tally.unauthorized += 1;
        return Answer::new(401, r#"{"error":"invalid_token"}"#);
    }
    state.tally.accepted += 1;
    expire_if_due(state);
    Answer::new(200, format!(r#"{{"path":"{}"}}"#, asked.path))
}

fn grant(state: &mut State, body: &str) -> Answer {
    let presented = body
        .split('&')
        .find_map(|pair| pair.strip_prefix("refresh_token="))
        .unwrap_or_default();
    let refused = Answer::new(400, r#"{"error":"invalid_grant"}"#);
    if state.used.contains(presented) {
        state.tally.reuse += 1;
        state.revoked = true;
        return refused;
    }
    if state.revoked || presented != refresh(state.generation) {
        return refused;
    }
    state.used.insert(presented.to_owned());
    state.generation += 1;
    state.good = Some(state.generation);
    state.tally.refreshes += 1;
    Answer::new(
        200,
        format!(
            r#"{{"access_token":"{}","refresh_token":"{}","token_type":"Bearer","expires_in":3600}}"#,
            access(state.generation),
            refresh(state.generation)
        ),
    )
}
