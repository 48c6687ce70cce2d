//! Queries and forms: array formats, nesting, what is refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use tollgate::{ArrayFormat, ErrorCode, ErrorKind, client::Call};

use crate::support::{Way, World, everywhere};

const FORMATS: [ArrayFormat; 4] = [
    ArrayFormat::Repeat,
    ArrayFormat::Brackets,
    ArrayFormat::Indices,
    ArrayFormat::Comma,
];

/// The query that the adapter gets.
pub(crate) fn query<W: Way>(world: &World<W>, call: Call<W::Engine>) -> String {
    world.finish(call).unwrap();
    let sent = world.mock.requests();
    sent.last()
        .unwrap()
        .uri()
        .query()
        .unwrap_or_default()
        .to_owned()
}

/// The form that the adapter gets.
pub(crate) fn form<W: Way>(world: &World<W>, call: Call<W::Engine>) -> String {
    world.finish(call).unwrap();
    let sent = world.mock.requests();
    let last = sent.last().unwrap();
    let content_type = &last.headers()["content-type"];
    assert_eq!(content_type, "application/x-www-form-urlencoded");
    String::from_utf8(last.body().to_vec()).unwrap()
}

/// What axios 1.21.1 makes of a value: its query and its form.
#[derive(Deserialize)]
struct Vector {
    value: Value,
    repeat: Option<[String; 2]>,
    brackets: [String; 2],
    indices: [String; 2],
}

/// Differs from axios on purpose: `'` is percent-encoded in every address, so
/// that no two readers of it disagree. Not among the vectors: a key ending in
/// `[]` over objects, which axios writes as `[object Object]`, and one over
/// values in the repeat format, which keeps its brackets here.
#[test]
fn values_are_written_as_axios_writes_them() {
    fn law<W: Way>(world: &World<W>) {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("axios_queries.json")).unwrap();
        assert!(vectors.len() > 150);
        for vector in vectors {
            for (format, expected) in [
                (ArrayFormat::Repeat, &vector.repeat),
                (ArrayFormat::Brackets, &Some(vector.brackets)),
                (ArrayFormat::Indices, &Some(vector.indices)),
            ] {
                let Some([in_query, in_form]) = expected else {
                    continue;
                };
                let what = format!("{format:?} of {}", vector.value);
                let get = world.client.get("/u").query(&vector.value);
                let sent = query(world, get.array_format(format));
                assert_eq!(sent, in_query.replace('\'', "%27"), "{what}");
                let post = world.client.post("/u").form(&vector.value);
                assert_eq!(form(world, post.array_format(format)), *in_form, "{what}");
            }
        }
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn each_format_writes_arrays_its_own_way() {
    fn law<W: Way>(world: &World<W>) {
        let value = json!({"a": [1, null, "x,y z"], "b": {"c": [2, 3]}, "e": [], "d": 4});
        let nested = "b%5Bc%5D%5B0%5D=2&b%5Bc%5D%5B1%5D=3";
        for (format, array) in FORMATS.into_iter().zip([
            "a=1&a=x,y+z",
            "a%5B%5D=1&a%5B%5D=x,y+z",
            "a%5B0%5D=1&a%5B2%5D=x,y+z",
            "a=1,x%2Cy+z",
        ]) {
            let expected = format!("{array}&{nested}&d=4");
            let get = || world.client.get("/u").array_format(format);
            assert_eq!(query(world, get().query(&value)), expected);
            let post = world.client.post("/u").form(&value);
            let comma = |text: &str| text.replace("x,y", "x%2Cy");
            assert_eq!(form(world, post.array_format(format)), comma(&expected));
            let of_client = world.with(|builder| builder.array_format(format));
            assert_eq!(of_client.client.config().array_format(), format);
            let call = of_client.client.get("/u").query(&value);
            assert_eq!(query(&of_client, call), expected);
            let back = of_client.client.get("/u").query(&[("a", [1, 2])]);
            let back = back.array_format(ArrayFormat::Repeat);
            assert_eq!(query(&of_client, back), "a=1&a=2");
        }
        let brackets = |format| {
            let call = world.client.get("/u").query(&[("id[]", [1, 2])]);
            query(world, call.array_format(format))
        };
        let keys = FORMATS.map(brackets);
        assert_eq!(keys[0], "id%5B%5D=1&id%5B%5D=2", "as it was written");
        assert_eq!(keys[1], keys[0], "and not twice");
        assert_eq!(keys[2], "id%5B0%5D=1&id%5B1%5D=2");
        assert_eq!(keys[3], "id=1,2");
    }
    everywhere!(law);
}

#[test]
fn the_order_of_options_does_not_matter() {
    fn law<W: Way>(world: &World<W>) {
        let before = world.client.post("/u").array_format(ArrayFormat::Indices);
        let before = before.query(&[("a", [1])]).form(&[("b", [2])]);
        let after = world.client.post("/u").form(&[("b", [2])]);
        let after = after
            .query(&[("a", [1])])
            .array_format(ArrayFormat::Indices);
        for call in [before, after] {
            assert_eq!(form(world, call), "b%5B0%5D=2");
            let sent = world.mock.requests();
            assert_eq!(sent.last().unwrap().uri().query(), Some("a%5B0%5D=1"));
        }
    }
    everywhere!(law);
}

/// A date as the crates for time serialise it.
struct Date;

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str("2024-02-29T12:00:00.5+01:00")
    }
}

