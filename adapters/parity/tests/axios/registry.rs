//! Cases 1 to 13 and 17: what is registered, and under which id.

use tollgate::interceptor::InterceptorId;

use crate::{
    case::cases,
    lanes::Stage,
    support::{Do, World},
};

cases! {
    1 an_id_is_never_given_again;
    2 an_id_from_before_a_clear_ejects_nothing;
    3 an_id_ejects_once;
    4 an_id_that_this_client_never_gave_ejects_nothing
        deviates "an id knows its client: axios takes that of another for its own";
    6 the_hook_in_the_middle_can_be_ejected;
    7 the_order_survives_an_eject_in_the_middle;
    9 clear_leaves_nothing_on_either_side;
    10 a_walk_shows_what_was_registered_when_it_began
        deviates "a walk is over a snapshot, as a call is: it still shows what is ejected on the way";
    12 a_hook_registered_twice_runs_twice;
    13 a_half_that_is_absent_passes_values_and_errors_on;
    17 a_derived_client_has_the_defaults_and_registries_of_its_own;
}

fn an_id_is_never_given_again<L: Stage>(world: &World<'_, L>) {
    let request = &world.client.interceptors.request;
    let mut seen: Vec<InterceptorId<_>> = Vec::new();
    for round in 0..8 {
        for _ in 0..3 {
            let id = request.use_sync(Ok);
            assert!(!seen.contains(&id), "in round {round}");
            seen.push(id);
        }
        assert!(request.eject(*seen.last().unwrap()));
    }
}

fn an_id_from_before_a_clear_ejects_nothing<L: Stage>(world: &World<'_, L>) {
    let stale = world.request("a", Do::Pass, Do::Pass);
    world.client.interceptors.request.clear();
    world.request("b", Do::Pass, Do::Pass);
    assert!(!world.client.interceptors.request.eject(stale));
    world.get("/u").unwrap();
    world.logged("b.ok | T GET /u | => 200");
}

fn an_id_ejects_once<L: Stage>(world: &World<'_, L>) {
    let response = &world.client.interceptors.response;
    let a = world.response("a", Do::Pass, Do::Pass);
    assert!(response.eject(a));
    world.response("b", Do::Pass, Do::Pass);
    assert!(!response.eject(a));
    world.get("/u").unwrap();
    world.logged("T GET /u | b.ok | => 200");
}

fn an_id_that_this_client_never_gave_ejects_nothing<L: Stage>(world: &World<'_, L>) {
    let other = world.client_with(|builder| builder);
    world.request("q", Do::Pass, Do::Pass);
    let foreign = other.interceptors.request.use_sync(Ok);
    assert!(!world.client.interceptors.request.eject(foreign));
    assert_eq!(other.interceptors.request.len(), 1);
    world.get("/u").unwrap();
    world.logged("q.ok | T GET /u | => 200");
}

/// Three hooks on the response side, the second one ejected.
fn one_and_three<L: Stage>(world: &World<'_, L>) {
    world.response("1", Do::Pass, Do::Pass);
    let middle = world.response("2", Do::Pass, Do::Pass);
    world.response("3", Do::Pass, Do::Pass);
    assert!(world.client.interceptors.response.eject(middle));
}

fn the_hook_in_the_middle_can_be_ejected<L: Stage>(world: &World<'_, L>) {
    one_and_three(world);
    world.get("/u").unwrap();
    world.logged("T GET /u | 1.ok | 3.ok | => 200");
}

fn the_order_survives_an_eject_in_the_middle<L: Stage>(world: &World<'_, L>) {
    one_and_three(world);
    world.response("4", Do::Pass, Do::Pass);
    let entries = world.client.interceptors.response.iter();
    let names: Vec<_> = entries.map(|entry| entry.name().to_owned()).collect();
    assert_eq!(names, ["1", "3", "4"]);
    world.get("/u").unwrap();
    world.logged("T GET /u | 1.ok | 3.ok | 4.ok | => 200");
}

fn clear_leaves_nothing_on_either_side<L: Stage>(world: &World<'_, L>) {
    let all = &world.client.interceptors;
    world.request("q", Do::Pass, Do::Pass);
    world.response("s", Do::Pass, Do::Pass);
    all.request.clear();
    assert_eq!((all.request.len(), all.response.len()), (0, 1));
    all.response.clear();
    assert!(all.response.is_empty());
    world.get("/u").unwrap();
    world.logged("T GET /u | => 200");
}

/// axios visits the first one only; the next walk is the same with both.
fn a_walk_shows_what_was_registered_when_it_began<L: Stage>(world: &World<'_, L>) {
    let request = &world.client.interceptors.request;
    let name = |name: &'static str| request.named(name).use_sync(Ok);
    name("first");
    let second = name("second");
    let mut walk = request.iter();
    assert_eq!(walk.next().unwrap().name(), "first");
    request.eject(second);
    name("third");
    let rest: Vec<_> = walk.map(|entry| entry.id()).collect();
    assert_eq!(rest, [second]);
    let next: Vec<_> = request
        .iter()
        .map(|entry| entry.name().to_owned())
        .collect();
    assert_eq!(next, ["first", "third"]);
}

fn a_hook_registered_twice_runs_twice<L: Stage>(world: &World<'_, L>) {
    let log = world.log.clone();
    let hook = move |request| {
        log.add("f");
        Ok(request)
    };
    world.client.interceptors.request.use_sync(hook.clone());
    world.client.interceptors.request.use_sync(hook);
    world.get("/u").unwrap();
    world.logged("f | f | T GET /u | => 200");
}

fn a_half_that_is_absent_passes_values_and_errors_on<L: Stage>(world: &World<'_, L>) {
    let all = &world.client.interceptors;
    all.request.use_sync(Ok);
    all.request.use_rejected(async |error| Err(error));
    world.request("b", Do::Fail("b broke"), Do::Pass);
    all.response.use_(async |response| Ok(response));
    world.response("r", Do::Pass, Do::Answer(200));
    all.response.use_rejected(async |error| Err(error));
    world.response("s", Do::Pass, Do::Pass);
    world.get("/u").unwrap();
    world.logged("b.ok | r.err | s.ok | => 200");
}

fn a_derived_client_has_the_defaults_and_registries_of_its_own<L: Stage>(world: &World<'_, L>) {
    let world = world.with(|builder| builder.header("x-default", "d"));
    world.request("q", Do::Pass, Do::Pass);
    let derived = world.client.derive().build().unwrap();
    assert!(derived.interceptors.request.is_empty());
    let log = world.log.clone();
    derived.interceptors.request.use_sync(move |request| {
        log.add("own");
        Ok(request)
    });
    let calls = [
        derived.get("/u"),
        derived.post("/u"),
        derived.put("/u"),
        derived.patch("/u"),
        derived.delete("/u"),
        derived.head("/u"),
        derived.options("/u"),
        derived.request(http::Method::TRACE, "/u"),
    ];
    let mut methods = Vec::new();
    for call in calls {
        let sent = world.sent(call);
        assert_eq!(sent.header("x-default"), Some("d"));
        world.logged(&format!("own | T {} /u", sent.method()));
        methods.push(sent.method().to_string());
    }
    let all = "GET POST PUT PATCH DELETE HEAD OPTIONS TRACE";
    assert_eq!(methods.join(" "), all);
    world.get("/u").unwrap();
    world.logged("q.ok | T GET /u | => 200");
}
