//! What is right passes.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test shows its report, and needs a runtime for it"
)]

use tokio::runtime::Runtime;
use tollgate::{
    Client, Offload,
    auth::{
        CookieJar, CookieStore, FileStore, JsonRefresh, RefreshClass, RefreshError, Token,
        conformance::RefreshSuite,
    },
};
use tollgate_ureq::UreqAdapter;

use crate::folder::Folder;

/// Runs the suite in both engines.
fn run(suite: RefreshSuite) {
    let runtime = Runtime::new().expect("a runtime starts");
    let report = suite
        .adapter(Offload::new(UreqAdapter::new()), move |future| {
            runtime.block_on(future);
        })
        .blocking_adapter(UreqAdapter::new())
        .run();
    println!("{report}");
    report.assert_passed();
}

#[test]
fn a_store_in_memory_conforms() {
    run(RefreshSuite::new());
}

#[test]
fn a_store_in_a_file_conforms() {
    let folder = Folder::new("ureq-refresh").unwrap();
    run(RefreshSuite::new().store(move || {
        let path = folder.file();
        (FileStore::new(&path), FileStore::new(&path))
    }));
}

#[test]
fn a_store_in_a_cookie_jar_conforms() {
    run(RefreshSuite::new().store(|| {
        let jar = CookieJar::new();
        let store = || CookieStore::new(&jar, "http://127.0.0.1/auth/refresh");
        (store().unwrap(), store().unwrap())
    }));
}

const NO_REVOCATION: &str = "it has no way to revoke a token";

#[test]
fn a_refresher_in_json_conforms() {
    let suite = RefreshSuite::new().without_revocation(NO_REVOCATION);
    run(suite.refresher(|server| JsonRefresh::new(server.json_refresh_url())));
}

/// Reads a text out of flat JSON.
fn field(json: &str, name: &str) -> Option<String> {
    let (_, rest) = json.split_once(&format!("\"{name}\":\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

#[test]
fn a_closure_conforms() {
    let suite = RefreshSuite::new().without_revocation(NO_REVOCATION);
    run(suite.refresher(|server| {
        let url = server.token_url();
        async move |client: Client, token: Token| {
            let old = token.refresh_token().map_or("", |it| it.expose());
            let form = [("grant_type", "refresh_token"), ("refresh_token", old)];
            let answer = client.post(&*url).form(&form).await?.text()?;
            let access = field(&answer, "access_token").ok_or_else(|| {
                RefreshError::new(RefreshClass::Ambiguous, "the answer has no token")
            })?;
            let fresh = Token::new(access);
            Ok::<_, RefreshError>(match field(&answer, "refresh_token") {
                Some(refresh) => fresh.refresh(refresh),
                None => fresh,
            })
        }
    }));
}
