//! Bodies that the caller reads chunk by chunk.

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Reply,
        bench::{AMPLE, BRIEF, Bench, GRACE, fails, late, secret_url, timed, unhurried, within},
        lane::Lane,
        verdict::{Failure, Verdict, chain, ensure, keeps_secrets, same},
    },
    body::BodyError,
    error::{Error, ErrorKind},
};

cases! {
    a_stream_gives_each_chunk_when_it_comes [Needs::Wire("a mock cannot hold a piece")]:
        "the first chunk is there before the server has sent the second";
    a_stream_may_take_longer_than_the_timeout:
        "in stream mode `timeout` ends with the head";
    a_stalled_stream_ends_by_the_read_timeout:
        "a chunk that does not come within `read_timeout` ends the stream";
    a_stream_ends_by_the_deadline:
        "`deadline` ends a stream that stops, and one that drips";
    a_stream_has_the_same_limit:
        "a stream ends with an error at `max_response_bytes`";
    a_cut_stream_ends_with_an_error [Needs::Wire("a mock's wire cannot break")]:
        "a stream that ends early ends with an error, after the bytes that came";
    a_refused_status_is_read_in_stream_mode_too:
        "an error of a streamed call has the body in memory";
    a_dropped_stream_closes_its_connection [Needs::Wire("a mock has no connections")]:
        "a stream that is dropped half-read closes, and the client goes on";
}

/// Finds our error in what ended a body.
fn ended(error: Option<BodyError>, kind: ErrorKind) -> Verdict {
    let error = error.ok_or_else(|| Failure::new("the stream ended well"))?;
    keeps_secrets(&format!("{} {error:?}", chain(&*error)))?;
    match Error::find_in(&*error) {
        Some(found) => same("the stream's end", found.kind(), kind),
        None => Err(Failure::new(format_args!(
            "a foreign error: {}",
            chain(&*error)
        ))),
    }
}

fn a_stream_gives_each_chunk_when_it_comes<E: Lane>(bench: &Bench<E>) -> Verdict {
    let reply = Reply::new(200).pieces(["one", "two", "three"]).held();
    for reply in [reply.clone(), reply.clone().chunked(), reply.until_close()] {
        let server = bench.serve(reply)?;
        let response = bench.send(bench.client().get(server.url("/")).stream())?;
        let mut body = response.into_body();
        for expected in ["one", "two", "three"] {
            let mut got = Vec::new();
            while got.len() < expected.len() {
                match bench.chunk(&mut body) {
                    Some(Ok(chunk)) => got.extend(chunk),
                    Some(Err(error)) => return Err(Failure::new(chain(&*error))),
                    None => return Err(Failure::new("the stream ended too early")),
                }
            }
            same("chunk", got, expected.as_bytes())?;
            server.release(1);
        }
        ensure(bench.chunk(&mut body).is_none(), "the stream does not end")?;
        drop(body);
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_stream_may_take_longer_than_the_timeout<E: Lane>(bench: &Bench<E>) -> Verdict {
    unhurried(|limit| {
        let server = bench.serve(Reply::new(200).pieces(["x"; 6]).every(limit / 3))?;
        let call = bench.client().get(server.url("/")).timeout(limit).stream();
        let body = match late(bench.send(call))? {
            Ok(response) => response.into_body(),
            Err(head) => return Ok(Err(head)),
        };
        same("body", bench.read_whole(body)?, b"xxxxxx").map(Ok)
    })
}

fn a_stalled_stream_ends_by_the_read_timeout<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body("0123456789");
    let at = whole.head_len() + 4;
    let server = bench.serve(whole.stall_at(at))?;
    unhurried(|limit| {
        let call = bench.client().get(secret_url(&server, "/")).stream();
        let body = bench.send(call.read_timeout(limit))?.into_body();
        let ((got, error), took) = timed(|| bench.read(body));
        ended(error, ErrorKind::Timeout)?;
        // A server that is late itself has not sent them.
        let sent = same("bytes before the stall", got, b"0123");
        Ok(sent.and_then(|()| within("the read timeout", took, limit + GRACE)))
    })?;
    bench.clean(&server)
}

fn a_stream_ends_by_the_deadline<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body("0123456789");
    let at = whole.head_len() + 4;
    let drip = Reply::new(200).pieces(["x"; 60]).every(BRIEF / 8);
    for (what, reply) in [("a drip", drip), ("a stall", whole.stall_at(at))] {
        let server = bench.serve(reply)?;
        unhurried(|limit| {
            let call = bench.client().get(secret_url(&server, "/")).stream();
            let (outcome, took) = timed(|| {
                let response = bench.send(call.read_timeout(AMPLE).deadline(limit))?;
                Ok::<_, Error>(bench.read(response.into_body()))
            });
            let error = match late(outcome)? {
                Ok((_, error)) => error,
                Err(head) => return Ok(Err(head)),
            };
            ended(error, ErrorKind::Timeout)?;
            Ok(within(what, took, limit + GRACE))
        })?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_stream_has_the_same_limit<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(
        Reply::new(200)
            .pieces([vec![0; 1000], vec![0; 1000]])
            .chunked(),
    )?;
    let call = bench.client().get(secret_url(&server, "/")).stream();
    let body = bench.send(call.max_response_bytes(1500))?.into_body();
    let (got, error) = bench.read(body);
    ensure(got.len() <= 1500, "more than the limit came through")?;
    ended(error, ErrorKind::ResponseTooLarge)?;
    bench.clean(&server)
}

fn a_cut_stream_ends_with_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body("0123456789");
    let close = whole.clone().until_close();
    let (at, close_at) = (whole.head_len() + 4, close.head_len() + 4);
    let chunks = whole.clone().chunked();
    let chunks_at = chunks.head_len() + 7;
    let cuts = [
        whole.clone().fin_at(at),
        whole.reset_at(at),
        chunks.clone().fin_at(chunks_at),
        chunks.reset_at(chunks_at),
        close.reset_at(close_at),
    ];
    for reply in cuts {
        let server = bench.serve(reply)?;
        let call = bench.client().get(secret_url(&server, "/")).stream();
        let body = bench.send(call)?.into_body();
        let (got, error) = bench.read(body);
        ensure(b"0123".starts_with(&got), "the body has changed")?;
        ended(error, ErrorKind::Transport)?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_refused_status_is_read_in_stream_mode_too<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(500).body("why"))?;
    let call = bench.client().get(secret_url(&server, "/")).stream();
    let error = fails(bench.send(call), ErrorKind::Status)?;
    let response = error.into_response();
    let response = response.ok_or_else(|| Failure::new("the error has no response"))?;
    same("body", response.text()?, "why")
}

fn a_dropped_stream_closes_its_connection<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body(vec![0; 100_000]);
    let at = whole.head_len() + 50_000;
    let server = bench.serve(whole.stall_at(at))?;
    let mut body = bench
        .send(bench.client().get(server.url("/")).stream())?
        .into_body();
    ensure(bench.chunk(&mut body).is_some(), "no chunk came")?;
    bench.run(async move { drop(body) })?;
    ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
    bench.clean(&server)
}
