//! Cases 105 to 117: headers, bodies and credentials, and who has the last
//! word about them.

use std::time::Duration;

use serde_json::json;
use tollgate::{
    Request,
    adapter::conformance::{Reply, Script},
};

use crate::{
    case::cases,
    lanes::Stage,
    support::{AMPLE, World},
};

cases! {
    105 headers_are_the_same_whatever_their_case;
    107 a_header_can_be_set_only_where_there_is_none
        deviates "it is `HeaderMap::entry` of the crate `http`";
    108 a_header_may_come_with_several_values;
    109 the_header_of_a_call_beats_that_of_its_method_and_that_of_all;
    111 json_has_its_type_unless_there_is_one;
    112 a_form_has_its_type_and_its_pairs
        deviates "no `;charset=utf-8`: the type has no such parameter";
    114 a_delete_may_have_a_body;
    115 method_and_body_are_not_inherited
        deviates "by type: a client has no method and no body of its own";
    116 a_call_inherits_what_it_does_not_set
        deviates "headers and parameters are merged by name; any other setting is replaced whole";
    117 basic_credentials_are_utf_8;
}

fn headers_are_the_same_whatever_their_case<L: Stage>(world: &World<'_, L>) {
    let client = world.client_with(|builder| builder.header("xFoo", "1").header("x-keep", "k"));
    let sent = world.sent(client.get("/u").header("XFOO", "2"));
    assert_eq!(sent.header("xfoo"), Some("2"), "one header, the last value");
    assert_eq!(sent.header("x-keep"), Some("k"));
}

fn a_header_can_be_set_only_where_there_is_none<L: Stage>(world: &World<'_, L>) {
    let hook = |mut request: Request| {
        let value = "hook".parse()?;
        request.headers_mut().entry("x-id").or_insert(value);
        Ok(request)
    };
    world.client.interceptors.request.use_sync(hook);
    let sent = world.sent(world.client.get("/u").header("x-id", "caller"));
    assert_eq!(sent.header("x-id"), Some("caller"));
    let sent = world.sent(world.client.get("/u"));
    assert_eq!(sent.header("x-id"), Some("hook"));
}

fn a_header_may_come_with_several_values<L: Stage>(world: &World<'_, L>) {
    let reply = Reply::new(200).header("set-cookie", "a=1");
    world.script([reply.header("set-cookie", "b=2")]);
    let response = world.get("/u").unwrap();
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    let mut several = http::HeaderMap::new();
    several.append("x-many", "a".parse().unwrap());
    several.append("x-many", "b".parse().unwrap());
    let sent = world.sent(world.client.get("/u").headers(several));
    let values: Vec<_> = sent.headers().get_all("x-many").iter().collect();
    assert_eq!(values, ["a", "b"]);
}

fn the_header_of_a_call_beats_that_of_its_method_and_that_of_all<L: Stage>(world: &World<'_, L>) {
    let client = world.client_with(|builder| {
        builder
            .header_for(http::Method::POST, "x-h", "method")
            .header("x-h", "common")
    });
    let x_h = |call| world.sent(call).header("x-h").map(ToOwned::to_owned);
    assert_eq!(x_h(client.get("/u")).as_deref(), Some("common"));
    assert_eq!(x_h(client.post("/u")).as_deref(), Some("method"));
    let call = client.post("/u").header("x-h", "call");
    assert_eq!(x_h(call).as_deref(), Some("call"));
    assert_eq!(x_h(client.post("/u").without_header("x-h")), None);
}

