//! Forms of several parts, on their way and sent again.

use std::{fmt, io};

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Received, Reply, Script,
        bench::{Bench, fails, only_request, secret_url},
        lane::Lane,
        verdict::{Verdict, ensure, same},
    },
    body::{Body, Multipart, Part},
    error::{Error, ErrorKind},
};

const FRAMING: Needs = Needs::Wire("a mock gets a body without its framing");

cases! {
    a_form_arrives_with_its_length [FRAMING]:
        "a form whose parts have lengths arrives whole, with its `content-length` and no chunks";
    a_form_without_a_length_is_chunked [FRAMING]:
        "a form with a part of unknown length arrives whole, in chunks";
    a_form_is_the_same_where_a_redirect_leads:
        "307 and 308 send a form again, byte by byte";
    a_form_is_the_same_in_a_replay:
        "a replay after 401 sends a form again, byte by byte";
    a_part_that_breaks_its_length_is_an_error [FRAMING]:
        "a part longer or shorter than declared fails the call, and the server sees no end of it";
}

const LARGE: usize = 100_000;

/// A form, and its bytes.
fn form(declared: bool) -> (Multipart, Vec<u8>) {
    let mut reader = Part::reader(|| Ok(io::Cursor::new(vec![b'r'; LARGE]))).file_name("r");
    if declared {
        reader = reader.length(LARGE as u64);
    }
    let form = Multipart::new()
        .text("text", "\r\n--")
        .bytes("bytes", vec![0xff; LARGE])
        .part("reader", reader)
        .part(
            "body",
            Part::body(Body::factory(|| "made".into()).with_length(4)),
        );
    let boundary = form.boundary();
    let line = |name| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
    let mut bytes = format!(
        "{}\r\n\r\n\r\n--\r\n{}\r\n\r\n",
        line("text"),
        line("bytes")
    )
    .into_bytes();
    bytes.extend([0xff; LARGE]);
    let head = format!(
        "\r\n{}; filename=\"r\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        line("reader")
    );
    bytes.extend(head.as_bytes());
    bytes.extend([b'r'; LARGE]);
    let end = format!("\r\n{}\r\n\r\nmade\r\n--{boundary}--\r\n", line("body"));
    bytes.extend(end.as_bytes());
    (form, bytes)
}

/// Whole, and under its type.
fn arrived(what: impl fmt::Display, request: &Received, boundary: &str, bytes: &[u8]) -> Verdict {
    ensure(request.body() == bytes, "the form has changed")?;
    let content_type = format!("multipart/form-data; boundary={boundary}");
    same(what, request.header("content-type"), Some(&*content_type))
}

fn a_form_arrives_with_its_length<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    let (form, bytes) = form(true);
    let boundary = form.boundary().to_owned();
    bench.send(bench.client().post(server.url("/")).multipart(form))?;
    let request = only_request(&server)?;
    arrived("type", &request, &boundary, &bytes)?;
    let length = bytes.len().to_string();
    same("length", request.header("content-length"), Some(&*length))?;
    same("coding", request.header("transfer-encoding"), None)
}

fn a_form_without_a_length_is_chunked<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    let (form, bytes) = form(false);
    let boundary = form.boundary().to_owned();
    bench.send(bench.client().post(server.url("/")).multipart(form))?;
    let request = only_request(&server)?;
    arrived("type", &request, &boundary, &bytes)?;
    same("length", request.header("content-length"), None)?;
    same(
        "coding",
        request.header("transfer-encoding"),
        Some("chunked"),
    )
}

fn a_form_is_the_same_where_a_redirect_leads<E: Lane>(bench: &Bench<E>) -> Verdict {
    for (status, declared) in [(307, true), (308, false)] {
        let script = Script::new()
            .on("/first", Reply::new(status).header("location", "/second"))
            .on("/second", Reply::new(200));
        let server = bench.serve(script)?;
        let (form, bytes) = form(declared);
        let boundary = form.boundary().to_owned();
        bench.send(bench.client().post(server.url("/first")).multipart(form))?;
        let requests = server.requests();
        same("requests", requests.len(), 2)?;
        for request in &requests {
            arrived(
                format_args!("type with {status}"),
                request,
                &boundary,
                &bytes,
            )?;
        }
    }
    Ok(())
}

fn a_form_is_the_same_in_a_replay<E: Lane>(bench: &Bench<E>) -> Verdict {
    let script = Script::new().on_each("/", [Reply::new(401), Reply::new(200)]);
    let server = bench.serve(script)?;
    let client = bench.other_client(|builder| builder)?;
    client.interceptors.response.use_both(
        async |response| Ok(response),
        async |error: Error| error.replay(),
    );
    let (form, bytes) = form(true);
    let boundary = form.boundary().to_owned();
    bench.send(client.post(server.url("/")).multipart(form))?;
    let requests = server.requests();
    same("requests", requests.len(), 2)?;
    for request in &requests {
        arrived("type", request, &boundary, &bytes)?;
    }
    Ok(())
}

fn a_part_that_breaks_its_length_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    for declared in [LARGE - 1, LARGE + 1] {
        let server = bench.serve(Reply::new(200))?;
        let part = Part::reader(|| Ok(io::Cursor::new(vec![b'r'; LARGE])));
        let form = Multipart::new().part("reader", part.length(declared as u64));
        let call = bench
            .client()
            .post(secret_url(&server, "/"))
            .multipart(form);
        fails(bench.send(call), ErrorKind::InvalidRequest)?;
        same("complete requests", server.requests().len(), 0)?;
        bench.clean(&server)?;
    }
    Ok(())
}
