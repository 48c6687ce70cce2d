//! The conformance suite over a service, as far as there is no wire.

use tollgate::{
    AdapterError, Body, ServiceAdapter,
    adapter::conformance::{InProcess, Report, Suite},
    runtime::block_on,
};
use tower::{ServiceExt as _, service_fn, util::BoxCloneService};

type Boxed = BoxCloneService<http::Request<Body>, http::Response<axum::body::Body>, AdapterError>;

/// A service that is no `Sync`, reads the request to its end and answers with
/// somebody else's body.
fn adapter(servers: &InProcess) -> ServiceAdapter<Boxed> {
    let answer = std::sync::Arc::new(servers.handler());
    let service = service_fn(move |request: http::Request<Body>| {
        let answer = std::sync::Arc::clone(&answer);
        async move {
            let (parts, body) = request.into_parts();
            let read = axum::body::to_bytes(axum::body::Body::new(body), usize::MAX).await;
            let bytes = read.unwrap();
            answer(&http::Request::from_parts(parts, bytes.into()))
                .map(|response| response.map(axum::body::Body::new))
        }
    });
    ServiceAdapter::new(service.boxed_clone())
}

fn check(report: &Report) {
    report.assert_passed();
    let ran = report.entries().count() - report.skipped().count();
    assert!(ran >= 40, "only {ran} cases ran\n{report}");
}

#[test]
fn a_service_conforms_in_the_async_engine() {
    let servers = InProcess::new();
    let suite = Suite::for_adapter(adapter(&servers), |future| block_on(future));
    check(&suite.in_process(&servers).run());
}

#[test]
fn a_service_conforms_in_the_blocking_engine() {
    let servers = InProcess::new();
    let suite = Suite::for_blocking_adapter(adapter(&servers));
    check(&suite.in_process(&servers).run());
}
