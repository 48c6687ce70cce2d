//! What goes wrong on the wire is an error of the right kind, and leaves the
//! client as good as new.

use std::{io, net::SocketAddr};

use socket2::{Domain, Socket, Type};

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Reply, Script, Server, Step,
        bench::{AMPLE, Bench, fails, only_request, secret_url},
        lane::Lane,
        verdict::{Failure, Verdict, chain, ensure, same},
    },
    body::Body,
    error::{ErrorCode, ErrorKind},
};

const FAULTS: Needs = Needs::Wire("a mock's wire cannot break");

cases! {
    an_answer_by_length_cut_anywhere_is_an_error [FAULTS]:
        "an answer with `content-length` that ends early is never a success";
    an_answer_in_chunks_cut_anywhere_is_an_error [FAULTS]:
        "an answer in chunks that ends early is never a success";
    a_reset_is_an_error_even_where_the_close_is_the_end [FAULTS]:
        "an answer to the close that ends by a reset is never a success";
    garbage_instead_of_a_head_is_an_error [FAULTS]:
        "what is no HTTP answer is a transport error, and is not asked for again";
    an_end_before_the_head_is_an_error [FAULTS]:
        "a connection that ends without an answer is a transport error, sent once";
    a_body_of_ambiguous_length_is_an_error [FAULTS]:
        "lengths that contradict each other or are no number are not guessed at";
    a_coding_that_is_not_chunked_is_an_error [FAULTS]:
        "a body in an unknown or doubled transfer coding, or with a length beside it, is not handed over";
    a_fault_before_the_request_is_read_is_an_error [FAULTS]:
        "a server that ends or resets a connection as soon as it has it gives no answer, and is not asked again";
    an_answer_that_overtakes_the_upload_is_delivered [FAULTS]:
        "an answer that comes while the body is being sent is the answer, and ends the upload";
    bytes_after_an_answer_belong_to_nobody [FAULTS]:
        "surplus bytes on a kept connection never become the next call's answer";
    a_refused_connection_is_a_connect_error [FAULTS]:
        "where nobody listens the call fails with `is_connect` and ECONNREFUSED";
    a_name_that_does_not_exist_is_a_dns_error [FAULTS]:
        "a host below `.invalid` fails with `is_dns`";
}

/// Gets an answer that is cut at `at`; a success must have the whole body.
fn cut<E: Lane>(bench: &Bench<E>, reply: Reply, at: usize, must_fail: bool) -> Verdict {
    let server = bench.serve(reply)?;
    match bench.get(&server, "/") {
        Ok(response) if must_fail => Err(Failure::new(format_args!(
            "cut at byte {at}, and yet a success with {} bytes",
            response.bytes()?.len()
        ))),
        Ok(response) => same(format_args!("body cut at {at}"), response.text()?, BODY),
        Err(error) => {
            fails(Err(error), ErrorKind::Transport)
                .map_err(|it| it.about(format_args!("cut at byte {at}")))?;
            // A clean call after each of some hundred cuts would cost too much.
            if at.is_multiple_of(16) {
                bench.clean(&server)?;
            }
            Ok(())
        }
    }
}

const BODY: &str = "0123456789abcdef";

fn an_answer_by_length_cut_anywhere_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body(BODY);
    for at in 0..whole.to_bytes().len() {
        cut(bench, whole.clone().fin_at(at), at, true)?;
        cut(bench, whole.clone().reset_at(at), at, true)?;
    }
    Ok(())
}

fn an_answer_in_chunks_cut_anywhere_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    let (one, two) = BODY.split_at(5);
    let whole = Reply::new(200).pieces([one, two]).chunked();
    let length = whole.to_bytes().len();
    // The last chunk is `0`; once it is there, the body is whole.
    let end_of_data = length - b"0\r\n\r\n".len();
    for at in 0..length {
        let must_fail = at <= end_of_data;
        cut(bench, whole.clone().fin_at(at), at, must_fail)?;
        cut(bench, whole.clone().reset_at(at), at, must_fail)?;
    }
    Ok(())
}

fn a_reset_is_an_error_even_where_the_close_is_the_end<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body(BODY).until_close();
    for at in 0..=whole.to_bytes().len() {
        cut(bench, whole.clone().reset_at(at), at, true)?;
    }
    for at in 0..whole.head_len() {
        cut(bench, whole.clone().fin_at(at), at, true)?;
    }
    Ok(())
}

