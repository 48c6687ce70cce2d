//! Code of the user's that panics.

use std::sync::Arc;

use tollgate::{
    Client, ErrorKind,
    auth::{RefreshClass, RefreshError, Token, TokenRefresh},
};

use crate::support::{Count, Drive, Log, World, some};

fn class_of(error: &tollgate::Error) -> RefreshClass {
    RefreshError::find_in(error).unwrap().class()
}

/// A refresher that panics once; neither callers nor the session suffer.
fn a_panic_in_the_refresher_is_an_error_and_the_next_call_works<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let asked = Count::default();
    let server = Arc::clone(&world.server);
    let refresh = TokenRefresh::builder(
        Arc::clone(&world.store),
        async move |_: Client, _: Token| {
            assert!(asked.add() > 1, "a fault in the refresher");
            Ok::<_, RefreshError>(server.issue("b1", "s1"))
        },
    )
    .build()
    .unwrap();
    let client = world.client::<E>(&refresh);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(class_of(&error), RefreshClass::Interrupted);
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.sent_tokens(), some(&["a1", "b1"]));
    assert_eq!(refresh.counters().panics, 1);
}

fn a_panic_in_an_event_handler_harms_nobody<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let refresh = world
        .pair()
        .on_event(|_| panic!("a fault in the handler"))
        .build()
        .unwrap();
    let log = Log::default();
    log.listen(&refresh);
    let client = world.client::<E>(&refresh);
    E::send(client.get("/me")).unwrap();
    log.expect(&["refreshed"]);
    // They are counted when all handlers were told.
    world.settle();
    // One for `Refreshing`, one for `Refreshed`.
    assert_eq!(refresh.counters().panics, 2);
}

both!(
    a_panic_in_the_refresher_is_an_error_and_the_next_call_works,
    a_panic_in_an_event_handler_harms_nobody,
);
