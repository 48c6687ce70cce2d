//! The calls: what differs between two of them is named in the name.

use std::io::Cursor;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use tollgate::{
    Body, Multipart,
    client::{Call, Client, EngineKind},
};

/// What a call is made of.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    method: Method,
    target: String,
    headers: Vec<(&'static str, &'static [u8])>,
    query: Vec<(&'static str, &'static str)>,
    auth: Auth,
    body: Content,
}

#[derive(Clone, Copy)]
enum Auth {
    None,
    Basic,
    Bearer,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Content {
    None,
    Empty,
    Text,
    Json,
    Form,
    Multipart,
    /// Sent again where it is asked for again.
    Factory,
    /// Of a length that is not known.
    Stream,
    StreamOfLength,
    Large,
}

const CONTENTS: &[Content] = &[
    Content::None,
    Content::Empty,
    Content::Text,
    Content::Json,
    Content::Form,
    Content::Multipart,
    Content::Factory,
    Content::Stream,
    Content::StreamOfLength,
    Content::Large,
];

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH", "get",
];

/// Every header alone, with a GET and with a POST.
const HEADERS: &[&[(&str, &[u8])]] = &[
    &[("x-plain", b"value")],
    &[("X-Mixed-Case", b"Value")],
    &[("x-empty", b"")],
    &[("x-twice", b"one"), ("x-twice", b"two")],
    &[
        ("x-twice", b"one"),
        ("x-between", b"1"),
        ("x-twice", b"two"),
    ],
    &[("x-latin", b"caf\xe9")],
    &[("x-utf8", "caf\u{e9}".as_bytes())],
    &[("x-tab", b"a\tb")],
    &[("x-symbols", b"!#$%&'*+-.^_`|~\"(),/:;<=>?@[\\]{}")],
    &[("x!#$%&'*+-.^_`|~", b"odd name")],
    &[("accept", b"application/json")],
    &[("accept", b"*/*")],
    &[("accept-encoding", b"identity")],
    &[("accept-encoding", b"gzip")],
    &[("accept-language", b"de, en;q=0.5")],
    &[("user-agent", b"somebody/1.0")],
    &[("content-type", b"application/vnd.api+json")],
    &[("content-type", b"")],
    &[("cookie", b"a=1; b=2")],
    &[("cookie", b"a=1"), ("cookie", b"b=2")],
    &[("referer", b"http://elsewhere.test/")],
    &[("origin", b"http://elsewhere.test")],
    &[("if-none-match", b"\"etag\", W/\"weak\"")],
    &[("range", b"bytes=0-1")],
    &[("te", b"trailers")],
    &[("cache-control", b"no-cache")],
    &[("date", b"Thu, 01 Jan 1970 00:00:00 GMT")],
    &[("x-http-method-override", b"DELETE")],
    &[("forwarded", b"for=192.0.2.1")],
    &[("proxy-connection", b"keep-alive")],
    &[("connection", b"close")],
    &[
        ("pragma", b"no-cache"),
        ("expires", b"0"),
        ("warning", b"199 - \"x\""),
    ],
];

const PATHS: &[&str] = &[
    "/",
    "/a/b/c",
    "/a//b",
    "/a/./b/../c",
    "/trailing/",
    "/semi;colon=1/x",
    "/at@sign:and:colons",
    "/percent%20encoded%2Fslash",
    "/%zz-not-an-escape",
    "/sub-delims!$&'()*+,;=",
    "/t~ilde_and-dash.dot",
    "/caf%C3%A9",
    "/caf\u{e9}/\u{1f600}",
    "/space here",
    "/bra[ck]ets",
    "/pipe|caret^",
    "/quote\"and'",
    "/?",
    "/?a",
    "/?a=",
    "/?a=1&a=2",
    "/?a=b=c",
    "/?q=a+b%20c",
    "/?q=\u{e9}",
    "/?list[]=1&list[]=2",
    "/?json={\"a\":1}",
    "/?a;b",
    "/?a=%",
    "/?url=http://h/p?q",
    "/path?query#fragment",
    "/#only-a-fragment",
];

