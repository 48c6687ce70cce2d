//! Cases 75 to 79: a token is refreshed once, whoever is refused.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tollgate::{
    ErrorCode, Request,
    adapter::conformance::{Reply, Script, Server},
    auth::{MemoryStore, RefreshClass, RefreshError, Token, TokenRefresh},
    client::Client,
    runtime::{Runtime, ThreadRuntime, block_on},
};

use crate::{
    case::cases,
    lanes::Stage,
    support::{AMPLE, World, wait_until},
};

cases! {
    75 parallel_refusals_make_one_refresh;
    76 a_late_refusal_of_the_old_token_makes_no_second_refresh
        deviates "the usual axios hook refreshes whenever it sees a 401, the token be old or new";
    77 a_refresh_that_is_refused_fails_all_who_wait
        deviates "the usual axios hook waits for itself, for ever";
    78 a_refresh_that_fails_fails_all_who_wait_and_can_be_tried_again
        deviates "the usual axios hook leaves those who wait hanging";
    79 a_second_refusal_is_returned;
}

/// How many calls were refused, and how many refreshes were begun.
#[derive(Default)]
struct Calls {
    refused: AtomicUsize,
    refreshes: AtomicUsize,
    /// Whether a refresh that was begun has to wait.
    held: AtomicBool,
}

impl Calls {
    /// Counts a refresh, and holds it as long as it has to wait.
    async fn refresh(&self) {
        self.refreshes.fetch_add(1, Ordering::SeqCst);
        while self.held.load(Ordering::SeqCst) {
            ThreadRuntime.sleep(Duration::from_millis(1)).await;
        }
    }

    fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }

    /// Lets a refresh go on once so many calls wait for it beside the one that
    /// has begun it: none comes when the cool-down of its failure is over.
    fn let_go(&self, refresh: &TokenRefresh, others: u64) {
        wait_until("the others wait", || refresh.counters().coalesced >= others);
        self.held.store(false, Ordering::SeqCst);
    }
}

/// Answers 200 to the token `a2`, and 401 else, once `ready` says so.
fn server<L: Stage>(
    world: &World<'_, L>,
    calls: &Arc<Calls>,
    ready: impl Fn(&str, &Calls) -> bool + Send + Sync + 'static,
) -> Arc<Server> {
    let calls = Arc::clone(calls);
    world.serve(Script::new().otherwise(move |request| {
        if request.header("authorization") == Some("Bearer a2") {
            return Reply::new(200).body("welcome");
        }
        calls.refused.fetch_add(1, Ordering::SeqCst);
        wait_until("the refusals may go out", || ready(request.path(), &calls));
        Reply::new(401)
    }))
}

/// A pair over the token `a1`, whose refresh is counted, does `act` and tries
/// once.
fn pair(
    calls: &Arc<Calls>,
    act: impl Fn() -> Result<Token, RefreshError> + Clone + Send + Sync + 'static,
) -> TokenRefresh {
    let calls = Arc::clone(calls);
    let store = MemoryStore::new(Token::new("a1").refresh("r1"));
    let refresher = async move |_: tollgate::Client, _: Token| {
        calls.refresh().await;
        act()
    };
    let builder = TokenRefresh::builder(store, refresher);
    builder.refresh_attempts(1).build().unwrap()
}

fn client<L: Stage>(
    world: &World<'_, L>,
    server: &Server,
    refresh: &TokenRefresh,
) -> Client<L::Engine> {
    let client = world.client_with(|builder| builder.base_url(server.origin()));
    client.interceptors.use_pair(refresh.clone());
    client
}

fn parallel_refusals_make_one_refresh<L: Stage>(world: &World<'_, L>) {
    let calls = Arc::default();
    // Nobody is refused before all five are there.
    let server = server(world, &calls, |_, calls| {
        calls.refused.load(Ordering::SeqCst) >= 5
    });
    let refresh = pair(&calls, || Ok(Token::new("a2")));
    let client = client(world, &server, &refresh);
    thread::scope(|scope| {
        for _ in 0..5 {
            let call = client.get("/me");
            scope.spawn(move || assert_eq!(world.lane.send(call).unwrap().attempts(), 2));
        }
    });
    assert_eq!(calls.refreshes.load(Ordering::SeqCst), 1);
    assert_eq!(server.requests().len(), 10);
}

