//! What is sent, by its measure: the most of it, and the least rate.

use std::{
    io::{self, Read},
    iter,
};

use bytes::Bytes;

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Reply, Script, Server, Step,
        bench::{
            AMPLE, BRIEF, Bench, GRACE, fails, late, only_request, secret_url, timed, unhurried,
            within,
        },
        lane::Lane,
        verdict::{Verdict, ensure, same},
    },
    body::Body,
    client::Call,
    error::{Error, ErrorCode, ErrorKind},
};

const MIB: u64 = 1 << 20;

cases! {
    an_upload_over_the_limit_is_not_sent:
        "a body whose length is over `max_request_bytes` fails before anything is sent";
    an_upload_of_unknown_length_stops_at_the_limit [Needs::Wire("a mock reads every upload")]:
        "a stream over `max_request_bytes` stops there, and its connection is not used again";
    a_slow_upload_is_too_slow [Needs::Wire("a mock reads every upload")]:
        "an upload that the server takes too slowly falls below `min_upload_rate`";
    an_upload_that_stands_still_is_too_slow [Needs::Wire("a mock reads every upload")]:
        "an upload that nobody reads ends by `min_upload_rate`, also where no body is polled";
    an_upload_in_time_passes_its_least_rate:
        "`min_upload_rate` leaves a good upload alone, and a server that thinks afterwards";
}

fn too_large(error: &Error, actual: &str, limit: u64) -> Verdict {
    same("code", error.code(), ErrorCode::BadRequest)?;
    let text = error.to_string();
    let expected = format!("the request has {actual} bytes, the limit is {limit}");
    ensure(text.contains(&expected), &text)?;
    ensure(text.contains("raise `max_request_bytes`"), &text)
}

fn an_upload_over_the_limit_is_not_sent<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    let client = bench.other_client(|builder| builder.max_request_bytes(4))?;
    let stream = || Body::from_reader(&b"12345"[..]).with_length(5);
    for call in [
        client.post(secret_url(&server, "/")).body("12345"),
        client.post(secret_url(&server, "/")).body(stream()),
        client
            .post(secret_url(&server, "/"))
            .body(Body::factory(|| Body::from("12345")).with_length(5)),
    ] {
        let error = fails(bench.send(call), ErrorKind::RequestTooLarge)?;
        too_large(&error, "5", 4)?;
    }
    same("connections", server.connections(), 0)?;
    same("requests", server.requests().len(), 0)?;
    bench.send(client.post(server.url("/")).body("1234"))?;
    let own = client.post(server.url("/")).max_request_bytes(5);
    bench.send(own.body(stream()))?;
    same("requests", server.requests().len(), 2)
}

fn an_upload_of_unknown_length_stops_at_the_limit<E: Lane>(bench: &Bench<E>) -> Verdict {
    const LIMIT: u64 = 100_000;
    // What may stand around the chunks.
    const FRAMES: u64 = 4096;
    let reader = |length| Body::from_reader(io::repeat(b'x').take(length));
    let call = |server: &Server, length| -> Call<E> {
        let call = bench.client().post(secret_url(server, "/"));
        call.max_request_bytes(LIMIT).body(reader(length))
    };
    for length in [LIMIT + 1, 64 * MIB] {
        let server = bench.serve(Reply::new(200))?;
        let error = fails(
            bench.send(call(&server, length)),
            ErrorKind::RequestTooLarge,
        )?;
        let text = error.to_string();
        ensure(text.contains("has at least "), &text)?;
        let actual = text
            .split_whitespace()
            .find(|word| word.parse::<u64>().is_ok());
        too_large(
            &error,
            &format!("at least {}", actual.unwrap_or_default()),
            LIMIT,
        )?;
        ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
        same("whole requests", server.requests().len(), 0)?;
        let sent: usize = server.bytes().iter().map(Bytes::len).sum();
        ensure(sent as u64 <= LIMIT + FRAMES, format_args!("{sent} bytes"))?;
        bench.clean(&server)?;
        same("connections", server.connections(), 2)?;
    }
    let server = bench.serve(Reply::new(200))?;
    bench.send(call(&server, LIMIT))?;
    same("upload", only_request(&server)?.body().len() as u64, LIMIT)
}

/// Takes 64 KiB every 50 ms, and the rest when there was enough of that.
fn slow_reader() -> Script {
    let sip = [Step::Read(64 << 10), Step::Pause(BRIEF / 5)];
    let sips = iter::repeat_n(sip, 20).flatten();
    let steps = iter::once(Step::ReadHead).chain(sips);
    Script::new().on_connection(0, steps.chain([Step::Stall]))
}

fn too_slow(error: &Error, limit: u64) -> Verdict {
    let text = error.to_string();
    ensure(text.contains("the upload came to "), &text)?;
    ensure(text.contains("bytes per second over "), &text)?;
    ensure(text.contains(&format!("the limit is {limit}")), &text)?;
    ensure(text.contains("`min_upload_rate`"), &text)
}

fn a_slow_upload_is_too_slow<E: Lane>(bench: &Bench<E>) -> Verdict {
    let bytes = Bytes::from(vec![b'x'; 64 << 20]);
    let endless = || Body::from_reader(io::repeat(b'x'));
    for body in [Body::from(bytes), endless()] {
        let server = bench.serve(slow_reader())?;
        let call = bench.client().put(secret_url(&server, "/")).body(body);
        let call = call.min_upload_rate(8 * MIB, BRIEF);
        let (result, took) = timed(|| bench.send(call));
        too_slow(&fails(result, ErrorKind::Timeout)?, 8 * MIB)?;
        // The buffers of two sockets take a lot before anything is slow.
        within("the end", took, AMPLE - GRACE)?;
        ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn an_upload_that_stands_still_is_too_slow<E: Lane>(bench: &Bench<E>) -> Verdict {
    let limit = 10 * BRIEF;
    unhurried(|_| {
        let steps = [Step::ReadHead, Step::Pause(limit), Step::Stall];
        let server = bench.serve(Script::new().on_connection(0, steps))?;
        let body = Body::from_reader(io::repeat(b'x'));
        let call = bench.client().put(secret_url(&server, "/")).body(body);
        let call = call.timeout(limit).min_upload_rate(1000, BRIEF);
        let (result, took) = timed(|| bench.send(call));
        let error = fails(result, ErrorKind::Timeout)?;
        too_slow(&error, 1000)?;
        ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
        bench.clean(&server)?;
        // What the system takes goes out in the first window.
        Ok(within("the end", took, 3 * BRIEF + GRACE))
    })
}

fn an_upload_in_time_passes_its_least_rate<E: Lane>(bench: &Bench<E>) -> Verdict {
    unhurried(|window| {
        let thinks = Reply::new(200).pieces(["a", "b"]).every(2 * window);
        let server = bench.serve(thinks)?;
        let call = bench
            .client()
            .put(server.url("/"))
            .body(vec![b'x'; 1 << 20]);
        if let Err(slow) = late(bench.send(call.min_upload_rate(1000, window)))? {
            return Ok(Err(slow));
        }
        same("upload", only_request(&server)?.body().len(), 1 << 20).map(Ok)
    })
}