fn garbage_instead_of_a_head_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    let garbage = [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"<html>an answer of HTTP/0.9</html>",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
        b"HTTP/1.1 abc What\r\n\r\n",
        b"HTTP/1.1 99 Short\r\n\r\n",
        b"HTTP/1.1 1000 Long\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"\xff\xfe\xfd\xfc\r\n\r\n",
    ];
    for bytes in garbage {
        let server = bench.serve(Reply::raw(bytes))?;
        let what = String::from_utf8_lossy(bytes).escape_debug().to_string();
        fails(bench.get(&server, "/"), ErrorKind::Transport).map_err(|it| it.about(what))?;
        only_request(&server)?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn an_end_before_the_head_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    for reply in [Reply::raw(""), Reply::raw("").reset_at(0)] {
        for method in ["GET", "POST"] {
            let server = bench.serve(reply.clone())?;
            let call = bench
                .client()
                .request(method.parse()?, secret_url(&server, "/"));
            fails(bench.send(call), ErrorKind::Transport)?;
            only_request(&server)?;
            bench.clean(&server)?;
        }
    }
    Ok(())
}

fn a_body_of_ambiguous_length_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    for lengths in [
        "content-length: 2\r\ncontent-length: 4\r\n",
        "content-length: 2, 4\r\n",
        "content-length: -1\r\n",
        "content-length: +4\r\n",
        "content-length: 18446744073709551620\r\n",
        "content-length: 0x4\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lengths}\r\nabcd");
        let server = bench.serve(Reply::raw(answer))?;
        match bench.get(&server, "/") {
            Ok(response) => {
                let text = response.text()?;
                let lengths = lengths.escape_debug();
                return Err(Failure::new(format_args!("`{lengths}` gave `{text}`")));
            }
            result => fails(result, ErrorKind::Transport)?,
        };
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_coding_that_is_not_chunked_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    for coding in [
        "transfer-encoding: x-odd",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{coding}\r\n\r\n4\r\nabcd\r\n0\r\n\r\n");
        let server = bench.serve(Reply::raw(answer))?;
        fails(bench.get(&server, "/"), ErrorKind::Transport)
            .map_err(|it| it.about(coding.escape_debug()))?;
        ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_fault_before_the_request_is_read_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    for step in [Step::Fin, Step::Reset] {
        let script = Script::new().on_connection(0, [Step::Read(1), step]);
        let server = bench.serve(script)?;
        fails(bench.get(&server, "/"), ErrorKind::Transport)?;
        same("connections", server.connections(), 1)?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn an_answer_that_overtakes_the_upload_is_delivered<E: Lane>(bench: &Bench<E>) -> Verdict {
    let answer = Reply::new(413).body("large").to_bytes();
    for body in [
        Body::from(vec![b'x'; 32 << 20]),
        Body::from_reader(io::repeat(b'x')),
    ] {
        let steps = [
            Step::ReadHead,
            Step::Write(answer.clone().into()),
            Step::Fin,
        ];
        let server = bench.serve(Script::new().on_connection(0, steps))?;
        let call = bench.client().post(secret_url(&server, "/")).body(body);
        let error = fails(bench.send(call), ErrorKind::Status)?;
        ensure(error.is_status(413), "the error has another status")?;
        ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn bytes_after_an_answer_belong_to_nobody<E: Lane>(bench: &Bench<E>) -> Verdict {
    let evil = Reply::new(200).body("evil").to_bytes();
    let mut body = b"good".to_vec();
    body.extend(evil);
    // The server keeps the connection: it believes that all of it is the body.
    let server = bench.serve(Reply::new(200).body(body).announce(4))?;
    for _ in 0..3 {
        match bench.get(&server, "/") {
            Ok(response) => same("body", response.text()?, "good")?,
            // Giving the connection up with an error is right, too.
            Err(error) => ensure(error.kind() == ErrorKind::Transport, chain(&error))?,
        }
    }
    let other = bench.serve(Reply::new(200).body("other"))?;
    same(
        "another server's body",
        bench.get(&other, "/")?.text()?,
        "other",
    )
}

fn a_refused_connection_is_a_connect_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    // A port that is taken and where nobody listens, so that nobody else will.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    taken.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    let address = taken.local_addr()?.as_socket();
    let address = address.ok_or_else(|| Failure::new("no address"))?;
    let url = format!("http://CANARY-user:CANARY-pass@{address}/?key=CANARY-query");
    let error = fails(bench.send(bench.client().get(url)), ErrorKind::Connect)?;
    ensure(error.is_connect(), "`is_connect` says no")?;
    same("code", error.code(), ErrorCode::ConnectionRefused)?;
    let server: std::sync::Arc<Server> = bench.serve(Reply::new(200))?;
    bench.clean(&server)
}

fn a_name_that_does_not_exist_is_a_dns_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    let url = "http://tollgate-conformance.invalid/?key=CANARY-query";
    let error = fails(bench.send(bench.client().get(url)), ErrorKind::Dns)?;
    ensure(
        error.is_dns() && error.is_connect(),
        "`is_dns` or `is_connect` says no",
    )
}
