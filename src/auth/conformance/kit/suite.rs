//! [`RefreshSuite`]: runs the scenarios over what it was given.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    RefreshReport,
    bench::{AMPLE, Bench, Subject, Twin},
    cases::{self, Case, Needs},
};
use crate::{
    Runtime,
    adapter::{
        Adapter, BlockingAdapter,
        conformance::{Driver, Entry, Lane, Outcome, guarded},
    },
    auth::{MemoryStore, OAuth2Refresh, Refresher, TokenStore, conformance::StrictAuthServer},
    client::{Async, Blocking},
    runtime::{BoxFuture, ThreadRuntime},
};

/// A case that takes longer hangs: the limit of each call is below.
const CASE_LIMIT: Duration = Duration::from_secs(20);

/// The scenarios, and the adapters, store and refresher that they are for.
///
/// Each runs alone, in a thread of its own, against a
/// [`StrictAuthServer`] of its own, once in each engine that has an adapter.
/// A panic is a failure of its scenario, and so is taking more than 20
/// seconds. The whole takes some 6 seconds for each engine.
///
/// | part | what is judged | default |
/// |---|---|---|
/// | [`adapter`](Self::adapter), [`blocking_adapter`](Self::blocking_adapter) | one of each, or one alone | none |
/// | [`store`](Self::store) | two handles to a fresh store | [`MemoryStore`] |
/// | [`refresher`](Self::refresher) | one for the server at hand | [`OAuth2Refresh`] |
///
/// ```
/// use std::io::{Read, Write};
/// use tollgate::{
///     Body, ErrorKind,
///     adapter::{AdapterError, BlockingAdapter},
///     auth::conformance::RefreshSuite,
/// };
///
/// /// As small as a client can be.
/// struct Plain;
///
/// impl BlockingAdapter for Plain {
///     fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
///         exchange(request).map_err(|error| {
///             AdapterError::new(ErrorKind::Transport, "it broke off").with_source(error)
///         })
///     }
/// }
///
/// fn exchange(request: http::Request<Body>) -> std::io::Result<http::Response<Body>> {
///     // ... writes a request to a socket, and reads the answer ...
/// #   let (parts, body) = request.into_parts();
/// #   let mut bytes = Vec::new();
/// #   body.into_reader().read_to_end(&mut bytes)?;
/// #   let host = parts.uri.authority().map_or("", |it| it.as_str());
/// #   let target = parts.uri.path_and_query().map_or("/", |it| it.as_str());
/// #   let mut stream = std::net::TcpStream::connect(host)?;
/// #   let mut head = format!("{} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", parts.method);
/// #   for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "content-length") {
/// #       head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or("")));
/// #   }
/// #   write!(stream, "{head}content-length: {}\r\n\r\n", bytes.len())?;
/// #   stream.write_all(&bytes)?;
/// #   let mut answer = String::new();
/// #   stream.read_to_string(&mut answer)?;
/// #   let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
/// #   let mut lines = head.lines();
/// #   let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("500");
/// #   let response = lines.filter_map(|line| line.split_once(": ")).fold(
/// #       http::Response::builder().status(status),
/// #       |response, (name, value)| response.header(name, value),
/// #   );
/// #   response.body(body.to_owned().into()).map_err(std::io::Error::other)
/// }
///
/// let report = RefreshSuite::new()
///     .blocking_adapter(Plain)
///     .only("a_refused_call_is_refreshed_and_replayed")
///     .only("the_new_refresh_token_is_presented_next")
///     .run();
/// println!("{report}");
/// report.assert_passed();
/// ```
#[must_use = "a suite does nothing until it runs"]
pub struct RefreshSuite {
    asynchronous: Option<Arc<Driver<Async>>>,
    blocking: Option<Arc<Driver<Blocking>>>,
    subject: Subject,
    skips: Vec<(String, String)>,
    only: Vec<String>,
}

impl RefreshSuite {
    /// Starts with a store in memory and the refresher of RFC 6749.
    pub fn new() -> Self {
        let subject = Subject {
            store: Box::new(|| {
                let store = Arc::new(MemoryStore::empty());
                (Arc::clone(&store) as Arc<dyn TokenStore>, store)
            }),
            refresher: Box::new(|server| {
                let refresher = OAuth2Refresh::new(server.token_url(), "conformance");
                Arc::new(refresher.revocation_url(server.revocation_url()))
            }),
        };
        Self {
            asynchronous: None,
            blocking: None,
            subject,
            skips: Vec::new(),
            only: Vec::new(),
        }
    }