#[derive(Serialize)]
enum Kind {
    Plain,
    Newtype(u8),
    Tuple(u8, u8),
    Struct { x: u8 },
}

#[derive(Serialize)]
struct Inner {
    at: Date,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<u8>,
    none: Option<u8>,
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Many {
    z: bool,
    letter: char,
    tiny: i8,
    wide: u128,
    below: i128,
    single: f32,
    whole: f64,
    nan: f64,
    minus: f64,
    unit: (),
    named: Unit,
    text: Option<&'static str>,
    kinds: [Kind; 2],
    newtype: Kind,
    record: Kind,
    inner: Inner,
    keys: BTreeMap<u8, bool>,
    pair: (u8, &'static str),
}

#[test]
fn every_type_of_serde_has_its_text_in_the_order_of_its_fields() {
    fn law<W: Way>(world: &World<W>) {
        let many = Many {
            z: true,
            letter: '\u{fc}',
            tiny: -8,
            wide: u128::MAX,
            below: -1,
            single: 0.1,
            whole: 3.0,
            nan: f64::NAN,
            minus: f64::NEG_INFINITY,
            unit: (),
            named: Unit,
            text: Some(""),
            kinds: [Kind::Plain, Kind::Newtype(1)],
            newtype: Kind::Tuple(2, 3),
            record: Kind::Struct { x: 4 },
            inner: Inner {
                at: Date,
                skipped: None,
                none: None,
            },
            keys: BTreeMap::from([(1, true)]),
            pair: (5, "five"),
        };
        let sent = query(world, world.client.get("/u").query(&many));
        let parts = [
            "z=true",
            "letter=%C3%BC",
            "tiny=-8",
            "wide=340282366920938463463374607431768211455",
            "below=-1",
            "single=0.1",
            "whole=3",
            "nan=NaN",
            "minus=-Infinity",
            "text=",
            "kinds%5B0%5D=Plain",
            "kinds%5B1%5D%5BNewtype%5D=1",
            "newtype%5BTuple%5D%5B0%5D=2",
            "newtype%5BTuple%5D%5B1%5D=3",
            "record%5BStruct%5D%5Bx%5D=4",
            "inner%5Bat%5D=2024-02-29T12:00:00.5%2B01:00",
            "keys%5B1%5D=true",
            "pair=5",
            "pair=five",
        ];
        assert_eq!(sent.split('&').collect::<Vec<_>>(), parts);
    }
    everywhere!(law);
}

#[test]
fn a_query_that_is_there_is_kept_and_a_fragment_is_cut_off() {
    fn law<W: Way>(world: &World<W>) {
        for (target, expected) in [
            ("/u", "a=1"),
            ("/u?", "&a=1"),
            ("/u?x=%20y", "x=%20y&a=1"),
            ("/u#f?g", "a=1"),
            ("/u?x=1#f", "x=1&a=1"),
        ] {
            let call = world.client.get(target).query(&[("a", 1)]);
            assert_eq!(query(world, call), expected, "{target}");
            let untouched = query(world, world.client.get(target).query(&()));
            assert_eq!(
                untouched,
                expected.trim_end_matches("a=1").trim_end_matches('&')
            );
        }
        let based = world.with(|builder| builder.base_url("http://h/v1?key=k"));
        let call = based.client.get("").query(&[("a", 1)]);
        assert_eq!(query(&based, call), "key=k&a=1");
    }
    everywhere!(law);
}

/// A value with so many maps, or lists, one in the other.
fn nested(depth: usize, wrap: fn(Value) -> Value) -> Value {
    (0..depth).fold(json!(1), |inner, _| wrap(inner))
}

#[test]
fn what_is_nested_deeper_than_100_is_refused_with_the_limit() {
    fn law<W: Way>(world: &World<W>) {
        let map: fn(Value) -> Value = |inner| json!({ "k": inner });
        let list: fn(Value) -> Value = |inner| json!([inner]);
        for wrap in [map, list] {
            let fits = json!({"a": nested(100, wrap)});
            assert!(query(world, world.client.get("/u").query(&fits)).ends_with("=1"));
            let pairs = [("a", nested(100, wrap))];
            assert!(form(world, world.client.post("/u").form(&pairs)).ends_with("=1"));
            let deep = json!({"a": nested(101, wrap)});
            let deep_pairs = [("a", nested(101, wrap))];
            let c = &world.client;
            for call in [
                c.get("/u").query(&deep),
                c.get("/u").query(&deep_pairs),
                c.post("/u").form(&deep),
                c.post("/u").form(&deep_pairs),
            ] {
                let error = W::send(call).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidRequest);
                assert_eq!(error.code(), ErrorCode::FormDepthExceeded);
                assert_eq!(error.code().as_str(), "ERR_FORM_DATA_DEPTH_EXCEEDED");
                assert!(error.to_string().contains("deeper than 100"), "{error}");
                assert!(error.hint().unwrap().contains("as JSON"));
            }
        }
        world.log.take();
    }
    everywhere!(law);
}

/// Stops at the limit, so it does not end the stack.
#[test]
fn a_value_without_an_end_is_refused() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([("again", Self)])
        }
    }
    fn law<W: Way>(world: &World<W>) {
        let error = W::send(world.client.get("/u").query(&Endless)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::FormDepthExceeded);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn what_has_no_keys_is_refused_and_not_shown() {
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(b"CANARY\xff")
        }
    }
    fn law<W: Way>(world: &World<W>) {
        let c = &world.client;
        let map_key = BTreeMap::from([(vec!["CANARY"], 1)]);
        for call in [
            c.get("/u").query("CANARY"),
            c.get("/u").query(&5),
            c.get("/u").query(&["CANARY"]),
            c.get("/u").query(&[("CANARY", 1, 2)]),
            c.get("/u").query(&[(Some(["CANARY"]), 1)]),
            c.get("/u").query(&map_key),
            c.get("/u").query(&[("a", Bytes)]),
            c.post("/u").form("CANARY"),
        ] {
            let error = W::send(call).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.to_string().contains("parameters cannot be encoded"));
            let source = std::error::Error::source(&error).unwrap();
            assert!(!format!("{error:?} {source}").contains("CANARY"));
        }
    }
    everywhere!(law);
}
