//! A world whose session is a pair of cookies.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use http::header::{AUTHORIZATION, COOKIE};
use tollgate::{
    Body, MockAdapter, Recorded,
    auth::{CookieJar, CookieRefresh, CookieStore, TokenRefresh, TokenRefreshBuilder},
    client::Client,
    runtime::ManualRuntime,
};

use super::{BASE, Drive};

pub(crate) const ENDPOINT: &str = "https://api.test/auth/refresh";

/// An API that keeps the session in cookies; each refresh cookie works once.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) number: u32,
    pub(crate) valid: Option<String>,
    pub(crate) refresh: String,
    pub(crate) presented: Vec<String>,
    pub(crate) reused: u32,
    /// The lifetime of the access token's cookie.
    pub(crate) max_age: Option<u64>,
    /// The next answers of the endpoint, instead of the right one.
    pub(crate) odd: Vec<http::response::Builder>,
    /// The API takes the access token as a cookie.
    pub(crate) by_cookie: bool,
    /// The access token comes in the body.
    pub(crate) in_body: bool,
    /// What the API sets with its next answer.
    pub(crate) sets: Vec<String>,
    /// Where `/away` leads to.
    pub(crate) away: &'static str,
}

pub(crate) struct Jarred {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) mock: MockAdapter,
    pub(crate) time: ManualRuntime,
    pub(crate) jar: CookieJar,
}

impl Jarred {
    /// Somebody is signed in with `a1` and `r1`.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        world.set("access_token=a1; Path=/; Secure");
        world.set("refresh_token=r1; Path=/auth; Secure; HttpOnly");
        world
    }

    pub(crate) fn empty() -> Self {
        let state = Arc::new(Mutex::new(State {
            number: 1,
            valid: Some("a1".to_owned()),
            refresh: "r1".to_owned(),
            ..State::default()
        }));
        let time = ManualRuntime::new();
        let handler = Arc::clone(&state);
        let mock = MockAdapter::new()
            .handler(move |request| Ok(handler.lock().unwrap().handle(request)))
            .with_runtime(time.clone());
        let jar = CookieJar::new().clock(time.clone());
        Self {
            state,
            mock,
            time,
            jar,
        }
    }

    pub(crate) fn set(&self, cookie: &str) {
        self.jar.set(ENDPOINT, cookie).unwrap();
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub(crate) fn store(&self) -> CookieStore {
        CookieStore::new(&self.jar, ENDPOINT).unwrap()
    }

    pub(crate) fn builder(&self) -> TokenRefreshBuilder {
        let store = self.store();
        let refresher = CookieRefresh::new(&store);
        TokenRefresh::builder(store, refresher)
            .refresh_attempts(1)
            .jitter_seed(7)
    }

    pub(crate) fn pair(&self) -> TokenRefresh {
        self.builder().build().unwrap()
    }

    pub(crate) fn client<E: Drive>(&self, refresh: &TokenRefresh) -> Client<E> {
        let client = self.bare::<E>();
        client.interceptors.use_pair(self.jar.clone());
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

    pub(crate) fn presented(&self) -> Vec<String> {
        self.change(|it| it.presented.clone())
    }

    /// What the requests to a path carried as cookies.
    pub(crate) fn cookies(&self, path: &str) -> Vec<Option<String>> {
        let mut requests = self.mock.requests();
        requests.retain(|request| request.uri().path() == path);
        requests.iter().map(|it| header(it, COOKIE)).collect()
    }

    pub(crate) fn bearers(&self, path: &str) -> Vec<Option<String>> {
        let mut requests = self.mock.requests();
        requests.retain(|request| request.uri().path() == path);
        requests
            .iter()
            .map(|it| header(it, AUTHORIZATION))
            .collect()
    }

    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let value = self.jar.get(ENDPOINT, name)?;
        Some(value.expose().to_owned())
    }
}

fn header(request: &Recorded, name: http::HeaderName) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split("; ").find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        (known == name).then_some(value)
    })
}

impl State {
    fn handle(&mut self, request: &http::Request<Body>) -> http::Response<Body> {
        let text = |name| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
        if request.uri().path() == "/auth/refresh" {
            return self.refresh(&text(COOKIE).unwrap_or_default());
        }
        if request.uri().path() == "/away" {
            let answer = http::Response::builder()
                .status(302)
                .header("location", self.away);
            return answer.body(Body::empty()).unwrap();
        }
        let sent = text(AUTHORIZATION);
        let sent = sent.as_deref().and_then(|it| it.strip_prefix("Bearer "));
        let cookies = text(COOKIE).unwrap_or_default();
        let sent = match sent {
            None if self.by_cookie => cookie(&cookies, "access_token"),
            sent => sent,
        };
        let known = sent.is_some() && sent == self.valid.as_deref();
        let mut answer = http::Response::builder().status(if known { 200 } else { 401 });
        for set in self.sets.drain(..) {
            answer = answer.header("set-cookie", set);
        }
        answer.body("{}".into()).unwrap()
    }

    fn refresh(&mut self, cookies: &str) -> http::Response<Body> {
        let presented = cookie(cookies, "refresh_token").unwrap_or("none");
        self.presented.push(presented.to_owned());
        if !self.odd.is_empty() {
            return self.odd.remove(0).body("{}".into()).unwrap();
        }
        let answer = http::Response::builder().header("content-type", "application/json");
        if presented != self.refresh {
            self.reused += 1;
            let gone = "refresh_token=; Path=/auth; Max-Age=0; Secure";
            let answer = answer.status(401).header("set-cookie", gone);
            return answer.body(r#"{"message":"no"}"#.into()).unwrap();
        }
        self.number += 1;
        let (access, refresh) = (format!("a{}", self.number), format!("r{}", self.number));
        let mut set = format!("access_token={access}; Path=/; Secure");
        if let Some(age) = self.max_age {
            write!(set, "; Max-Age={age}").unwrap();
        }
        let next = format!("refresh_token={refresh}; Path=/auth; Secure; HttpOnly");
        let mut answer = answer
            .header("set-cookie", next)
            .header("set-cookie", "theme=dark; Path=/");
        let mut body = "{}".to_owned();
        if self.in_body {
            body = format!(r#"{{"data":{{"token":"{access}"}},"expires_in":60}}"#);
        } else {
            answer = answer.header("set-cookie", set);
        }
        self.valid = Some(access);
        self.refresh = refresh;
        answer.body(body.into()).unwrap()
    }
}

pub(crate) fn all(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}
