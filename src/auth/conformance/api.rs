//! The API that the tokens are for, and the origin that must not see them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{ApiCall, ApiFault, answers, endpoints::Core, own_style::cookie_of};
use crate::adapter::conformance::{Received, Reply};

/// Answers a call of the API, below `/api`.
pub(super) fn api(core: &Core, request: &Received, target: &str) -> Reply {
    let token = token_of(request);
    let now = core.options.clock.wall();
    let mut state = core.lock();
    let known = token.and_then(|token| state.look_up(token, now));
    let user = known.map(|(user, _)| user.to_owned());
    let good = known.is_some_and(|(_, good)| good);
    let scripted = state.api_faults.pop_front();
    let fault = scripted.or_else(|| state.api_always.clone());
    let fault = match fault {
        None | Some(ApiFault::Pass) if !good => core.options.refusal.clone(),
        other => other.unwrap_or(ApiFault::Pass),
    };
    let passed = fault == ApiFault::Pass;
    state.keep(ApiCall {
        method: request.method().clone(),
        target: target.to_owned(),
        body: request.body().clone(),
        user: user.clone(),
        status: fault.status(),
    });
    if passed {
        state.counts.accepted += 1;
        state.expire_if_due();
    }
    drop(state);
    core.api_gate.pass();
    fault
        .reply(token.is_some(), &core.foreign_origin)
        .unwrap_or_else(|| {
            let body = serde_json::json!({ "path": target, "user": user });
            answers::json(200, body.to_string())
        })
        .after(core.options.api_latency)
}

/// Returns the token: the header's, else the cookie's.
fn token_of(request: &Received) -> Option<&str> {
    if let Some(value) = request.header("authorization") {
        let (scheme, token) = value.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    cookie_of(request, "access")
}

/// What the foreign origin has seen.
pub(super) struct Foreign {
    mark: String,
    calls: AtomicU64,
    tokens: AtomicU64,
}

impl Foreign {
    pub(super) fn new(mark: &str) -> Self {
        Self {
            mark: mark.to_owned(),
            calls: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
        }
    }

    /// Answers with the status that the path names, else with 200.
    pub(super) fn answer(&self, request: &Received) -> Reply {
        let mark = self.mark.as_bytes();
        let raw = request.raw();
        if raw.windows(mark.len()).any(|window| window == mark) {
            self.tokens.fetch_add(1, Ordering::SeqCst);
        }
        self.calls.fetch_add(1, Ordering::SeqCst);
        let named = request.path().trim_start_matches('/').parse();
        match named.unwrap_or(200) {
            401 => answers::challenged(401, &["Bearer realm=\"foreign\""]),
            status => answers::json(status, r#"{"foreign":true}"#),
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub(super) fn tokens(&self) -> u64 {
        self.tokens.load(Ordering::SeqCst)
    }
}
