//! Cases 93 to 103: where a call goes, and with which parameters.

use serde::Serialize;
use tollgate::{ErrorKind, adapter::conformance::Reply};

use crate::{case::cases, lanes::Stage, support::World};

cases! {
    93 base_and_target_meet_in_one_slash
        deviates "the root has a path on the wire: `` sends `/`";
    94 an_address_off_the_base_is_refused_unless_allowed
        deviates "axios follows it with the base's credentials; its form `A/http://B/` is none of ours";
    96 an_address_is_absolute_by_axios_rule
        deviates "a scheme other than http and https is refused, by its name";
    99 a_target_is_not_inherited
        deviates "by type: a client has a base, and no target of its own";
    100 a_parameter_without_a_value_is_left_out;
    102 special_characters_stand_as_they_are;
    103 a_serialiser_of_ones_own_is_called_once_with_all_parameters;
}

fn base_and_target_meet_in_one_slash<L: Stage>(world: &World<'_, L>) {
    let origin = world.server.origin().to_owned();
    for (base, target, expected) in [
        ("/", "/users", "/users"),
        ("/", "users", "/users"),
        ("", "/users", "/users"),
        ("/v1", "users", "/v1/users"),
        ("/v1/", "/users", "/v1/users"),
        ("/v1", "", "/v1"),
        ("/v1", "/", "/v1/"),
        ("/v1", "?a=1", "/v1?a=1"),
        ("", "", "/"),
    ] {
        let client = world.client_with(|builder| builder.base_url(format!("{origin}{base}")));
        let sent = world.sent(client.get(target));
        assert_eq!(sent.target(), expected, "{base} and {target}");
    }
}

fn an_address_off_the_base_is_refused_unless_allowed<L: Stage>(world: &World<'_, L>) {
    let other = world.serve(Reply::new(200));
    let address = other.url("/x");
    let guarded = world.client_with(|builder| builder.header("authorization", "t"));
    let error = world.fails(guarded.get(address.as_str()));
    assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{error}");
    assert!(error.to_string().contains("allow_absolute_urls"), "{error}");
    assert!(other.requests().is_empty());
    let open = guarded.derive().allow_absolute_urls(true).build().unwrap();
    world.lane.send(open.get(address.as_str())).unwrap();
    let sent = &other.requests()[0];
    assert_eq!(sent.target(), "/x");
    assert_eq!(sent.header("authorization"), None, "it has left");
    assert_eq!(
        sent.header("host").unwrap_or_default(),
        host_of::<L>(&other)
    );
}

/// What stands in the header `host`; a mock writes none.
fn host_of<L: Stage>(server: &tollgate::adapter::conformance::Server) -> String {
    if L::WIRE {
        server.address().to_string()
    } else {
        String::new()
    }
}

fn an_address_is_absolute_by_axios_rule<L: Stage>(world: &World<'_, L>) {
    let client = world.client_with(|builder| builder.allow_absolute_urls(true));
    let upper = world.server.url("/up").replacen("http", "HTTP", 1);
    for (target, expected) in [
        (upper.as_str(), "/up"),
        ("/foo", "/foo"),
        ("foo", "/foo"),
        ("./a:b", "/a:b"),
        ("123://x", "/123://x"),
        ("!v://x", "/!v://x"),
    ] {
        let sent = world.sent(client.get(target));
        assert_eq!(sent.target(), expected, "{target}");
    }
    let error = world.fails(client.get("custom-scheme-v1.0://x/"));
    assert!(
        error.to_string().contains("`custom-scheme-v1.0`"),
        "{error}"
    );
}

fn a_target_is_not_inherited<L: Stage>(world: &World<'_, L>) {
    let origin = world.server.origin().to_owned();
    let client = world.client_with(|builder| builder.base_url(format!("{origin}/base")));
    assert_eq!(world.sent(client.get("/own")).target(), "/base/own");
    assert_eq!(world.sent(client.get("")).target(), "/base");
    let derived = client.derive().without_base_url().build().unwrap();
    let sent = world.sent(derived.get(world.server.url("/own")));
    assert_eq!(sent.target(), "/own");
    world.fails(derived.get("/own"));
}

#[derive(Serialize)]
struct Parameters {
    foo: &'static str,
    null: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undefined: Option<u8>,
}

fn a_parameter_without_a_value_is_left_out<L: Stage>(world: &World<'_, L>) {
    let parameters = Parameters {
        foo: "bar",
        null: None,
        undefined: None,
    };
    let sent = world.sent(world.client.get("/u").query(&parameters));
    assert_eq!(sent.target(), "/u?foo=bar");
    let pairs = [("foo", Some("bar")), ("null", None)];
    let sent = world.sent(world.client.get("/u?x=1#fragment").query(&pairs));
    assert_eq!(sent.target(), "/u?x=1&foo=bar");
}

fn special_characters_stand_as_they_are<L: Stage>(world: &World<'_, L>) {
    let target = |value: &str| {
        let call = world.client.get("/u").query(&[("q", value)]);
        world.sent(call).target().to_owned()
    };
    assert_eq!(target(":$, "), "/u?q=:$,+");
    assert_eq!(target("a&b=c#d%"), "/u?q=a%26b%3Dc%23d%25");
    assert_eq!(target("é"), "/u?q=%C3%A9");
}

fn a_serialiser_of_ones_own_is_called_once_with_all_parameters<L: Stage>(world: &World<'_, L>) {
    let log = world.log.clone();
    let client = world.client_with(|builder| {
        builder.query_serializer(move |parameters| {
            log.add(serde_json::to_string(parameters)?);
            Ok("own=1".to_owned())
        })
    });
    let call = client.get("/u?x=1").query(&[("a", 1)]);
    world.finish(call.query(&[("b", [2, 3])])).unwrap();
    world.logged(r#"{"a":1,"b":[2,3]} | T GET /u?x=1&own=1 | => 200"#);
    world.finish(client.get("/u")).unwrap();
    world.logged("T GET /u | => 200");
}
