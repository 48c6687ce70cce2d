//! `uri_for`: where a call would go, with nothing sent.

use tollgate::{ErrorKind, Request, client::Call};

use crate::support::{Way, World, everywhere};

type Make<W> = fn(&World<W>) -> Call<<W as Way>::Engine>;

#[test]
fn the_address_is_the_one_that_is_sent_to() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.base_url("http://h/v1").allow_absolute_urls(true));
        let c = &world.client;
        let make: [Make<W>; 8] = [
            |world| world.client.get("/users"),
            |world| world.client.get(""),
            |world| world.client.get("/a b/../c#fragment"),
            |world| world.client.post("users?x=1").query(&[("a", "b c")]),
            |world| {
                world
                    .client
                    .get("x#cut")
                    .query(&[("a", 1)])
                    .query(&[("a", 2)])
            },
            |world| world.client.get("HTTP://Other:80/y"),
            |world| world.client.get("http://u:secret@h/z").basic_auth("a", "b"),
            |world| world.client.get("/users").base_url("http://h/v2/"),
        ];
        let mut addresses = Vec::new();
        for call in make {
            addresses.push(c.uri_for(&call(&world)).unwrap());
        }
        assert!(world.mock.requests().is_empty(), "nothing is sent");
        assert_eq!(addresses[4], "http://h/v1/x?a=1&a=2");
        assert_eq!(addresses[6], "http://h/z", "without user-info");
        for (call, address) in make.iter().zip(addresses) {
            world.finish(call(&world)).unwrap();
            assert_eq!(*world.mock.requests().last().unwrap().uri(), address);
        }
    }
    everywhere!(law);
}

#[test]
fn asking_runs_no_interceptor_and_leaves_the_call_as_it_was() {
    fn law<W: Way>(world: &World<W>) {
        world
            .client
            .interceptors
            .request
            .use_sync(|mut request: Request| {
                *request.uri_mut() = "http://h/by-hook".parse()?;
                Ok(request)
            });
        let call = world.client.get("/u").query(&[("a", 1)]);
        for _ in 0..2 {
            assert_eq!(world.client.uri_for(&call).unwrap(), "http://h/u?a=1");
        }
        world.logged("");
        world.finish(call).unwrap();
        world.logged("T GET /by-hook | => 200");
    }
    everywhere!(law);
}

#[test]
fn it_follows_the_defaults_of_the_client_that_is_asked() {
    fn law<W: Way>(world: &World<W>) {
        let call = world.client.get("/u");
        let other = W::build(world.client.derive().base_url("http://other/v2"));
        assert_eq!(other.uri_for(&call).unwrap(), "http://other/v2/u");
        let update = |it: tollgate::client::Defaults| it.base_url("http://h/v3");
        world.client.update_defaults(update).unwrap();
        assert_eq!(world.client.uri_for(&call).unwrap(), "http://h/v3/u");
    }
    everywhere!(law);
}

#[test]
fn what_could_not_be_sent_has_no_address() {
    fn law<W: Way>(world: &World<W>) {
        let c = &world.client;
        let allowed = c.get("http://other/").allow_absolute_urls(true);
        assert_eq!(c.uri_for(&allowed).unwrap(), "http://other/");
        for (call, kind) in [
            (c.get("http://other/"), ErrorKind::InvalidUrl),
            (c.get("http:evil"), ErrorKind::InvalidUrl),
            (c.get("/u").query(&5), ErrorKind::InvalidRequest),
            (c.get("/u").header("x", "\n"), ErrorKind::InvalidRequest),
        ] {
            let told = c.uri_for(&call).unwrap_err();
            let sent = W::send(call).unwrap_err();
            assert_eq!(told.kind(), kind);
            assert_eq!(told.to_string(), sent.to_string());
            assert_eq!(told.hint(), sent.hint());
        }
    }
    everywhere!(law);
}
