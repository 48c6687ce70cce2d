//! Law 5: ids are typed by registry, never used again, and strict.

use std::{borrow::Cow, collections::HashSet};

use tollgate::{
    Client, InterceptorPair, MockAdapter, Request, RequestFlow, RequestInterceptor, Response,
    ResponseFlow, ResponseInterceptor, Result, blocking,
};

use crate::support::{Do, Way, World, everywhere};

#[test]
fn an_id_is_never_used_again() {
    fn law<W: Way>(world: &World<W>) {
        let request = &world.client.interceptors.request;
        let mut seen = HashSet::new();
        for round in 0..50 {
            let ids: Vec<_> = (0..3).map(|_| request.use_sync(Ok)).collect();
            assert!(ids.iter().all(|id| seen.insert(*id)), "in round {round}");
            assert!(request.eject(ids[2]));
            if round % 2 == 0 {
                request.clear();
            }
        }
    }
    everywhere!(law);
}

#[test]
fn a_stale_id_removes_nothing() {
    fn law<W: Way>(world: &World<W>) {
        let request = &world.client.interceptors.request;
        let stale = request.use_sync(Ok);
        request.clear();
        world.request("B", Do::Pass, Do::Pass);
        assert!(!request.eject(stale), "cleared");
        let double = request.use_sync(Ok);
        assert!(request.eject(double));
        world.request("C", Do::Pass, Do::Pass);
        assert!(!request.eject(double), "ejected already");
        world.get("/u").unwrap();
        world.logged("C.ok | B.ok | T GET /u | => 200");
    }
    everywhere!(law);
}

