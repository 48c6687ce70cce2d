//! [`Operation`]: what a program is made of, and the task that each becomes.

use std::{sync::Arc, time::Duration};

use tollgate::{
    Client, ErrorKind, Response, Result, Runtime,
    auth::{RefreshClass, RefreshError, Stored, Token, TokenRefresh},
};

use crate::{
    executor::Kind,
    facts::Id,
    shelf::refresh_of,
    wire::Number,
    world::{State, World, id_of, pair},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// So many calls at once.
    Calls(u32),
    /// A caller who calls again and again.
    Series,
    /// A call that is redirected to a stranger.
    Away,
    /// A call that waits a few seconds only.
    Hasty,
    SignIn,
    SignOut,
    RefreshNow,
    /// The API takes no token any more that it took before.
    Expire,
    /// Somebody sets the clock, by up to an hour.
    SetClock,
    /// The machine sleeps.
    Suspend,
    ForeignSignIn,
    ForeignSignOut,
    ForeignRefresh,
    ForeignEnd,
}

impl Operation {
    fn draw(random: &mut fastrand::Rng, foreign: bool) -> Self {
        match random.u32(..if foreign { 28 } else { 22 }) {
            0..=7 => Self::Calls(random.u32(1..=3)),
            8 => Self::Series,
            9 | 10 => Self::Away,
            11 => Self::Hasty,
            12 | 13 => Self::SignIn,
            14 => Self::SignOut,
            15 | 16 => Self::RefreshNow,
            17..=19 => Self::Expire,
            20 => Self::SetClock,
            21 => Self::Suspend,
            22 | 23 => Self::ForeignSignIn,
            24 => Self::ForeignSignOut,
            25 | 26 => Self::ForeignRefresh,
            _ => Self::ForeignEnd,
        }
    }

    pub(crate) fn program(state: &mut State) -> Vec<Self> {
        let count = state.random.usize(3..=8);
        let foreign = state.plan.foreign;
        (0..count)
            .map(|_| Self::draw(&mut state.random, foreign))
            .collect()
    }
}

/// What operations work on.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) world: Arc<World>,
    pub(crate) client: Client,
    pub(crate) refresh: TokenRefresh,
}

fn living(token: Token, seconds: Option<u64>, world: &World) -> Token {
    match seconds {
        Some(seconds) => token.expires_in(Duration::from_secs(seconds), world.time.wall()),
        None => token,
    }
}

/// Signs somebody in at the server.
pub(crate) fn issue(world: &World, state: &mut State) -> (Id, Token) {
    let life = state.life(world);
    let id = state.server.sign_in(life);
    state.model.gives(id, 0);
    let token = living(pair(id, 1), life.seconds, world);
    state.model.learns(id, &token);
    (id, token)
}

/// A call, until it is over or dropped.
struct Calling<'a>(&'a World, usize);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.lock().model.leaves(self.1);
    }
}

impl Stage {
    pub(crate) fn start(&self, operation: Operation) {
        let stage = self.clone();
        let world = &self.world;
        let time = &world.time;
        world.lock().note(|| format!("{operation:?}"));
        match operation {
            Operation::Calls(count) => {
                for _ in 0..count {
                    time.spawn_as(Kind::Caller, self.clone().call("/me", None));
                }
            }
            Operation::Series => time.spawn_as(Kind::Caller, async move {
                for _ in 0..7 {
                    stage.outcome("/me", None).await;
                }
            }),
            Operation::Away => time.spawn_as(Kind::Caller, stage.call("/away", None)),
            Operation::Hasty => {
                let patience = Duration::from_secs(world.lock().random.u64(1..8));
                time.spawn_as(Kind::Caller, stage.call("/me", Some(patience)));
            }
            Operation::SignIn => time.spawn_as(Kind::Operation, async move {
                drop(stage.sign_in().await);
            }),
            Operation::SignOut => time.spawn_as(Kind::Operation, async move {
                let generation = {
                    let mut state = stage.world.lock();
                    state.model.begins(None);
                    state.model.generation
                };
                let result = stage.refresh.sign_out().await;
                stage.settle(generation, &result);
            }),
            Operation::RefreshNow => {
                world.lock().model.forced = true;
                time.spawn_as(Kind::Operation, async move {
                    if let Err(error) = stage.refresh.refresh_now(&stage.client).await {
                        stage.examine(&error);
                    }
                });
            }
            Operation::Expire => world.lock().server.expire(),
            Operation::SetClock => {
                let seconds = world.lock().random.i64(-3600..=3600);
                world.lock().model.clock_set = true;
                time.set_wall_off(seconds);
            }
            Operation::Suspend => {
                let seconds = world.lock().random.u64(1..7200);
                time.suspend(Duration::from_secs(seconds));
            }
            foreign => {
                world.lock().model.foreign = true;
                time.spawn_as(Kind::Foreign, stage.act_as_other(foreign));
            }
        }
    }

