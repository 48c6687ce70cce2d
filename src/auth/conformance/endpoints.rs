//! [`Core`]: what the endpoints share, and how a refresh goes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Report, answers, api,
    api::Foreign,
    authorize,
    gate::Gate,
    options::Options,
    own_style,
    state::{Pair, State},
    token,
};
use crate::adapter::conformance::{Received, Reply};

pub(super) const API: &str = "/api";
pub(super) const TOKEN: &str = "/oauth/token";
pub(super) const AUTHORIZE: &str = "/oauth/authorize";
pub(super) const REVOKE: &str = "/oauth/revoke";
pub(super) const JSON: &str = "/auth/refresh-token";
pub(super) const COOKIE: &str = "/auth/refresh";

/// What the endpoints share.
pub(super) struct Core {
    pub(super) options: Options,
    pub(super) foreign_origin: String,
    pub(super) foreign: Arc<Foreign>,
    pub(super) refresh_gate: Arc<Gate>,
    pub(super) api_gate: Arc<Gate>,
    /// Held for moments only, never while an answer waits or is written.
    state: Mutex<State>,
}

/// The words in which an endpoint answers a refresh.
pub(super) trait Dialect {
    /// Answers with a pair.
    fn granted(&self, pair: &Pair) -> Reply;

    /// Refuses a token that is not good.
    fn refused(&self) -> Reply;

    /// Refuses a request without a token.
    fn incomplete(&self) -> Reply;
}

impl Core {
    pub(super) fn new(
        mark: &str,
        options: Options,
        foreign: Arc<Foreign>,
        foreign_origin: String,
    ) -> Self {
        Self {
            state: Mutex::new(State::new(mark, &options)),
            options,
            foreign_origin,
            foreign,
            refresh_gate: Arc::default(),
            api_gate: Arc::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn report(&self) -> Report {
        let mut report = self.lock().counts;
        report.foreign_calls = self.foreign.calls();
        report.foreign_tokens = self.foreign.tokens();
        report
    }

    /// Answers any request.
    pub(super) fn answer(&self, request: &Received) -> Reply {
        match request.path() {
            TOKEN => token::token(self, request),
            AUTHORIZE => authorize::authorize(self, request),
            REVOKE => token::revoke(self, request),
            JSON => own_style::json(self, request),
            COOKIE => own_style::cookie(self, request),
            path => match (path.strip_prefix(API), request.target().strip_prefix(API)) {
                (Some(below), Some(target)) if below.is_empty() || below.starts_with('/') => {
                    api::api(self, request, target)
                }
                _ => answers::json_error(404, "not_found"),
            },
        }
    }

    /// Refreshes, or fails as the script says.
    pub(super) fn refresh(
        &self,
        dialect: &dyn Dialect,
        is_client: bool,
        presented: Option<&str>,
    ) -> Reply {
        let now = self.options.clock.wall();
        let mut state = self.lock();
        state.counts.refresh_calls += 1;
        let fault = state.refresh_faults.pop_front();
        let reads = fault.as_ref().is_none_or(|fault| fault.reads());
        let grants = fault.as_ref().is_none_or(|fault| fault.grants());
        let outcome = match presented {
            None => None,
            Some(presented) if is_client && grants => Some(state.refresh(presented, now)),
            Some(presented) => {
                if reads {
                    state.present(presented);
                }
                Some(None)
            }
        };
        drop(state);
        let good = match outcome {
            _ if !is_client => answers::invalid_client(),
            None => dialect.incomplete(),
            Some(None) => dialect.refused(),
            Some(Some(pair)) => dialect.granted(&pair),
        };
        let reply = match fault {
            Some(fault) => fault.reply(good),
            None => good,
        };
        self.refresh_gate.pass();
        reply.after(self.options.token_latency)
    }
}
