//! An agent of the user's: made to do one hop, request by request.

use std::time::Duration;

use tollgate::Attempt;
use ureq::{Agent, AsSendBody};

fn shorter(own: Option<Duration>, limit: Duration) -> Option<Duration> {
    Some(own.map_or(limit, |own| own.min(limit)))
}

/// Configures one request.
///
/// What belongs to a connection (TLS, address family, buffers, the agent's
/// name) stays as it is: a request that differs there bypasses the pool.
pub(crate) fn configure<S: AsSendBody>(
    agent: &Agent,
    request: http::Request<S>,
    attempt: &Attempt,
) -> http::Request<S> {
    let own = agent.config().timeouts();
    let mut config = agent
        .configure_request(request)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .save_redirect_history(false)
        .allow_non_standard_methods(true);
    match attempt.time_left() {
        None => {}
        Some(left) if !attempt.is_stream() => {
            config = config.timeout_global(shorter(own.global, left));
        }
        // ureq has no limit for everything up to the head, so each of its
        // steps gets what is left.
        Some(left) => {
            config = config
                .timeout_resolve(shorter(own.resolve, left))
                .timeout_connect(shorter(own.connect, left))
                .timeout_send_request(shorter(own.send_request, left))
                .timeout_send_body(shorter(own.send_body, left))
                .timeout_recv_response(shorter(own.recv_response, left));
        }
    }
    if let Some(limit) = attempt.chunk_timeout() {
        let own = agent.config().timeout_per_read();
        config = config.timeout_per_read(shorter(own, limit));
    }
    config.build()
}
