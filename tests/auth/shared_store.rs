//! Several processes on one store; some write without its lease.

use std::sync::Arc;

use tollgate::{
    Client,
    auth::{
        MemoryStore, RefreshClass, RefreshError, Stored, Swap, Token, TokenRefresh, TokenStore,
    },
    client::Async,
    runtime::block_on,
};

use crate::support::{Drive, Log, Server, World, some};

/// Writes a pair as another process does.
fn write(store: &impl TokenStore, token: Token) {
    let stamp = block_on(store.load()).unwrap().stamp();
    let swap = store.compare_and_swap(stamp, Stored::live(stamp.next(), token));
    assert_eq!(block_on(swap).unwrap(), Swap::Done);
}

/// A session that asks `answer` for the next token.
fn refreshing(
    world: &World,
    answer: fn(&MemoryStore, &Server, Token) -> Result<Token, RefreshError>,
) -> TokenRefresh {
    let (store, server) = (Arc::clone(&world.store), Arc::clone(&world.server));
    let refresher = async move |_: Client, token: Token| answer(&store, &server, token);
    TokenRefresh::builder(Arc::clone(&world.store), refresher)
        .build()
        .unwrap()
}

fn a_newer_token_in_the_store_is_adopted_without_a_refresh<E: Drive>() {
    let world = World::new();
    let mine = world.pair().build().unwrap();
    let client = world.client::<E>(&mine);
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    // The other process refreshes.
    let other = world.client::<E>(&world.pair().build().unwrap());
    E::send(other.get("/me")).unwrap();
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1"]);
    let counters = mine.counters();
    assert_eq!((counters.adopted, counters.attempts), (1, 0));
    assert_eq!(world.sent_tokens(), some(&["a1", "a1", "a2", "a1", "a2"]));
}

fn the_stored_refresh_token_is_presented_and_not_the_remembered_one<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/first")).unwrap();
    // The other process's token has expired already.
    let token = world.server.issue("b1", "s1").expires_at(world.now());
    write(&world.store, token);
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["s1"]);
    assert_eq!(world.server.reused(), 0);
}

/// A lost race: the token was spent by another process a moment ago.
fn a_refusal_after_a_lost_race_adopts_the_winners_token<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = refreshing(&world, |store, server, _| {
        write(store, server.issue("b1", "s1"));
        Err(RefreshError::new(RefreshClass::Rejected, "spent"))
    });
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
    log.expect(&[]);
}

/// Both refreshed; what is stored stays.
fn a_token_that_was_stored_first_is_not_overwritten<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = refreshing(&world, |store, server, _| {
        write(store, server.issue("b1", "s1"));
        Ok(Token::new("c1").refresh("t1"))
    });
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    let stored = block_on(world.store.load()).unwrap();
    let access = stored.token().unwrap().access_token().expose();
    assert_eq!((stored.stamp().version, access), (2, "b1"));
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
}

/// The record was only touched: what it holds is what was spent.
fn a_record_that_was_only_touched_is_replaced<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = refreshing(&world, |store, server, token| {
        write(store, token);
        Ok(server.issue("b1", "s1"))
    });
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
    let stored = block_on(world.store.load()).unwrap();
    let access = stored.token().unwrap().access_token().expose();
    assert_eq!((stored.stamp().version, access), (3, "b1"));
}

/// Another user's, where their token has expired, so that it is refreshed first.
fn a_refused_call_is_not_replayed_as_who_signed_in_elsewhere<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/first")).unwrap();
    let other = world.server.issue("b1", "s1").expires_at(world.now());
    block_on(world.pair().build().unwrap().sign_in(other)).unwrap();
    let error = E::send(client.post("/drafts").body("mine")).unwrap_err();
    assert!(error.is_status(401), "{error}");
    assert_eq!(world.server.presented(), ["s1"]);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "a1", "a2"]));
}

fn a_call_that_waits_is_not_sent_as_who_signs_in_elsewhere<E: Drive>() {
    let token = Token::new("a1").refresh("r1");
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    block_on(refresh.sign_in(token.expires_at(world.now()))).unwrap();
    let other = world.server.issue("b1", "s1");
    block_on(world.pair().build().unwrap().sign_in(other)).unwrap();
    let client = world.client::<E>(&refresh);
    let error = E::send(client.post("/drafts").body("mine")).unwrap_err();
    let cause = RefreshError::find_in(&error).unwrap();
    assert_eq!(cause.class(), RefreshClass::Superseded);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["b1"]));
}

fn another_process_that_signs_out_is_heard_at_the_next_refresh<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/first")).unwrap();
    let other = world.pair().build().unwrap();
    block_on(other.sign_out()).unwrap();
    world.server.expire();
    let error = E::send(client.get("/me")).unwrap_err();
    assert!(error.is_status(401));
    assert!(error.notes().any(|note| note.contains("signed in or out")));
    E::send(client.get("/me")).unwrap_err();
    let tokens = [some(&["a1", "a1"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), tokens);
    assert_eq!(world.server.refreshes(), 0);
}

fn another_process_that_signs_in_is_not_served_old_calls<E: Drive>() {
    let world = World::new();
    let client = world.client::<E>(&world.pair().build().unwrap());
    E::send(client.get("/first")).unwrap();
    let token = world.server.issue("b1", "s1");
    block_on(world.pair().build().unwrap().sign_in(token)).unwrap();
    let error = E::send(client.post("/drafts").body("mine")).unwrap_err();
    assert!(error.is_status(401));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "a1", "b1"]));
}

/// Sixteen sessions of as many processes, one store, one after the other: the
/// ones that come later adopt.
#[test]
fn sessions_that_come_later_adopt_what_the_first_one_got() {
    let world = World::new();
    let sessions: Vec<_> = (0..16).map(|_| world.pair().build().unwrap()).collect();
    let clients: Vec<_> = sessions
        .iter()
        .map(|it| world.client::<Async>(it))
        .collect();
    for client in &clients {
        block_on(client.get("/first").send()).unwrap();
    }
    world.server.expire();
    for client in &clients {
        block_on(client.get("/me").send()).unwrap();
    }
    assert_eq!(world.server.presented(), ["r1"]);
    let adopted: u64 = sessions.iter().map(|it| it.counters().adopted).sum();
    assert_eq!(adopted, 15);
}

both!(
    a_refused_call_is_not_replayed_as_who_signed_in_elsewhere,
    a_record_that_was_only_touched_is_replaced,
    a_call_that_waits_is_not_sent_as_who_signs_in_elsewhere,
    a_newer_token_in_the_store_is_adopted_without_a_refresh,
    the_stored_refresh_token_is_presented_and_not_the_remembered_one,
    a_refusal_after_a_lost_race_adopts_the_winners_token,
    a_token_that_was_stored_first_is_not_overwritten,
    another_process_that_signs_out_is_heard_at_the_next_refresh,
    another_process_that_signs_in_is_not_served_old_calls,
);
