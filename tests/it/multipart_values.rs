//! Forms of several parts from a value, and back into one.

use std::{collections::HashMap, io};

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate::{
    ArrayFormat, Body, ErrorCode, ErrorKind, Multipart, Part, QueryFormat, client::Call,
};

use crate::support::{Way, World, everywhere};

/// The names and texts that arrive.
fn arrived<W: Way>(world: &World<W>, form: Multipart) -> Vec<(String, String)> {
    let line = format!("--{}", form.boundary());
    let call: Call<W::Engine> = world.client.post("/u").multipart(form);
    world.finish(call).unwrap();
    let sent = world.mock.requests();
    let body = std::str::from_utf8(sent.last().unwrap().body()).unwrap();
    let parts = body.split(&line).skip(1);
    let parts = parts.filter_map(|part| part.strip_prefix("\r\n")?.strip_suffix("\r\n"));
    let pairs = parts.map(|part| {
        let (head, text) = part.split_once("\r\n\r\n").unwrap();
        let name = head.strip_prefix("Content-Disposition: form-data; name=\"");
        let name = name.unwrap().strip_suffix('"').unwrap();
        (name.to_owned(), text.to_owned())
    });
    pairs.collect()
}

/// What axios 1.21.1 makes of a value as a form; the same pairs as in a body
/// of several parts.
#[derive(Deserialize)]
struct Vector {
    value: Value,
    brackets: [String; 2],
    indices: [String; 2],
}

fn decoded(form: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaces = text.replace('+', " ");
        let text = percent_encoding::percent_decode_str(&spaces).decode_utf8();
        text.unwrap().into_owned()
    };
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, text)| (decode(name), decode(text)))
        .collect()
}

