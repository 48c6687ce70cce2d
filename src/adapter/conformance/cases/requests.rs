//! What of a request arrives at the server.

use std::io::{self, Read};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::json;

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Received, Reply, Script,
        bench::{Bench, only_request, secret_url},
        lane::Lane,
        verdict::{Failure, Verdict, chain, ensure, keeps_secrets, same},
    },
    body::Body,
};

const FRAMING: Needs = Needs::Wire("a mock gets a body without its framing");

cases! {
    every_method_arrives:
        "the standard methods and `PURGE` arrive under their names";
    an_empty_body_has_the_right_length [FRAMING]:
        "an empty POST, PUT or PATCH has one `content-length: 0`, the others have none";
    bytes_arrive_unchanged_with_their_length [FRAMING]:
        "a body in memory arrives byte by byte, with one `content-length` and no chunks";
    json_arrives_as_its_bytes_and_its_type:
        "a JSON body has exactly serde's bytes and one `content-type`";
    a_stream_of_unknown_length_is_chunked [FRAMING]:
        "a streamed body without a length arrives whole, in chunks";
    a_stream_of_known_length_is_not_chunked [FRAMING]:
        "a streamed body with a length arrives whole, with that `content-length`";
    a_factory_is_opened_for_each_hop:
        "a replayable body is sent again, whole, where a redirect asks for it";
    a_failing_upload_is_an_error [FRAMING]:
        "a body that fails on the way fails the call, and the server sees no end of it";
    an_upload_shorter_than_its_length_is_an_error [FRAMING]:
        "a body that breaks the promise of its length is no success";
    user_info_becomes_basic_auth:
        "user and password of an address arrive as a header, and nowhere else";
    headers_may_be_several_and_not_utf_8:
        "several values of a header keep their order, and any byte above 0x7f passes";
    the_target_is_what_the_response_says:
        "whatever the address looked like, the server gets what `Response::uri` says";
}

fn every_method_arrives<E: Lane>(bench: &Bench<E>) -> Verdict {
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE",
    ];
    let server = bench.serve(Reply::new(200))?;
    for name in methods {
        let method: Method = name.parse()?;
        bench.send(bench.client().request(method, secret_url(&server, "/m")))?;
    }
    let requests = server.requests();
    let arrived: Vec<_> = requests.iter().map(|it| it.method().as_str()).collect();
    same("methods", arrived, methods)
}

/// Returns all values of the two headers that frame a body.
fn framing(request: &Received) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let values = |name: &str| {
        let values = request.headers().get_all(name).into_iter();
        values.map(HeaderValue::as_bytes).collect()
    };
    (values("content-length"), values("transfer-encoding"))
}

fn an_empty_body_has_the_right_length<E: Lane>(bench: &Bench<E>) -> Verdict {
    let cases = [
        ("POST", Some(&b"0"[..])),
        ("PUT", Some(b"0")),
        ("PATCH", Some(b"0")),
        ("GET", None),
        ("HEAD", None),
        ("DELETE", None),
        ("OPTIONS", None),
    ];
    for (name, length) in cases {
        let server = bench.serve(Reply::new(200))?;
        let method: Method = name.parse()?;
        bench.send(bench.client().request(method, server.url("/")))?;
        let request = only_request(&server)?;
        let expected = (Vec::from_iter(length), Vec::new());
        same(
            format_args!("framing of {name}"),
            framing(&request),
            expected,
        )?;
    }
    Ok(())
}

fn bytes_arrive_unchanged_with_their_length<E: Lane>(bench: &Bench<E>) -> Verdict {
    let mut large: Vec<u8> = (0..=u8::MAX).collect();
    large = large.repeat(4096);
    for bytes in [Vec::from(b"x"), large] {
        let server = bench.serve(Reply::new(200))?;
        let length = bytes.len().to_string();
        let body = Bytes::from(bytes);
        bench.send(bench.client().put(server.url("/")).body(body.clone()))?;
        let request = only_request(&server)?;
        ensure(*request.body() == body, "the body has changed")?;
        same(
            "framing",
            framing(&request),
            (vec![length.as_bytes()], vec![]),
        )?;
    }
    Ok(())
}

fn json_arrives_as_its_bytes_and_its_type<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    let value = json!([1, "\u{fc}\n", null, {"a": 1.5}]);
    bench.send(bench.client().post(server.url("/")).json(&value))?;
    let request = only_request(&server)?;
    same("body", request.body(), "[1,\"\u{fc}\\n\",null,{\"a\":1.5}]")?;
    same(
        "type",
        request.header("content-type"),
        Some("application/json"),
    )
}

/// Several chunks of several sizes.
fn pieces() -> Vec<Bytes> {
    let sizes = [1, 10, 0, 70_000, 3];
    let pieces = sizes.iter().zip(b'a'..);
    pieces
        .map(|(size, byte)| vec![byte; *size].into())
        .collect()
}

/// Reads a chunk at a time, and may fail at the end.
struct Chunks {
    left: std::vec::IntoIter<Bytes>,
    current: Bytes,
    fails: bool,
}

impl Chunks {
    fn new(fails: bool) -> Self {
        let pieces: Vec<_> = pieces().into_iter().filter(|it| !it.is_empty()).collect();
        Self {
            left: pieces.into_iter(),
            current: Bytes::new(),
            fails,
        }
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            match (self.left.next(), self.fails) {
                (Some(next), _) => self.current = next,
                (None, false) => return Ok(0),
                (None, true) => return Err(io::Error::other("the disk is gone")),
            }
        }
        let length = self.current.len().min(buffer.len());
        let part = self.current.split_to(length);
        buffer
            .get_mut(..length)
            .unwrap_or_default()
            .copy_from_slice(&part);
        Ok(length)
    }
}

