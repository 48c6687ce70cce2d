//! [`World`]: what all parts of a schedule share, and how it goes wrong.

use std::sync::{Arc, Mutex, MutexGuard};

use tollgate::auth::{AuthEvent, RefreshError, Token};

use crate::{
    executor::{Kind, Pause, Running, Time},
    facts::Id,
    model::Model,
    operation::Stage,
    server::Server,
    shelf::Kept,
};

/// In every token, and nowhere else.
pub(crate) const CANARY: &str = "CANARY";

/// What a refresh does to the refresh token that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// It is spent; a second presentation ends the family.
    Strict,
    /// As before, but the last one works still.
    Grace,
    /// It is kept, and not answered.
    Kept,
}

/// What is set for a whole schedule; chances are of 64.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) rotation: Rotation,
    /// The life of an access token, in seconds.
    pub(crate) lifetime: Option<u64>,
    /// The store gives leases.
    pub(crate) leases: bool,
    /// Other processes take part.
    pub(crate) foreign: bool,
    /// How often the token endpoint fails.
    pub(crate) trouble: u32,
    /// How often the store fails.
    pub(crate) store_trouble: u32,
    /// How often the API refuses a token that is good.
    pub(crate) spurious: u32,
    pub(crate) cancels: u32,
    pub(crate) shutdowns: u32,
    /// An event handler calls the client.
    pub(crate) handler_calls: bool,
}

impl Plan {
    pub(crate) fn draw(random: &mut fastrand::Rng) -> Self {
        let rotations = [
            Rotation::Strict,
            Rotation::Strict,
            Rotation::Grace,
            Rotation::Kept,
        ];
        let lives = [None, Some(20), Some(300), Some(3600)];
        Self {
            rotation: rotations[random.usize(..4)],
            lifetime: lives[random.usize(..4)],
            leases: random.bool(),
            foreign: random.u32(..4) == 0,
            trouble: [0, 8, 24, 40][random.usize(..4)],
            store_trouble: [0, 0, 4, 16][random.usize(..4)],
            spurious: [0, 0, 8, 64][random.usize(..4)],
            cancels: [0, 2, 6][random.usize(..3)],
            shutdowns: [0, 0, 2][random.usize(..3)],
            handler_calls: random.u32(..4) == 0,
        }
    }

    /// From now on nothing fails that has not failed yet.
    pub(crate) fn calm(&mut self) {
        self.trouble = 0;
        self.store_trouble = 0;
        self.spurious = 0;
        self.cancels = 0;
        self.shutdowns = 0;
        self.handler_calls = false;
    }
}

pub(crate) struct State {
    pub(crate) random: fastrand::Rng,
    pub(crate) plan: Plan,
    pub(crate) server: Server,
    pub(crate) kept: Kept,
    pub(crate) model: Model,
    /// All errors that the handlers were told.
    pub(crate) told: Vec<Arc<RefreshError>>,
    /// What happened, if somebody wants to read it.
    pub(crate) trace: Option<Vec<String>>,
}

impl State {
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    /// Whether the server has made a pair that has never reached the session.
    pub(crate) fn has_loss(&self, family: u32) -> bool {
        let mut refreshed = self.model.given.iter().filter(|given| given.spent > 0);
        let lost = refreshed.any(|given| given.id.0 == family && !given.is_held());
        lost && self.plan.rotation != Rotation::Kept
    }

    pub(crate) fn chance(&mut self, of_64: u32) -> bool {
        of_64 > 0 && self.random.u32(..64) < of_64
    }
}

pub(crate) struct World {
    pub(crate) time: Time,
    state: Mutex<State>,
    /// For event handlers; it is emptied at the end.
    stage: Mutex<Option<Stage>>,
}

impl World {
    pub(crate) fn new(seed: u64, traced: bool) -> Arc<Self> {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let plan = Plan::draw(&mut random);
        Arc::new(Self {
            time: Time::new(),
            state: Mutex::new(State {
                random,
                plan,
                server: Server::default(),
                kept: Kept::default(),
                model: Model::default(),
                told: Vec::new(),
                trace: traced.then(Vec::new),
            }),
            stage: Mutex::default(),
        })
    }

    /// The state of all; the session is never called with it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn stage(&self) -> Option<Stage> {
        self.stage.lock().unwrap().clone()
    }

    pub(crate) fn set_stage(&self, stage: Option<Stage>) {
        let old = std::mem::replace(&mut *self.stage.lock().unwrap(), stage);
        drop(old);
    }

    /// Waits for up to `most` turns of others.
    pub(crate) fn pause(&self, most: u32) -> Pause {
        Pause(self.lock().random.u32(..=most))
    }

    pub(crate) fn running(&self) -> Running {
        let nobody = Running {
            task: usize::MAX,
            kind: Kind::Operation,
        };
        self.time.running().unwrap_or(nobody)
    }

    /// I11: no token in what is printed.
    pub(crate) fn print(&self, what: &str, text: &str) {
        if text.contains(CANARY) {
            let text = text.to_owned();
            self.lock()
                .model
                .fail("I11", format!("{what} shows a token: {text}"));
        }
    }

    pub(crate) fn hear(self: &Arc<Self>, event: &AuthEvent) {
        self.print("an event", &format!("{event:?}"));
        let now = self.time.elapsed();
        let mut state = self.lock();
        state.note(|| format!("event: {event:?}"));
        match event {
            AuthEvent::Refreshed { .. } => state.model.cools(None),
            AuthEvent::RefreshFailed { error, .. } => {
                let until = error.retry_after().map(|wait| now + wait);
                state.model.cools(until);
                state.told.push(Arc::clone(error));
            }
            AuthEvent::PersistFailed { error, .. } => state.told.push(Arc::clone(error)),
            AuthEvent::SessionExpired { error, .. } => {
                state.told.push(Arc::clone(error));
                state.model.expired += 1;
                let count = state.model.expired;
                let foreign = state.model.foreign;
                state.model.require("expired", foreign || count == 1, || {
                    format!("told {count} times")
                });
            }
            _ => {}
        }
    }
}

/// The text of a pair's tokens.
pub(crate) fn pair((family, number): Id, refresh: u32) -> Token {
    Token::new(access_text((family, number))).refresh(format!("{CANARY}r.{family}.{refresh}"))
}

pub(crate) fn access_text((family, number): Id) -> String {
    format!("{CANARY}a.{family}.{number}")
}

/// Reads a token's family and number.
pub(crate) fn read(text: &str) -> Option<Id> {
    let mut parts = text.strip_prefix(CANARY)?.split('.').skip(1);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Reads which pair a token is.
pub(crate) fn id_of(token: &Token) -> Option<Id> {
    read(token.access_token().expose())
}
