//! Cancellation, wherever the call is.

use std::{
    future::{Future, poll_fn},
    io,
    net::TcpListener,
    pin::pin,
    sync::{Arc, mpsc},
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Reply, Server,
        bench::{AMPLE, Bench, GRACE, fails, now, secret_url, unhurried, within},
        lane::Lane,
        verdict::{Failure, Verdict, ensure, same},
    },
    body::Body,
    cancel::CancelHandle,
    client::Call,
    error::{Error, ErrorKind},
    response::Response,
    runtime::{Runtime, ThreadRuntime},
};

cases! {
    a_cancelled_handle_sends_nothing:
        "a call whose handle is cancelled before it starts does not reach the server";
    a_cancel_ends_the_wait_for_a_head [Needs::Wire("a mock's handler cannot wait")]:
        "a cancel from another thread ends a call whose answer does not come";
    a_cancel_ends_an_upload [Needs::Wire("a mock reads every upload")]:
        "a cancel from another thread ends a call whose server stops reading";
    a_cancel_ends_the_wait_for_a_body:
        "a cancel from another thread ends a call whose body stops or drips";
    a_cancel_ends_a_stream:
        "a cancel from another thread ends a stream that the caller reads";
    a_cancelled_call_closes_its_connection [Needs::Wire("a mock has no connections")]:
        "no half-read connection is left behind";
    a_dropped_call_closes_its_connection [Needs::FutureOnWire]:
        "a call whose future is dropped leaves nothing behind either";
}

/// How long the other thread waits for the call to be under way.
const HEAD_START: Duration = Duration::from_millis(60);

fn a_cancelled_handle_sends_nothing<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    let handle = CancelHandle::new();
    handle.cancel();
    let call = bench.client().get(secret_url(&server, "/"));
    let error = fails(
        bench.send(call.cancel_handle(&handle)),
        ErrorKind::Cancelled,
    )?;
    ensure(error.is_cancelled(), "`is_cancelled` says no")?;
    same("requests", server.requests().len(), 0)?;
    bench.clean(&server)
}

/// Runs `action` and cancels from another thread, once the server has the
/// request. Returns what came out, and how long it took after the cancel.
fn interrupted<T>(
    server: &Server,
    handle: &CancelHandle,
    action: impl FnOnce() -> T,
) -> Verdict<(T, Duration)> {
    let next = server.requests().len() + 1;
    interrupted_after(|| server.wait_for_requests(next, AMPLE), handle, action)
}

/// The same, once `begun` has come back with `true`.
fn interrupted_after<T>(
    begun: impl FnOnce() -> bool + Send,
    handle: &CancelHandle,
    action: impl FnOnce() -> T,
) -> Verdict<(T, Duration)> {
    let (output, cancelled) = thread::scope(|scope| {
        let other = scope.spawn(move || -> Option<Instant> {
            let begun = begun();
            crate::runtime::block_on(ThreadRuntime.sleep(HEAD_START));
            let at = now();
            handle.cancel();
            begun.then_some(at)
        });
        (action(), other.join())
    });
    let ended = now();
    match cancelled {
        Ok(Some(at)) => Ok((output, ended.saturating_duration_since(at))),
        Ok(None) => Err(Failure::new("the server got no request")),
        Err(_) => Err(Failure::new("the cancelling thread panicked")),
    }
}

/// Cancels a call to the server.
fn cancel<E: Lane>(bench: &Bench<E>, server: &Server, call: impl Fn() -> Call<E>) -> Verdict {
    unhurried(|_| {
        let handle = CancelHandle::new();
        let call = call().cancel_handle(&handle);
        let (result, took) = interrupted(server, &handle, || bench.send(call))?;
        is_cancelled(result)?;
        Ok(within("the cancel", took, GRACE))
    })
}

fn is_cancelled(result: crate::Result<Response>) -> Verdict {
    let error = fails(result, ErrorKind::Cancelled)?;
    ensure(error.is_cancelled(), "`is_cancelled` says no")
}

