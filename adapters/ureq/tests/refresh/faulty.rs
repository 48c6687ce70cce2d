//! What is wrong fails the scenarios that are about it, and no other.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Body, Client, Result,
    adapter::{AdapterError, BlockingAdapter},
    auth::{
        MemoryStore, OAuth2Refresh, RefreshClass, RefreshError, Refresher, Stamp, Stored, Swap,
        Token, TokenStore,
        conformance::{RefreshSuite, StrictAuthServer},
    },
};
use tollgate_ureq::UreqAdapter;

/// What every fault here leaves right.
const SOUND: [&str; 2] = [
    "one_header_is_attached",
    "a_refused_call_is_refreshed_and_replayed",
];

/// Checks that the named scenarios fail, and that the sound ones do not.
#[track_caller]
fn fails(suite: RefreshSuite, names: &[&str]) {
    let all = SOUND.iter().chain(names);
    let report = all.fold(suite, |suite, name| suite.only(name)).run();
    let failed: Vec<&str> = report.failed().map(|(name, _)| name).collect();
    let mut sorted = failed.clone();
    sorted.sort_unstable();
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!(sorted, expected, "\n{report}");
    assert_eq!(report.passed().count(), SOUND.len(), "\n{report}");
}

fn over_ureq() -> RefreshSuite {
    RefreshSuite::new().blocking_adapter(UreqAdapter::new())
}

/// How a store goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It says that it has written what a refresh gave, and has not.
    Forgets,
    /// It writes over any record.
    Overwrites,
    /// It forgets that somebody has signed out.
    Remembers,
    /// It is sound but for leases.
    NoLease,
}

/// Two handles to one record.
#[derive(Clone)]
struct Faulty {
    wrong: Wrong,
    record: Arc<Mutex<Stored>>,
}

