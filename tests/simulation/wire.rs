//! [`Wire`] and [`Asker`]: the API, the token endpoint, a stranger's server,
//! and the refresher between; all of them fail by chance.

use std::{future::pending, sync::Arc};

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use tollgate::{
    Adapter, AdapterError, Body, Client, ErrorKind, Runtime,
    auth::{OAuth2Refresh, RefreshClass, RefreshError, Refresher, Token},
};

use crate::{
    executor::Kind,
    facts::Id,
    server::Life,
    world::{CANARY, Rotation, State, World, access_text, id_of, read},
};

pub(crate) const API: &str = "https://api.test";
pub(crate) const TOKEN_URL: &str = "https://id.test/token";
pub(crate) const REVOCATION_URL: &str = "https://id.test/revoke";
/// In the extensions of a call: which one it is.
#[derive(Clone, Copy)]
pub(crate) struct Number(pub(crate) usize);

pub(crate) struct Wire(pub(crate) Arc<World>);

type Answer = Result<http::Response<Body>, AdapterError>;

fn answer(status: u16, kind: &str, body: impl Into<Body>) -> http::Response<Body> {
    http::Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(body.into())
        .unwrap()
}

fn json(status: u16, body: impl Into<Body>) -> http::Response<Body> {
    answer(status, "application/json", body)
}

/// What the token endpoint does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Right,
    Refused,
    Busy,
    /// The answer is lost, and so may be what was asked.
    Lost,
    Broken,
    Garbage,
    Denied,
    Config,
    Panics,
    Hangs,
}

impl Fate {
    fn draw(state: &mut State) -> Self {
        let trouble = state.plan.trouble;
        if !state.chance(trouble) {
            return Self::Right;
        }
        let all = [
            Self::Refused,
            Self::Refused,
            Self::Busy,
            Self::Lost,
            Self::Broken,
            Self::Garbage,
            Self::Denied,
            Self::Config,
            Self::Panics,
            Self::Hangs,
        ];
        all[state.random.usize(..all.len())]
    }
}

impl State {
    pub(crate) fn life(&self, world: &World) -> Life {
        Life {
            now: world.time.true_time(),
            seconds: self.plan.lifetime,
        }
    }

    /// Makes the next pair, if the refresh token is good.
    pub(crate) fn rotate(&mut self, id: Id, life: Life) -> Option<(Id, Option<u32>)> {
        let given = self.server.refresh(id, self.plan.rotation, life);
        if let Some((next, _)) = given {
            self.model.gives(next, id.1);
        }
        self.note(|| format!("server: {id:?} gives {given:?}"));
        given
    }
}

/// A refresh token under way, until its request is over or dropped.
struct Presented<'a> {
    world: &'a World,
    id: Id,
}

impl<'a> Presented<'a> {
    fn begin(world: &'a World, id: Id) -> Self {
        let running = world.running();
        let now = world.time.elapsed();
        let mut state = world.lock();
        state.note(|| format!("server: {id:?} is presented"));
        let rotates = state.plan.rotation != Rotation::Kept;
        state.model.presents(id, running.task, now, rotates);
        if rotates {
            state.model.needs(id, world.time.wall());
        }
        let leased = !state.plan.leases || state.kept.is_leased_to(running.task, now);
        state.model.require("I1", leased, || {
            format!("{id:?} is presented without a lease")
        });
        Self { world, id }
    }
}

impl Drop for Presented<'_> {
    fn drop(&mut self) {
        let running = self.world.running();
        let mut state = self.world.lock();
        state.model.require("I7", running.kind == Kind::Flight, || {
            format!("a refresh ends with a {:?}", running.kind)
        });
        state.model.presentation_ends(self.id);
    }
}

impl Wire {
    async fn api(&self, request: &http::Request<Body>) -> Answer {
        let world = &*self.0;
        let Number(call) = *request.extensions().get::<Number>().unwrap();
        let header = request.headers().get(AUTHORIZATION);
        let token = header.and_then(|value| read(value.to_str().ok()?.strip_prefix("Bearer ")?));
        {
            let mut state = world.lock();
            state.note(|| format!("api: call {call} with {token:?}"));
            state.model.sends(call, token, world.time.wall());
        }
        world.pause(3).await;
        let status = {
            let mut state = world.lock();
            let spurious = state.plan.spurious;
            let now = world.time.true_time();
            let good = token.is_some_and(|id| state.server.accepts(id, now));
            let spurious = state.chance(spurious);
            if good && !spurious { 200 } else { 401 }
        };
        world.pause(3).await;
        let wall = world.time.wall();
        let mut state = world.lock();
        if request.uri().path() == "/away" {
            state.note(|| format!("api: call {call} is sent away"));
            let mut away = answer(302, "text/plain", "");
            away.headers_mut().insert(
                "location",
                http::HeaderValue::from_static("https://stranger.test/"),
            );
            return Ok(away);
        }
        state.model.answers(call, token, status, wall);
        state.note(|| format!("api: call {call} gets {status}"));
        Ok(json(status, "\"ok\""))
    }

    /// I11: a token must not come here.
    fn stranger(&self, request: &http::Request<Body>) -> Answer {
        let shown = request
            .headers()
            .values()
            .any(|value| String::from_utf8_lossy(value.as_bytes()).contains(CANARY));
        let mut state = self.0.lock();
        state
            .model
            .require("I11", !shown, || "a stranger gets a token".to_owned());
        let status = if state.random.bool() { 200 } else { 401 };
        Ok(json(status, "{}"))
    }

