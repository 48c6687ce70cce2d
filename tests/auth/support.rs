//! A world in memory: an API, its token server, a clock that stands still.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use http::header::AUTHORIZATION;
use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, MockAdapter, Recorded, Response, Result, Runtime,
    auth::{AuthEvent, MemoryStore, OAuth2Refresh, Token, TokenRefresh, TokenRefreshBuilder},
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    runtime::{ManualRuntime, block_on},
};

pub(crate) const BASE: &str = "https://api.test";

/// An engine, as the laws are written for it.
pub(crate) trait Drive: EngineKind + Sized {
    fn builder<A: Adapter + BlockingAdapter>(adapter: A) -> ClientBuilder<Self>;
    fn send(call: Call<Self>) -> Result<Response>;
    /// Sends many calls at once, and waits for all.
    fn send_all(calls: Vec<Call<Self>>) -> Vec<Result<Response>>;
}

impl Drive for Async {
    fn builder<A: Adapter + BlockingAdapter>(adapter: A) -> ClientBuilder<Self> {
        Client::<Self>::builder(adapter)
    }

    fn send(call: Call<Self>) -> Result<Response> {
        block_on(call.send())
    }

    fn send_all(calls: Vec<Call<Self>>) -> Vec<Result<Response>> {
        block_on(futures::future::join_all(
            calls.into_iter().map(Call::<Self>::send),
        ))
    }
}

impl Drive for Blocking {
    fn builder<A: Adapter + BlockingAdapter>(adapter: A) -> ClientBuilder<Self> {
        Client::<Self>::builder(adapter)
    }

    fn send(call: Call<Self>) -> Result<Response> {
        call.send()
    }

    fn send_all(calls: Vec<Call<Self>>) -> Vec<Result<Response>> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = calls
                .into_iter()
                .map(|call| scope.spawn(|| call.send()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        })
    }
}

/// One answer of the token server, instead of the right one.
#[derive(Clone, Debug)]
pub(crate) struct Odd {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) body: String,
    pub(crate) retry_after: Option<&'static str>,
}

impl Odd {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            kind: "application/json",
            body: body.to_owned(),
            retry_after: None,
        }
    }

    pub(crate) fn html(status: u16) -> Self {
        Self {
            kind: "text/html",
            ..Self::json(status, "<html>CANARY-page</html>")
        }
    }
}

/// An API with a strict token server: each refresh token works once, and the
/// second presentation ends the session.
#[derive(Default)]
pub(crate) struct Server {
    state: Mutex<ServerState>,
}

#[derive(Default)]
struct ServerState {
    number: u32,
    /// The access token that the API takes now.
    valid: Option<String>,
    refresh: String,
    presented: Vec<String>,
    reused: u32,
    odd: VecDeque<Odd>,
    lifetime: Option<u64>,
    rotates: bool,
    refusal: u16,
    always_refuses: bool,
}

