//! Time and size: nothing waits or grows without a limit.

use std::{io, net::TcpListener, time::Duration};

use bytes::Bytes;

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Reply,
        bench::{AMPLE, BRIEF, Bench, GRACE, fails, secret_url, timed, unhurried, within},
        gzip_zeros,
        lane::Lane,
        verdict::{Verdict, ensure, same},
    },
    body::Body,
    client::Call,
    error::{Error, ErrorKind},
};

const MIB: u64 = 1 << 20;

cases! {
    waiting_for_a_head_times_out [Needs::Wire("a mock's handler cannot wait")]:
        "`timeout` and `deadline` end a call whose answer does not come";
    waiting_for_a_body_times_out:
        "`timeout` and `deadline` end a call whose body stops in the middle";
    an_upload_that_nobody_reads_times_out [Needs::Wire("a mock reads every upload")]:
        "`timeout` and `deadline` end a call whose server stops reading";
    a_slow_drip_does_not_outlive_the_timeout:
        "a body that comes byte by byte resets no clock";
    a_download_that_stalls_is_too_slow:
        "a body that stops in the middle falls below `min_download_rate`, which the error names";
    the_limit_counts_decoded_bytes [Needs::Wire("a mock does not decode")]:
        "8 MiB behind 52 KB of gzip do not pass a limit of 1 MiB";
    an_announced_length_over_the_limit_fails_at_once:
        "a `content-length` over the limit fails before the body is waited for";
    a_body_over_the_limit_fails:
        "a body without a length fails at the limit, and one of just the limit passes";
    a_refused_status_has_the_same_limits:
        "the body of a 500 is under the same limits";
}

fn times_out(result: crate::Result<crate::Response>) -> Verdict<Error> {
    let error = fails(result, ErrorKind::Timeout)?;
    ensure(error.is_timeout(), "`is_timeout` says no")?;
    Ok(error)
}

/// Both limits end a call to such a server, in time.
fn both_limits<E: Lane>(bench: &Bench<E>, reply: Reply) -> Verdict {
    let server = bench.serve(reply)?;
    end_in_time(bench, || bench.client().get(secret_url(&server, "/")))?;
    bench.clean(&server)
}

fn end_in_time<E: Lane>(bench: &Bench<E>, call: impl Fn() -> Call<E>) -> Verdict {
    type Limit<E> = fn(Call<E>, Duration) -> Call<E>;
    let limits: [(&str, Limit<E>); 2] = [
        ("the timeout", |call, limit| call.timeout(limit)),
        ("the deadline", |call, limit| {
            call.without_timeout().deadline(limit)
        }),
    ];
    for (what, set) in limits {
        unhurried(|limit| {
            let (result, took) = timed(|| bench.send(set(call(), limit)));
            times_out(result)?;
            ensure(took >= limit, format_args!("{what} took {took:?} only"))?;
            Ok(within(what, took, limit + GRACE))
        })?;
    }
    Ok(())
}

fn an_upload_that_nobody_reads_times_out<E: Lane>(bench: &Bench<E>) -> Verdict {
    // The system accepts the connection and fills its buffers.
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}/?key=CANARY-query", listener.local_addr()?);
    let bytes = Bytes::from(vec![b'x'; 32 << 20]);
    end_in_time(bench, || {
        bench.client().put(url.as_str()).body(bytes.clone())
    })?;
    end_in_time(bench, || {
        let body = Body::from_reader(io::repeat(b'x'));
        bench.client().put(url.as_str()).body(body)
    })
}

fn waiting_for_a_head_times_out<E: Lane>(bench: &Bench<E>) -> Verdict {
    both_limits(bench, Reply::stall())?;
    both_limits(bench, Reply::new(200).body("abc").stall_at(12))
}

fn a_download_that_stalls_is_too_slow<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body("0123456789");
    let at = whole.head_len();
    for reply in [whole.clone().stall_at(at), whole.stall_at(at + 4)] {
        let server = bench.serve(reply)?;
        unhurried(|window| {
            let call = bench.client().get(secret_url(&server, "/")).timeout(AMPLE);
            let (result, took) = timed(|| bench.send(call.min_download_rate(1000, window)));
            let error = fails(result, ErrorKind::Timeout)?;
            let text = error.to_string();
            ensure(text.contains("bytes per second over"), &text)?;
            ensure(text.contains("the limit is 1000"), &text)?;
            Ok(within("the window", took, window + GRACE))
        })?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn waiting_for_a_body_times_out<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body("0123456789");
    let at = whole.head_len();
    both_limits(bench, whole.clone().stall_at(at))?;
    both_limits(bench, whole.stall_at(at + 4))
}

fn a_slow_drip_does_not_outlive_the_timeout<E: Lane>(bench: &Bench<E>) -> Verdict {
    let drip = Reply::new(200).pieces(["x"; 60]).every(BRIEF / 8);
    both_limits(bench, drip)
}

fn the_limit_counts_decoded_bytes<E: Lane>(bench: &Bench<E>) -> Verdict {
    let bomb = Reply::new(200)
        .header("content-encoding", "gzip")
        .body(gzip_zeros(8 << 20));
    for reply in [bomb.clone(), bomb.clone().chunked()] {
        let server = bench.serve(reply)?;
        let call = bench.client().get(secret_url(&server, "/"));
        fails(
            bench.send(call.max_response_bytes(MIB)),
            ErrorKind::ResponseTooLarge,
        )?;
        bench.clean(&server)?;
    }
    let server = bench.serve(bomb)?;
    let call = bench
        .client()
        .get(server.url("/"))
        .max_response_bytes(8 * MIB);
    same("length", bench.send(call)?.bytes()?.len(), 8 << 20)
}

fn an_announced_length_over_the_limit_fails_at_once<E: Lane>(bench: &Bench<E>) -> Verdict {
    let reply = Reply::new(200).announce(10 * MIB);
    let at = reply.head_len();
    let server = bench.serve(reply.stall_at(at))?;
    unhurried(|_| {
        let call = bench.client().get(secret_url(&server, "/")).timeout(AMPLE);
        let (result, took) = timed(|| bench.send(call.max_response_bytes(MIB)));
        fails(result, ErrorKind::ResponseTooLarge)?;
        Ok(within("the refusal", took, GRACE))
    })?;
    bench.clean(&server)
}

fn a_body_over_the_limit_fails<E: Lane>(bench: &Bench<E>) -> Verdict {
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let reply = Reply::new(200).pieces(vec![piece; 32]);
    for reply in [reply.clone().chunked(), reply.clone().until_close(), reply] {
        let server = bench.serve(reply)?;
        let call = |limit| {
            let call = bench.client().get(secret_url(&server, "/"));
            bench.send(call.max_response_bytes(limit))
        };
        fails(call(2 * MIB - 1), ErrorKind::ResponseTooLarge)?;
        same("length", call(2 * MIB)?.bytes()?.len(), 2 << 20)?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_refused_status_has_the_same_limits<E: Lane>(bench: &Bench<E>) -> Verdict {
    let large = Reply::new(500).body(vec![b'x'; 2 << 20]).chunked();
    let server = bench.serve(large)?;
    let call = bench.client().get(secret_url(&server, "/"));
    fails(
        bench.send(call.max_response_bytes(MIB)),
        ErrorKind::ResponseTooLarge,
    )?;
    bench.clean(&server)
}
