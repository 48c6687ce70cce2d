//! Signing in and out, also while a refresh is under way.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tollgate::{
    Client, ErrorKind,
    auth::{MemoryStore, RefreshClass, RefreshError, Refresher, Token, TokenRefresh, TokenStore},
    runtime::block_on,
};

use crate::support::{Drive, Gate, Log, World, eventually, some};

/// A refresher that answers when the test lets it.
#[derive(Clone)]
struct Slow {
    gate: Gate,
    answer: Arc<dyn Fn() -> Result<Token, RefreshError> + Send + Sync>,
    revoked: Arc<Mutex<Vec<String>>>,
}

impl Slow {
    fn new(answer: impl Fn() -> Result<Token, RefreshError> + Send + Sync + 'static) -> Self {
        Self {
            gate: Gate::default(),
            answer: Arc::new(answer),
            revoked: Arc::default(),
        }
    }
}

#[async_trait]
impl Refresher for Slow {
    async fn refresh(&self, _: &Client, _: &Token) -> Result<Token, RefreshError> {
        self.gate.pass().await;
        (self.answer)()
    }

    async fn revoke(&self, _: &Client, token: &Token) -> Result<(), RefreshError> {
        let refresh = token.refresh_token().unwrap().expose().to_owned();
        self.revoked.lock().unwrap().push(refresh);
        Ok(())
    }
}

fn pair(world: &World, slow: &Slow) -> TokenRefresh {
    TokenRefresh::builder(Arc::clone(&world.store), slow.clone())
        .build()
        .unwrap()
}

fn class_of(error: &tollgate::Error) -> RefreshClass {
    RefreshError::find_in(error).unwrap().class()
}

fn a_sign_out_during_a_refresh_stays_signed_out<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let slow = Slow::new(|| Ok(Token::new("a2").refresh("r2")));
    let refresh = pair(&world, &slow);
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(client.get("/me")));
        slow.gate.await_arrivals(1);
        block_on(refresh.sign_out()).unwrap();
        // The call that waited ends now: not with the token of the flight.
        let error = waiting.join().unwrap().unwrap_err();
        assert!(error.is_status(401), "{error}");
        assert!(
            error.notes().any(|note| note.contains("signed in or out")),
            "{error}"
        );
    });
    slow.gate.open();
    eventually("the new token is revoked, as the old one was", || {
        *slow.revoked.lock().unwrap() == ["r1", "r2"]
    });
    assert!(block_on(world.store.load()).unwrap().token().is_none());
    E::send(client.get("/me")).unwrap_err();
    let expected = [some(&["a1"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), expected);
    log.expect(&[]);
}

fn a_refusal_for_the_last_user_does_not_touch_the_next<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let slow = Slow::new(|| Err(RefreshError::new(RefreshClass::Rejected, "refused")));
    let refresh = pair(&world, &slow);
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(client.get("/me")));
        slow.gate.await_arrivals(1);
        let token = world.server.issue("b1", "s1");
        block_on(refresh.sign_in(token)).unwrap();
        waiting.join().unwrap().unwrap_err();
    });
    slow.gate.open();
    for _ in 0..20 {
        E::send(client.get("/me")).unwrap();
    }
    let stored = block_on(world.store.load()).unwrap();
    assert_eq!(stored.token().unwrap().access_token().expose(), "b1");
    assert!(!stored.is_dead());
    log.expect(&[]);
}

/// A call that waits to be sent is not sent as somebody else.
fn a_call_that_waits_for_one_user_is_not_sent_as_the_next<E: Drive>() {
    let world = World::new();
    let token = Token::new("a1").refresh("r1").expires_at(world.now());
    let world = World::with(token);
    let slow = Slow::new(|| Ok(Token::new("a2").refresh("r2")));
    let refresh = pair(&world, &slow);
    block_on(refresh.sign_in(Token::new("a1").refresh("r1").expires_at(world.now()))).unwrap();
    let client = world.client::<E>(&refresh);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(client.post("/drafts").body("mine")));
        slow.gate.await_arrivals(1);
        let token = world.server.issue("b1", "s1");
        block_on(refresh.sign_in(token)).unwrap();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert_eq!(class_of(&error), RefreshClass::Superseded);
    });
    slow.gate.open();
    assert_eq!(world.mock.count(), 0);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["b1"]));
}

