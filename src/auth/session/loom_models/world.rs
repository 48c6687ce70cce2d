//! A session, its server and its callers, without a thread of their own.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use loom::{future::block_on, thread};

use crate::{
    Body, Client, MockAdapter, Runtime,
    auth::{MemoryStore, RefreshError, Token, TokenRefresh, TokenRefreshBuilder, TokenStore},
    runtime::{BoxFuture, ManualRuntime},
};

/// Runs a model in every order that so many preemptions make.
pub(super) fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    let model = Arc::new(model);
    builder.check(move || {
        let model = Arc::clone(&model);
        beside(move || model()).join().unwrap();
    });
}

/// Runs something beside the others; a whole call needs more stack than loom
/// gives.
pub(super) fn beside<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    /// In words.
    const STACK: usize = 0x1_0000;
    let builder = thread::Builder::new().stack_size(STACK);
    builder.spawn(run).unwrap()
}

/// What becomes of tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tasks {
    /// They run where they are spawned.
    Run,
    /// They are dropped, as by a runtime that shuts down.
    Drop,
}

/// Time stands still and no sleep ends.
#[derive(Debug)]
struct Still {
    time: ManualRuntime,
    tasks: Tasks,
}

impl Runtime for Still {
    fn now(&self) -> Instant {
        self.time.now()
    }

    fn wall(&self) -> SystemTime {
        self.time.wall()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        match self.tasks {
            Tasks::Run => block_on(task),
            Tasks::Drop => drop(task),
        }
    }
}

/// One run of a model. Its own locks are never held across one of loom's.
#[derive(Clone)]
pub(super) struct World {
    pub(super) refresh: TokenRefresh,
    pub(super) store: Arc<MemoryStore>,
    pub(super) presented: Arc<Mutex<Vec<String>>>,
    mock: MockAdapter,
    pub(super) time: ManualRuntime,
}

impl World {
    /// Signed in with `a1`, `r1`; the server takes what `takes` says.
    pub(super) fn new(
        token: impl FnOnce(Token, SystemTime) -> Token,
        takes: &'static [&'static str],
        build: impl FnOnce(TokenRefreshBuilder) -> TokenRefreshBuilder,
    ) -> Self {
        let time = ManualRuntime::new();
        let token = token(Token::new("a1").refresh("r1"), time.wall());
        let store = Arc::new(MemoryStore::new(token));
        let presented = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&presented);
        let refresher = async move |_: Client, token: Token| {
            let spent = token.refresh_token().unwrap().expose().to_owned();
            note.lock().unwrap().push(spent);
            Ok::<_, RefreshError>(Token::new("a2").refresh("r2"))
        };
        let refresh = TokenRefresh::builder(Arc::clone(&store), refresher);
        let mock = MockAdapter::new().handler(move |request: &http::Request<Body>| {
            let sent = request.headers()["authorization"].to_str().unwrap();
            let good = takes.contains(&sent.trim_start_matches("Bearer "));
            let status = if good { 200 } else { 401 };
            Ok(http::Response::builder()
                .status(status)
                .body(Body::empty())
                .unwrap())
        });
        Self {
            refresh: build(refresh.jitter_seed(7)).build().unwrap(),
            store,
            presented,
            mock,
            time,
        }
    }

    pub(super) fn client(&self, tasks: Tasks) -> Client {
        let client = Client::builder(self.mock.clone())
            .base_url("https://api.test")
            .runtime(Still {
                time: self.time.clone(),
                tasks,
            })
            .build()
            .unwrap();
        client.interceptors.use_pair(self.refresh.clone());
        client
    }

    pub(super) fn call(client: &Client) -> crate::Result<crate::Response> {
        block_on(client.get("/me").send())
    }

    pub(super) fn presented(&self) -> Vec<String> {
        self.presented.lock().unwrap().clone()
    }

    /// The access token that is stored.
    pub(super) fn stored(&self) -> String {
        let stored = block_on(self.store.load()).unwrap();
        stored.token().unwrap().access_token().expose().to_owned()
    }

    /// The token that is shown, and of which sign-in and version it is.
    pub(super) fn shown(&self) -> (u64, u64, Option<String>) {
        self.refresh.session.peek(|snapshot| {
            let held = snapshot.held();
            let access = held.map(|it| it.token.access_token().expose().to_owned());
            (snapshot.generation, snapshot.version, access)
        })
    }
}