    async fn token(&self, id: Id) -> Answer {
        let world = &*self.0;
        let _presented = Presented::begin(world, id);
        world.pause(3).await;
        let fate = Fate::draw(&mut world.lock());
        let reply = self.process(id, fate);
        world.pause(3).await;
        if fate == Fate::Hangs {
            pending::<()>().await;
        }
        if fate == Fate::Denied || reply.as_ref().is_ok_and(|it| it.status() == 400) {
            world.lock().model.denied.push(id);
        }
        reply
    }

    fn process(&self, id: Id, fate: Fate) -> Answer {
        let world = &*self.0;
        let mut state = world.lock();
        state.note(|| format!("server: {fate:?}"));
        let life = state.life(world);
        // What is lost on the way back was processed; what is lost before not.
        let processed = match fate {
            Fate::Right => true,
            Fate::Lost | Fate::Broken | Fate::Garbage | Fate::Hangs => state.random.bool(),
            _ => false,
        };
        let given = if processed {
            state.rotate(id, life)
        } else {
            None
        };
        let wait = ["0", "3", "45"][state.random.usize(..3)];
        let status = if state.random.bool() { 429 } else { 503 };
        match fate {
            Fate::Refused => Err(AdapterError::new(ErrorKind::Connect, "refused")),
            Fate::Lost => Err(AdapterError::new(ErrorKind::Transport, "reset")),
            Fate::Broken => Ok(answer(502, "text/html", "<p>")),
            Fate::Garbage => Ok(answer(200, "text/html", "<p>")),
            Fate::Config => Ok(json(401, r#"{"error":"invalid_client"}"#)),
            Fate::Busy => {
                let mut busy = answer(status, "text/html", "");
                busy.headers_mut()
                    .insert("retry-after", http::HeaderValue::from_static(wait));
                Ok(busy)
            }
            Fate::Denied => {
                state.server.end(id.0);
                Ok(json(400, r#"{"error":"invalid_grant"}"#))
            }
            Fate::Panics => {
                // The lock must not be poisoned.
                drop(state);
                panic!("scripted");
            }
            Fate::Right | Fate::Hangs => Ok(match given {
                Some((next, refresh)) => json(200, body(next, refresh, life)),
                None => json(400, r#"{"error":"invalid_grant"}"#),
            }),
        }
    }
}

fn body(id: Id, refresh: Option<u32>, life: Life) -> String {
    let mut body = serde_json::json!({
        "access_token": access_text(id),
        "token_type": "bearer",
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = format!("{CANARY}r.{}.{refresh}", id.0).into();
    }
    if let Some(seconds) = life.seconds {
        body["expires_in"] = seconds.into();
    }
    body.to_string()
}

#[async_trait]
impl Adapter for Wire {
    async fn send(&self, request: http::Request<Body>) -> Answer {
        match request.uri().host() {
            Some("api.test") => self.api(&request).await,
            Some("id.test") => {
                let bare = !request.headers().contains_key(AUTHORIZATION);
                let form = std::str::from_utf8(request.body().as_bytes().unwrap()).unwrap();
                let mut fields = form.split('&').filter_map(|field| field.split_once('='));
                if request.uri().path() == "/revoke" {
                    self.0.pause(2).await;
                    return Ok(json(200, "{}"));
                }
                let token = fields.find(|(name, _)| *name == "refresh_token");
                self.0.lock().model.require("I14", bare, || {
                    "the token endpoint gets an access token".to_owned()
                });
                self.token(read(token.unwrap().1).unwrap()).await
            }
            _ => self.stranger(&request),
        }
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(self.0.time.clone())
    }
}

/// A refresher that has mishaps of its own.
pub(crate) struct Asker {
    pub(crate) world: Arc<World>,
    pub(crate) inner: OAuth2Refresh,
}

impl Asker {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let world = Arc::clone(world);
        let inner = OAuth2Refresh::new(TOKEN_URL, "app").revocation_url(REVOCATION_URL);
        Self { world, inner }
    }

    fn mishap(&self) -> u32 {
        let mut state = self.world.lock();
        let trouble = state.plan.trouble / 8;
        if state.chance(trouble) {
            state.random.u32(1..5)
        } else {
            0
        }
    }
}

#[async_trait]
impl Refresher for Asker {
    async fn refresh(&self, client: &Client, token: &Token) -> Result<Token, RefreshError> {
        let mishap = self.mishap();
        match mishap {
            1 => panic!("scripted"),
            2 => return Err(RefreshError::new(RefreshClass::NotSent, "not today")),
            3 => pending::<()>().await,
            _ => {}
        }
        let result = self.inner.refresh(client, token).await;
        let Ok(new) = result else {
            return result;
        };
        assert!(mishap != 4, "scripted");
        let id = id_of(&new).unwrap();
        let flight = self.world.running().task;
        let mut state = self.world.lock();
        state.note(|| format!("refresher: {id:?} is delivered"));
        state.model.delivers(id, &new, flight);
        Ok(new)
    }

    async fn revoke(&self, client: &Client, token: &Token) -> Result<(), RefreshError> {
        if let Some(id) = id_of(token) {
            let mut state = self.world.lock();
            state.note(|| format!("refresher: {id:?} is revoked"));
            state.model.revokes(id);
        }
        self.inner.revoke(client, token).await
    }

    fn endpoints(&self) -> Vec<&str> {
        self.inner.endpoints()
    }
}