impl Server {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(ServerState {
                number: 1,
                valid: Some("a1".to_owned()),
                refresh: "r1".to_owned(),
                lifetime: Some(3600),
                rotates: true,
                refusal: 401,
                ..ServerState::default()
            }),
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut ServerState) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// From now on the API refuses the current access token.
    pub(crate) fn expire(&self) {
        self.change(|it| it.valid = None);
    }

    /// Scripts the token server's next answer.
    pub(crate) fn answer(&self, odd: Odd) {
        self.change(|it| it.odd.push_back(odd));
    }

    pub(crate) fn lifetime(&self, seconds: Option<u64>) {
        self.change(|it| it.lifetime = seconds);
    }

    pub(crate) fn without_rotation(&self) {
        self.change(|it| it.rotates = false);
    }

    pub(crate) fn refuse_with(&self, status: u16) {
        self.change(|it| it.refusal = status);
    }

    pub(crate) fn always_refuse(&self) {
        self.change(|it| it.always_refuses = true);
    }

    /// Signs somebody in: returns the pair that works from now on.
    pub(crate) fn issue(&self, access: &str, refresh: &str) -> Token {
        self.change(|it| {
            it.valid = Some(access.to_owned());
            it.refresh = refresh.to_owned();
        });
        Token::new(access).refresh(refresh)
    }

    /// The refresh tokens that were presented, in order.
    pub(crate) fn presented(&self) -> Vec<String> {
        self.change(|it| it.presented.clone())
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.presented().len()
    }

    pub(crate) fn reused(&self) -> u32 {
        self.change(|it| it.reused)
    }

    fn token(&self, form: &str) -> http::Response<Body> {
        let presented = form
            .split('&')
            .find_map(|pair| pair.strip_prefix("refresh_token="))
            .unwrap_or_default()
            .to_owned();
        self.change(|it| {
            it.presented.push(presented.clone());
            if let Some(odd) = it.odd.pop_front() {
                return answer(&odd);
            }
            if presented != it.refresh {
                it.reused += 1;
                it.refresh = "nothing".to_owned();
                return answer(&Odd::json(400, r#"{"error":"invalid_grant"}"#));
            }
            it.number += 1;
            let number = it.number;
            it.valid = Some(format!("a{number}"));
            let mut body = serde_json::json!({
                "access_token": format!("a{number}"),
                "token_type": "bearer",
            });
            if it.rotates {
                it.refresh = format!("r{number}");
                body["refresh_token"] = it.refresh.clone().into();
            }
            if let Some(lifetime) = it.lifetime {
                body["expires_in"] = lifetime.into();
            }
            answer(&Odd::json(200, &body.to_string()))
        })
    }

    fn resource(&self, authorization: Option<&str>) -> http::Response<Body> {
        self.change(|it| {
            let sent = authorization.and_then(|value| value.strip_prefix("Bearer "));
            let known = sent.is_some() && sent == it.valid.as_deref() && !it.always_refuses;
            if known {
                answer(&Odd::json(200, "\"ok\""))
            } else {
                answer(&Odd::json(it.refusal, r#"{"error":"invalid_token"}"#))
            }
        })
    }

    fn handle(&self, request: &http::Request<Body>) -> http::Response<Body> {
        if request.uri().path() == "/token" {
            let body = request.body().as_bytes().unwrap();
            return self.token(std::str::from_utf8(body).unwrap());
        }
        let header = request.headers().get(AUTHORIZATION);
        self.resource(header.map(|value| value.to_str().unwrap()))
    }
}

fn answer(odd: &Odd) -> http::Response<Body> {
    let mut response = http::Response::builder()
        .status(odd.status)
        .header("content-type", odd.kind);
    if let Some(seconds) = odd.retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(odd.body.clone().into()).unwrap()
}

/// Everything that a law needs.
pub(crate) struct World {
    pub(crate) server: Arc<Server>,
    pub(crate) mock: MockAdapter,
    pub(crate) time: ManualRuntime,
    pub(crate) store: Arc<MemoryStore>,
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
        let handler = Arc::clone(&server);
        let mock = MockAdapter::new()
            .handler(move |request| Ok(handler.handle(request)))
            .with_runtime(time.clone());
        Self {
            server,
            mock,
            time,
            store: Arc::new(store),
        }
    }

    pub(crate) fn pair(&self) -> TokenRefreshBuilder {
        TokenRefresh::builder(Arc::clone(&self.store), OAuth2Refresh::new("/token", "app"))
            .jitter_seed(7)
    }

    /// A client with the pair; the clock is the world's.
    pub(crate) fn client<E: Drive>(&self, refresh: &TokenRefresh) -> Client<E> {
        let client = self.bare::<E>();
        client.interceptors.use_pair(refresh.clone());
        client
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

/// Holds async code up until the test lets it go on; works in both engines.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<GateState>>);

#[derive(Default)]
struct GateState {
    open: bool,
    arrived: usize,
    wakers: Vec<Waker>,
}

impl Gate {
    pub(crate) fn open(&self) {
        let wakers = {
            let mut state = self.0.lock().unwrap();
            state.open = true;
            std::mem::take(&mut state.wakers)
        };
        for waker in wakers {
            waker.wake();
        }
    }

    pub(crate) fn pass(&self) -> Passing {
        Passing {
            gate: self.clone(),
            counted: false,
        }
    }

    /// Waits in real time, bounded, until `count` have arrived.
    pub(crate) fn await_arrivals(&self, count: usize) {
        eventually("the gate is reached", || {
            self.0.lock().unwrap().arrived >= count
        });
    }
}

pub(crate) struct Passing {
    gate: Gate,
    counted: bool,
}

impl Future for Passing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let gate = self.gate.clone();
        let mut state = gate.0.lock().unwrap();
        if !self.counted {
            self.counted = true;
            state.arrived += 1;
        }
        if state.open {
            return Poll::Ready(());
        }
        state.wakers.push(context.waker().clone());
        Poll::Pending
    }
}

/// Waits, at most ten seconds of real time, for what other threads do.
#[expect(
    clippy::disallowed_methods,
    reason = "what other threads do takes real time"
)]
pub(crate) fn eventually(what: &str, done: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("not within ten seconds: {what}");
}

/// Collects the names of events.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    pub(crate) fn listen(&self, refresh: &TokenRefresh) {
        let log = self.clone();
        refresh.on_event(move |event| {
            let name = match event {
                AuthEvent::Refreshed { .. } => "refreshed",
                AuthEvent::RefreshFailed { .. } => "failed",
                AuthEvent::SessionExpired { .. } => "expired",
                AuthEvent::NotStored { .. } => "not stored",
                _ => "other",
            };
            log.0.lock().unwrap().push(name);
        });
    }

    /// Events are told after the callers were woken: this waits for them.
    pub(crate) fn expect(&self, names: &[&str]) {
        eventually("the events are told", || {
            self.0.lock().unwrap().len() >= names.len()
        });
        assert_eq!(*self.0.lock().unwrap(), names);
    }
}

/// Counts what happens.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// An adapter that holds the API's answers up; the token server answers.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) mock: MockAdapter,
    pub(crate) gate: Gate,
    pub(crate) path: &'static str,
}

#[async_trait::async_trait]
impl Adapter for Held {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        if request.uri().path() == self.path {
            self.gate.pass().await;
        }
        Adapter::send(&self.mock, request).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Adapter::runtime(&self.mock)
    }
}

impl BlockingAdapter for Held {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        if request.uri().path() == self.path {
            block_on(self.gate.pass());
        }
        BlockingAdapter::send(&self.mock, request)
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        BlockingAdapter::runtime(&self.mock)
    }
}