const QUERIES: &[&[(&str, &str)]] = &[
    &[("a", "1")],
    &[("a", "1"), ("b", "2"), ("a", "3")],
    &[("space", "a b"), ("plus", "a+b")],
    &[("unicode", "\u{e9}\u{1f600}")],
    &[("reserved", ":/?#[]@!$&'()*+,;=")],
    &[("percent", "100%"), ("encoded", "%41")],
    &[("", "no name")],
    &[("empty", "")],
    &[("brackets[0][x]", "1")],
    &[("line", "a\nb\r\nc"), ("quote", "\"<>`\\^{|}")],
];

impl Case {
    fn new(name: String, method: &str, target: &str) -> Self {
        Self {
            name,
            method: method.parse().unwrap(),
            target: target.to_owned(),
            headers: Vec::new(),
            query: Vec::new(),
            auth: Auth::None,
            body: Content::None,
        }
    }

    pub(crate) fn call<E: EngineKind>(&self, client: &Client<E>) -> Call<E> {
        let mut call = client.request(self.method.clone(), &self.target);
        let mut headers = http::HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        call = call.headers(headers);
        if !self.query.is_empty() {
            call = call.query(&self.query);
        }
        call = match self.auth {
            Auth::None => call,
            Auth::Basic => call.basic_auth("J\u{f6}rg", "pass:w\u{f6}rd"),
            Auth::Bearer => call.bearer_auth("a-token"),
        };
        match self.body {
            Content::None => call,
            Content::Empty => call.body(""),
            Content::Text => call.body("some text"),
            Content::Json => call.json(&[1, 2, 3]),
            Content::Form => call.form(&[("a", "1 2"), ("b", "\u{e9}&=")]),
            Content::Multipart => call.multipart(Multipart::new().text("name", "value")),
            Content::Factory => call.body(Body::factory(|| Body::from("made anew"))),
            Content::Stream => call.body(Body::from_reader(Cursor::new(b"a stream"))),
            Content::StreamOfLength => {
                call.body(Body::from_reader(Cursor::new(b"a stream")).with_length(8))
            }
            Content::Large => call.body(Bytes::from(vec![b'x'; 200_000])),
        }
    }
}

/// All calls, the same in every run.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in METHODS {
        for content in CONTENTS {
            let mut case = Case::new(format!("{method} {content:?}"), method, "/thing");
            case.body = *content;
            cases.push(case);
        }
    }
    for method in ["GET", "POST", "DELETE"] {
        for headers in HEADERS {
            let lines = headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.escape_ascii()));
            let lines: Vec<_> = lines.collect();
            let mut case = Case::new(format!("{method} {}", lines.join(", ")), method, "/thing");
            case.headers = headers.to_vec();
            if method == "POST" {
                case.body = Content::Json;
            }
            cases.push(case);
        }
    }
    for path in PATHS {
        cases.push(Case::new(format!("GET {path}"), "GET", path));
    }
    for query in QUERIES {
        for path in ["/thing", "/thing?already=there", "/thing#fragment"] {
            let mut case = Case::new(format!("GET {path} with {query:?}"), "GET", path);
            case.query = query.to_vec();
            cases.push(case);
        }
    }
    for (name, auth) in [("basic", Auth::Basic), ("bearer", Auth::Bearer)] {
        let mut case = Case::new(format!("GET {name}"), "GET", "/thing");
        case.auth = auth;
        cases.push(case);
    }
    cases.extend(redirects());
    cases
}

/// Every code with every method, and bodies that can and cannot be sent again.
fn redirects() -> Vec<Case> {
    let mut cases = Vec::new();
    for code in [301, 302, 303, 307, 308] {
        for (method, content) in [
            ("GET", Content::None),
            ("HEAD", Content::None),
            ("POST", Content::None),
            ("POST", Content::Text),
            ("POST", Content::Json),
            ("POST", Content::Factory),
            ("PUT", Content::Form),
            ("PUT", Content::Multipart),
            ("PATCH", Content::Large),
            ("DELETE", Content::None),
            ("DELETE", Content::Text),
        ] {
            let name = format!("{method} {content:?} by way of {code}");
            let mut case = Case::new(name, method, &format!("/to/{code}/there?x=1"));
            case.body = content;
            case.headers = vec![("x-kept", b"on the way"), ("authorization", b"Basic eDp5")];
            cases.push(case);
        }
        let name = format!("GET by way of {code} twice");
        cases.push(Case::new(
            name,
            "GET",
            &format!("/to/{code}/to/{code}/there"),
        ));
    }
    cases
}
