//! A world of several tenants, each with tokens of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use http::header::AUTHORIZATION;
use tollgate::{
    Body, MockAdapter,
    auth::{
        Identity, KeyedTokenRefresh, KeyedTokenRefreshBuilder, MemoryStore, OAuth2Refresh, Token,
        TokenRefresh, TokenRefreshBuilder,
    },
    client::{Call, Client},
    runtime::ManualRuntime,
};

use super::{BASE, Count, Drive, Held, authorization, counted::Counted, eventually, gate::Gate};

/// One tenant, as the server knows it.
#[derive(Default)]
struct Tenant {
    number: u32,
    /// The number of the access token that the API takes now.
    valid: Option<u32>,
    refresh: u32,
    presented: usize,
    reused: usize,
    /// What the token endpoint answers with instead; 0 for nothing.
    down: u16,
    refuses: bool,
}

#[derive(Default)]
struct State {
    tenants: HashMap<String, Tenant>,
    /// Tokens that came where they do not belong.
    mixed: Vec<String>,
}

/// The path `/t/<tenant>/…` takes the tokens `<tenant>-a<n>`, and
/// `/token/<tenant>` the refresh tokens `<tenant>-r<n>`, each once.
#[derive(Clone)]
pub(crate) struct Tenants {
    state: Arc<Mutex<State>>,
    stores: Arc<Mutex<HashMap<Identity, Arc<MemoryStore>>>>,
    runtime: Counted,
    pub(crate) mock: MockAdapter,
    pub(crate) time: ManualRuntime,
    /// How often the factory was asked.
    pub(crate) made: Count,
}

impl Tenants {
    /// All of them are signed in with `<tenant>-a1` and `<tenant>-r1`.
    pub(crate) fn new(names: &[&str]) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let time = ManualRuntime::new();
        let runtime = Counted::new(&time);
        let handler = Arc::clone(&state);
        let mock = MockAdapter::new()
            .handler(move |request| Ok(handler.lock().unwrap().handle(request)))
            .with_runtime(runtime.clone());
        let tenants = Self {
            state,
            stores: Arc::default(),
            runtime,
            mock,
            time,
            made: Count::default(),
        };
        for name in names {
            let store = Arc::new(MemoryStore::new(tenants.issue(name)));
            let mut stores = tenants.stores.lock().unwrap();
            stores.insert(Identity::new(*name), store);
        }
        tenants
    }

    fn change<T>(&self, name: &str, change: impl FnOnce(&mut Tenant) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        change(state.tenants.entry(name.to_owned()).or_default())
    }

    /// Signs a tenant in: the pair that works from now on.
    pub(crate) fn issue(&self, name: &str) -> Token {
        let number = self.change(name, |it| {
            it.number += 1;
            it.valid = Some(it.number);
            it.refresh = it.number;
            it.number
        });
        Token::new(format!("{name}-a{number}")).refresh(format!("{name}-r{number}"))
    }

    /// From now on the API refuses the tenant's access token.
    pub(crate) fn expire(&self, name: &str) {
        self.change(name, |it| it.valid = None);
    }

    /// The API refuses every token of the tenant.
    pub(crate) fn always_refuse(&self, name: &str) {
        self.change(name, |it| it.refuses = true);
    }

    /// The token endpoint of the tenant answers with 503, or works again.
    pub(crate) fn down(&self, name: &str, down: bool) {
        self.change(name, |it| it.down = if down { 503 } else { 0 });
    }

    /// What the token endpoint answers the tenant is lost.
    pub(crate) fn lose_answers(&self, name: &str) {
        self.change(name, |it| it.down = 500);
    }

    /// How often a refresh token of the tenant was presented.
    pub(crate) fn refreshes(&self, name: &str) -> usize {
        self.change(name, |it| it.presented)
    }

    /// Checks that no token came where it does not belong, and none twice.
    pub(crate) fn check(&self) {
        let state = self.state.lock().unwrap();
        assert!(state.mixed.is_empty(), "{:?}", state.mixed);
        for (name, tenant) in &state.tenants {
            assert_eq!(tenant.reused, 0, "a refresh token of {name}");
        }
    }

    pub(crate) fn store(&self, identity: &Identity) -> Arc<MemoryStore> {
        let mut stores = self.stores.lock().unwrap();
        let store = stores.entry(identity.clone()).or_default();
        Arc::clone(store)
    }

    /// The session of a tenant, as the factory makes it.
    pub(crate) fn session(&self, identity: &Identity) -> TokenRefreshBuilder {
        self.made.add();
        let refresher = OAuth2Refresh::new(format!("/token/{identity}"), "app");
        TokenRefresh::builder(self.store(identity), refresher)
            .refresh_attempts(1)
            .jitter_seed(7)
    }

    pub(crate) fn builder(&self) -> KeyedTokenRefreshBuilder {
        let world = self.clone();
        TokenRefresh::keyed(move |identity| Ok(world.session(identity)))
    }

    pub(crate) fn pair(&self) -> KeyedTokenRefresh {
        self.builder().build().unwrap()
    }

    pub(crate) fn client<E: Drive>(&self, refresh: &KeyedTokenRefresh) -> Client<E> {
        let client = E::builder(self.mock.clone())
            .base_url(BASE)
            .allow_absolute_urls(true)
            .build()
            .unwrap();
        client.interceptors.use_pair(refresh.clone());
        client
    }

    /// A client whose requests to `path` wait at the gate.
    pub(crate) fn held<E: Drive>(
        &self,
        refresh: &KeyedTokenRefresh,
        path: &'static str,
    ) -> (Client<E>, Gate) {
        let gate = Gate::default();
        let held = Held {
            mock: self.mock.clone(),
            gate: gate.clone(),
            path,
        };
        let client = E::builder(held).base_url(BASE).build().unwrap();
        client.interceptors.use_pair(refresh.clone());
        (client, gate)
    }

    /// The tokens that were sent to the API.
    pub(crate) fn sent(&self) -> Vec<String> {
        let requests = self.mock.requests();
        let calls = requests
            .iter()
            .filter(|it| !it.uri().path().starts_with("/token/"));
        let token = |it| authorization(it).unwrap_or_else(|| "none".to_owned());
        calls
            .map(|it| token(it).trim_start_matches("Bearer ").to_owned())
            .collect()
    }

    /// Waits until no refresh has anything left to do.
    pub(crate) fn settle(&self) {
        eventually("all tasks have ended", || self.is_settled());
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.runtime.is_settled()
    }
}

