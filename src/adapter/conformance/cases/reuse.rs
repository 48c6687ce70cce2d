//! Connections are kept, and never mix calls up.

use std::time::Duration;

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Received, Reply, Script, Server,
        bench::{Bench, fails},
        lane::Lane,
        verdict::{Verdict, ensure, same},
    },
    client::Call,
    error::ErrorKind,
    response::Response,
};

const CONNECTIONS: Needs = Needs::Wire("a mock has no connections");

cases! {
    calls_one_after_the_other_share_a_connection [CONNECTIONS]:
        "a connection is used again after answers with and without a body";
    a_refused_answer_gives_its_connection_back [CONNECTIONS]:
        "a 500 and a redirect leave the connection usable";
    an_answer_that_closes_is_believed [CONNECTIONS]:
        "after `connection: close` the next call opens another connection";
    answers_belong_to_their_requests:
        "200 calls in a row and 20 rounds of 16 at once get their own answers";
}

/// Makes a call several times; most of them have to find a connection.
///
/// Not all: a client gives a connection back in the background, and the next
/// call may be quicker. After one that was, the others take their time.
fn shares<E: Lane>(
    bench: &Bench<E>,
    server: &Server,
    what: &str,
    call: impl Fn() -> Verdict,
) -> Verdict {
    const CALLS: usize = 6;
    let before = server.connections();
    let mut pause = Duration::from_millis(5);
    for number in 0..CALLS {
        let known = server.connections();
        call()?;
        if number > 0 && server.connections() > known {
            pause *= 8;
        }
        bench.sleep(pause)?;
    }
    let opened = server.connections() - before;
    ensure(
        opened <= CALLS / 2,
        format_args!("{CALLS} calls to `{what}` opened {opened} connections"),
    )
}

fn calls_one_after_the_other_share_a_connection<E: Lane>(bench: &Bench<E>) -> Verdict {
    let script = Script::new()
        .on("/length", Reply::new(200).body("text"))
        .on("/chunks", Reply::new(200).pieces(["a", "b"]).chunked())
        .on("/none", Reply::new(204))
        .on("/empty", Reply::new(200));
    let server = bench.serve(script)?;
    for (method, path) in [
        ("GET", "/length"),
        ("GET", "/chunks"),
        ("GET", "/none"),
        ("POST", "/empty"),
        ("POST", "/length"),
        ("HEAD", "/length"),
    ] {
        shares(bench, &server, &format!("{method} {path}"), || {
            let call = bench.client().request(method.parse()?, server.url(path));
            bench.send(call)?;
            Ok(())
        })?;
    }
    Ok(())
}

fn a_refused_answer_gives_its_connection_back<E: Lane>(bench: &Bench<E>) -> Verdict {
    let moved = Reply::new(302).header("location", "/clean").body("moved");
    let script = Script::new()
        .on("/moved", moved)
        .otherwise(|_| Reply::new(500).body("why"));
    let server = bench.serve(script)?;
    shares(bench, &server, "a redirect", || {
        bench.get(&server, "/moved")?;
        Ok(())
    })?;
    shares(bench, &server, "a refused status", || {
        fails(bench.get(&server, "/"), ErrorKind::Status)?;
        Ok(())
    })
}

fn an_answer_that_closes_is_believed<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200).body("text").until_close())?;
    for _ in 0..3 {
        same("body", bench.get(&server, "/")?.text()?, "text")?;
    }
    same("connections", server.connections(), 3)
}

/// Answers with the request's own id, in head and body.
fn echo(request: &Received) -> Reply {
    let id = request.header("x-id").unwrap_or_default().to_owned();
    let body = [id.as_bytes(), b":", request.body()].concat();
    // Every other answer in chunks, so that both ways of framing are mixed.
    let reply = Reply::new(200).header("x-id", id).body(body);
    if request.body().len().is_multiple_of(2) {
        return reply.chunked();
    }
    reply
}

fn answers_belong_to_their_requests<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Script::new().otherwise(echo))?;
    let call = |id: usize| -> Call<E> {
        let call = bench.client().post(server.url("/echo"));
        call.header("x-id", id.to_string())
            .body("x".repeat(id % 700))
    };
    let check = |id: usize, response: Response| -> Verdict {
        let head = response.headers().get("x-id");
        same(
            "id",
            head.map(http::HeaderValue::as_bytes),
            Some(id.to_string().as_bytes()),
        )?;
        same(
            "body",
            response.text()?,
            format!("{id}:{}", "x".repeat(id % 700)),
        )
    };
    for id in 0..200 {
        check(id, bench.send(call(id))?)?;
    }
    for round in 0..20 {
        let ids = (1..=16).map(|index| 1000 + round * 16 + index);
        let results = bench.send_all(ids.clone().map(call).collect());
        same("answers", results.len(), 16)?;
        for (id, result) in ids.zip(results) {
            check(id, result?)?;
        }
    }
    same("requests", server.requests().len(), 520)
}
