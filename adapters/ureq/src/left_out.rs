//! Headers of ureq's own that a call took off.

use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};
use tollgate::Attempt;
use ureq::{Agent, AsSendBody, config::AutoHeaderValue};

/// Configures the one request that goes without them.
///
/// Of these only the agent's name belongs to a connection: where it has one, a
/// request without it bypasses the pool.
pub(crate) fn configure<S: AsSendBody>(
    agent: &Agent,
    request: http::Request<S>,
    attempt: &Attempt,
) -> http::Request<S> {
    let [accept, encoding, name] =
        [ACCEPT, ACCEPT_ENCODING, USER_AGENT].map(|header| attempt.leaves_out(&header));
    if !(accept || encoding || name) {
        return request;
    }
    let mut config = agent.configure_request(request);
    if accept {
        config = config.accept(AutoHeaderValue::None);
    }
    if encoding {
        config = config.accept_encoding(AutoHeaderValue::None);
    }
    if name {
        config = config.user_agent(AutoHeaderValue::None);
    }
    config.build()
}
