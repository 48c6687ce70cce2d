//! What began earlier does not undo what came meanwhile.

use tollgate::{
    auth::{Stored, Swap, Token, TokenStore},
    runtime::block_on,
};

use crate::{
    support::{Drive, Step, Stepped, World, seconds, some},
    torture::{Scene, Start, at_every_step},
};

/// Another process has stored `c1`, and a call makes us look at the store.
fn looking<E: Drive>() -> Scene {
    let scene = Scene::new(Start::Good, |it| it.recheck_store(seconds(60)));
    let stamp = scene.store.read().stamp();
    let theirs = Stored::live(stamp.next(), Token::new("c1").refresh("t1"));
    let swap = scene.store.compare_and_swap(stamp, theirs);
    assert_eq!(block_on(swap).unwrap(), Swap::Done);
    scene.world.time.advance(seconds(60));
    scene
}

fn expect_b1<E: Drive>(scene: &Scene, what: &str) {
    E::send(scene.plain::<E>().get("/me")).unwrap();
    let sent = scene.world.sent_tokens().pop().unwrap();
    assert_eq!(sent.as_deref(), Some("Bearer b1"), "{what}");
    assert_eq!(scene.store.refresh_token(), "s1", "{what}");
}

/// The look began first.
fn a_look_does_not_undo_a_sign_in_that_comes_meanwhile<E: Drive>() {
    at_every_step(|step| {
        let scene = looking::<E>();
        let client = scene.client::<E>();
        E::send(client.get("/me")).unwrap();
        scene.hand.steps(step);
        let under_way = scene.hand.tasks() > 0;
        let token = scene.world.server.issue("b1", "s1");
        block_on(scene.refresh.sign_in(token)).unwrap();
        scene.hand.finish();
        expect_b1::<E>(&scene, &format!("signed in after {step}"));
        under_way
    });
}

/// The sign-in began first, and is not stored yet.
fn a_look_does_not_undo_a_sign_in_that_is_under_way<E: Drive>() {
    at_every_step(|step| {
        let scene = looking::<E>();
        let client = scene.client::<E>();
        let token = scene.world.server.issue("b1", "s1");
        let refresh = scene.refresh.clone();
        let mut signing = Stepped::new(async move { refresh.sign_in(token).await });
        let under_way = (0..=step).all(|_| matches!(signing.step(), Step::Moved));
        E::send(client.get("/me")).unwrap();
        scene.hand.finish();
        if under_way {
            while let Step::Moved = signing.step() {}
        }
        expect_b1::<E>(&scene, &format!("looked after {step}"));
        under_way
    });
}

/// A look that finds no news is not repeated before its time.
fn a_look_without_news_is_made_once<E: Drive>() {
    let scene = Scene::new(Start::Good, |it| it.recheck_store(seconds(60)));
    let client = scene.client::<E>();
    for _ in 0..2 {
        scene.world.time.advance(seconds(60));
        for looks in [1, 0, 0] {
            E::send(client.get("/me")).unwrap();
            assert_eq!(scene.hand.tasks(), looks);
            scene.hand.finish();
        }
    }
}

/// Two tokens in a row that a store without leases did not take: the later one
/// is written when it takes them again.
#[test]
fn of_two_tokens_that_wait_to_be_stored_the_later_one_is() {
    let scene = Scene::new(Start::Refused, |it| it);
    scene.store.fill(true);
    for _ in 0..2 {
        scene.world.server.expire();
        assert!(scene.send(&[None]).0[0].is_ok());
    }
    assert_eq!(scene.world.server.presented(), ["r1", "r2"]);
    assert_eq!(
        (scene.store.refresh_token(), scene.hand.tasks()),
        ("r1".to_owned(), 2)
    );
    scene.store.fill(false);
    for _ in 0..40 {
        scene.world.time.advance(seconds(1));
        while scene.hand.step() {}
    }
    assert_eq!(scene.store.refresh_token(), "r3");
    assert_eq!(scene.hand.tasks(), 0);
}

/// The first user's call was sent with a token that was replaced; its refusal
/// comes when somebody else has signed in.
fn a_late_refusal_is_not_replayed_as_who_has_signed_in<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().build().unwrap();
    let (client, gate) = world.held::<E>(&refresh, "/slow");
    E::send(client.get("/first")).unwrap();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| E::send(client.get("/slow")));
        gate.await_arrivals(1);
        world.server.expire();
        E::send(client.get("/me")).unwrap();
        let other = world.server.issue("b1", "s1");
        block_on(refresh.sign_in(other)).unwrap();
        gate.open();
        assert!(slow.join().unwrap().unwrap_err().is_status(401));
    });
    assert_eq!(world.sent_tokens(), some(&["a1", "a1", "a2", "a1"]));
}

both!(
    a_look_does_not_undo_a_sign_in_that_comes_meanwhile,
    a_look_does_not_undo_a_sign_in_that_is_under_way,
    a_look_without_news_is_made_once,
    a_late_refusal_is_not_replayed_as_who_has_signed_in,
);