#[test]
fn an_id_of_another_client_removes_nothing() {
    fn law<W: Way>(world: &World<W>) {
        let async_one = Client::new(MockAdapter::new());
        let blocking_one = blocking::Client::new(MockAdapter::new());
        world.request("Q", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        let mine = &world.client.interceptors;
        for theirs in [&async_one.interceptors, &blocking_one.interceptors] {
            for _ in 0..4 {
                assert!(!mine.request.eject(theirs.request.use_sync(Ok)));
                assert!(!mine.response.eject(theirs.response.use_sync(Ok)));
            }
            let foreign = theirs.request.use_sync(Ok);
            drop(mine.request.scoped(foreign));
            assert_eq!(theirs.request.len(), 5);
        }
        world.get("/u").unwrap();
        world.logged("Q.ok | T GET /u | S.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_scoped_guard_of_a_foreign_id_ejects_nothing() {
    fn law<W: Way>(world: &World<W>) {
        let other = Client::new(MockAdapter::new());
        let mine = &world.client.interceptors;
        let own = mine.request.use_sync(Ok);
        // The serials of both clients are equal, the ids are not.
        let foreign = other.interceptors.request.use_sync(Ok);
        assert_ne!(own, foreign);
        drop(mine.request.scoped(foreign));
        assert_eq!(
            mine.request.len(),
            1,
            "another client's id was taken for ours"
        );
        assert_eq!(other.interceptors.request.len(), 1);
    }
    everywhere!(law);
}

#[test]
fn the_order_survives_an_eject_in_the_middle() {
    fn law<W: Way>(world: &World<W>) {
        world.response("1", Do::Pass, Do::Pass);
        let middle = world.response("2", Do::Pass, Do::Pass);
        world.response("3", Do::Pass, Do::Pass);
        let response = &world.client.interceptors.response;
        assert!(response.eject(middle));
        // Takes the slot that has become free, but not its place.
        world.response("4", Do::Pass, Do::Pass);
        let names: Vec<_> = response
            .iter()
            .map(|entry| entry.name().to_owned())
            .collect();
        assert_eq!(names, ["1", "3", "4"]);
        world.get("/u").unwrap();
        world.logged("T GET /u | 1.ok | 3.ok | 4.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn ten_thousand_registrations_that_came_and_went_leave_nothing() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        for _ in 0..10_000 {
            let id = all.request.use_sync(Ok);
            assert!(all.request.eject(id));
        }
        assert_eq!(all.request.len(), 0);
        assert_eq!(all.request.iter().count(), 0);
        assert!(all.request.is_empty());
        world.request("last", Do::Pass, Do::Pass);
        assert!(world.client.explain().contains("1. last (#10000)"));
        world.get("/u").unwrap();
        world.logged("last.ok | T GET /u | => 200");
    }
    everywhere!(law);
}

#[test]
fn iter_walks_over_what_was_registered_when_it_started() {
    fn law<W: Way>(world: &World<W>) {
        let request = &world.client.interceptors.request;
        let first = request.named("a").use_sync(Ok);
        request.named("b").run_when(|_| true).use_sync(Ok);
        let mut walk = request.iter();
        let entry = walk.next().unwrap();
        assert_eq!((entry.name(), entry.id()), ("a", first));
        assert!(!entry.is_conditional());
        request.named("c").use_sync(Ok);
        request.eject(walk.next().unwrap().id());
        assert!(walk.next().is_none());
        let names: Vec<_> = request
            .iter()
            .map(|entry| entry.name().to_owned())
            .collect();
        assert_eq!(names, ["a", "c"]);
    }
    everywhere!(law);
}

#[test]
fn a_guard_ejects_on_drop_and_keep_disarms_it() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        let guard = all.request.use_scoped(async |request| Ok(request));
        let other = all.response.scoped(all.response.use_sync(Ok));
        assert_eq!((all.request.len(), all.response.len()), (1, 1));
        drop(guard);
        other.keep();
        assert_eq!((all.request.len(), all.response.len()), (0, 1));
        let scoped = all
            .request
            .named("s")
            .run_when(|_| true)
            .use_scoped(async |r| Ok(r));
        assert!(all.request.iter().next().unwrap().is_conditional());
        drop(world.with(|builder| builder));
        drop(scoped);
        assert!(all.request.is_empty());
    }
    everywhere!(law);
}

#[test]
fn a_guard_outlives_its_client() {
    let client = Client::new(MockAdapter::new());
    let guard = client
        .interceptors
        .request
        .use_scoped(async |request| Ok(request));
    drop(client);
    drop(guard);
}

/// Counts what passes, in both directions.
struct Stamping(crate::support::Log);
struct Stamp(crate::support::Log);

impl RequestInterceptor for Stamp {
    async fn on_fulfilled(&self, request: Request) -> Result<RequestFlow> {
        self.0.add("stamp");
        Ok(request.into())
    }
}

impl ResponseInterceptor for Stamp {
    async fn on_fulfilled(&self, response: Response) -> Result<ResponseFlow> {
        self.0.add("check");
        Ok(response.into())
    }
}

impl InterceptorPair for Stamping {
    type Request = Stamp;
    type Response = Stamp;

    fn into_pair(self) -> (Stamp, Stamp) {
        (Stamp(self.0.clone()), Stamp(self.0))
    }

    fn name(&self) -> Cow<'static, str> {
        "stamping".into()
    }
}

#[test]
fn a_pair_comes_and_goes_as_one() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        let pair = all.use_pair(Stamping(world.log.clone()));
        world.get("/1").unwrap();
        world.logged("stamp | T GET /1 | check | => 200");
        let name = all.request.iter().next().unwrap().name().to_owned();
        assert_eq!(name, "stamping");
        assert_eq!(all.response.iter().next().unwrap().id(), pair.response());
        assert!(all.eject_pair(pair));
        assert!(!all.eject_pair(pair));
        let half = all.use_pair(Stamping(world.log.clone()));
        assert!(all.request.eject(half.request()));
        assert!(all.eject_pair(half), "the other half was still there");
        world.get("/2").unwrap();
        world.logged("T GET /2 | => 200");
    }
    everywhere!(law);
}
