//! What a caller is made to smuggle into a head, and into a form, stays where
//! it was put or is refused: a request on the wire is one request.

use http::{HeaderName, HeaderValue, Method};
use tollgate::{
    ErrorKind, Multipart, Part,
    adapter::conformance::{Reply, Server},
    client::{Call, Client, EngineKind},
};
use tollgate_parity::Lane;

use crate::support::{Adapters, got, on_every_lane};

/// What ends a line, a word or a text, for this reader or that one.
const BREAKS: [&str; 18] = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{1b}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\r\n\r\n",
    "\n\n",
    " HTTP/1.1\r\n",
    "%0d%0a",
    "\"\r\n",
    // Its lower byte is a line feed.
    "\u{560a}",
];

/// What is to be read as a header or as a request of its own.
const LOADS: [&str; 2] = [
    "x-injected: 1",
    "GET /smuggled HTTP/1.1\r\nx-injected: 1\r\n\r\n",
];

fn pieces() -> impl Iterator<Item = String> {
    let with = |end: &'static str| LOADS.map(|load| format!("a{end}{load}{end}b"));
    BREAKS.into_iter().flat_map(with)
}

/// Puts a text somewhere into a call; `None` where no such call can be made.
type Place<E> = fn(&Client<E>, &str) -> Option<Call<E>>;

fn places<E: EngineKind>() -> [(&'static str, Place<E>); 13] {
    [
        ("method", |client, text| {
            let method = Method::from_bytes(text.as_bytes()).ok()?;
            Some(client.request(method, "/"))
        }),
        ("path", |client, text| {
            Some(client.get(format!("/{text}/x")))
        }),
        ("absolute path", |client, text| {
            let base = client.uri_for(&client.get("/")).ok()?;
            Some(client.get(format!("{base}{text}")))
        }),
        ("query in the target", |client, text| {
            Some(client.get(format!("/x?a={text}")))
        }),
        ("name of a parameter", |client, text| {
            Some(client.get("/x").query(&[(text, "1")]))
        }),
        ("value of a parameter", |client, text| {
            Some(client.get("/x").query(&[("a", text)]))
        }),
        ("name of a header", |client, text| {
            let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
            Some(client.get("/").header(name, "1"))
        }),
        ("value of a header", |client, text| {
            Some(client.get("/").header("x-value", text))
        }),
        ("bytes of a header", |client, text| {
            let value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
            Some(client.get("/").header("x-value", value))
        }),
        ("user and password", |client, text| {
            Some(client.get("/").basic_auth(text, text))
        }),
        ("token", |client, text| {
            Some(client.get("/").bearer_auth(text))
        }),
        ("form", |client, text| {
            Some(client.post("/").form(&[(text, text)]))
        }),
        ("host", |client, text| {
            let call = client.get(format!("http://127.0.0.1{text}/"));
            Some(call.allow_absolute_urls(true))
        }),
    ]
}

/// Checks what came of a call: a refusal and nothing on the wire, or one
/// request with the headers that any call has.
fn judge<L: Lane>(lane: &L, server: &Server, call: Call<L::Engine>, what: &str) {
    let before = server.requests().len();
    let outcome = lane.send(call);
    let sent = server.requests().split_off(before);
    let what = format!("{what} on {}", L::name());
    match outcome {
        Ok(_) => assert_eq!(sent.len(), 1, "{what}"),
        Err(error) => {
            assert!(is_refusal(error.kind()), "{what}: {error:?}");
            assert!(sent.is_empty(), "{what}: {error:?}");
        }
    }
    for request in &sent {
        assert!(!request.headers().contains_key("x-injected"), "{what}");
        assert!(!request.target().contains(char::is_whitespace), "{what}");
        assert!(request.target().is_ascii(), "{what}");
        let ends = request.raw().windows(4).filter(|it| it == b"\r\n\r\n");
        let in_body = request.body().windows(4).filter(|it| it == b"\r\n\r\n");
        assert_eq!(ends.count() - in_body.count(), 1, "{what}");
    }
}

fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidUrl | ErrorKind::InvalidRequest)
}

#[test]
fn what_breaks_lines_makes_no_second_head() {
    fn law<L: Lane>(lane: &L) {
        let server = Server::start(Reply::new(200)).unwrap();
        let client = lane.builder().base_url(server.origin()).build().unwrap();
        for text in pieces() {
            for (place, make) in places::<L::Engine>() {
                if let Some(call) = make(&client, &text) {
                    judge(lane, &server, call, &format!("{text:?} as {place}"));
                }
            }
        }
        assert!(!got(&server, "\nx-injected"), "{}", L::name());
        assert!(!got(&server, "GET /smuggled"), "{}", L::name());
        let requests = server.requests().len();
        assert!(
            requests > 150,
            "{requests} calls were sent on {}",
            L::name()
        );
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}

/// The forms that have `text` in a head of theirs.
fn forms(text: &str) -> [Multipart; 4] {
    let part = || Part::text("value");
    [
        Multipart::new().text(text, "value"),
        Multipart::new().part("name", part().file_name(text)),
        Multipart::new().part("name", part().content_type(text)),
        Multipart::new().part("name", part().header("x-part", text)),
    ]
}

#[test]
fn what_breaks_lines_makes_no_second_head_in_a_form() {
    fn law<L: Lane>(lane: &L) {
        let server = Server::start(Reply::new(200)).unwrap();
        let client = lane.builder().base_url(server.origin()).build().unwrap();
        for text in pieces() {
            for (index, form) in forms(&text).into_iter().enumerate() {
                let call = client.post("/").multipart(form);
                judge(lane, &server, call, &format!("{text:?} in place {index}"));
            }
        }
        for request in server.requests() {
            let body = String::from_utf8(request.body().to_vec()).unwrap();
            let (head, rest) = body.split_once("\r\n\r\n").unwrap();
            let forged = head.lines().any(|line| line.starts_with("x-injected"));
            assert!(!forged && !head.contains(['\0', '\u{b}']), "{head:?}");
            assert!(rest.starts_with("value\r\n--"), "{body:?}");
        }
        assert!(server.requests().len() > 50, "{}", L::name());
    }
    on_every_lane!(Adapters::plain(), |lane| law(lane));
}