#[test]
fn a_value_becomes_the_parts_that_axios_makes_of_it() {
    fn law<W: Way>(world: &World<W>) {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("axios_queries.json")).unwrap();
        for vector in vectors {
            for (arrays, [_, expected]) in [
                (ArrayFormat::Brackets, &vector.brackets),
                (ArrayFormat::Indices, &vector.indices),
            ] {
                let form = Multipart::from_value_with(&vector.value, &arrays.into()).unwrap();
                assert_eq!(arrived(world, form), decoded(expected), "{}", vector.value);
            }
        }
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn a_form_of_a_value_is_written_as_other_forms_and_takes_files() {
    fn law<W: Way>(world: &World<W>) {
        let value = json!({"a": [1, 2], "b": {"c": "x&y", "none": null}, "d{}": {"e": [3]}});
        let form = Multipart::from_value(&value).unwrap();
        let pairs = |text: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
            text.iter().map(owned).collect()
        };
        let plain = [
            ("a", "1"),
            ("a", "2"),
            ("b[c]", "x&y"),
            ("d{}", r#"{"e":[3]}"#),
        ];
        assert_eq!(arrived(world, form), pairs(&plain));
        let format = QueryFormat::new().dots(true).meta_tokens(false);
        let format = format.array_format(ArrayFormat::Comma);
        let format = format.encode(|_, _| unreachable!("nothing is encoded"));
        let form = Multipart::from_value_with(&value, &format).unwrap();
        let dotted = [("a", "1,2"), ("b.c", "x&y"), ("d", r#"{"e":[3]}"#)];
        assert_eq!(arrived(world, form), pairs(&dotted));
        let form = Multipart::from_value(&[("t", "1")]).unwrap();
        let form = form.part("f", Part::bytes("2").file_name("f.txt"));
        let call = world.client.post("/u").multipart(form);
        world.finish(call).unwrap();
        let sent = world.mock.requests();
        let body = String::from_utf8_lossy(sent.last().unwrap().body()).into_owned();
        assert!(body.contains("name=\"t\"\r\n\r\n1\r\n"));
        assert!(body.contains("filename=\"f.txt\""));
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn what_is_no_form_is_refused_with_its_reason() {
    let deep = (0..101).fold(json!(1), |inner, _| json!({ "k": inner }));
    let error = Multipart::from_value(&json!({ "a": deep })).unwrap_err();
    assert_eq!(error.code(), ErrorCode::FormDepthExceeded);
    let raised = QueryFormat::new().max_depth(101);
    assert!(Multipart::from_value_with(&json!({ "a": deep }), &raised).is_ok());
    for error in [
        Multipart::from_value("CANARY").unwrap_err(),
        Multipart::from_value(&["CANARY"]).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!format!("{error:?}").contains("CANARY"));
    }
}

#[test]
fn a_form_that_does_not_fit_is_an_error_without_its_values() {
    let form = Multipart::new().text("pin", "CANARY");
    let error = form.json::<HashMap<String, u32>>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("at `pin`"), "{error}");
    assert!(!error.to_json().contains("CANARY"), "{}", error.to_json());
    assert!(!format!("{error:?}").contains("CANARY"));
    assert_eq!(error.hint(), None, "there is no response to look at");
}

/// What axios 1.21.1 makes of a form.
#[derive(Deserialize)]
struct Read {
    parts: Vec<(String, String)>,
    json: Option<Value>,
    error: Option<String>,
}

fn form(parts: &[(String, String)]) -> Multipart {
    let parts = parts.iter();
    parts.fold(Multipart::new(), |form, (name, text)| form.text(name, text))
}

#[test]
fn a_form_becomes_the_value_that_axios_makes_of_it() {
    let vectors: Vec<Read> = serde_json::from_str(include_str!("axios_forms.json")).unwrap();
    assert!(vectors.len() > 300);
    for vector in vectors {
        let what = format!("{:?}", vector.parts);
        match (form(&vector.parts).json::<Value>(), vector.error) {
            (Ok(value), None) => assert_eq!(Some(value), vector.json, "{what}"),
            (Err(error), Some(code)) => {
                assert_eq!(error.code().as_str(), code);
                assert!(error.to_string().contains("deeper than 100"), "{error}");
                assert!(error.hint().is_some());
            }
            (found, expected) => panic!("{what}: {found:?}, not {expected:?}"),
        }
    }
}

/// Differs from axios on purpose: a name without a step is `undefined` there,
/// and `a[length]` sets the length of the array `a`, or throws.
#[test]
fn a_name_is_a_name_and_no_member_of_a_list() {
    let read = |parts: &[(&str, &str)]| {
        let form = parts.iter();
        let form = form.fold(Multipart::new(), |form, (name, text)| {
            form.text(*name, *text)
        });
        form.json::<Value>().unwrap()
    };
    assert_eq!(read(&[("", "1")]), json!({"": "1"}));
    let list = read(&[("a[]", "1"), ("a[length]", "5")]);
    assert_eq!(list, json!({"a": {"0": "1", "length": "5"}}));
    let far = read(&[("a[4000000000]", "1")]);
    assert_eq!(far, json!({"a": {"4000000000": "1"}}));
    assert_eq!(read(&[]), json!({}));
}

#[test]
fn a_form_becomes_a_type_or_says_where_it_does_not_fit() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct User {
        name: String,
        tags: Vec<String>,
    }
    let value = json!({"name": "Ada", "tags": ["x", "y"]});
    let brackets = ArrayFormat::Brackets.into();
    let form = Multipart::from_value_with(&value, &brackets).unwrap();
    let tags = vec!["x".to_owned(), "y".to_owned()];
    let name = "Ada".to_owned();
    assert_eq!(form.json::<User>().unwrap(), User { name, tags });
    let form = form.text("tags[0][b]", "z");
    let error = form.json::<User>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("at `tags[0]`"), "{error}");
    // The place is named, the text is not.
    let form = Multipart::new().text("age", "CANARY");
    let error = form.json::<HashMap<String, u32>>().unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "invalid type: string, expected u32");
    assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
}

#[test]
fn a_part_that_is_no_text_is_named_and_nothing_is_lost() {
    let file = Part::bytes("text").file_name("a.txt");
    let broken = Part::text("t").header("a b", "");
    for (part, what) in [
        (file, "the part `p` is no text in memory"),
        (Part::bytes(b"\xff".to_vec()), "the part `p` is no text"),
        (Part::file("/nowhere"), "the part `p` is no text"),
        (Part::reader(|| Ok(io::empty())), "the part `p` is no text"),
        (
            Part::body(Body::from_reader(io::empty())),
            "the part `p` is no text",
        ),
        (broken, "the name of a part's header"),
    ] {
        let form = Multipart::new().text("t", "1").part("p", part);
        let error = form.json::<Value>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(what), "{error}");
    }
}
