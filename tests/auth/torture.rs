//! Callers and refreshes that are cut off, once at every step.

use std::{future::IntoFuture, sync::Arc, thread::Scope};

use tollgate::{
    CancelHandle, ErrorKind, Response, Result,
    auth::{
        LostAnswer, RefreshClass, RefreshError, Stored, Swap, Token, TokenRefresh,
        TokenRefreshBuilder, TokenStore,
    },
    client::{Async, Client},
    runtime::block_on,
};

use crate::support::{
    BASE, ByHand, Drive, Pausing, PausingAdapter, Step, Stepped, World, eventually,
    pausing_refresher, seconds,
};

/// Why there is a refresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    /// The API refuses a token that was just read from the store.
    Unread,
    /// The API refuses a token that was good before.
    Refused,
    /// The token has expired by the clock.
    Expired,
    /// It will expire soon; nobody waits.
    Early,
    /// There is nothing to refresh.
    Good,
}

const STARTS: [Start; 4] = [Start::Unread, Start::Refused, Start::Expired, Start::Early];

/// A session whose store, refresher and API have await points, and whose tasks
/// run by hand.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) store: Arc<Pausing>,
    pub(crate) hand: ByHand,
    pub(crate) refresh: TokenRefresh,
}

impl Scene {
    pub(crate) fn new(
        start: Start,
        build: impl Fn(TokenRefreshBuilder) -> TokenRefreshBuilder,
    ) -> Self {
        let world = World::new();
        let token = Token::new("a1").refresh("r1");
        let store = Pausing::new(match start {
            Start::Unread | Start::Refused | Start::Good => token,
            Start::Expired => token.expires_at(world.now()),
            Start::Early => token.expires_in(seconds(3600), world.now()),
        });
        let builder = TokenRefresh::builder(Arc::clone(&store), pausing_refresher());
        let refresh = build(builder.refresh_attempts(1).jitter_seed(7));
        let scene = Self {
            hand: ByHand::new(&world.time),
            refresh: refresh.build().unwrap(),
            store,
            world,
        };
        if matches!(start, Start::Refused | Start::Early | Start::Good) {
            block_on(scene.plain::<Async>().get("/first").send()).unwrap();
        }
        match start {
            Start::Unread | Start::Refused => scene.world.server.expire(),
            Start::Expired | Start::Good => {}
            Start::Early => scene.world.time.advance(seconds(3600 - 68)),
        }
        scene
    }

    /// A client whose tasks wait for the test.
    pub(crate) fn client<E: Drive>(&self) -> Client<E> {
        let client = E::builder(PausingAdapter(self.world.mock.clone()))
            .base_url(BASE)
            .runtime(self.hand.clone())
            .build()
            .unwrap();
        client.interceptors.use_pair(self.refresh.clone());
        client
    }

    /// A client whose tasks run.
    pub(crate) fn plain<E: Drive>(&self) -> Client<E> {
        self.world.client::<E>(&self.refresh)
    }

    /// Sends calls step by step; a call is dropped in the round that is named.
    /// Returns what the others got, and whether any was dropped before its end.
    pub(crate) fn send(&self, cuts: &[Option<usize>]) -> (Vec<Result<Response>>, bool) {
        let client = self.client::<Async>();
        let mut calls: Vec<_> = cuts
            .iter()
            .map(|_| Some(Stepped::new(client.get("/me").into_future())))
            .collect();
        let (mut results, mut any_cut) = (Vec::new(), false);
        for round in 0.. {
            let mut moved = false;
            for (call, cut) in calls.iter_mut().zip(cuts) {
                if *cut == Some(round) {
                    any_cut |= call.take().is_some();
                }
                match call.as_mut().map_or(Step::Waits, Stepped::step) {
                    Step::Waits => {}
                    Step::Moved => moved = true,
                    Step::Done(result) => {
                        moved = true;
                        results.push(result);
                        *call = None;
                    }
                }
            }
            moved |= self.hand.step();
            if calls.iter().all(Option::is_none) {
                break;
            }
            assert!(moved, "all wait and nobody is woken: {cuts:?}");
        }
        (results, any_cut)
    }

    /// No rotation is lost, nothing is left, and the next call works.
    fn settle(self, what: &str) {
        self.hand.finish();
        let server = &self.world.server;
        assert!(server.refreshes() <= 1, "{what}: {:?}", server.presented());
        assert_eq!(self.store.refresh_token(), server.newest(), "{what}");
        assert_eq!(self.store.leases(), 0, "{what}");
        assert!(!self.refresh.status().is_refreshing(), "{what}");
        let (results, _) = self.send(&[None]);
        assert!(results[0].is_ok(), "{what}");
        self.hand.finish();
        assert_eq!(server.presented(), ["r1"], "{what}");
        self.vanish(what);
    }

