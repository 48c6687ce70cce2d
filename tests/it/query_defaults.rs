//! Parameters that a client gives its calls, and serialisers of one's own.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde_json::json;
use tollgate::{ArrayFormat, Error, ErrorCode, ErrorKind, Parameters, QueryFormat};

use crate::{
    queries::{form, query},
    support::{Way, World, everywhere},
};

#[test]
fn parameters_of_the_client_yield_by_key_and_merge_map_by_map() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .query(&json!({"a": 1, "f": {"x": 1, "y": [1, 2]}, "z": "z"}))
                .query(&[("a", 2)])
        });
        let get = || world.client.get("/u?t=0");
        let fxy = "f%5Bx%5D=1&f%5By%5D%5B0%5D=1&f%5By%5D%5B1%5D=2";
        assert_eq!(query(&world, get()), format!("t=0&a=2&{fxy}&z=z"));
        let own = get().query(&json!({"f": {"x": null, "y": [3], "w": 4}, "b": 5}));
        let merged = "t=0&a=2&f%5By%5D%5B0%5D=3&f%5Bw%5D=4&z=z&b=5";
        assert_eq!(query(&world, own), merged);
        let replaced = get().query(&[("a", 7), ("f", 8), ("a", 9)]);
        assert_eq!(query(&world, replaced), "t=0&a=7&a=9&f=8&z=z");
        let off = get().query(&[("f", None::<u8>)]).without_query("a");
        assert_eq!(query(&world, off), "t=0&z=z");
        let gone = get()
            .query(&[("f", 1)])
            .without_query("f")
            .without_query("z");
        assert_eq!(query(&world, gone), "t=0&a=2");
        let back = get()
            .without_query("f")
            .without_query("a")
            .query(&[("a", 3)]);
        assert_eq!(query(&world, back), "t=0&a=3&z=z");
        let form_only = form(&world, world.client.post("/u").form(&[("b", 1)]));
        assert_eq!(form_only, "b=1");
        let child = W::build(world.client.derive().without_query("f").query(&[("z", 0)]));
        assert_eq!(query(&world, child.get("/u")), "a=2&z=0");
        assert!(!format!("{:?}", world.client.config()).contains("\"z\": \"z\""));
    }
    everywhere!(law);
}

/// axios sends them everywhere; one of them may be a key.
#[test]
fn parameters_of_the_client_stay_with_its_origin() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .allow_absolute_urls(true)
                .query(&[("key", "secret")])
        });
        let c = &world.client;
        assert_eq!(query(&world, c.get("http://H:80/u")), "key=secret");
        assert_eq!(query(&world, c.get("http://other/u")), "");
        assert_eq!(
            query(&world, c.get("//other/u?x=1").query(&[("a", 1)])),
            "x=1&a=1"
        );
        assert_eq!(query(&world, c.get("/u").base_url("http://other")), "");
        let baseless = W::build(W::builder(world.mock.clone()).query(&[("key", "k")]));
        assert_eq!(query(&world, baseless.get("http://any/")), "key=k");
    }
    everywhere!(law);
}

#[test]
fn a_serialiser_is_called_once_with_all_parameters() {
    fn law<W: Way>(world: &World<W>) {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let as_json = move |parameters: &Parameters| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(format!("json={}", serde_json::to_string(parameters)?))
        };
        let world = world.with(|builder| builder.query(&[("d", 1)]).query_serializer(as_json));
        let get = || world.client.get("/u#f");
        let call = get().query(&json!({"n": null, "l": [1.5, true, "x#y"]}));
        let sent = query(&world, call);
        let expected = r#"json={"d":1,"l":[1.5,true,"x%23y"],"n":null}"#;
        let plain = sent
            .replace("%22", "\"")
            .replace("%7B", "{")
            .replace("%7D", "}");
        assert_eq!(plain, expected);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        let own = get().query(&[("a", [1])]);
        let own = own.query_serializer(|it| Ok(format!("{}&own", it.encode(ArrayFormat::Comma))));
        assert_eq!(query(&world, own), "d=1&a=1&own");
        let none = get().query(&[("a", [1])]).without_query_serializer();
        assert_eq!(query(&world, none), "d=1&a=1");
        let post = world
            .client
            .post("/u")
            .without_query("d")
            .form(&[("b", [1])]);
        assert_eq!(form(&world, post), "b=1", "a form is not its business");
        let child = W::build(world.client.derive().without_query_serializer());
        assert_eq!(query(&world, child.get("/u")), "d=1");
        let bare = world.with(|builder| builder.query_serializer(|_| panic!("without parameters")));
        assert_eq!(query(&bare, bare.client.get("/u")), "");
    }
    everywhere!(law);
}

#[test]
fn a_serialiser_that_fails_or_panics_fails_its_call() {
    fn law<W: Way>(world: &World<W>) {
        let get = || world.client.get("/u").query(&[("a", 1)]);
        let call = get().query_serializer(|_| Err(Error::message("not today")));
        let error = W::send(call).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        let text = error.to_string();
        assert!(text.contains("`query_serializer` failed"), "{text}");
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("not today"));
        let deep = (0..101).fold(json!(1), |it, _| json!([it]));
        let call = get().query_serializer(move |_| {
            let deep = Parameters::from_value(&json!({ "a": deep }))?;
            deep.encode_with(&QueryFormat::new())
        });
        let error = W::send(call).unwrap_err();
        assert_eq!(error.code(), ErrorCode::FormDepthExceeded, "{error}");
        let call = get().query_serializer(|_| panic!("the serialiser's own"));
        let error = W::send(call).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`query_serializer` panicked: the serialiser's own"),
            "{error}"
        );
        let call = get().query_serializer(|_| Ok("a=1\r\nx".to_owned()));
        assert_eq!(W::send(call).unwrap_err().kind(), ErrorKind::InvalidUrl);
        world.still_works();
    }
    everywhere!(law);
}