fn a_cancel_ends_the_wait_for_a_head<E: Lane>(bench: &Bench<E>) -> Verdict {
    for reply in [Reply::stall(), Reply::new(200).stall_at(5)] {
        let server = bench.serve(reply)?;
        cancel(bench, &server, || {
            bench.client().get(secret_url(&server, "/"))
        })?;
        cancel(bench, &server, || {
            let call = bench.client().post(secret_url(&server, "/"));
            call.body("text").without_timeout()
        })?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_cancel_ends_an_upload<E: Lane>(bench: &Bench<E>) -> Verdict {
    // The system accepts the connection and fills its buffers.
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}/?key=CANARY-query", listener.local_addr()?);
    let bodies: [fn() -> Body; 2] = [
        || Body::from(vec![b'x'; 32 << 20]),
        || Body::from_reader(io::repeat(b'x')),
    ];
    for body in bodies {
        unhurried(|_| {
            let handle = CancelHandle::new();
            let call = bench.client().put(url.as_str()).body(body());
            let call = call.without_timeout().cancel_handle(&handle);
            let (result, took) = interrupted_after(|| true, &handle, || bench.send(call))?;
            is_cancelled(result)?;
            Ok(within("the cancel", took, GRACE))
        })?;
    }
    Ok(())
}

fn stalled_body() -> Reply {
    let whole = Reply::new(200).body("0123456789");
    let at = whole.head_len() + 4;
    whole.stall_at(at)
}

fn dripping_body() -> Reply {
    let pause = Duration::from_millis(20);
    Reply::new(200).pieces(["x"; 500]).every(pause)
}

fn a_cancel_ends_the_wait_for_a_body<E: Lane>(bench: &Bench<E>) -> Verdict {
    for reply in [stalled_body(), dripping_body()] {
        let server = bench.serve(reply)?;
        cancel(bench, &server, || {
            let call = bench.client().get(secret_url(&server, "/"));
            call.without_timeout()
        })?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_cancel_ends_a_stream<E: Lane>(bench: &Bench<E>) -> Verdict {
    for reply in [stalled_body(), dripping_body()] {
        let server = bench.serve(reply)?;
        unhurried(|_| {
            let handle = CancelHandle::new();
            let call = bench.client().get(secret_url(&server, "/")).stream();
            let call = call.cancel_handle(&handle);
            let (told, streams) = mpsc::channel();
            // Without a head, what the call says of it tells more.
            let begun = move || {
                let _ = streams.recv_timeout(AMPLE);
                true
            };
            let (outcome, took) = interrupted_after(begun, &handle, || {
                let response = bench.send(call)?;
                let _ = told.send(());
                Ok::<_, Error>(bench.read(response.into_body()))
            })?;
            let (_, error) = outcome?;
            let error = error.ok_or_else(|| Failure::new("the stream ended well"))?;
            let kind = Error::find_in(&*error).map(Error::kind);
            same("the stream's end", kind, Some(ErrorKind::Cancelled))?;
            Ok(within("the cancel", took, GRACE))
        })?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_cancelled_call_closes_its_connection<E: Lane>(bench: &Bench<E>) -> Verdict {
    for reply in [Reply::stall(), stalled_body()] {
        let server = bench.serve(reply)?;
        cancel(bench, &server, || {
            bench.client().get(secret_url(&server, "/"))
        })?;
        ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_dropped_call_closes_its_connection<E: Lane>(bench: &Bench<E>) -> Verdict {
    for reply in [Reply::stall(), stalled_body()] {
        let server = bench.serve(reply)?;
        drop_underway(bench, &server)?;
        ensure(server.wait_until_closed(AMPLE), "the connection stays open")?;
        bench.clean(&server)?;
    }
    Ok(())
}

/// Sends, and drops the future once the server has the request.
fn drop_underway<E: Lane>(bench: &Bench<E>, server: &Arc<Server>) -> Verdict {
    let handle = CancelHandle::new();
    let call = bench.client().get(secret_url(server, "/"));
    let stopped = async {
        let mut sending = pin!(E::future(call));
        let mut stop = pin!(handle.cancelled());
        poll_fn(|context| match sending.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending => stop.as_mut().poll(context).map(|()| true),
        })
        .await
    };
    let (dropped, _) = interrupted(server, &handle, || bench.run(stopped))?;
    ensure(dropped?, "the call ended by itself")
}
