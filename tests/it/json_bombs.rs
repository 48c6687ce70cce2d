//! B7: answers whose JSON is meant to do harm are typed errors, or what is
//! written here; never the end of the stack, and never more than the limit.

use std::{collections::HashMap, io::Read as _, thread};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use tollgate::{
    Body, Client, Error, ErrorKind, MockAdapter, MockReply, Response,
    auth::{
        JsonRefresh, MemoryStore, OAuth2Refresh, RefreshClass, RefreshError, Refresher, Token,
        TokenRefresh,
    },
    blocking,
    runtime::block_on,
};

use crate::support::{InBlocking, OnThread, Style, Way, World, everywhere, play};

const DEPTH: usize = 100_000;

/// Enough for serde's own limit of 128 levels, in an unoptimised build too.
const STACK: usize = 512 * 1024;

#[derive(Debug, Deserialize)]
struct Reply {
    name: String,
}

fn nested(open: &str, close: &str) -> Vec<u8> {
    format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH)).into_bytes()
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

/// Bodies that are no JSON for anybody, by what is wrong with them.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let object = r#"{"name":"a","access_token":"a2"}"#;
    let marked = format!("\u{feff}{object}");
    let mut all = vec![
        ("lists, very deep", nested("[", "]")),
        ("lists, never closed", "[".repeat(DEPTH).into_bytes()),
        ("objects, very deep", nested("{\"name\":", "}")),
        ("a member, very deep", {
            let deep = String::from_utf8(nested("[", "]")).unwrap();
            format!("{{\"name\":{deep}}}").into_bytes()
        }),
        ("UTF-16, little end first", utf16(object, u16::to_le_bytes)),
        ("UTF-16, big end first", utf16(object, u16::to_be_bytes)),
        ("UTF-16 with its mark", utf16(&marked, u16::to_le_bytes)),
        ("two marks", format!("\u{feff}{marked}").into_bytes()),
        (
            "bytes that are no UTF-8",
            b"{\"name\":\"\xff\xfe\"}".to_vec(),
        ),
    ];
    for (what, text) in [
        ("NaN", r#"{"name":NaN}"#),
        ("infinity", r#"{"name":-Infinity}"#),
        ("a number beyond all", r#"{"name":1e999999}"#),
        ("a hexadecimal number", r#"{"name":0x10}"#),
        ("garbage behind", r#"{"name":"a","access_token":"a2"}x"#),
        ("a second value", r#"{"name":"a"}{"name":"b"}"#),
        ("NUL behind", "{\"name\":\"a\"}\0"),
        ("a comma too many", r#"{"name":"a",}"#),
        ("a comment", "{\"name\":\"a\"}// b"),
        ("single quotes", "{'name':'a'}"),
        ("half a pair of surrogates", r#"{"name":"\ud800"}"#),
        ("a control character", "{\"name\":\"a\u{1}\"}"),
        ("an end too soon", r#"{"name":"a"#),
        ("nothing", ""),
        ("a page", "<html>busy</html>"),
    ] {
        all.push((what, text.as_bytes().to_vec()));
    }
    all
}

/// Acts on a thread of its own, so that an overflow is not a matter of luck.
fn in_a_small_stack<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK);
        let ended = builder.spawn_scoped(scope, act).unwrap().join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[track_caller]
fn is_refused<T>(what: &str, read: Result<T, Error>, body: &[u8]) {
    let Err(error) = read else {
        panic!("{what} was read");
    };
    assert!(error.is_decode(), "{what}: {error:?}");
    let kept = error.response().unwrap().bytes().unwrap();
    assert_eq!(kept, body, "{what}: the answer is attached, as it came");
    assert!(error.to_string().len() < 1_000, "{what}: a text for people");
}

#[test]
fn json_that_is_none_is_a_decode_error() {
    fn law<W: Way>(world: &World<W>) {
        for (what, body) in bombs() {
            world.mock.push(MockReply::status(200, body.clone()));
            let response = world.get("/u").unwrap();
            in_a_small_stack(|| {
                is_refused(what, response.json::<Value>(), &body);
                is_refused(what, response.json::<Reply>(), &body);
                is_refused(what, response.json::<HashMap<String, Value>>(), &body);
                // To skip a value takes no stack, so this may be read.
                drop(response.json::<IgnoredAny>());
            });
        }
        world.still_works();
    }
    play::<OnThread>(Style::Sync, law);
    play::<InBlocking>(Style::Sync, law);
}

fn answer(text: &str) -> Response {
    Response::new(http::StatusCode::OK, text.to_owned())
}

#[test]
fn a_byte_order_mark_and_white_space_are_no_part_of_it() {
    for text in ["\u{feff}{\"name\":\"a\"}", " \r\n\t{\"name\":\"a\"}\n\n"] {
        assert_eq!(answer(text).json::<Reply>().unwrap().name, "a");
    }
}

/// As `JSON.parse` does for what has any keys; a type with fields of its own
/// has none twice.
#[test]
fn of_keys_that_are_there_twice_the_last_one_counts() {
    let twice = answer(r#"{"name":"a","name":"b"}"#);
    assert_eq!(twice.json::<Value>().unwrap()["name"], "b");
    let map: HashMap<String, String> = twice.json().unwrap();
    assert_eq!(map["name"], "b");
    let error = twice.json::<Reply>().unwrap_err();
    assert!(error.is_decode(), "{error:?}");
}

#[test]
fn a_text_is_measured_before_it_is_read() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.max_response_bytes(1 << 16));
        let text = |length: usize| format!("\"{}\"", "a".repeat(length - 2));
        world.mock.push(MockReply::status(200, text(1 << 16)));
        let read: String = world.get("/u").unwrap().json().unwrap();
        assert_eq!(read.len(), (1 << 16) - 2);
        world.mock.push(MockReply::status(200, text((1 << 16) + 1)));
        let error = world.get("/u").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResponseTooLarge, "{error:?}");
        world.still_works();
    }
    everywhere!(law);
}

/// Two engines are enough for twice 64 MiB.
#[test]
fn a_text_of_64_mib_is_over_the_default_limit() {
    fn law<W: Way>(world: &World<W>) {
        let text = std::io::repeat(b'a').take(64 << 20);
        let body = Body::from_reader(std::io::Cursor::new(b"\"").chain(text));
        world.mock.push(MockReply::status(200, body));
        let error = world.get("/u").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResponseTooLarge, "{error:?}");
        world.still_works();
    }
    play::<OnThread>(Style::Sync, law);
    play::<InBlocking>(Style::Sync, law);
}

/// Asks both refreshers, in both engines; the answer is always the same.
fn ask_for_a_token(status: u16, body: &[u8], judge: impl Fn(Result<Token, RefreshError>)) {
    let refreshers: [&dyn Refresher; 2] = [
        &OAuth2Refresh::new("http://h/token", "app"),
        &JsonRefresh::new("http://h/token"),
    ];
    for refresher in refreshers {
        let mock = || MockAdapter::new().reply(status, body.to_vec());
        for client in [
            Client::new(mock()),
            Client::from(blocking::Client::new(mock())),
        ] {
            let old = Token::new("a1").refresh("r1");
            judge(block_on(refresher.refresh(&client, &old)));
        }
    }
}

#[test]
fn a_token_answer_that_is_no_json_is_a_refresh_error() {
    in_a_small_stack(|| {
        for (what, body) in bombs() {
            for status in [200, 400, 401] {
                ask_for_a_token(status, &body, |token| {
                    let error = token.unwrap_err();
                    assert_eq!(error.class(), RefreshClass::Ambiguous, "{what}: {error}");
                    assert!(error.to_string().len() < 200, "{what}: {error}");
                });
            }
        }
    });
}

#[test]
fn a_token_answer_is_read_as_any_other() {
    let marked = "\u{feff}{\"access_token\":\"a2\"}\n";
    let twice = r#"{"access_token":"a1","access_token":"a2"}"#;
    for body in [marked, twice] {
        ask_for_a_token(200, body.as_bytes(), |token| {
            assert_eq!(token.unwrap().access_token().expose(), "a2", "{body}");
        });
    }
}

/// 1 MiB is the limit of the session's, whatever that of the client is.
#[test]
fn a_token_answer_over_1_mib_is_not_read() {
    fn law<W: Way>(world: &World<W>) {
        let store = MemoryStore::new(Token::new("a1").refresh("r1"));
        let refresher = JsonRefresh::new("http://h/token");
        let refresh = TokenRefresh::builder(store, refresher)
            .allow_plaintext(true)
            .refresh_attempts(1)
            .build()
            .unwrap();
        world.client.interceptors.use_pair(refresh.clone());
        let long = "a".repeat(1 << 20);
        world.mock.push(MockReply::status(401, ""));
        let bomb = format!("{{\"access_token\":\"a2\",\"more\":\"{long}\"}}");
        world.mock.push(MockReply::status(200, bomb));
        let error = world.get("/u").unwrap_err();
        let cause = RefreshError::find_in(&error).unwrap();
        let why = std::error::Error::source(cause).and_then(Error::find_in);
        assert_eq!(
            why.unwrap().kind(),
            ErrorKind::ResponseTooLarge,
            "{error:?}"
        );
    }
    everywhere!(law);
}