    /// Nothing holds the store or the clock when the session is gone.
    fn vanish(self, what: &str) {
        let (store, time) = (Arc::downgrade(&self.store), self.world.time.clone());
        drop(self);
        eventually("the session is gone", || store.upgrade().is_none());
        assert_eq!(time.sleeping(), 0, "{what}");
    }
}

/// Runs a law with each number of steps, until nothing is cut off any more.
pub(crate) fn at_every_step(law: impl Fn(usize) -> bool) {
    let end = (0..200).find(|step| !law(*step));
    assert!(end.is_some_and(|end| end >= 3), "{end:?}");
}

/// One of four calls is dropped at every step: the one that started the
/// refresh, or one that waits for it.
#[test]
fn a_caller_that_leaves_at_any_step_harms_nobody() {
    for start in STARTS {
        for index in 0..4 {
            at_every_step(|step| {
                let scene = Scene::new(start, |it| it);
                let mut cuts = [None; 4];
                cuts[index] = Some(step);
                let what = format!("{start:?}: call {index} left at {step}");
                let (results, cut) = scene.send(&cuts);
                assert_eq!(results.len(), 4 - usize::from(cut), "{what}");
                for result in results {
                    assert!(result.is_ok(), "{what}: {}", result.unwrap_err());
                }
                scene.settle(&what);
                cut
            });
        }
    }
}

/// All are dropped: at once, or the one that started it before the others.
#[test]
fn when_all_leave_at_any_step_the_rotation_is_stored() {
    for start in STARTS {
        for late in [0, 1, 3] {
            at_every_step(|step| {
                let scene = Scene::new(start, |it| it);
                let later = Some(step + late);
                let (_, cut) = scene.send(&[Some(step), later, later, later]);
                scene.settle(&format!("{start:?}: all left at {step} and {late} later"));
                cut
            });
        }
    }
}

/// Whatever the refresh has come to, what a call is sent with is stored.
#[test]
fn a_call_that_comes_at_any_step_is_sent_with_a_stored_token() {
    at_every_step(|step| {
        let scene = Scene::new(Start::Early, |it| it);
        let client = scene.client::<Async>();
        block_on(client.get("/first").into_future()).unwrap();
        assert_eq!(scene.hand.tasks(), 1, "a refresh in the background");
        scene.hand.steps(step);
        let under_way = scene.hand.tasks() > 0;
        let mut call = Stepped::new(client.get("/me").into_future());
        while matches!(call.step(), Step::Moved) {}
        let sent = scene.world.sent_tokens().pop().unwrap().unwrap();
        let stored = scene.store.read();
        let stored = stored.token().unwrap().access_token().expose();
        // Stored and not shown yet is the right order.
        assert!(
            sent == format!("Bearer {stored}") || sent == "Bearer a1",
            "{sent} and {stored} after {step}"
        );
        drop((call, client));
        scene.settle("a call that came late");
        under_way
    });
}

/// The same where callers cannot be dropped: they are cancelled at each step
/// of the refresh, in both engines.
fn callers_that_are_cancelled_at_any_step_harm_nobody<E: Drive>() {
    for start in [Start::Refused, Start::Expired] {
        for all in [false, true] {
            at_every_step(|step| {
                let scene = Scene::new(start, |it| it);
                let client = scene.client::<E>();
                let handle = CancelHandle::new();
                let what = format!("{start:?}: cancelled at {step}, all: {all}");
                let flying = std::thread::scope(|scope| {
                    let callers = callers(scope, &scene, |index| {
                        let call = client.get("/me");
                        let cancelled = all || index == 0;
                        E::send(if cancelled {
                            call.cancel_handle(&handle)
                        } else {
                            call
                        })
                    });
                    scene.hand.steps(step);
                    let flying = scene.refresh.status().is_refreshing();
                    handle.cancel();
                    scene.hand.finish();
                    for (index, caller) in callers.into_iter().enumerate() {
                        let result = caller.join().unwrap();
                        let cancelled = flying && (all || index == 0);
                        if cancelled {
                            assert!(result.unwrap_err().is_cancelled(), "{what}");
                        } else if index > 0 && !all {
                            result.unwrap();
                        }
                    }
                    flying
                });
                drop(client);
                scene.settle(&what);
                flying
            });
        }
    }
}

/// Three callers in a thread each; returns when all wait for one refresh.
fn callers<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    scene: &Scene,
    call: impl Fn(usize) -> T + Clone + Send + 'scope,
) -> Vec<std::thread::ScopedJoinHandle<'scope, T>> {
    let mut threads = Vec::new();
    for index in 0..3 {
        let call = call.clone();
        threads.push(scope.spawn(move || call(index)));
        eventually("the call waits", || {
            scene.hand.tasks() == 1 && scene.refresh.counters().coalesced == index as u64
        });
    }
    threads
}

