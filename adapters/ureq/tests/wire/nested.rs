//! Calls within calls: all levels that the core allows fit into a small stack.

use std::thread;

use tollgate::{Error, ErrorKind, Response, blocking::Client};
use tollgate_ureq::UreqAdapter;

use crate::server::{Server, ok};

/// The whole stack of the thread: that is what eight levels may take, with ureq
/// on top of the innermost. Unoptimised they take about 150 KiB; half of this
/// is too small for them.
const STACK: usize = 256 * 1024;

/// Each answer asks for one more, in a blocking client: the nested call runs
/// in the poll of the outer one.
fn nest(server: &Server) -> Error {
    let client = Client::builder(UreqAdapter::new())
        .base_url(server.url(""))
        .build()
        .unwrap();
    let ask = async |response: Response| {
        response.client().unwrap().get("/again").await?;
        Ok(response)
    };
    client.interceptors.response.use_(ask);
    client.get("/first").send().unwrap_err()
}

#[test]
fn eight_levels_of_blocking_calls_fit_into_256_kib() {
    let server = Server::answering(&ok("hello"));
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK);
        let running = builder.spawn_scoped(scope, || nest(&server)).unwrap();
        let error = running.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::Interceptor, "{error:?}");
    });
    assert_eq!(server.requests().len(), 8, "one for each level");
}
