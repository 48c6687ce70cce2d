//! A world in memory: an API, its token server, a clock that stands still.

mod counted;
mod engine;
mod gate;
mod jarred;
mod server;
mod steps;
mod tenants;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::header::AUTHORIZATION;
use tollgate::{
    Adapter, BlockingAdapter, MockAdapter, Recorded, Runtime,
    auth::{MemoryStore, OAuth2Refresh, Token, TokenRefresh, TokenRefreshBuilder, TokenStore},
    client::Client,
    runtime::ManualRuntime,
};

use counted::Counted;
pub(crate) use engine::Drive;
pub(crate) use gate::{Count, Gate, Held, Log, asleep, eventually, settled};
pub(crate) use jarred::{ENDPOINT, Jarred, all};
pub(crate) use server::{Odd, Server};
pub(crate) use steps::{ByHand, Pausing, PausingAdapter, Step, Stepped, pausing_refresher};
pub(crate) use tenants::{Tenants, call};

pub(crate) const BASE: &str = "https://api.test";

/// Everything that a law needs.
pub(crate) struct World {
    pub(crate) server: Arc<Server>,
    pub(crate) mock: MockAdapter,
    pub(crate) time: ManualRuntime,
    pub(crate) store: Arc<MemoryStore>,
    runtime: Counted,
}

impl World {
    /// Somebody is signed in with `a1` and `r1`, of unknown expiry.
    pub(crate) fn new() -> Self {
        Self::with(Token::new("a1").refresh("r1"))
    }

    pub(crate) fn with(token: Token) -> Self {
        Self::over(MemoryStore::new(token))
    }

    pub(crate) fn over(store: MemoryStore) -> Self {
        let server = Server::new();
        let time = ManualRuntime::new();
        let runtime = Counted::new(&time);
        let handler = Arc::clone(&server);
        let mock = MockAdapter::new()
            .handler(move |request| Ok(handler.handle(request)))
            .with_runtime(runtime.clone());
        Self {
            server,
            mock,
            time,
            store: Arc::new(store),
            runtime,
        }
    }

    /// One try for each refresh: a law about tries says how many.
    pub(crate) fn pair(&self) -> TokenRefreshBuilder {
        pair_over(Arc::clone(&self.store))
            .refresh_attempts(1)
            .jitter_seed(7)
    }

    /// A client with the pair; the clock is the world's.
    pub(crate) fn client<E: Drive>(&self, refresh: &TokenRefresh) -> Client<E> {
        let client = self.bare::<E>();
        client.interceptors.use_pair(refresh.clone());
        client
    }

    /// The same, where requests to `path` wait at the gate.
    pub(crate) fn held<E: Drive>(
        &self,
        refresh: &TokenRefresh,
        path: &'static str,
    ) -> (Client<E>, Gate) {
        let held = self.holding(path);
        let gate = held.gate.clone();
        (client_of(held, refresh), gate)
    }

    /// The adapter of such a client.
    pub(crate) fn holding(&self, path: &'static str) -> Held {
        Held {
            mock: self.mock.clone(),
            gate: Gate::default(),
            path,
        }
    }

    pub(crate) fn bare<E: Drive>(&self) -> Client<E> {
        E::builder(self.mock.clone())
            .base_url(BASE)
            .allow_absolute_urls(true)
            .build()
            .unwrap()
    }

    /// The requests to the API, without those to the token server.
    pub(crate) fn calls(&self) -> Vec<Recorded> {
        let mut requests = self.mock.requests();
        requests.retain(|request| request.uri().path() != "/token");
        requests
    }

    pub(crate) fn sent_tokens(&self) -> Vec<Option<String>> {
        self.calls().iter().map(authorization).collect()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.time.wall()
    }

    /// Waits until no task of a client is left: all events are told, each look
    /// into the store is over.
    pub(crate) fn settle(&self) {
        eventually("all tasks have ended", || self.runtime.is_settled());
    }
}

/// A client of another adapter, with the pair.
pub(crate) fn client_of<E: Drive>(
    adapter: impl Adapter + BlockingAdapter,
    refresh: &TokenRefresh,
) -> Client<E> {
    let client = E::builder(adapter).base_url(BASE).build().unwrap();
    client.interceptors.use_pair(refresh.clone());
    client
}

/// A pair over a store of the law's own, with the settings that users get.
pub(crate) fn pair_over(store: impl TokenStore) -> TokenRefreshBuilder {
    TokenRefresh::builder(store, OAuth2Refresh::new("/token", "app"))
}

pub(crate) fn authorization(request: &Recorded) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?;
    Some(value.to_str().unwrap().to_owned())
}

pub(crate) fn some(tokens: &[&str]) -> Vec<Option<String>> {
    tokens
        .iter()
        .map(|token| Some(format!("Bearer {token}")))
        .collect()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