    /// Signs in; what counts is true from the first poll on.
    pub(crate) async fn sign_in(&self) -> Result<()> {
        let (generation, token) = {
            let mut state = self.world.lock();
            let (id, token) = issue(&self.world, &mut state);
            state.model.begins(Some(id));
            state.note(|| format!("sign in: {id:?}"));
            (state.model.generation, token)
        };
        let result = self.refresh.sign_in(token).await;
        self.settle(generation, &result);
        result
    }

    /// Where nobody came after it, it is in the store by now.
    fn settle(&self, generation: u32, result: &Result<()>) {
        let mut state = self.world.lock();
        if result.is_ok() && state.model.generation == generation {
            let stored = state.kept.stored.token().and_then(id_of);
            state.model.settles(stored);
        }
    }

    pub(crate) async fn call(self, path: &'static str, patience: Option<Duration>) {
        self.outcome(path, patience).await;
    }

    /// Makes a call, and judges what it ends in.
    pub(crate) async fn outcome(&self, path: &str, patience: Option<Duration>) -> Option<u16> {
        let now = self.world.time.wall();
        let number = {
            let mut state = self.world.lock();
            let number = state.model.starts_call(now, patience.is_some());
            state.note(|| format!("call {number} starts"));
            number
        };
        let _calling = Calling(&self.world, number);
        let mut call = self.client.get(path).extension(Number(number));
        if let Some(patience) = patience {
            call = call.deadline(patience);
        }
        let result = call.await;
        let status = self.judge(&result, patience.is_some());
        let mut state = self.world.lock();
        state.note(|| format!("call {number} ends: {status:?} {:?}", result.as_ref().err()));
        let late = result.as_ref().is_err_and(tollgate::Error::is_timeout);
        if path == "/me" && !late {
            state.model.ends(number, status);
        }
        status
    }

    fn judge(&self, result: &Result<Response>, hasty: bool) -> Option<u16> {
        match result {
            Ok(response) => Some(response.status().as_u16()),
            Err(error) => {
                self.examine(error);
                let expected = match error.kind() {
                    ErrorKind::Status => error.is_status(401),
                    ErrorKind::Auth | ErrorKind::SessionExpired => true,
                    ErrorKind::Timeout => hasty,
                    _ => false,
                };
                self.world
                    .lock()
                    .model
                    .require("errors", expected, || format!("{error:?}"));
                match error.kind() {
                    ErrorKind::Status => error.status().map(|status| status.as_u16()),
                    _ => None,
                }
            }
        }
    }

    /// I6 and I11: the error is the one that all were told, and shows nothing.
    fn examine(&self, error: &tollgate::Error) {
        self.world.print("an error", &format!("{error} {error:?}"));
        let Some(cause) = RefreshError::find_in(error) else {
            return;
        };
        let private = matches!(
            cause.class(),
            RefreshClass::Superseded | RefreshClass::Interrupted
        );
        let mut state = self.world.lock();
        let shared = state
            .told
            .iter()
            .any(|told| std::ptr::eq(Arc::as_ptr(told), cause));
        state.model.require("I6", private || shared, || {
            format!("{cause:?} is nobody else's")
        });
    }

    /// What another process does to the store; it may end at any await.
    async fn act_as_other(self, operation: Operation) {
        let world = &*self.world;
        if operation == Operation::ForeignRefresh {
            self.refresh_as_other().await;
            return;
        }
        world.pause(2).await;
        let mut state = world.lock();
        let stamp = state.kept.stored.stamp();
        let record = match operation {
            Operation::ForeignSignIn => {
                let (id, token) = issue(world, &mut state);
                state.model.appears(id.0);
                Stored::live(stamp.next_epoch(), token)
            }
            Operation::ForeignSignOut => Stored::empty(stamp.next_epoch()),
            _ => match refresh_of(&state.kept.stored) {
                Some((family, _)) => {
                    state.server.end(family);
                    Stored::dead(stamp.next())
                }
                None => return,
            },
        };
        state.put(record, false);
    }

    async fn refresh_as_other(&self) {
        let world = &*self.world;
        let leases = world.lock().plan.leases;
        let fence = if leases {
            Some(world.lease(Duration::from_secs(20)).await)
        } else {
            None
        };
        world.pause(2).await;
        let stored = world.lock().kept.stored.clone();
        world.pause(2).await;
        let token = {
            let mut state = world.lock();
            let life = state.life(world);
            let spent = refresh_of(&stored);
            let given = spent.and_then(|spent| Some((state.rotate(spent, life)?, spent)));
            given.map(|((id, refresh), spent)| {
                let token = pair(id, refresh.unwrap_or(spent.1));
                let token = living(token, life.seconds, world);
                state.model.learns(id, &token);
                token
            })
        };
        world.pause(2).await;
        if let Some(token) = token {
            let mut state = world.lock();
            if state.kept.stored.stamp() == stored.stamp() {
                state.put(Stored::live(stored.stamp().next(), token), false);
            }
        }
        if let Some(fence) = fence {
            world.give_back(fence);
        }
    }
}
