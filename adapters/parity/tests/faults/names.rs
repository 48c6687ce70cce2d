//! Names that do not become addresses: a server of names that fails, and one
//! that does not answer.
//!
//! The resolver of ureq is that of an agent which was brought along; an agent of
//! the adapter's own has the system's, under its limits (`lookup.rs` there).

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use reqwest::dns::{Name, Resolve, Resolving};
use tollgate::{ErrorCode, ErrorKind};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;
use ureq::{
    Agent,
    config::Config,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout, time::Duration as Limit},
    },
};

use crate::{
    alone::{now, sleep},
    cell::{AMPLE, GRACE, outcome_of},
    lane::{Ask, LANES, lane_over},
    mode::{LIMIT, Outcome},
};

/// What a server of names does.
#[derive(Clone, Copy, Debug)]
enum Names {
    /// Says that it cannot tell: SERVFAIL.
    Fail,
    /// Says nothing.
    Hang,
}

/// How often a busy machine may be late.
const TRIES: usize = 10;

/// What the system says of a SERVFAIL.
const FAILURE: &str = "failed to lookup address information: Temporary failure in name resolution";

impl Resolve for Names {
    fn resolve(&self, _: Name) -> Resolving {
        let names = *self;
        Box::pin(async move {
            match names {
                Self::Fail => Err(Box::<dyn StdError + Send + Sync>::from(FAILURE)),
                Self::Hang => std::future::pending().await,
            }
        })
    }
}

impl Resolver for Names {
    fn resolve(
        &self,
        _: &http::Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        match (self, timeout.after) {
            (Self::Fail, _) => Err(io::Error::other(FAILURE).into()),
            // As ureq's contract with a resolver says.
            (Self::Hang, Limit::Exact(left)) => {
                sleep(left);
                Err(ureq::Error::Timeout(timeout.reason))
            }
            (Self::Hang, Limit::NotHappening) => panic!("nothing limits the look-up"),
        }
    }
}

/// Asks for a name on a lane; says what came of it, and after how long.
fn ask(name: &str, names: Names, limit: impl Fn(&mut Ask)) -> (Outcome, Duration) {
    let reqwest = || {
        let builder = ReqwestAdapter::builder();
        let builder = builder.configure(move |client| client.dns_resolver(Arc::new(names)));
        builder.build().unwrap()
    };
    let ureq = || {
        let config = Config::builder().proxy(None).build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), names);
        UreqAdapter::from_agent(agent)
    };
    let lane = lane_over(name, reqwest, ureq);
    let mut ask = Ask {
        method: "GET",
        url: "http://CANARY-user:CANARY-pass@name.test/?key=CANARY-query".to_owned(),
        timeout: Some(AMPLE),
        ..Ask::default()
    };
    limit(&mut ask);
    let started = now();
    let outcome = outcome_of(lane.send(&ask)).unwrap();
    let took = now().saturating_duration_since(started);
    lane.close();
    (outcome, took)
}

#[test]
fn a_server_of_names_that_fails_is_a_dns_error() {
    for lane in LANES {
        let (outcome, _) = ask(lane, Names::Fail, |_| {});
        let expected = Outcome::Fails(ErrorKind::Dns, ErrorCode::NotFound);
        assert_eq!(outcome, expected, "{lane}");
    }
}

/// Asks until it is in time, a few times at most.
fn costs_no_more(lane: &str, limit: impl Fn(&mut Ask)) {
    let mut late = Vec::new();
    for _ in 0..TRIES {
        let (outcome, took) = ask(lane, Names::Hang, &limit);
        assert_eq!(outcome, Outcome::TimesOut, "{lane}");
        assert!(took >= LIMIT, "{lane}: {took:?}");
        if took <= LIMIT + GRACE {
            return;
        }
        late.push(took);
    }
    panic!("{lane} is late: {late:?}");
}

#[test]
fn a_server_of_names_that_does_not_answer_costs_no_more_than_the_limit() {
    for lane in LANES {
        costs_no_more(lane, |ask| ask.timeout = Some(LIMIT));
        costs_no_more(lane, |ask| ask.deadline = Some(LIMIT));
    }
}
