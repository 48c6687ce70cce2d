//! What is received, by its measure: the least rate, how far the server runs
//! ahead of the reader, and how long it took.

use std::time::Duration;

use bytes::Bytes;

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Reply, Script, Step,
        bench::{AMPLE, BRIEF, Bench, GRACE, fails, late, secret_url, timed, unhurried, within},
        fountain::Fountain,
        lane::Lane,
        verdict::{Failure, Verdict, chain, ensure, keeps_secrets, same},
    },
    error::{Error, ErrorKind},
    interceptor::ResponseFlow,
};

const CONNECTIONS: Needs = Needs::Wire("a mock has no connections");

const MIB: u64 = 1 << 20;

cases! {
    a_download_that_drips_is_too_slow:
        "a body that drips falls below `min_download_rate`, in memory and as a stream";
    a_download_in_time_passes_its_least_rate:
        "`min_download_rate` leaves a good download alone, and a reader that takes its time";
    a_stream_that_nobody_reads_holds_the_server_back [CONNECTIONS]:
        "of 256 MiB, a server gets rid of less than 32 while nobody reads, and goes on with the reader";
    a_body_over_the_limit_closes_its_connection [CONNECTIONS]:
        "the byte limit ends a body without end, and its connection, in memory and as a stream";
    an_error_of_a_stream_names_its_call [Needs::Wire("a mock's wire cannot break")]:
        "an error of a stream has method, address, attempts and answer, as that of a buffered body";
    an_answer_tells_how_long_it_took:
        "`elapsed` is that of the attempt to its last byte, `total_elapsed` that of the call";
}

fn too_slow(error: &Error, limit: u64) -> Verdict {
    same("kind", error.kind(), ErrorKind::Timeout)?;
    let text = error.to_string();
    ensure(text.contains("the download came to "), &text)?;
    ensure(text.contains(&format!("the limit is {limit}")), &text)?;
    ensure(text.contains("`min_download_rate`"), &text)
}

fn a_download_that_drips_is_too_slow<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200).pieces(["x"; 200]).every(BRIEF / 5))?;
    let call = |window| {
        let call = bench.client().get(secret_url(&server, "/"));
        call.timeout(AMPLE).min_download_rate(1000, window)
    };
    unhurried(|window| {
        let (result, took) = timed(|| bench.send(call(window)));
        too_slow(&fails(result, ErrorKind::Timeout)?, 1000)?;
        // The first piece may come with the head, before the window begins.
        Ok(within("the window", took, 2 * window + GRACE))
    })?;
    unhurried(|window| {
        let body = bench.send(call(window).stream())?.into_body();
        let ((_, error), took) = timed(|| bench.read(body));
        too_slow(&ours(error)?, 1000)?;
        Ok(within("the window of the stream", took, 2 * window + GRACE))
    })?;
    bench.clean(&server)
}

/// Takes our error out of what ended a stream; it keeps secrets.
fn ours(error: Option<crate::BodyError>) -> Verdict<Error> {
    let error = error.ok_or_else(|| Failure::new("the stream ended well"))?;
    keeps_secrets(&format!("{} {error:?}", chain(&*error)))?;
    match error.downcast::<Error>() {
        Ok(error) => Ok(*error),
        Err(foreign) => Err(Failure::new(chain(&*foreign)).about("a foreign error")),
    }
}

fn a_download_in_time_passes_its_least_rate<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200).body(vec![b'x'; 1 << 20]))?;
    let call = |window| {
        let call = bench.client().get(server.url("/"));
        call.min_download_rate(1000, window)
    };
    // The server may be late itself, for a window that is short.
    unhurried(|window| {
        let response = match late(bench.send(call(window)))? {
            Ok(response) => response,
            Err(slow) => return Ok(Err(slow)),
        };
        same("length", response.bytes()?.len(), 1 << 20).map(Ok)
    })?;
    unhurried(|window| {
        let mut body = bench.send(call(window).stream())?.into_body();
        let mut length = 0;
        while let Some(chunk) = bench.chunk(&mut body) {
            if length == 0 {
                bench.sleep(2 * window)?;
            }
            length += match chunk {
                Ok(chunk) => chunk.len(),
                Err(error) => return late(Err(ours(Some(error))?)),
            };
        }
        same("length of the stream", length, 1 << 20).map(Ok)
    })
}

fn a_stream_that_nobody_reads_holds_the_server_back<E: Lane>(bench: &Bench<E>) -> Verdict {
    const OFFERED: u64 = 256 * MIB;
    // What the buffers of two sockets hold, with room to spare: those of a
    // reader that was quick have grown meanwhile.
    const MOST: u64 = 32 * MIB;
    const MOST_OF_QUICK: u64 = 128 * MIB;
    let fountain = Fountain::start(OFFERED)?;
    let call = bench.client().get(fountain.url()).without_timeout();
    let call = call.max_response_bytes(OFFERED).stream();
    let mut body = bench.send(call)?.into_body();
    let ahead = fountain.settled(2 * BRIEF, AMPLE);
    ensure(
        ahead < MOST,
        format_args!("{ahead} bytes, and nobody has read one"),
    )?;
    let mut read = 0;
    while read < MOST / 2 {
        match bench.chunk(&mut body) {
            Some(Ok(chunk)) => read += chunk.len() as u64,
            Some(Err(error)) => return Err(Failure::new(chain(&*error))),
            None => return Err(Failure::new("the stream ended too early")),
        }
    }
    let written = fountain.settled(2 * BRIEF, AMPLE);
    ensure(
        written > ahead && written < read + MOST_OF_QUICK,
        format_args!("{written} bytes, of which {read} were read"),
    )?;
    drop(body);
    ensure(
        fountain.wait_until_closed(AMPLE),
        "a stream that was dropped keeps its connection",
    )
}

