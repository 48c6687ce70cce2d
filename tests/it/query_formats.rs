//! Formats of queries and forms: dots, JSON in a parameter, depth, encoding.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use tollgate::{
    ArrayFormat, ErrorCode, ErrorKind, MockAdapter, Parameters, QueryFormat, blocking,
    client::{Call, Defaults},
};

use crate::{
    queries::{form, query},
    support::{Way, World, everywhere},
};

/// What axios 1.21.1 makes of a value by the options of `paramsSerializer`
/// and `formSerializer`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector {
    value: Value,
    arrays: String,
    dots: bool,
    meta_tokens: bool,
    max_depth: Option<usize>,
    query: Option<String>,
    form: Option<String>,
    error: Option<String>,
}

impl Vector {
    fn format(&self) -> QueryFormat {
        let arrays = match self.arrays.as_str() {
            "repeat" => ArrayFormat::Repeat,
            "brackets" => ArrayFormat::Brackets,
            _ => ArrayFormat::Indices,
        };
        let format = QueryFormat::from(arrays).dots(self.dots);
        let format = format.meta_tokens(self.meta_tokens);
        match self.max_depth {
            Some(depth) => format.max_depth(depth),
            None => format,
        }
    }
}

/// As in the vectors without options, a key ending in `[]` over objects is
/// not among them: axios writes `[object Object]`.
#[test]
fn values_are_written_by_a_format_as_axios_writes_them() {
    fn law<W: Way>(world: &World<W>) {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("axios_formats.json")).unwrap();
        assert!(vectors.len() > 300);
        for vector in vectors {
            let format = vector.format();
            let what = format!("{format:?} of {}", vector.value);
            let get = world.client.get("/u").query(&vector.value);
            let get = get.query_format(format.clone());
            let post = world.client.post("/u").form(&vector.value);
            let post = post.form_format(format);
            let Some(code) = vector.error else {
                assert_eq!(query(world, get), vector.query.unwrap(), "{what}");
                assert_eq!(form(world, post), vector.form.unwrap(), "{what}");
                continue;
            };
            for call in [get, post] {
                let error = W::send(call).unwrap_err();
                assert_eq!(error.code().as_str(), code, "{what}");
                let limit = format!("deeper than {},", vector.max_depth.unwrap());
                assert!(error.to_string().contains(&limit), "{error}");
                assert!(error.hint().unwrap().contains("raise `max_depth`"));
            }
        }
        world.log.take();
    }
    everywhere!(law);
}

/// A value with so many maps one in the other.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!({ "k": inner }))
}