fn a_late_refusal_of_the_old_token_makes_no_second_refresh<L: Stage>(world: &World<'_, L>) {
    let calls: Arc<Calls> = Arc::default();
    let server = server(world, &calls, |path, calls| {
        path != "/slow" || calls.refreshes.load(Ordering::SeqCst) == 1
    });
    let refresh = pair(&calls, || Ok(Token::new("a2")));
    let client = client(world, &server, &refresh);
    thread::scope(|scope| {
        let slow = client.get("/slow");
        let slow = scope.spawn(move || world.lane.send(slow));
        wait_until("the slow call is under way", || {
            calls.refused.load(Ordering::SeqCst) == 1
        });
        world.lane.send(client.get("/me")).unwrap();
        assert_eq!(slow.join().unwrap().unwrap().attempts(), 2);
    });
    assert_eq!(calls.refreshes.load(Ordering::SeqCst), 1);
    assert_eq!(server.requests().len(), 4);
}

fn a_refresh_that_is_refused_fails_all_who_wait<L: Stage>(world: &World<'_, L>) {
    let calls: Arc<Calls> = Arc::default();
    let server = server(world, &calls, |path, calls| {
        path == "/refresh" || calls.refused.load(Ordering::SeqCst) >= 3
    });
    // The very client that is refreshed for, which the first call brings.
    let own: Arc<OnceLock<tollgate::Client>> = Arc::default();
    let known = Arc::clone(&own);
    let counted = Arc::clone(&calls);
    let refresher = async move |_: tollgate::Client, _: Token| {
        counted.refresh().await;
        let answer = own.get().unwrap().get("/refresh").await;
        answer.map(|_| Token::new("a2")).map_err(RefreshError::from)
    };
    let store = MemoryStore::new(Token::new("a1").refresh("r1"));
    let builder = TokenRefresh::builder(store, refresher);
    let refresh = builder.refresh_attempts(1).build().unwrap();
    let client = client(world, &server, &refresh);
    let learn = move |request: Request| {
        known.get_or_init(|| request.client().unwrap());
        Ok(request)
    };
    client.interceptors.request.use_sync(learn);
    calls.hold();
    thread::scope(|scope| {
        for _ in 0..3 {
            // Who waited for ever would see the deadline's error instead.
            let call = client.get("/me").deadline(AMPLE);
            scope.spawn(move || {
                let error = world.fails(call);
                assert!(RefreshError::find_in(&error).is_some(), "{error}");
            });
        }
        calls.let_go(&refresh, 2);
    });
    assert_eq!(calls.refreshes.load(Ordering::SeqCst), 1);
}

fn a_refresh_that_fails_fails_all_who_wait_and_can_be_tried_again<L: Stage>(world: &World<'_, L>) {
    let calls: Arc<Calls> = Arc::default();
    let server = server(world, &calls, |_, calls| {
        calls.refused.load(Ordering::SeqCst) >= 3
    });
    let refresh = pair(&calls, || {
        Err(RefreshError::new(RefreshClass::NotSent, "nobody answers"))
    });
    let client = client(world, &server, &refresh);
    calls.hold();
    thread::scope(|scope| {
        for _ in 0..3 {
            let call = client.get("/me");
            scope.spawn(move || {
                let error = world.fails(call);
                assert_eq!(error.code(), ErrorCode::AuthRefreshFailed, "{error}");
            });
        }
        calls.let_go(&refresh, 2);
    });
    assert_eq!(calls.refreshes.load(Ordering::SeqCst), 1);
    // Until the cool-down is over the answer is the same; who asks for a
    // refresh gets one.
    let asked = tollgate::Client::new(tollgate::MockAdapter::new());
    block_on(refresh.refresh_now(&asked)).unwrap_err();
    assert_eq!(calls.refreshes.load(Ordering::SeqCst), 2);
    block_on(refresh.sign_in(Token::new("a2"))).unwrap();
    world.lane.send(client.get("/me")).unwrap();
}

fn a_second_refusal_is_returned<L: Stage>(world: &World<'_, L>) {
    let calls = Arc::default();
    let server = server(world, &calls, |_, _| true);
    let refresh = pair(&calls, || Ok(Token::new("also-refused")));
    let client = client(world, &server, &refresh);
    let error = world.fails(client.get("/me"));
    assert!(error.is_status(401));
    assert_eq!(error.attempts(), 2);
    assert_eq!(calls.refreshes.load(Ordering::SeqCst), 1);
    let requests = server.requests();
    let tokens: Vec<_> = requests
        .iter()
        .map(|it| it.header("authorization"))
        .collect();
    assert_eq!(tokens, [Some("Bearer a1"), Some("Bearer also-refused")]);
}
