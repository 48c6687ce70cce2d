//! What of an answer arrives at the caller.

use bytes::Bytes;

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Reply,
        bench::{Bench, fails},
        gzip, gzip_zeros,
        lane::Lane,
        verdict::{Failure, Verdict, ensure, same},
    },
    error::ErrorKind,
    response::Response,
};

const DECODING: Needs = Needs::Wire("a mock does not decode");

cases! {
    every_framing_is_read_to_its_end [Needs::Wire("a mock's answers have no framing")]:
        "a body by length, by chunks or to the close arrives whole";
    an_answer_without_a_body_has_none:
        "204, 304 and the answer to HEAD have an empty body, whatever they announce";
    a_refused_status_is_an_error_with_its_answer:
        "a status outside 2xx is an error that holds status, headers and body";
    a_large_body_arrives_whole:
        "8 MiB in pieces of many sizes arrive byte by byte";
    gzip_is_decoded [DECODING]:
        "a gzip body arrives decoded, without `content-encoding` and its length";
    a_broken_gzip_is_a_decode_error [DECODING]:
        "a gzip body with a wrong checksum, garbage or no end does not decode";
    a_gzip_cut_on_the_wire_is_a_transport_error [DECODING]:
        "a gzip body whose message ends early is cut, not wrongly encoded";
    an_unknown_encoding_is_left_alone:
        "a body in an encoding that nobody asked for arrives as it is, and says so";
}

fn every_framing_is_read_to_its_end<E: Lane>(bench: &Bench<E>) -> Verdict {
    let reply = Reply::new(200).pieces(["one ", "two ", "three"]);
    let framings = [reply.clone(), reply.clone().chunked(), reply.until_close()];
    for reply in framings {
        let server = bench.serve(reply)?;
        let response = bench.get(&server, "/")?;
        same("body", response.text()?, "one two three")?;
        bench.clean(&server)?;
    }
    let empty = [
        Reply::new(200),
        Reply::new(200).chunked(),
        Reply::new(200).until_close(),
    ];
    for reply in empty {
        let server = bench.serve(reply)?;
        same("body", bench.get(&server, "/")?.text()?, "")?;
    }
    let extended = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
        3;name=value\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n";
    let server = bench.serve(Reply::raw(extended))?;
    same("body", bench.get(&server, "/")?.text()?, "abc")
}