/// axios has no such bound, and ends with its stack.
#[test]
fn a_depth_can_be_raised_up_to_256() {
    fn law<W: Way>(world: &World<W>) {
        let get = |depth: usize| world.client.get("/u").query(&json!({"a": nested(depth)}));
        let format = |depth| QueryFormat::new().dots(true).max_depth(depth);
        for (depth, limit, fits) in [
            (100, 100, true),
            (101, 100, false),
            (101, 101, true),
            (256, 256, true),
            (256, usize::MAX, true),
            (257, usize::MAX, false),
        ] {
            let sent = W::send(get(depth).query_format(format(limit)));
            assert_eq!(sent.is_ok(), fits, "{depth} by {limit}");
            if let Err(error) = sent {
                assert_eq!(error.code(), ErrorCode::FormDepthExceeded);
                let limit = limit.min(256);
                assert!(error.to_string().contains(&format!("deeper than {limit},")));
            }
        }
        let deep = Parameters::from_value(&json!({"a": nested(200)})).unwrap();
        assert!(deep.encode(ArrayFormat::Repeat).ends_with("=1"));
        assert!(deep.encode_with(&format(200)).is_ok());
        let error = deep.encode_with(&QueryFormat::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        world.log.take();
    }
    everywhere!(law);
}

/// Replacing is axios's rule for `paramsSerializer`; for `formSerializer`,
/// which axios merges, it is ours.
#[test]
fn a_format_is_replaced_as_a_whole_and_its_arrays_alone() {
    fn law<W: Way>(world: &World<W>) {
        let brackets = QueryFormat::from(ArrayFormat::Brackets);
        let dotted = QueryFormat::new().dots(true);
        let world = world.with(|builder| {
            let builder = builder.query_format(dotted.clone());
            builder.form_format(brackets.clone())
        });
        let value = json!({"a": {"b": 1}, "l": [2]});
        let both = |set: fn(Call<W::Engine>) -> Call<W::Engine>| {
            let get = set(world.client.get("/u").query(&value));
            let post = set(world.client.post("/u").form(&value));
            let texts = [query(&world, get), form(&world, post)];
            texts.map(|it| it.replace("%5B", "[").replace("%5D", "]"))
        };
        assert_eq!(both(|it| it), ["a.b=1&l=2", "a[b]=1&l[]=2"]);
        let comma = both(|it| it.array_format(ArrayFormat::Comma));
        assert_eq!(comma, ["a.b=1&l=2", "a[b]=1&l=2"]);
        let indices = both(|it| it.array_format(ArrayFormat::Indices));
        assert_eq!(indices, ["a.b=1&l.0=2", "a[b]=1&l[0]=2"]);
        let replaced = both(|it| {
            let it = it.array_format(ArrayFormat::Indices);
            it.query_format(ArrayFormat::Brackets)
        });
        assert_eq!(replaced, ["a[b]=1&l[]=2", "a[b]=1&l[0]=2"]);
        let later = both(|it| {
            let it = it.query_format(QueryFormat::new());
            let it = it.form_format(QueryFormat::new().dots(true));
            it.array_format(ArrayFormat::Indices)
        });
        assert_eq!(later, ["a[b]=1&l[0]=2", "a.b=1&l.0=2"]);
        let config = world.client.config();
        assert!(format!("{:?}", config.query_format()).contains("dots: true"));
        let form = format!("{:?}", config.form_format());
        assert!(form.contains("Brackets") && form.contains("dots: false"));
        let change = |it: Defaults| it.form_format(QueryFormat::new().dots(true));
        world.client.update_defaults(change).unwrap();
        assert_eq!(both(|it| it), ["a.b=1&l=2", "a.b=1&l=2"]);
        let change = |it: Defaults| it.array_format(ArrayFormat::Brackets);
        world.client.update_defaults(change).unwrap();
        assert_eq!(both(|it| it), ["a.b=1&l[]=2", "a.b=1&l[]=2"]);
        assert_eq!(world.client.config().array_format(), ArrayFormat::Brackets);
        world.log.take();
    }
    everywhere!(law);
}

/// axios's `encode` sees numbers as such; here each value is text by then.
#[test]
fn a_function_encodes_keys_and_values_with_the_default_at_hand() {
    fn law<W: Way>(world: &World<W>) {
        let own = QueryFormat::new().encode(|text, default| match text {
            "a[b c]" => "KEY".to_owned(),
            "x,y" => format!("<{}>", default(text)),
            other => default(other),
        });
        let value = json!({"a": {"b c": "x,y"}, "l": ["x,y", 1]});
        let get = || world.client.get("/u").query(&value);
        let sent = query(world, get().query_format(own.clone()));
        assert_eq!(sent, "KEY=%3Cx,y%3E&l=%3Cx,y%3E&l=1");
        let comma = own.clone().array_format(ArrayFormat::Comma);
        let sent = query(world, get().query_format(comma));
        assert_eq!(sent, "KEY=%3Cx,y%3E&l=%3Cx%2Cy%3E,1");
        let post = world.client.post("/u").form(&value);
        let sent = form(world, post.form_format(own.clone()));
        assert_eq!(sent, "KEY=<x%2Cy>&l=<x%2Cy>&l=1");
        let raw = QueryFormat::new().encode(|text, _| text.to_owned());
        let call = world.client.get("/u").query(&[("a b", "1#2")]);
        assert_eq!(query(world, call.query_format(raw)), "a%20b=1%232");
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn an_encoder_that_panics_fails_its_call() {
    fn law<W: Way>(world: &World<W>) {
        let broken = QueryFormat::new().encode(|_, _| panic!("the encoder's own"));
        let get = world.client.get("/u").query(&[("a", 1)]);
        let post = world.client.post("/u").form(&[("a", 1)]);
        for call in [
            get.query_format(broken.clone()),
            post.form_format(broken.clone()),
        ] {
            let error = W::send(call).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interceptor);
            let text = error.to_string();
            assert!(
                text.contains("`encode` of the `QueryFormat` panicked"),
                "{text}"
            );
        }
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn json_in_a_parameter_keeps_the_order_of_fields() {
    #[derive(Serialize)]
    struct Filter {
        z: bool,
        a: Option<u8>,
    }
    struct NotANumber;
    impl Serialize for NotANumber {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq([f64::NAN])
        }
    }
    fn law<W: Way>(world: &World<W>) {
        let filter = Filter { z: true, a: None };
        let call = world.client.get("/u").query(&[("f{}", filter)]);
        let sent = query(
            world,
            call.query_format(QueryFormat::new().meta_tokens(false)),
        );
        assert_eq!(sent, "f=%7B%22z%22:true,%22a%22:null%7D");
        let call = world.client.get("/u").query(&[("n{}", NotANumber)]);
        assert_eq!(query(world, call), "n%7B%7D=%5Bnull%5D");
        world.log.take();
    }
    everywhere!(law);
}

/// The default of each option, by an answer that needs it.
#[test]
fn a_new_format_is_that_of_a_client_that_says_nothing() {
    let client = blocking::Client::new(MockAdapter::new());
    let value = json!({"a": {"b": [1, {}]}, "c{}": [2], "d": [3, 4]});
    let call = client.get("http://h/").query(&value);
    let uri = client.uri_for(&call).unwrap();
    let parameters = Parameters::from_value(&value).unwrap();
    let text = parameters.encode_with(&QueryFormat::new()).unwrap();
    assert_eq!(uri.query(), Some(text.as_str()));
    assert_eq!(text, parameters.encode(ArrayFormat::Repeat));
    assert_eq!(text, "a%5Bb%5D%5B0%5D=1&c%7B%7D=%5B2%5D&d=3&d=4");
}