fn json_has_its_type_unless_there_is_one<L: Stage>(world: &World<'_, L>) {
    let value = json!({"a": "é"});
    let sent = world.sent(world.client.post("/u").json(&value));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(&sent.body()[..], r#"{"a":"é"}"#.as_bytes());
    let own = "application/vnd.api+json";
    let preset = world.client.post("/u").header("CONTENT-type", own);
    let sent = world.sent(preset.json(&value));
    assert_eq!(sent.header("content-type"), Some(own));
}

fn a_form_has_its_type_and_its_pairs<L: Stage>(world: &World<'_, L>) {
    let pairs = [("param1", "value1"), ("param2", "value2")];
    let sent = world.sent(world.client.post("/u").form(&pairs));
    let kind = sent.header("content-type");
    assert_eq!(kind, Some("application/x-www-form-urlencoded"));
    assert_eq!(&sent.body()[..], b"param1=value1&param2=value2");
}

fn a_delete_may_have_a_body<L: Stage>(world: &World<'_, L>) {
    let sent = world.sent(world.client.delete("/u").json(&json!({"id": 7})));
    assert_eq!(sent.method(), http::Method::DELETE);
    assert_eq!(&sent.body()[..], br#"{"id":7}"#);
}

fn method_and_body_are_not_inherited<L: Stage>(world: &World<'_, L>) {
    world.sent(world.client.post("/u").body("first"));
    let sent = world.sent(world.client.get("/u"));
    assert_eq!(sent.method(), http::Method::GET);
    assert!(sent.body().is_empty());
    assert_eq!(sent.header("content-type"), None);
    let derived = world.client.derive().build().unwrap();
    assert!(world.sent(derived.put("/u")).body().is_empty());
}

fn a_call_inherits_what_it_does_not_set<L: Stage>(world: &World<'_, L>) {
    // Headers are merged one by one, and the client's stay as they were.
    let parent = world.client_with(|builder| builder.header("x-a", "1"));
    let derived = parent.derive().header("x-b", "2").build().unwrap();
    let sent = world.sent(derived.get("/u").header("x-a", "3"));
    let both = [sent.header("x-a"), sent.header("x-b")];
    assert_eq!(both, [Some("3"), Some("2")]);
    let sent = world.sent(parent.get("/u"));
    assert_eq!([sent.header("x-a"), sent.header("x-b")], [Some("1"), None]);
    parent
        .update_defaults(|defaults| defaults.header("x-a", "4"))
        .unwrap();
    let both = [world.sent(parent.get("/u")), world.sent(derived.get("/u"))];
    let both = both.each_ref().map(|sent| sent.header("x-a"));
    assert_eq!(both, [Some("4"), Some("1")], "a derived client has its own");
    // So are parameters.
    let paged = world.client_with(|builder| builder.query(&[("page", 1), ("size", 9)]));
    let sent = world.sent(paged.get("/u").query(&[("page", 2)]));
    assert_eq!(sent.target(), "/u?page=2&size=9");
    assert_eq!(world.sent(paged.get("/u")).target(), "/u?page=1&size=9");
    // A timeout is inherited, set or taken off.
    let limit = Duration::from_millis(200);
    let whole = Reply::new(200).body("ab");
    let half = whole.head_len() + 1;
    let server = world.serve(
        Script::new()
            .on("/stalls", whole.stall_at(half))
            .on("/slow", Reply::new(200).pieces(["a", "b"]).every(limit * 2)),
    );
    let short = parent.derive().base_url(server.origin()).timeout(limit);
    let short = short.build().unwrap();
    assert!(world.fails(short.get("/stalls")).is_timeout());
    for call in [
        short.get("/slow").timeout(AMPLE),
        short.get("/slow").without_timeout(),
    ] {
        assert_eq!(world.lane.send(call).unwrap().text().unwrap(), "ab");
    }
    assert!(world.fails(short.get("/stalls")).is_timeout());
}

fn basic_credentials_are_utf_8<L: Stage>(world: &World<'_, L>) {
    for (password, expected) in [
        ("open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("", "Basic QWxhZGRpbjo="),
        (
            "open ßç£☃sesame",
            "Basic QWxhZGRpbjpvcGVuIMOfw6fCo+KYg3Nlc2FtZQ==",
        ),
    ] {
        let call = world.client.get("/u").basic_auth("Aladdin", password);
        assert_eq!(world.sent(call).header("authorization"), Some(expected));
    }
}