fn a_body_over_the_limit_closes_its_connection<E: Lane>(bench: &Bench<E>) -> Verdict {
    let flood = Step::Flood(vec![b'x'; 64 << 10].into(), Duration::from_millis(1));
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n",
    ] {
        for streamed in [false, true] {
            let steps = [Step::ReadHead, Step::Write(head.into()), flood.clone()];
            let server = bench.serve(Script::new().on_connection(0, steps))?;
            let call = bench.client().get(secret_url(&server, "/"));
            let call = call.max_response_bytes(MIB);
            // A length that is announced is refused before a byte is read.
            let announced = head.contains("content-length");
            let error = if streamed && !announced {
                let body = bench.send(call.stream())?.into_body();
                let (got, error) = bench.read(body);
                ensure(got.len() as u64 <= MIB, "more than the limit came through")?;
                ours(error)?
            } else {
                let call = if streamed { call.stream() } else { call };
                fails(bench.send(call), ErrorKind::ResponseTooLarge)?
            };
            same("kind", error.kind(), ErrorKind::ResponseTooLarge)?;
            ensure(
                error.to_string().contains("the limit is 1048576"),
                error.to_string(),
            )?;
            ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
            bench.clean(&server)?;
            same("connections", server.connections(), 2)?;
        }
    }
    Ok(())
}

fn an_error_of_a_stream_names_its_call<E: Lane>(bench: &Bench<E>) -> Verdict {
    let cut = Reply::new(200).header("x", "y").body("0123456789");
    let at = cut.head_len() + 4;
    for reply in [cut.clone().fin_at(at), cut.reset_at(at)] {
        let server = bench.serve(reply)?;
        let call = || bench.client().get(secret_url(&server, "/u"));
        let buffered = fails(bench.send(call()), ErrorKind::Transport)?;
        let body = bench.send(call().stream())?.into_body();
        let streamed = ours(bench.read(body).1)?;
        for error in [&buffered, &streamed] {
            let request = error.request().ok_or_else(|| Failure::new("no request"))?;
            same("method", request.method(), http::Method::GET)?;
            same("path", request.uri().path(), "/u")?;
            same("attempts", error.attempts(), 1)?;
            same("status", error.status(), Some(http::StatusCode::OK))?;
            let answer = error.response().map(|it| it.headers().contains_key("x"));
            same("the answer's head", answer, Some(true))?;
        }
        same("text", streamed.to_string(), buffered.to_string())?;
        same("code", streamed.code(), buffered.code())?;
        bench.clean(&server)?;
    }
    Ok(())
}

/// Sends three pieces, with a pause before the second and the third.
fn slow(status: u16, pause: Duration) -> Reply {
    Reply::new(status).pieces(["a", "b", "c"]).every(pause)
}

fn an_answer_tells_how_long_it_took<E: Lane>(bench: &Bench<E>) -> Verdict {
    let pause = BRIEF / 4;
    let script = Script::new()
        .on("/slow", slow(200, pause))
        .on_each("/twice", [slow(503, pause), Reply::new(200).body("done")]);
    let server = bench.serve(script)?;
    let (response, took) = timed(|| bench.get(&server, "/slow"));
    let response = response?;
    let (elapsed, total) = (response.elapsed(), response.total_elapsed());
    ensure(
        2 * pause <= elapsed && elapsed <= total && total <= took,
        format_args!("{elapsed:?} of {total:?} of {took:?}"),
    )?;
    unhurried(|brief| {
        let pause = brief / 4;
        let server = bench.serve(slow(200, pause))?;
        let streamed = bench.send(bench.client().get(server.url("/")).stream())?;
        let elapsed = streamed.elapsed();
        drop(bench.read_whole(streamed.into_body())?);
        let text = format!("{elapsed:?} to the head");
        Ok(ensure(elapsed < 2 * pause, text))
    })?;

    let client = bench.other_client(|builder| builder)?;
    client
        .interceptors
        .response
        .use_rejected(async |error: Error| -> crate::Result<ResponseFlow> { error.replay() });
    let (response, took) = timed(|| bench.send(client.get(server.url("/twice"))));
    let response = response?;
    same("attempts", response.attempts(), 2)?;
    same("body", response.bytes()?, Bytes::from("done"))?;
    let (elapsed, total) = (response.elapsed(), response.total_elapsed());
    ensure(
        elapsed + 2 * pause <= total && total <= took,
        format_args!("{elapsed:?} of {total:?} of {took:?}, two attempts"),
    )
}