    /// Takes an async adapter, and what drives its futures: it is called from
    /// threads of the suite's, several at once.
    ///
    /// With tokio, `move |future| runtime.block_on(future)`.
    pub fn adapter(
        mut self,
        adapter: impl Adapter,
        block_on: impl Fn(BoxFuture<'_, ()>) + Send + Sync + 'static,
    ) -> Self {
        let driver = Driver::<Async>::new(Arc::new(adapter), Box::new(block_on));
        self.asynchronous = Some(Arc::new(driver));
        self
    }

    /// Takes a blocking adapter.
    pub fn blocking_adapter(mut self, adapter: impl BlockingAdapter) -> Self {
        let driver = Driver::<Blocking>::new(Arc::new(adapter));
        self.blocking = Some(Arc::new(driver));
        self
    }

    /// Takes what makes an empty store, and gives two handles to it: two
    /// objects where two can share a store, as two processes would, else
    /// clones.
    pub fn store<S: TokenStore>(
        mut self,
        fresh: impl Fn() -> (S, S) + Send + Sync + 'static,
    ) -> Self {
        self.subject.store = Box::new(move || {
            let (first, second) = fresh();
            (Arc::new(first), Arc::new(second))
        });
        self
    }

    /// Takes what makes a refresher for a server: at its
    /// [`token_url`](StrictAuthServer::token_url), or at another endpoint.
    pub fn refresher<R: Refresher>(
        mut self,
        fresh: impl Fn(&StrictAuthServer) -> R + Send + Sync + 'static,
    ) -> Self {
        self.subject.refresher = Box::new(move |server| Arc::new(fresh(server)));
        self
    }

    /// Leaves a scenario out, and prints why. An unknown name is a failure.
    pub fn skip(mut self, name: &str, reason: &str) -> Self {
        self.skips.push((name.to_owned(), reason.to_owned()));
        self
    }

    /// Leaves out what needs leases: for a store that gives none.
    pub fn without_leases(self, reason: &str) -> Self {
        self.skip("sessions_over_one_store_share_one_refresh", reason)
    }

    /// Leaves out what needs [`revoke`](Refresher::revoke): for a refresher
    /// that does nothing then.
    pub fn without_revocation(self, reason: &str) -> Self {
        self.skip("what_came_after_a_sign_out_is_revoked", reason)
    }

    /// Runs no scenario but the named ones; may be called several times. An
    /// unknown name is a failure.
    pub fn only(mut self, name: &str) -> Self {
        self.only.push(name.to_owned());
        self
    }

    /// Returns name and law of each scenario, in the order in which they run.
    pub fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
        let cases = cases::all::<Blocking>().into_iter();
        cases.map(|case| (case.name, case.law))
    }

    /// Runs the scenarios, one after the other: first all in the async engine,
    /// then all in the blocking one.
    ///
    /// It blocks; call it outside of async code.
    pub fn run(self) -> RefreshReport {
        let plan = Plan {
            skips: self.skips,
            only: self.only,
        };
        let mut entries = plan.mistakes();
        let subject = Arc::new(self.subject);
        if self.asynchronous.is_none() && self.blocking.is_none() {
            let law = "there is something to judge";
            entries.push(mistake("adapter", law, "no adapter was given"));
        }
        if let Some(driver) = &self.asynchronous {
            let bench = Bench {
                driver: Arc::clone(driver),
                subject: Arc::clone(&subject),
                twin: self.blocking.as_ref().map(twin),
            };
            entries.extend(plan.run("async", &Arc::new(bench)));
        }
        if let Some(driver) = &self.blocking {
            let bench = Bench {
                driver: Arc::clone(driver),
                subject,
                twin: self.asynchronous.as_ref().map(twin),
            };
            entries.extend(plan.run("blocking", &Arc::new(bench)));
        }
        RefreshReport { entries }
    }
}

impl Default for RefreshSuite {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RefreshSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshSuite")
            .field("async", &self.asynchronous.is_some())
            .field("blocking", &self.blocking.is_some())
            .field("skips", &self.skips)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}

/// Makes calls of one engine for the cases of the other.
fn twin<E: Lane>(driver: &Arc<Driver<E>>) -> Arc<Twin> {
    let driver = Arc::clone(driver);
    Arc::new(move |pair, url| {
        let client = E::build(E::builder(&driver).timeout(AMPLE))?;
        client.interceptors.use_pair(pair.clone());
        E::send(&driver, client.get(url))
    })
}

type Line = (&'static str, Entry);

fn mistake(name: &str, law: &'static str, text: &str) -> Line {
    let entry = Entry {
        name: name.to_owned(),
        law,
        outcome: Outcome::Failed(text.to_owned()),
        elapsed: Duration::ZERO,
    };
    ("", entry)
}

/// Which cases run.
struct Plan {
    skips: Vec<(String, String)>,
    only: Vec<String>,
}

impl Plan {
    /// Fails names that no case has, so that a skip does not outlive its case.
    fn mistakes(&self) -> Vec<Line> {
        let named = self.skips.iter().map(|(name, _)| name).chain(&self.only);
        named
            .filter(|name| RefreshSuite::cases().all(|(known, _)| known != **name))
            .map(|name| {
                let law = "a skip or a choice names a case";
                mistake(name, law, "no case has this name")
            })
            .collect()
    }

    fn run<E: Lane>(&self, lane: &'static str, bench: &Arc<Bench<E>>) -> Vec<Line> {
        let asked = |name| self.only.is_empty() || self.only.iter().any(|only| only == name);
        let cases = cases::all::<E>().into_iter();
        cases
            .filter(|case| asked(case.name))
            .map(|case| {
                let began = ThreadRuntime.now();
                let outcome = match self.reason_to_skip(&case, bench) {
                    Some(reason) => Outcome::Skipped(reason),
                    None => judge(bench, &case),
                };
                let entry = Entry {
                    name: case.name.to_owned(),
                    law: case.law,
                    outcome,
                    elapsed: ThreadRuntime.now().saturating_duration_since(began),
                };
                (lane, entry)
            })
            .collect()
    }

    fn reason_to_skip<E: Lane>(&self, case: &Case<E>, bench: &Bench<E>) -> Option<String> {
        if let Some((_, reason)) = self.skips.iter().find(|(name, _)| name == case.name) {
            return Some(reason.clone());
        }
        let alone = case.needs == Needs::Twin && bench.twin.is_none();
        alone.then(|| "there is no adapter of the other engine".to_owned())
    }
}

fn judge<E: Lane>(bench: &Arc<Bench<E>>, case: &Case<E>) -> Outcome {
    let (run, own) = (case.run, Arc::clone(bench));
    guarded(case.name, CASE_LIMIT, move || run(&own), || {})
}
