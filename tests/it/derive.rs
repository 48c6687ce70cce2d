//! Law 10: a derived client has the defaults, and interceptors only if asked.

use std::time::Duration;

use tollgate::Order;

use crate::support::{Do, Way, World, everywhere};

#[test]
fn a_derived_client_has_the_defaults_and_no_interceptors() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            let builder = builder
                .header("x-parent", "p")
                .timeout(Duration::from_secs(7));
            builder.order(Order::Fifo).max_redirects(3)
        });
        world.request("Q", Do::Fail("the parent's"), Do::Pass);
        world.response("S", Do::Fail("the parent's"), Do::Pass);
        let child = W::build(world.client.derive());
        assert!(child.interceptors.request.is_empty());
        assert!(child.interceptors.response.is_empty());
        assert_eq!(child.config().timeout(), Some(Duration::from_secs(7)));
        assert_eq!(child.config().order(), Order::Fifo);
        assert_eq!(child.config().max_redirects(), 3);
        world.finish(child.get("/u")).unwrap();
        world.logged("T GET /u | => 200");
        assert_eq!(world.mock.requests()[0].headers()["x-parent"], "p");
    }
    everywhere!(law);
}

#[test]
fn what_a_derived_client_changes_stays_with_it() {
    fn law<W: Way>(world: &World<W>) {
        let builder = world
            .client
            .derive()
            .base_url("http://other")
            .header("x-child", "c");
        let child = W::build(builder);
        world.finish(child.get("/u")).unwrap();
        world.get("/u").unwrap();
        world.logged("T GET http://other/u | => 200 | T GET /u | => 200");
        let sent = world.mock.requests();
        assert!(sent[0].headers().contains_key("x-child"));
        assert!(!sent[1].headers().contains_key("x-child"));
        let rootless = W::build(world.client.derive().without_base_url());
        assert!(W::send(rootless.get("/u")).is_err());
        W::send(rootless.get("http://anywhere/")).unwrap();
    }
    everywhere!(law);
}

#[test]
fn interceptors_are_copied_if_asked_and_then_live_on_their_own() {
    fn law<W: Way>(world: &World<W>) {
        let parents = world.request("Q1", Do::Pass, Do::Pass);
        let when = world
            .client
            .interceptors
            .request
            .named("never")
            .run_when(|_| false);
        when.use_sync(|_| panic!("its condition does not hold"));
        world.request("Q2", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        let child = W::build(world.client.derive().with_interceptors());
        world.request("too late", Do::Pass, Do::Pass);
        world.finish(child.get("/u")).unwrap();
        world.logged("Q2.ok | Q1.ok | T GET /u | S.ok | => 200");
        assert!(
            !child.interceptors.request.eject(parents),
            "ids do not carry over"
        );
        let first = child.interceptors.request.iter().next().unwrap();
        assert_eq!(first.name(), "Q1");
        assert!(child.interceptors.request.eject(first.id()));
        world.finish(child.get("/u")).unwrap();
        world.logged("Q2.ok | T GET /u | S.ok | => 200");
        world.get("/u").unwrap();
        world.logged("too late.ok | Q2.ok | Q1.ok | T GET /u | S.ok | => 200");
    }
    everywhere!(law);
}