/// The user changes between the refusal and the replay.
fn a_replay_is_not_sent_as_the_next_user<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let (handle, server) = (refresh.clone(), Arc::clone(&world.server));
    client
        .interceptors
        .request
        .use_(async move |request: tollgate::Request| {
            if request.attempt() == 2 {
                handle.sign_in(server.issue("b1", "s1")).await?;
            }
            Ok(request)
        });
    let error = E::send(client.post("/drafts").body("mine")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Superseded);
    assert_eq!(world.sent_tokens(), some(&["a1"]));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
}

/// A late 401 for a token of the last user says nothing of the next one's.
fn a_refusal_of_the_last_users_token_is_passed_on<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/slow");
    E::send(client.get("/first")).unwrap();
    std::thread::scope(|scope| {
        let late = scope.spawn(|| E::send(client.get("/slow")));
        gate.await_arrivals(1);
        let token = world.server.issue("b1", "s1");
        block_on(refresh.sign_in(token)).unwrap();
        gate.open();
        let error = late.join().unwrap().unwrap_err();
        assert!(error.is_status(401));
        assert_eq!(error.attempts(), 1, "not replayed as somebody else");
    });
    assert_eq!(world.server.refreshes(), 0);
}

fn signing_in_after_an_empty_start_works_at_once<E: Drive>() {
    let world = World::over(MemoryStore::empty());
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap_err();
    block_on(refresh.sign_in(Token::new("a1").refresh("r1"))).unwrap();
    E::send(client.get("/me")).unwrap();
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    block_on(refresh.sign_out()).unwrap();
    E::send(client.get("/me")).unwrap_err();
    let tokens = [vec![None], some(&["a1", "a1", "a2"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), tokens);
    let stamp = block_on(world.store.load()).unwrap().stamp();
    assert_eq!((stamp.epoch, stamp.version), (2, 3));
}

fn signing_in_before_the_first_call_does_not_read_the_old_token<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let token = world.server.issue("b1", "s1");
    block_on(refresh.sign_in(token)).unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["b1"]));
    let stored = block_on(world.store.load()).unwrap();
    assert_eq!(stored.token().unwrap().access_token().expose(), "b1");
    assert_eq!(stored.stamp().epoch, 2);
}

fn a_token_that_cannot_be_sent_changes_nothing<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let client = world.client::<E>(&refresh);
    let error = block_on(refresh.sign_in(Token::new("b\r\nx: 1"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("`authorization`"), "{error}");
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1"]));
}

fn asking_for_a_refresh_with_nobody_signed_in_fails<E: Drive>() {
    let world = World::over(MemoryStore::empty());
    let refresh = world.pair().build().unwrap();
    E::send(world.client::<E>(&refresh).get("/me")).unwrap_err();
    let client = world.bare::<tollgate::client::Async>();
    let error = block_on(refresh.refresh_now(&client)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
}

/// Two sign-ins race for the store; the later one of this process wins.
#[test]
fn the_store_ends_up_with_the_last_sign_in() {
    for _ in 0..50 {
        let world = World::new();
        let refresh = world.pair().build().unwrap();
        std::thread::scope(|scope| {
            for number in 0..4 {
                let refresh = &refresh;
                scope.spawn(move || {
                    block_on(refresh.sign_in(Token::new(format!("t{number}")))).unwrap();
                });
            }
        });
        let stored = block_on(world.store.load()).unwrap();
        let kept = stored.token().unwrap().access_token().expose();
        let client = world.client::<tollgate::client::Async>(&refresh);
        drop(block_on(client.get("/me").send()));
        let sent = world.sent_tokens()[0].clone().unwrap();
        assert_eq!(sent, format!("Bearer {kept}"));
    }
}

both!(
    a_sign_out_during_a_refresh_stays_signed_out,
    a_refusal_for_the_last_user_does_not_touch_the_next,
    a_call_that_waits_for_one_user_is_not_sent_as_the_next,
    a_replay_is_not_sent_as_the_next_user,
    a_refusal_of_the_last_users_token_is_passed_on,
    signing_in_after_an_empty_start_works_at_once,
    signing_in_before_the_first_call_does_not_read_the_old_token,
    a_token_that_cannot_be_sent_changes_nothing,
    asking_for_a_refresh_with_nobody_signed_in_fails,
);
