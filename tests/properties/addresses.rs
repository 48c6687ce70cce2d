//! No target, however hostile, reaches the adapter with another origin than
//! the base's; and what reaches it is in canonical form.

use std::sync::{Arc, Mutex};

use proptest::{collection::vec, prelude::*, sample::select, test_runner::Config};
use tollgate::{
    Body, ErrorKind, MockAdapter, Origin, blocking,
    client::{Async, Client},
    runtime::block_on,
};

use crate::amount;

const BASE: &str = "https://api.good.test/v1/";

/// Targets that some parser or other reads as another origin.
const HOSTILE: [&str; 26] = [
    "//evil.test/x",
    "http://evil.test/",
    "http:evil.test",
    "https:///evil.test/x",
    "\\\\evil.test\\x",
    "/\\evil.test",
    "\\/evil.test",
    "\t//evil.test",
    "/\t/evil.test",
    "ht\ntp://evil.test",
    " //evil.test",
    "https:\\\\evil.test",
    "https://api.good.test@evil.test/",
    "https://api.good.test:443@evil.test",
    "//api.good.test.evil.test",
    "//API.GOOD.TEST./x",
    "//api.good.test:8443/x",
    "file:///etc/passwd",
    "data:text/plain,hi",
    "javascript:alert(1)",
    "//0x7f.1/",
    "//127.1",
    "//2130706433",
    "//[::ffff:127.0.0.1]/",
    "//ｅvil.test",
    "//evil。test",
];

/// Targets that look odd; they stay on the origin or are refused.
const ODD: [&str; 22] = [
    "https:evil.test",
    "https:/evil.test",
    "https://api.good.test\\@evil.test/",
    "//user:pw@api.good.test/x",
    "../../x",
    "..%2f",
    "///evil.test",
    "////evil.test",
    "http:",
    "https://",
    "",
    "/",
    "?next=//evil.test",
    "#//evil.test",
    "/%2f%2fevil.test",
    "/.//evil.test",
    "/..//evil.test",
    "@evil.test",
    ":80@evil.test",
    ":8443/x",
    ".evil.test",
    "https://api.good.test:443/x",
];

/// Where the adapter was sent to, by both engines.
fn reached(base: &str, target: &str) -> Result<Option<http::Uri>, String> {
    let seen: Arc<Mutex<Vec<http::Uri>>> = Arc::default();
    let record = Arc::clone(&seen);
    let mock = MockAdapter::new()
        .without_recording()
        .handler(move |request| {
            record.lock().unwrap().push(request.uri().clone());
            Ok(http::Response::new(Body::empty()))
        });
    let client = Client::<Async>::builder(mock.clone())
        .base_url(base)
        .build()
        .unwrap();
    let first = block_on(client.get(target).send());
    let client = blocking::Client::builder(mock)
        .base_url(base)
        .build()
        .unwrap();
    let second = client.get(target).send();
    let seen = seen.lock().unwrap().clone();
    match (first, second, &seen[..]) {
        (Ok(_), Ok(_), [one, two]) if one == two => Ok(Some(one.clone())),
        (Err(one), Err(two), [])
            if one.kind() == ErrorKind::InvalidUrl && one.to_string() == two.to_string() =>
        {
            Ok(None)
        }
        (one, two, seen) => Err(format!("{one:?} and {two:?} by {seen:?}")),
    }
}

/// The one assertion: another origin is never reached.
fn check(base: &str, target: &str) -> Result<Option<http::Uri>, TestCaseError> {
    let reached = reached(base, target).map_err(TestCaseError::fail)?;
    if let Some(uri) = &reached {
        let home: Origin = base.parse().unwrap();
        prop_assert!(home.contains(uri), "{target:?} under {base} reaches {uri}");
        let text = uri.to_string();
        prop_assert!(!text.contains('@') || uri.path_and_query().unwrap().as_str().contains('@'));
        // What the guard has judged is read the same way a second time.
        let again = self::reached(base, &text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(again.map(|uri| uri.to_string()), Some(text));
    }
    Ok(reached)
}

#[test]
fn a_hostile_target_is_refused() {
    for target in HOSTILE {
        let reached = check(BASE, target).unwrap();
        if let Some(uri) = reached {
            // Axios's join makes a path of these; a path is harmless.
            assert_eq!(uri.authority().unwrap(), "api.good.test", "{target:?}");
            assert!(
                [" //evil.test"].contains(&target),
                "{target:?} reaches {uri}"
            );
        }
    }
}

#[test]
fn an_odd_target_stays_on_the_origin_or_is_refused() {
    let reach = |target: &str| check(BASE, target).unwrap().map(|uri| uri.to_string());
    for target in ODD {
        reach(target);
    }
    let at = |path: &str| Some(format!("https://api.good.test{path}"));
    assert_eq!(reach("//user:pw@api.good.test/x"), at("/x"));
    assert_eq!(reach("../../x"), at("/x"));
    assert_eq!(reach("@evil.test"), at("/v1/@evil.test"));
    assert_eq!(reach("?next=//evil.test"), at("/v1?next=//evil.test"));
    for refused in [
        "https:evil.test",
        "http:",
        "https://",
        "https:/evil.test",
        ":80@evil.test\n",
    ] {
        assert_eq!(reach(refused), None, "{refused}");
    }
}

/// Pieces that addresses are made of, and those that break them.
const PIECES: [&str; 52] = [
    "http",
    "https",
    "HTTP",
    "ftp",
    ":",
    "//",
    "/",
    "\\",
    "@",
    "?",
    "#",
    ".",
    "..",
    "%2e",
    "%2f",
    "%5c",
    "%00",
    "\t",
    "\n",
    "\r",
    "\0",
    " ",
    "evil.test",
    "api.good.test",
    "API.GOOD.TEST",
    "api.good.test.",
    "user:pw",
    "user",
    ":443",
    ":8443",
    ":65536",
    ":0",
    ":",
    "127.1",
    "0x7f.1",
    "[::1]",
    "[::ffff:1.2.3.4]",
    "[",
    "]",
    "ｅ",
    "。",
    "é",
    "x",
    "a/b",
    "=",
    "&",
    ";",
    "|",
    "..;",
    "xn--",
    "-",
    "_",
];

fn target() -> impl Strategy<Value = String> {
    let made = vec(select(PIECES.to_vec()), 0..9).prop_map(|pieces| pieces.concat());
    let changed = (
        select(HOSTILE.to_vec()),
        any::<prop::sample::Index>(),
        any::<char>(),
    )
        .prop_map(|(target, at, letter)| {
            let mut letters: Vec<char> = target.chars().collect();
            letters.insert(at.index(letters.len() + 1), letter);
            letters.into_iter().collect()
        });
    prop_oneof![4 => made, 2 => changed, 1 => any::<String>()]
}

proptest! {
    #![proptest_config(Config {
        cases: amount("TOLLGATE_PROGRAMS", 1024),
        ..Config::default()
    })]

    #[test]
    fn no_target_reaches_another_origin(
        base in select(vec![
            BASE,
            "https://api.good.test",
            "http://api.good.test:8080/",
            "http://127.0.0.1:9/a/b",
            "http://[::1]:9",
            "https://api.good.test/v1?key=1",
        ]),
        target in target(),
    ) {
        check(base, &target)?;
    }
}
