//! Whole sessions, whose store goes away and comes back.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tollgate::{
    Body, Client, MockAdapter,
    auth::{AuthEvent, RefreshClass, RefreshError, Stamp, Stored, Token, TokenRefresh},
    blocking,
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Mode, Proxy, Server, until};

use crate::support::{
    CANARY, DEADLINE, assert_clean, assert_punctual, load, punctual, save, store, timed, usual,
};

/// Far below what a look at the store takes where it cannot be reached.
const AT_ONCE: Duration = Duration::from_millis(100);

const BASE: &str = "https://api.test";

/// A strict server: each refresh token is good once.
#[derive(Default)]
struct Issuer {
    issued: u64,
    spent: Vec<String>,
}

impl Issuer {
    fn access(&self) -> String {
        format!("{CANARY}.a.{}", self.issued)
    }

    fn issue(&mut self) -> Token {
        self.issued += 1;
        Token::new(self.access()).refresh(format!("{CANARY}.r.{}", self.issued))
    }

    fn refresh(&mut self, token: &Token) -> Result<Token, RefreshError> {
        let spent = token.refresh_token().unwrap().expose().to_owned();
        let is_last = spent == format!("{CANARY}.r.{}", self.issued);
        self.spent.push(spent);
        if is_last {
            return Ok(self.issue());
        }
        Err(RefreshError::new(RefreshClass::Rejected, "reused"))
    }
}

struct World {
    server: Server,
    proxy: Proxy,
    open: fn(&str) -> RedisStore,
    issuer: Arc<Mutex<Issuer>>,
    events: Arc<Mutex<Vec<&'static str>>>,
}

impl World {
    /// With a token that is good for an hour, or has expired.
    fn new(is_good: bool) -> Option<Self> {
        Self::over(is_good, usual)
    }

    /// The same over stores of another kind.
    fn over(is_good: bool, open: fn(&str) -> RedisStore) -> Option<Self> {
        let server = Server::builder().append_only().start()?;
        let proxy = Proxy::start(server.port());
        let issuer = Arc::new(Mutex::new(Issuer::default()));
        let token = issuer.lock().unwrap().issue();
        let token = if is_good {
            token
        } else {
            token.expires_at(std::time::UNIX_EPOCH)
        };
        let stamp = Stamp::new(1, 1);
        save(
            &store(&server.url()),
            <_>::default(),
            &Stored::live(stamp, token),
        );
        Some(Self {
            server,
            proxy,
            open,
            issuer,
            events: Arc::default(),
        })
    }

    /// A process of its own; `before` happens when the answer is given, before
    /// it is stored.
    fn pair(&self, answered: impl Fn() + Clone + Send + Sync + 'static) -> TokenRefresh {
        let issuer = Arc::clone(&self.issuer);
        let refresher = async move |_: Client, token: Token| {
            let answer = issuer.lock().unwrap().refresh(&token);
            answered();
            answer
        };
        let events = Arc::clone(&self.events);
        let store = (self.open)(&self.proxy.url());
        let builder = TokenRefresh::builder(store, refresher).on_event(move |event| {
            events.lock().unwrap().push(match event {
                AuthEvent::Refreshed { .. } => "refreshed",
                AuthEvent::RefreshFailed { .. } => "failed",
                AuthEvent::SessionExpired { .. } => "expired",
                AuthEvent::PersistFailed { .. } => "not stored",
                _ => return,
            });
        });
        builder.build().unwrap()
    }

    fn mock(&self) -> MockAdapter {
        let issuer = Arc::clone(&self.issuer);
        MockAdapter::new().handler(move |request| {
            let wanted = format!("Bearer {}", issuer.lock().unwrap().access());
            let sent = request.headers().get("authorization");
            let is_good = sent.is_some_and(|sent| sent.as_bytes() == wanted.as_bytes());
            let mut response = http::Response::new(Body::empty());
            if !is_good {
                *response.status_mut() = http::StatusCode::UNAUTHORIZED;
            }
            Ok(response)
        })
    }

    fn client(&self, pair: &TokenRefresh) -> Client {
        let builder = Client::builder(self.mock()).base_url(BASE);
        let client = builder.build().unwrap();
        client.interceptors.use_pair(pair.clone());
        client
    }

    fn spent(&self) -> usize {
        self.issuer.lock().unwrap().spent.len()
    }

