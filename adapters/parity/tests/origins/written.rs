//! Addresses as somebody might write them who means no good.

use proptest::{collection::vec, prelude::*, sample::select};

/// The base of the vectors.
pub(crate) const BASE: &str = "https://api.good.test/v1/";

/// A target below [`BASE`], where absolute addresses are allowed, and the
/// origin that it is called at; `None` where it is refused.
pub(crate) const VECTORS: [(&str, Option<&str>); 48] = [
    ("//evil.test/x", Some("https://evil.test")),
    ("http://evil.test/", Some("http://evil.test")),
    ("http:evil.test", None),
    ("https:///evil.test/x", None),
    ("\\\\evil.test\\x", None),
    ("/\\evil.test", None),
    ("\\/evil.test", None),
    ("\t//evil.test", None),
    ("/\t/evil.test", None),
    ("ht\ntp://evil.test", None),
    (" //evil.test", Some("https://api.good.test")),
    ("https:\\\\evil.test", None),
    (
        "https://api.good.test@evil.test/",
        Some("https://evil.test"),
    ),
    (
        "https://api.good.test:443@evil.test",
        Some("https://evil.test"),
    ),
    (
        "//api.good.test.evil.test",
        Some("https://api.good.test.evil.test"),
    ),
    ("//API.GOOD.TEST./x", Some("https://api.good.test.")),
    ("//api.good.test:8443/x", Some("https://api.good.test:8443")),
    ("file:///etc/passwd", None),
    ("data:text/plain,hi", None),
    ("javascript:alert(1)", None),
    ("//0x7f.1/", None),
    ("//127.1", None),
    ("//2130706433", None),
    ("//[::ffff:127.0.0.1]/", Some("https://[::ffff:7f00:1]")),
    ("//ｅvil.test", None),
    ("//evil。test", None),
    ("https:evil.test", None),
    ("https:/evil.test", None),
    ("https://api.good.test\\@evil.test/", None),
    ("//user:pw@api.good.test/x", Some("https://api.good.test")),
    ("../../x", Some("https://api.good.test")),
    ("..%2f", Some("https://api.good.test")),
    ("///evil.test", None),
    ("////evil.test", None),
    ("http:", None),
    ("https://", None),
    ("", Some("https://api.good.test")),
    ("/", Some("https://api.good.test")),
    ("?next=//evil.test", Some("https://api.good.test")),
    ("#//evil.test", Some("https://api.good.test")),
    ("/%2f%2fevil.test", Some("https://api.good.test")),
    ("/.//evil.test", Some("https://api.good.test")),
    ("/..//evil.test", Some("https://api.good.test")),
    ("@evil.test", Some("https://api.good.test")),
    (":80@evil.test", Some("https://api.good.test")),
    ("//evil.test:65536/", None),
    ("//evil.test:0/", None),
    ("//evil.test:00080/", Some("https://evil.test:80")),
];

const SCHEMES: [&str; 14] = [
    "http://",
    "https://",
    "HTTP://",
    "hTTps://",
    "//",
    "http:",
    "https:/",
    "http:///",
    "https:\\\\",
    "ftp://",
    "ws://",
    " http://",
    "ht\ntp://",
    "",
];

const USERS: [&str; 9] = [
    "",
    "",
    "",
    "u@",
    "u:p@",
    "a@b@",
    "@",
    "api.good.test:80@",
    "api.good.test\\@",
];

const HOSTS: [&str; 52] = [
    "evil.test",
    "api.good.test",
    "API.GOOD.Test",
    "api.good.test.",
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[2001:DB8::1]",
    "a_b.test",
    "localhost.",
    "LOCALHOST",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "010.0.0.1",
    "256.0.0.1",
    "1.2.3.4.5",
    "1.2.3.08",
    "0x",
    "a.0x",
    "1",
    "09",
    "[::]",
    "[::FFFF:7f00:1]",
    "[::127.0.0.1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[v1.x]",
    "[::1",
    "::1",
    "[]",
    "[1::2::3]",
    "evil。test",
    "ｅvil.test",
    "bücher.example",
    "xn--bcher-kva.example",
    "xn--",
    "XN--BCHER-KVA.test",
    "a..b",
    ".a",
    "-a-.test",
    "h%41",
    "a b",
    "",
    "ß.test",
];

const PORTS: [&str; 18] = [
    "",
    "",
    "",
    "",
    ":80",
    ":443",
    ":8080",
    ":00080",
    ":65535",
    ":0",
    ":65536",
    ":65616",
    ":4294967376",
    ":",
    ":+80",
    ":-1",
    ":80a",
    ":8 0",
];

const TAILS: [&str; 24] = [
    "",
    "/",
    "/x",
    "?q",
    "#f",
    "/a/../..//b",
    "/%2e%2e/%2f",
    "/@evil.test",
    "/:80@evil.test",
    "?@evil.test",
    "#@evil.test",
    "/a b",
    "/é?ü=ß",
    "\\@evil.test",
    "/\\evil.test",
    "\t",
    "/\n",
    "/\0",
    "%2f@evil.test",
    "%40evil.test",
    ";x",
    ":80",
    "@",
    "/..%2f..%2f//evil.test",
];

const LETTERS: [char; 24] = [
    '/', '\\', '@', ':', '?', '#', '.', '%', '[', ']', '\t', '\n', '\r', '\0', ' ', '。', '．',
    '／', '＠', 'x', '0', '1', '\u{ad}', '\u{200d}',
];

/// One of a list whose first pieces are harmless.
fn piece(pieces: &'static [&'static str], harmless: usize) -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => select(&pieces[..harmless]), 1 => select(pieces)]
}

fn whole() -> impl Strategy<Value = String> {
    let pieces = (
        piece(&SCHEMES, 4),
        piece(&USERS, 6),
        piece(&HOSTS, 12),
        piece(&PORTS, 9),
        piece(&TAILS, 13),
    );
    pieces.prop_map(|(scheme, user, host, port, tail)| [scheme, user, host, port, tail].concat())
}

fn heap() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(&SCHEMES[..]),
        select(&USERS[..]),
        select(&HOSTS[..]),
        select(&PORTS[..]),
        select(&TAILS[..]),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Puts a letter somewhere into a text.
fn disturbed(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (text, any::<prop::sample::Index>(), select(&LETTERS[..])).prop_map(|(text, at, letter)| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.insert(at.index(letters.len() + 1), letter);
        letters.into_iter().collect()
    })
}

/// An address, perhaps of one that could be called.
pub(crate) fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => whole(),
        3 => disturbed(whole()),
        1 => disturbed(disturbed(whole())),
        1 => heap(),
    ]
}

/// What is called below a base: an address or a path.
pub(crate) fn target() -> impl Strategy<Value = String> {
    let vector = select(&VECTORS[..]).prop_map(|(target, _)| target.to_owned());
    prop_oneof![6 => address(), 1 => disturbed(vector)]
}