impl Faulty {
    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenStore for Faulty {
    async fn load(&self) -> Result<Stored> {
        Ok(self.lock().clone())
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let mut record = self.lock();
        if record.stamp() != expected && self.wrong != Wrong::Overwrites {
            return Ok(Swap::Conflict(record.clone()));
        }
        let same_session = record.stamp().epoch == new.stamp().epoch;
        if !(same_session && self.wrong == Wrong::Forgets) {
            *record = new;
        }
        Ok(Swap::Done)
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        let mut record = self.lock();
        let next = record.stamp().next_epoch();
        if self.wrong == Wrong::Remembers {
            return Ok(next);
        }
        if record.stamp().epoch <= epoch {
            *record = Stored::empty(next);
        }
        Ok(record.stamp())
    }
}

fn stores(wrong: Wrong) -> RefreshSuite {
    over_ureq().store(move || {
        let record = Arc::new(Mutex::new(Stored::empty(Stamp::default())));
        let store = Faulty { wrong, record };
        (store.clone(), store)
    })
}

#[test]
fn a_store_that_forgets_fails() {
    fails(
        stores(Wrong::Forgets),
        &[
            "the_new_refresh_token_is_stored",
            "the_next_run_goes_on",
            "what_another_session_stored_is_adopted",
            "a_leader_that_leaves_stops_no_refresh",
        ],
    );
}

#[test]
fn a_store_that_writes_over_others_fails() {
    fails(
        stores(Wrong::Overwrites),
        &[
            "a_sign_in_elsewhere_is_not_overwritten",
            "a_sign_out_elsewhere_is_not_undone",
        ],
    );
}

#[test]
fn a_store_that_remembers_who_has_signed_out_fails() {
    fails(
        stores(Wrong::Remembers),
        &[
            "a_sign_out_during_a_refresh_lasts",
            "a_sign_out_elsewhere_is_not_undone",
        ],
    );
}

#[test]
fn a_store_without_leases_needs_a_word_on_it() {
    let case = "sessions_over_one_store_share_one_refresh";
    fails(stores(Wrong::NoLease), &[case]);
    let excused = stores(Wrong::NoLease)
        .only(case)
        .without_leases("it is small");
    let report = excused.run();
    report.assert_passed();
    assert_eq!(
        report.skipped().collect::<Vec<_>>(),
        [(case, "it is small")]
    );
}

/// A refresher whose answer or failure is changed.
struct Changed<F> {
    refresher: OAuth2Refresh,
    change: F,
}

type Refreshed = std::result::Result<Token, RefreshError>;

#[async_trait]
impl<F> Refresher for Changed<F>
where
    F: Fn(&Token, Refreshed) -> Refreshed + Send + Sync + 'static,
{
    async fn refresh(&self, client: &Client, token: &Token) -> Refreshed {
        (self.change)(token, self.refresher.refresh(client, token).await)
    }
}

fn refreshers<F>(change: F) -> RefreshSuite
where
    F: Fn(&Token, Refreshed) -> Refreshed + Copy + Send + Sync + 'static,
{
    over_ureq().refresher(move |server: &StrictAuthServer| Changed {
        refresher: OAuth2Refresh::new(server.token_url(), "app"),
        change,
    })
}

#[test]
fn a_refresher_that_drops_the_new_refresh_token_fails() {
    let suite = refreshers(|_, refreshed| {
        let token = refreshed?;
        Ok(Token::new(token.access_token().expose()))
    });
    fails(
        suite,
        &[
            "the_new_refresh_token_is_presented_next",
            "the_new_refresh_token_is_stored",
            "the_next_run_goes_on",
            "a_handler_that_panics_harms_nobody",
        ],
    );
}

#[test]
fn a_refresher_that_takes_any_failure_for_the_end_fails() {
    let suite = refreshers(|_, refreshed| {
        refreshed.map_err(|_| RefreshError::new(RefreshClass::Rejected, "it is over"))
    });
    fails(
        suite,
        &[
            "waiters_share_one_failure",
            "a_busy_server_is_asked_again",
            "a_page_of_a_proxy_keeps_the_token",
            "garbage_keeps_the_token",
            "a_mistake_of_the_set_up_keeps_the_session",
            "a_lost_answer_is_recovered_in_a_grace",
        ],
    );
}

#[test]
fn a_refresher_that_prints_the_token_fails() {
    let suite = refreshers(|old, refreshed| {
        refreshed.map_err(|error| {
            let old = old.refresh_token().map_or("", |it| it.expose());
            RefreshError::new(error.class(), format!("cannot refresh {old}"))
        })
    });
    fails(suite, &["no_error_holds_a_token", "no_event_holds_a_token"]);
}

#[test]
fn a_refresher_that_does_not_revoke_needs_a_word_on_it() {
    let case = "what_came_after_a_sign_out_is_revoked";
    fails(refreshers(|_, refreshed| refreshed), &[case]);
    let excused = refreshers(|_, refreshed| refreshed).only(case);
    let report = excused.without_revocation("it cannot").run();
    report.assert_passed();
    assert_eq!(report.skipped().count(), 1);
}

type Answer = std::result::Result<http::Response<Body>, AdapterError>;

/// An adapter that changes what it is given, or sends it again.
struct Meddling<F>(F);

impl<F> BlockingAdapter for Meddling<F>
where
    F: Fn(http::Request<Body>) -> Answer + Send + Sync + 'static,
{
    fn send(&self, request: http::Request<Body>) -> Answer {
        (self.0)(request)
    }
}

fn copy(request: &http::Request<Body>) -> http::Request<Body> {
    let body = request.body().try_clone().unwrap_or_default();
    let mut copy = http::Request::new(body);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

#[test]
fn an_adapter_that_sends_again_what_was_lost_fails() {
    let inner = UreqAdapter::new();
    let adapter = Meddling(move |request: http::Request<Body>| {
        let again = copy(&request);
        inner.send(request).or_else(|_| inner.send(again))
    });
    fails(
        RefreshSuite::new().blocking_adapter(adapter),
        &["a_lost_rotation_is_told", "a_reset_keeps_the_token"],
    );
}

#[test]
fn an_adapter_that_keeps_a_body_to_itself_fails() {
    let inner = UreqAdapter::new();
    let adapter = Meddling(move |mut request: http::Request<Body>| {
        if request.uri().path() == "/api/notes" {
            request.headers_mut().remove("content-length");
            *request.body_mut() = Body::empty();
        }
        inner.send(request)
    });
    fails(
        RefreshSuite::new().blocking_adapter(adapter),
        &[
            "a_body_is_replayed_byte_by_byte",
            "a_made_body_is_made_again",
        ],
    );
}

#[test]
fn a_panic_is_a_failure_of_its_scenario() {
    let adapter = Meddling(|_| std::panic::resume_unwind(Box::new("out of cheese")));
    let report = RefreshSuite::new()
        .blocking_adapter(adapter)
        .only("one_header_is_attached")
        .run();
    let failed: Vec<_> = report.failed().collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].1.contains("out of cheese"), "{report}");
}

#[test]
fn what_no_scenario_is_called_is_a_failure() {
    let report = over_ureq()
        .store(|| {
            let store = Arc::new(MemoryStore::empty());
            (Arc::clone(&store), store)
        })
        .only("one_header_is_attached")
        .skip("no_such_scenario", "it was renamed")
        .run();
    let failed: Vec<_> = report.failed().collect();
    assert_eq!(failed, [("no_such_scenario", "no case has this name")]);
    let (lane, entry) = report.entries().last().unwrap();
    assert_eq!((lane, entry.name()), ("blocking", "one_header_is_attached"));
    assert!(entry.elapsed() < Duration::from_secs(5));
}
