//! The conformance suite's own tests: the server does what its script says,
//! and the suite passes and fails where it should.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod server;
mod steps;

use std::io::Read;

use tollgate::{
    AdapterError, BlockingAdapter, Body, ErrorKind as Kind, MockAdapter,
    adapter::conformance::{InProcess, Report, Suite},
};

fn mock() -> (MockAdapter, InProcess) {
    let servers = InProcess::new();
    (MockAdapter::new().handler(servers.handler()), servers)
}

/// The skips that the documentation of `InProcess` lists, name and reason.
fn documented_skips() -> Vec<(String, String)> {
    let source = include_str!("../../src/adapter/conformance/in_process.rs");
    let lines = source
        .lines()
        .filter_map(|line| line.strip_prefix("/// | `"));
    let rows = lines.filter_map(|line| line.strip_suffix(" |")?.split_once("` | "));
    rows.map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .collect()
}

fn check_mock(report: &Report) {
    report.assert_passed();
    let skipped: Vec<(String, String)> = report
        .skipped()
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .collect();
    assert_eq!(skipped, documented_skips());
    assert_eq!(report.entries().count(), Suite::cases().count());
}

#[test]
fn the_mock_conforms_in_the_async_engine() {
    let (mock, servers) = mock();
    let report = Suite::for_adapter(mock, |future| tollgate::runtime::block_on(future))
        .in_process(&servers)
        .run();
    check_mock(&report);
}

#[test]
fn the_mock_conforms_in_the_blocking_engine() {
    let (mock, servers) = mock();
    let report = Suite::for_blocking_adapter(mock).in_process(&servers).run();
    check_mock(&report);
}

/// A mock with a fault of its own.
struct Faulty<F> {
    mock: MockAdapter,
    fault: F,
}

type Answer = Result<http::Response<Body>, AdapterError>;

impl<F> BlockingAdapter for Faulty<F>
where
    F: Fn(&MockAdapter, http::Request<Body>) -> Answer + Send + Sync + 'static,
{
    fn send(&self, request: http::Request<Body>) -> Answer {
        (self.fault)(&self.mock, request)
    }
}

/// Runs a case over a mock with a fault; returns what the report says of it.
fn seen(
    case: &str,
    fault: impl Fn(&MockAdapter, http::Request<Body>) -> Answer + Send + Sync + 'static,
) -> String {
    let (mock, servers) = mock();
    let report = Suite::for_blocking_adapter(Faulty { mock, fault })
        .in_process(&servers)
        .only(case)
        .run();
    let failed: Vec<_> = report.failed().collect();
    assert_eq!(failed.len(), 1, "{report}");
    assert_eq!(failed[0].0, case);
    failed[0].1.to_owned()
}

fn pass(mock: &MockAdapter, request: http::Request<Body>) -> Answer {
    BlockingAdapter::send(mock, request)
}

#[test]
fn an_adapter_that_refuses_a_status_fails() {
    let text = seen("every_status_is_an_answer", |mock, request| {
        let response = pass(mock, request)?;
        if response.status().is_server_error() {
            return Err(AdapterError::new(Kind::Transport, "the server is ill"));
        }
        Ok(response)
    });
    assert!(text.starts_with("the server is ill"), "{text}");
}

#[test]
fn an_adapter_that_follows_redirects_fails() {
    let case = "a_redirect_is_not_followed_by_the_adapter";
    let text = seen(case, |mock, mut request| {
        let mut again = http::Request::new(Body::empty());
        let text = request.uri().to_string();
        *again.uri_mut() = text.trim_end_matches('/').parse().unwrap();
        request.headers_mut().insert("x", "y".parse().unwrap());
        let response = pass(mock, request)?;
        if response.status().is_redirection() {
            return pass(mock, again);
        }
        Ok(response)
    });
    assert!(text.contains("requests: got 2, expected 1"), "{text}");
}

#[test]
fn an_adapter_that_shortens_a_body_fails() {
    let text = seen("a_large_body_arrives_whole", |mock, request| {
        let (parts, body) = pass(mock, request)?.into_parts();
        let mut bytes = Vec::new();
        body.into_reader().read_to_end(&mut bytes).unwrap();
        bytes.pop();
        Ok(http::Response::from_parts(parts, bytes.into()))
    });
    assert!(text.contains("length: got"), "{text}");
}

#[test]
fn an_adapter_that_adds_a_credential_fails() {
    let text = seen("credentials_stay_with_their_origin", |mock, mut request| {
        let value = "Basic abc".parse().unwrap();
        request.headers_mut().insert("authorization", value);
        pass(mock, request)
    });
    assert!(text.contains("secrets at the other origin"), "{text}");
}

#[test]
fn an_adapter_that_swaps_answers_fails() {
    let text = seen("answers_belong_to_their_requests", |mock, mut request| {
        if request.headers()["x-id"] == "1234" {
            request
                .headers_mut()
                .insert("x-id", "1235".parse().unwrap());
        }
        pass(mock, request)
    });
    assert!(text.starts_with("id: got"), "{text}");
}

#[test]
fn an_adapter_that_prints_the_address_fails() {
    let text = seen("waiting_for_a_body_times_out", |_, request| {
        let message = format!("cannot call {}", request.uri());
        Err(AdapterError::new(Kind::Timeout, message))
    });
    assert!(text.starts_with("a secret stands in"), "{text}");
}

#[test]
fn a_panic_is_a_failure_of_its_case_with_its_text() {
    let text = seen("every_status_is_an_answer", |_, _| {
        std::panic::resume_unwind(Box::new("out of cheese"))
    });
    assert_eq!(text, "panicked: out of cheese");
}

#[test]
fn a_skip_of_an_unknown_case_is_a_failure() {
    let (mock, servers) = mock();
    let report = Suite::for_blocking_adapter(mock)
        .in_process(&servers)
        .only("no_cookie_is_kept")
        .skip("no_such_case", "it was renamed")
        .run();
    let failed: Vec<_> = report.failed().collect();
    assert_eq!(failed, [("no_such_case", "no case has this name")]);
}

#[test]
fn a_skipped_case_does_not_run() {
    let (mock, servers) = mock();
    let report = Suite::for_blocking_adapter(Faulty {
        mock,
        fault: |_: &MockAdapter, _| std::panic::resume_unwind(Box::new("it ran")),
    })
    .in_process(&servers)
    .only("no_cookie_is_kept")
    .skip("no_cookie_is_kept", "it keeps cookies")
    .run();
    report.assert_passed();
    let skipped: Vec<_> = report.skipped().collect();
    assert_eq!(skipped, [("no_cookie_is_kept", "it keeps cookies")]);
}