fn a_stream_of_unknown_length_is_chunked<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    let body = Body::from_reader(Chunks::new(false));
    bench.send(bench.client().post(server.url("/")).body(body))?;
    let request = only_request(&server)?;
    ensure(*request.body() == pieces().concat(), "the body has changed")?;
    same(
        "framing",
        framing(&request),
        (vec![], vec![&b"chunked"[..]]),
    )
}

fn a_stream_of_known_length_is_not_chunked<E: Lane>(bench: &Bench<E>) -> Verdict {
    for body in streams() {
        let server = bench.serve(Reply::new(200))?;
        let length = pieces().concat().len();
        let body = body.with_length(length as u64);
        bench.send(bench.client().post(server.url("/")).body(body))?;
        let request = only_request(&server)?;
        ensure(*request.body() == pieces().concat(), "the body has changed")?;
        let length = length.to_string();
        same(
            "framing",
            framing(&request),
            (vec![length.as_bytes()], vec![]),
        )?;
    }
    Ok(())
}

/// A one-shot stream, and a factory of such.
fn streams() -> [Body; 2] {
    let once = || Body::from_reader(Chunks::new(false));
    [once(), Body::factory(once)]
}

fn a_factory_is_opened_for_each_hop<E: Lane>(bench: &Bench<E>) -> Verdict {
    let script = Script::new()
        .on("/first", Reply::new(307).header("location", "/second"))
        .on("/second", Reply::new(200));
    let server = bench.serve(script)?;
    let body = Body::factory(|| Body::from_reader(Chunks::new(false)));
    bench.send(bench.client().post(server.url("/first")).body(body))?;
    let requests = server.requests();
    same("requests", requests.len(), 2)?;
    for request in requests {
        ensure(*request.body() == pieces().concat(), "the body has changed")?;
    }
    Ok(())
}

fn a_failing_upload_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    for length in [None, Some(10_000_000)] {
        let server = bench.serve(Reply::new(200))?;
        let mut body = Body::from_reader(Chunks::new(true));
        if let Some(length) = length {
            body = body.with_length(length);
        }
        let call = bench.client().post(secret_url(&server, "/")).body(body);
        broken_upload(bench.send(call))?;
        same("complete requests", server.requests().len(), 0)?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn an_upload_shorter_than_its_length_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    for body in streams() {
        let server = bench.serve(Reply::new(200))?;
        let body = body.with_length(10_000_000);
        let call = bench.client().post(secret_url(&server, "/")).body(body);
        broken_upload(bench.send(call))?;
        same("complete requests", server.requests().len(), 0)?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn broken_upload(result: crate::Result<crate::Response>) -> Verdict {
    match result {
        Ok(response) => Err(Failure::new(format_args!(
            "the call succeeded with {}",
            response.status()
        ))),
        Err(error) if error.is_timeout() => Err(Failure::new("the call hung")),
        Err(error) => keeps_secrets(&chain(&error)),
    }
}

fn user_info_becomes_basic_auth<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    let url = format!("http://Aladdin:open%20sesame@{}/x", server.address());
    let response = bench.send(bench.client().get(url))?;
    let request = only_request(&server)?;
    // The example of RFC 7617.
    let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    same(
        "authorization",
        request.header("authorization"),
        Some(expected),
    )?;
    same("target", request.target(), "/x")?;
    let uri = response.uri().map(ToString::to_string);
    same("uri", uri, Some(server.url("/x")))
}

fn headers_may_be_several_and_not_utf_8<E: Lane>(bench: &Bench<E>) -> Verdict {
    let values = [&b"one"[..], b"\xe9t\xe9", b"one", b"a, b"];
    let mut reply = Reply::new(200);
    let mut headers = HeaderMap::new();
    for value in values {
        reply = reply.header("x-several", Bytes::from_static(value));
        headers.append("x-several", HeaderValue::from_bytes(value)?);
    }
    let server = bench.serve(reply)?;
    let response = bench.send(bench.client().get(server.url("/")).headers(headers))?;
    let request = only_request(&server)?;
    for (side, headers) in [("sent", request.headers()), ("got", response.headers())] {
        let arrived: Vec<_> = headers.get_all("x-several").into_iter().collect();
        same(format_args!("values {side}"), arrived, values)?;
    }
    Ok(())
}

fn the_target_is_what_the_response_says<E: Lane>(bench: &Bench<E>) -> Verdict {
    let targets = [
        "",
        "?q",
        "/a/../b/./c",
        "/a%2e%2e/%2E",
        "/\u{fc}ber?q=\u{e9} x",
        "/a|b^c`{}\"<>?x=|^`{}\"<>",
        "/%zz%",
        "/x#fragment",
        "//x//y",
        "/x?a=%20&b=+&c='",
    ];
    let server = bench.serve(Reply::new(200))?;
    for target in targets {
        let response = match bench.send(bench.client().get(server.url(target))) {
            Ok(response) => response,
            // Refusing an address is fine: nothing was sent.
            Err(error) if error.kind() == crate::ErrorKind::InvalidUrl => continue,
            Err(error) => return Err(error.into()),
        };
        let uri = response.uri().and_then(http::Uri::path_and_query);
        let requests = server.requests();
        let arrived = requests.last().map(Received::target);
        same(
            format_args!("target `{target}`"),
            arrived,
            uri.map(|it| it.as_str()),
        )?;
    }
    ensure(!server.requests().is_empty(), "every address was refused")
}
