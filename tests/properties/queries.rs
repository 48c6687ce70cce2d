//! Whatever the values are: parameters are merged and written as axios's own
//! code says, read over JSON.

use std::fmt::Write;

use proptest::{collection::vec, prelude::*, sample::select, test_runner::Config};
use serde_json::{Map, Value, json};
use tollgate::{
    ArrayFormat, MockAdapter, QueryFormat,
    client::{Async, Blocking, Client, ClientBuilder, EngineKind},
};

use crate::amount;

const KEYS: [&str; 8] = ["a", "b", "c", "d e", "f[]", " g", "h&=#\u{fc}", " j{}"];

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        ".{0,4}",
        select(&["", "1,2", ":$,", "a b", "&=#?%+'()!~*"][..]).prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1_000_000_i32..1_000_000).prop_map(|it| json!(f64::from(it) / 64.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((select(&KEYS[..]), inner), 0..4).prop_map(object),
        ]
    })
}

fn object(entries: Vec<(&'static str, Value)>) -> Value {
    let entries = entries.into_iter();
    Value::Object(
        entries
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn parameters() -> impl Strategy<Value = Value> {
    vec((select(&KEYS[..]), value()), 0..5).prop_map(object)
}

fn formats() -> impl Strategy<Value = ArrayFormat> {
    select(
        &[
            ArrayFormat::Repeat,
            ArrayFormat::Brackets,
            ArrayFormat::Indices,
            ArrayFormat::Comma,
        ][..],
    )
}

/// What a format says, for the model and for the client.
#[derive(Clone, Copy, Debug)]
struct Options {
    arrays: ArrayFormat,
    dots: bool,
    meta_tokens: bool,
}

impl Options {
    fn format(self) -> QueryFormat {
        let format = QueryFormat::from(self.arrays).dots(self.dots);
        format.meta_tokens(self.meta_tokens)
    }

    /// A path below its first step.
    fn step(self, token: impl std::fmt::Display) -> String {
        if self.dots {
            format!(".{token}")
        } else {
            format!("[{token}]")
        }
    }
}

fn options() -> impl Strategy<Value = Options> {
    (formats(), any::<bool>(), any::<bool>()).prop_map(|(arrays, dots, meta_tokens)| Options {
        arrays,
        dots,
        meta_tokens,
    })
}

/// axios's `mergeParams`.
fn merge(default: &Value, own: &Value) -> Value {
    let (Value::Object(default), Value::Object(own)) = (default, own) else {
        return own.clone();
    };
    let mut merged: Map<String, Value> = default.clone();
    for (key, value) in own {
        let before = default.get(key).unwrap_or(&Value::Null);
        merged.insert(key.clone(), merge(before, value));
    }
    Value::Object(merged)
}

fn is_container(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap().to_string(),
        other => other.to_string(),
    }
}

/// axios's `toFormData`, as pairs that are not encoded yet; the value of a
/// list with commas is one of several.
fn pairs(value: &Value, options: Options) -> Vec<(String, Vec<String>)> {
    let mut pairs = Vec::new();
    for (key, value) in value.as_object().unwrap() {
        match value {
            container if is_container(container) && key.trim().ends_with("{}") => {
                let key = key.trim();
                let stem = key.strip_suffix("{}").filter(|_| !options.meta_tokens);
                let text = serde_json::to_string(container).unwrap();
                pairs.push((stem.unwrap_or(key).to_owned(), vec![text]));
            }
            Value::Array(items) if !items.iter().any(is_container) => {
                let key = key.trim();
                let stem = key.strip_suffix("[]").unwrap_or(key);
                let items = items.iter().enumerate().filter(|(_, it)| !it.is_null());
                match options.arrays {
                    ArrayFormat::Comma => {
                        let texts: Vec<_> = items.map(|(_, it)| text(it)).collect();
                        pairs.extend((!texts.is_empty()).then(|| (stem.to_owned(), texts)));
                    }
                    _ => pairs.extend(items.map(|(at, it)| {
                        let key = match options.arrays {
                            ArrayFormat::Indices => format!("{stem}{}", options.step(at)),
                            ArrayFormat::Brackets => format!("{stem}[]"),
                            _ => key.to_owned(),
                        };
                        (key, vec![text(it)])
                    })),
                }
            }
            other => build((std::slice::from_ref(key), options), other, &mut pairs),
        }
    }
    pairs
}

fn build(
    (path, options): (&[String], Options),
    value: &Value,
    pairs: &mut Vec<(String, Vec<String>)>,
) {
    let with = |token: String| [path, &[token]].concat();
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                build((&with(at.to_string()), options), item, pairs);
            }
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                build((&with(key.clone()), options), value, pairs);
            }
        }
        single => {
            let (last, above) = path.split_last().unwrap();
            let tokens = above.iter().map(String::as_str).chain([last.trim()]);
            let mut key = String::new();
            for (at, token) in tokens.enumerate() {
                let stem = token.strip_suffix("[]").unwrap_or(token);
                match (at, path.len()) {
                    (0, 1) => key.push_str(token),
                    (0, _) => key.push_str(stem),
                    _ => write!(key, "{}", options.step(stem)).unwrap(),
                }
            }
            pairs.push((key, vec![text(single)]));
        }
    }
}