/// A call to the tenant's part of the API, in its name.
pub(crate) fn call<E: Drive>(client: &Client<E>, name: &str) -> Call<E> {
    client
        .get(format!("/t/{name}/me"))
        .extension(Identity::new(name))
}

impl State {
    fn handle(&mut self, request: &http::Request<Body>) -> http::Response<Body> {
        let mut path = request.uri().path().split('/').skip(1);
        let (kind, name) = (path.next(), path.next().unwrap_or_default());
        if kind == Some("token") {
            let form = std::str::from_utf8(request.body().as_bytes().unwrap()).unwrap();
            let mut pairs = form.split('&');
            let presented = pairs.find_map(|it| it.strip_prefix("refresh_token="));
            let number = self.number(name, "r", presented);
            let tenant = self.tenants.entry(name.to_owned()).or_default();
            return tenant.refresh(name, number);
        }
        let sent = request.headers().get(AUTHORIZATION);
        let sent = sent.map(|it| it.to_str().unwrap());
        let number = self.number(name, "a", sent.and_then(|it| it.strip_prefix("Bearer ")));
        let tenant = self.tenants.entry(name.to_owned()).or_default();
        let known = number.is_some() && number == tenant.valid && !tenant.refuses;
        let status = if known { 200 } else { 401 };
        let answer = http::Response::builder().status(status);
        answer.body("{}".into()).unwrap()
    }

    /// Reads the number of a token, which has to be the tenant's.
    fn number(&mut self, name: &str, kind: &str, token: Option<&str>) -> Option<u32> {
        let token = token?;
        let number = token.strip_prefix(&format!("{name}-{kind}"));
        let number = number.and_then(|it| it.parse().ok());
        if number.is_none() {
            self.mixed.push(format!("{token} for {name}"));
        }
        number
    }
}

impl Tenant {
    fn refresh(&mut self, name: &str, presented: Option<u32>) -> http::Response<Body> {
        self.presented += 1;
        let answer = http::Response::builder().header("content-type", "application/json");
        if self.down != 0 {
            return answer.status(self.down).body("{}".into()).unwrap();
        }
        if presented != Some(self.refresh) {
            self.reused += 1;
            let body = r#"{"error":"invalid_grant"}"#;
            return answer.status(400).body(body.into()).unwrap();
        }
        self.number += 1;
        self.valid = Some(self.number);
        self.refresh = self.number;
        let body = serde_json::json!({
            "access_token": format!("{name}-a{}", self.number),
            "refresh_token": format!("{name}-r{}", self.number),
            "token_type": "bearer",
        });
        answer.body(body.to_string().into()).unwrap()
    }
}
