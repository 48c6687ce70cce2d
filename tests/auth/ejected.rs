//! The pair is taken away while calls are under way.

use tollgate::client::Client;

use crate::support::{BASE, Drive, Gate, World, eventually, some};

fn held<E: Drive>(world: &World, path: &'static str) -> (Client<E>, Gate) {
    let adapter = world.holding(path);
    let gate = adapter.gate.clone();
    (E::builder(adapter).base_url(BASE).build().unwrap(), gate)
}

/// Case 67. A call works with what was registered when it began.
fn a_call_on_its_way_is_refreshed_though_the_pair_is_ejected<E: Drive>() {
    for path in ["/me", "/token"] {
        let world = World::new();
        let (client, gate) = held::<E>(&world, path);
        let refresh = world.pair().build().unwrap();
        let pair = client.interceptors.use_pair(refresh.clone());
        E::send(client.get("/first")).unwrap();
        world.server.expire();
        std::thread::scope(|scope| {
            let calls = (0..4).map(|_| client.get("/me")).collect();
            let waiting = scope.spawn(|| E::send_all(calls));
            // Held before its refusal, or while it waits for the refresh.
            if path == "/me" {
                gate.await_arrivals(4);
            } else {
                eventually("all wait", || refresh.counters().coalesced == 3);
            }
            assert!(client.interceptors.eject_pair(pair));
            gate.open();
            for result in waiting.join().unwrap() {
                result.unwrap();
            }
        });
        assert_eq!(world.server.presented(), ["r1"], "held at {path}");
        let before = world.calls().len();
        E::send(client.get("/bare")).unwrap_err();
        assert_eq!(world.sent_tokens()[before..], [None]);
        assert!(!refresh.status().is_refreshing());
    }
}

/// Case 67. The pair comes back: nothing was lost meanwhile.
fn a_pair_that_is_registered_again_goes_on_with_its_session<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let (client, gate) = held::<E>(&world, "/token");
    let refresh = world.pair().build().unwrap();
    let pair = client.interceptors.use_pair(refresh.clone());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| E::send(client.get("/me")));
        gate.await_arrivals(1);
        assert!(client.interceptors.eject_pair(pair));
        assert!(!client.interceptors.eject_pair(pair), "once");
        client.interceptors.use_pair(refresh.clone());
        let joining = scope.spawn(|| E::send(client.get("/me")));
        eventually("the second waits too", || refresh.counters().coalesced == 1);
        gate.open();
        waiting.join().unwrap().unwrap();
        joining.join().unwrap().unwrap();
    });
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.sent_tokens().last(), some(&["a2"]).last());
}

/// Case 67. All hooks are cleared by one of them, in the middle of a replay.
fn clearing_the_registries_in_a_replay_ends_nothing<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let client = world.client::<E>(&world.pair().build().unwrap());
    let registries = client.downgrade();
    client
        .interceptors
        .request
        .use_sync(move |request: tollgate::Request| {
            if request.attempt() == 2 {
                let client = registries.upgrade().unwrap();
                client.interceptors.request.clear();
                client.interceptors.response.clear();
            }
            Ok(request)
        });
    E::send(client.get("/me")).unwrap();
    E::send(client.get("/me")).unwrap_err();
    let expected = [some(&["a1", "a2"]), vec![None]].concat();
    assert_eq!(world.sent_tokens(), expected);
    assert_eq!(world.server.refreshes(), 1);
}

both!(
    a_call_on_its_way_is_refreshed_though_the_pair_is_ejected,
    a_pair_that_is_registered_again_goes_on_with_its_session,
    clearing_the_registries_in_a_replay_ends_nothing,
);