fn an_answer_without_a_body_has_none<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [204, 304] {
        let server = bench.serve(Reply::new(status).header("x", "y"))?;
        let call = bench.client().get(server.url("/"));
        let response = bench.send(call.accept_any_status())?;
        same("status", response.status().as_u16(), status)?;
        same("body", response.bytes()?, "")?;
        bench.clean(&server)?;
    }
    let plain = Reply::new(200).body("text");
    let encoded = plain.clone().header("content-encoding", "gzip");
    for reply in [plain, encoded.clone(), encoded.chunked()] {
        let server = bench.serve(reply)?;
        let response = bench.send(bench.client().head(server.url("/")))?;
        same("body", response.bytes()?, "")?;
        let streamed = bench.send(bench.client().head(server.url("/")).stream())?;
        same("stream", bench.read_whole(streamed.into_body())?, b"")?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_refused_status_is_an_error_with_its_answer<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [300, 304, 400, 404, 500, 503] {
        let server = bench.serve(Reply::new(status).header("x", "y").body("why"))?;
        let error = fails(bench.get(&server, "/"), ErrorKind::Status)?;
        ensure(error.is_status(status), "the error has another status")?;
        let response = error.into_response();
        let response = response.ok_or_else(|| Failure::new("the error has no response"))?;
        ensure(response.headers().contains_key("x"), "a header is gone")?;
        let body = if status == 304 { "" } else { "why" };
        same("body", response.text()?, body)?;
        let call = bench.client().get(server.url("/")).accept_any_status();
        same("status", bench.send(call)?.status().as_u16(), status)?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_large_body_arrives_whole<E: Lane>(bench: &Bench<E>) -> Verdict {
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut total = 0;
    for (size, byte) in [1, 4095, 100_000, 3, 1 << 20]
        .into_iter()
        .cycle()
        .zip(0_u8..)
    {
        pieces.push(vec![byte; size].into());
        total += size;
        if total > 8 << 20 {
            break;
        }
    }
    let whole = pieces.concat();
    let reply = Reply::new(200).pieces(pieces);
    for reply in [reply.clone(), reply.chunked()] {
        let server = bench.serve(reply)?;
        let response = bench.get(&server, "/")?;
        same("length", response.bytes()?.len(), whole.len())?;
        ensure(response.bytes()? == whole, "the body has changed")?;
    }
    Ok(())
}

/// Announces a body as gzip.
fn encoded(body: impl Into<Bytes>) -> Reply {
    Reply::new(200)
        .header("content-encoding", "gzip")
        .body(body)
}

fn check_decoded(response: &Response, expected: &[u8]) -> Verdict {
    ensure(response.bytes()? == expected, "the body has changed")?;
    ensure(
        !response.headers().contains_key("content-encoding"),
        "`content-encoding` is still there",
    )?;
    match response.headers().get("content-length") {
        None => Ok(()),
        Some(length) => same(
            "content-length",
            length,
            expected.len().to_string().as_str(),
        ),
    }
}

fn gzip_is_decoded<E: Lane>(bench: &Bench<E>) -> Verdict {
    let text = b"text \xff ".repeat(20_000);
    let body = gzip(&text);
    let in_chunks = encoded("").pieces(body.chunks(7_001).map(Bytes::copy_from_slice));
    for reply in [encoded(body), in_chunks.chunked()] {
        let server = bench.serve(reply)?;
        check_decoded(&bench.get(&server, "/")?, &text)?;
    }
    let server = bench.serve(encoded(gzip_zeros(100_000)))?;
    check_decoded(&bench.get(&server, "/")?, &vec![0; 100_000])?;
    let server = bench.serve(encoded(gzip(b"")))?;
    check_decoded(&bench.get(&server, "/")?, b"")
}

fn a_broken_gzip_is_a_decode_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = gzip(&b"0123456789".repeat(1000));
    let mut wrong_checksum = whole.clone();
    if let Some(byte) = wrong_checksum.iter_mut().rev().nth(5) {
        *byte ^= 1;
    }
    let half = whole.get(..whole.len() / 2).unwrap_or_default().to_vec();
    for (what, body) in [
        ("a wrong checksum", wrong_checksum),
        ("no end", half),
        ("garbage", b"this is no gzip at all".to_vec()),
    ] {
        for reply in [encoded(body.clone()), encoded(body).chunked()] {
            let server = bench.serve(reply)?;
            let error =
                fails(bench.get(&server, "/"), ErrorKind::Decode).map_err(|it| it.about(what))?;
            ensure(error.is_decode(), "`is_decode` says no")?;
            bench.clean(&server)?;
        }
    }
    Ok(())
}

fn a_gzip_cut_on_the_wire_is_a_transport_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = encoded(gzip(&b"0123456789".repeat(1000)));
    let chunks = whole.clone().chunked();
    for reply in [whole, chunks] {
        let at = reply.head_len() + 5000;
        for reply in [reply.clone().fin_at(at), reply.reset_at(at)] {
            let server = bench.serve(reply)?;
            fails(bench.get(&server, "/"), ErrorKind::Transport)?;
            bench.clean(&server)?;
        }
    }
    Ok(())
}

fn an_unknown_encoding_is_left_alone<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(
        Reply::new(200)
            .header("content-encoding", "x-odd")
            .body("abc"),
    )?;
    let response = bench.get(&server, "/")?;
    same("body", response.text()?, "abc")?;
    let encoding = response.headers().get("content-encoding");
    same(
        "encoding",
        encoding.map(http::HeaderValue::as_bytes),
        Some(&b"x-odd"[..]),
    )
}