/// What the server makes of a refresh token that it has seen before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    /// The session is over.
    Strict,
    /// It is answered again.
    Grace,
    /// The session is over, and we were told so.
    Declared,
}

/// The task of the refresh is dropped at every step: all who wait are told, no
/// lease is kept, and the next call does what the server allows.
fn a_refresh_that_is_cut_off_at_any_step_answers_all<E: Drive>() {
    for policy in [Policy::Strict, Policy::Grace, Policy::Declared] {
        at_every_step(|step| {
            let scene = Scene::new(Start::Refused, |it| match policy {
                Policy::Declared => it.after_lost_answer(LostAnswer::GiveUp),
                Policy::Strict | Policy::Grace => it,
            });
            if policy == Policy::Grace {
                scene.world.server.without_rotation();
            }
            let client = scene.client::<E>();
            let (cut, results) = std::thread::scope(|scope| {
                let callers = callers(scope, &scene, |_| E::send(client.get("/me")));
                scene.hand.steps(step);
                let cut = scene.hand.tasks() > 0;
                scene.hand.drop_tasks();
                let ends = callers.into_iter().map(|caller| caller.join().unwrap());
                (cut, ends.collect::<Vec<_>>())
            });
            let what = format!("{policy:?}, cut off after {step}");
            let landed = scene.refresh.counters().refreshed == 1;
            for result in results {
                let class = result.as_ref().err().map(|error| {
                    let cause = RefreshError::find_in(error);
                    cause.map(RefreshError::class)
                });
                let expected = (!landed).then_some(Some(RefreshClass::Interrupted));
                assert_eq!(class, expected, "{what}");
            }
            assert_eq!(scene.store.leases(), 0, "{what}");
            assert!(!scene.refresh.status().is_refreshing(), "{what}");
            expect_next_call::<E>(&scene, policy, &what);
            drop(client);
            scene.vanish(&what);
            cut
        });
    }
}

fn expect_next_call<E: Drive>(scene: &Scene, policy: Policy, what: &str) {
    let server = &scene.world.server;
    let asked = server.refreshes();
    let stored = scene.store.read();
    let is_stored = stored.stamp().version > 1;
    // Answered, or perhaps; and nobody has stored it.
    let lost = !is_stored && stored.presented().is_some();
    let result = E::send(scene.plain::<E>().get("/next"));
    let spent = asked > 0 && !is_stored;
    match policy {
        Policy::Declared if lost => expect_lost(&result.unwrap_err(), what),
        Policy::Strict if spent => expect_lost(&result.unwrap_err(), what),
        _ => drop(result.unwrap_or_else(|error| panic!("{what}: {error}"))),
    }
    let again = match policy {
        Policy::Declared => asked == 0 && !lost,
        Policy::Strict | Policy::Grace => !is_stored,
    };
    assert_eq!(server.refreshes(), asked + usize::from(again), "{what}");
}

fn expect_lost(error: &tollgate::Error, what: &str) {
    assert_eq!(error.kind(), ErrorKind::SessionExpired, "{what}: {error}");
    assert!(RefreshError::find_in(error).unwrap().is_rotation_lost());
}

/// A look into the store is cut off: the next call starts another.
fn a_look_that_is_cut_off_at_any_step_is_made_again<E: Drive>() {
    at_every_step(|step| {
        let scene = Scene::new(Start::Good, |it| it.recheck_store(seconds(60)));
        let stamp = scene.store.read().stamp();
        let theirs = Stored::live(stamp.next(), Token::new("b1").refresh("s1"));
        let swap = scene.store.compare_and_swap(stamp, theirs);
        assert_eq!(block_on(swap).unwrap(), Swap::Done);
        scene.world.time.advance(seconds(60));
        let client = scene.client::<E>();
        E::send(client.get("/me")).unwrap();
        assert_eq!(scene.hand.tasks(), 1, "it is looked at the store");
        scene.hand.steps(step);
        let cut = scene.hand.tasks() > 0;
        scene.hand.drop_tasks();
        if cut {
            E::send(client.get("/me")).unwrap();
            assert_eq!(scene.hand.tasks(), 1, "again, cut off after {step}");
            scene.hand.finish();
        }
        assert_eq!(scene.refresh.counters().adopted, 1);
        drop(client);
        scene.vanish("a look");
        cut
    });
}

both!(
    callers_that_are_cancelled_at_any_step_harm_nobody,
    a_refresh_that_is_cut_off_at_any_step_answers_all,
    a_look_that_is_cut_off_at_any_step_is_made_again,
);