    fn saw(&self, event: &str) -> bool {
        self.events.lock().unwrap().contains(&event)
    }
}

fn call(client: &Client) -> tollgate::Result<()> {
    block_on(client.get("/me").send()).map(drop)
}

#[test]
fn while_redis_is_down_a_token_that_is_good_is_used_without_delay() {
    for mode in [Mode::Refuse, Mode::BlackHole, Mode::HangUp] {
        // A new session each time: its first call counts too.
        let at_once = (0..5).any(|_| slowest_call(mode).is_none_or(|took| took < AT_ONCE));
        assert!(at_once, "{mode:?}: a call takes longer than {AT_ONCE:?}");
    }
}

/// How long the slowest call of a session takes while Redis is down.
fn slowest_call(mode: Mode) -> Option<Duration> {
    let world = World::new(true)?;
    let pair = world.pair(|| {});
    let on_async = world.client(&pair);
    let builder = blocking::Client::builder(world.mock()).base_url(BASE);
    let on_threads = builder.build().unwrap();
    on_threads.interceptors.use_pair(pair);
    call(&on_async).unwrap();
    world.proxy.set(mode);
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let (took, result) = timed(|| call(&on_async));
        result.unwrap();
        slowest = slowest.max(took);
        let get = on_threads.get("/me");
        let (took, result) = timed(|| get.send());
        result.unwrap();
        slowest = slowest.max(took);
    }
    assert_eq!(world.spent(), 0);
    Some(slowest)
}

#[test]
fn while_redis_is_down_no_refresh_token_is_spent_and_after_it_all_goes_on() {
    punctual(|| {
        let Some(world) = World::new(false) else {
            return;
        };
        for mode in [Mode::Refuse, Mode::BlackHole, Mode::HangUp] {
            let pair = world.pair(|| {});
            let client = world.client(&pair);
            world.proxy.set(mode);
            let (took, result) = timed(|| call(&client));
            let error = result.unwrap_err();
            let cause = RefreshError::find_in(&error).unwrap();
            assert_eq!(cause.class(), RefreshClass::Store, "{error}");
            assert_clean(&error);
            assert_punctual(took, DEADLINE, mode);
            assert_eq!(world.spent(), 0);
            world.proxy.set(Mode::Pass);
        }
        let pair = world.pair(|| {});
        let client = world.client(&pair);
        world.proxy.set(Mode::Refuse);
        call(&client).unwrap_err();
        world.proxy.set(Mode::Pass);
        until("the session to go on", || call(&client).is_ok());
        assert_eq!(world.spent(), 1);
        let other = store(&world.server.url());
        // What cannot be stored in time is stored later.
        until("the new pair to be stored", || {
            let stored = load(&other);
            (stored.stamp(), stored.presented()) == (Stamp::new(1, 2), None)
        });
        assert_eq!(world.spent(), 1);
    });
}

#[test]
fn redis_is_killed_and_comes_back_under_a_session() {
    let Some(world) = World::over(true, store) else {
        return;
    };
    let pair = world.pair(|| {});
    let client = world.client(&pair);
    for round in 1..4 {
        call(&client).unwrap();
        world.server.kill();
        call(&client).unwrap();
        world.server.restart();
        block_on(pair.refresh_now(&client)).unwrap();
        assert_eq!(world.spent(), round);
        call(&client).unwrap();
    }
}

/// After the grant: the pair is used, kept, and stored when there is a store.
#[test]
fn a_pair_that_could_not_be_stored_is_used_and_stored_later() {
    for mode in [Mode::Refuse, Mode::BlackHole] {
        let Some(world) = World::new(false).map(Arc::new) else {
            return;
        };
        let weak = Arc::downgrade(&world);
        let pair = world.pair(move || {
            if let Some(world) = weak.upgrade() {
                world.proxy.set(mode);
            }
        });
        let client = world.client(&pair);
        call(&client).unwrap();
        assert_eq!(world.spent(), 1);
        until("the event", || world.saw("not stored"));
        call(&client).unwrap();
        world.proxy.set(Mode::Pass);
        let other = store(&world.server.url());
        until("the pair to be stored", || {
            call(&client).unwrap();
            let stored = load(&other);
            let access = stored.token().unwrap().access_token().expose();
            access == world.issuer.lock().unwrap().access()
        });
        assert_eq!(world.spent(), 1, "and the old one was not spent again");
    }
}