/// Reads a query or a form back.
fn read(text: &str, commas: bool) -> Vec<(String, Vec<String>)> {
    let decode = |text: &str| {
        let spaces = text.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&spaces);
        decoded.decode_utf8().unwrap().into_owned()
    };
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap();
        let values = match commas {
            true => value.split(',').map(decode).collect(),
            false => vec![decode(value)],
        };
        (decode(key), values)
    };
    let pairs = text.split('&').filter(|it| !it.is_empty());
    pairs.map(pair).collect()
}

/// Sorts by key, of JSON in a value too; JSON's objects here have no other
/// order.
fn sorted(mut pairs: Vec<(String, Vec<String>)>) -> Vec<(String, Vec<String>)> {
    for (_, values) in pairs.iter_mut().filter(|(key, _)| key.starts_with('j')) {
        for value in values {
            if let Ok(json) = serde_json::from_str::<Value>(value) {
                *value = json.to_string();
            }
        }
    }
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
}

fn with_defaults<E: EngineKind>(
    builder: ClientBuilder<E>,
    (options, first, second): (Options, &Value, &Value),
) -> Client<E> {
    let format = options.format();
    let builder = builder.base_url("http://h").form_format(format.clone());
    let builder = builder.query_format(format);
    builder.query(first).query(second).build().unwrap()
}

fn sent<E: EngineKind>(client: &Client<E>, own: &Value) -> String {
    let uri = client.uri_for(&client.get("/").query(own)).unwrap();
    uri.query().unwrap_or_default().to_owned()
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(amount("TOLLGATE_PROGRAMS", 2_000)) })]

    #[test]
    fn a_query_reads_back_as_the_merged_parameters(
        first in parameters(),
        second in parameters(),
        own in parameters(),
        options in options(),
    ) {
        let mock = MockAdapter::new();
        let defaults = (options, &first, &second);
        let on_async = with_defaults(Client::<Async>::builder(mock.clone()), defaults);
        let merged = merge(&merge(&first, &second), &own);
        // A comma that divides differs from one in an item only in a list.
        let comma = options.arrays == ArrayFormat::Comma;
        let text = sent(&on_async, &own);
        let found = sorted(read(&text, false));
        let model = sorted(pairs(&merged, options));
        let joined: Vec<_> = model
            .iter()
            .map(|(key, values)| (key.clone(), vec![values.join(",")]))
            .collect();
        prop_assert_eq!(found, joined);
        if comma {
            let lists = sorted(read(&text, true));
            for ((_, values), (_, expected)) in lists.iter().zip(&model) {
                if expected.len() > 1 {
                    prop_assert_eq!(values, expected);
                }
            }
        }

        let on_blocking = with_defaults(Client::<Blocking>::builder(mock.clone()), defaults);
        prop_assert_eq!(&sent(&on_blocking, &own), &text);

        on_blocking.post("/").form(&own).send().unwrap();
        let requests = mock.requests();
        let form = std::str::from_utf8(requests[0].body()).unwrap();
        let of_own: Vec<_> = pairs(&own, options)
            .into_iter()
            .map(|(key, values)| (key, vec![values.join(",")]))
            .collect();
        prop_assert_eq!(sorted(read(form, false)), sorted(of_own));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._+%&=,".contains(&byte);
        prop_assert!(form.bytes().all(plain), "{}", form);
    }
}
