//! Progress: what the handlers are told is what is on the wire.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Reply,
        bench::{Bench, fails, only_request, secret_url},
        gzip_zeros,
        lane::Lane,
        verdict::{Failure, Verdict, ensure, same},
    },
    body::Body,
    error::ErrorKind,
    progress::Progress,
};

const LENGTH: usize = 3 << 20;

cases! {
    an_upload_is_told_to_its_last_byte [Needs::Wire("a mock gets a body without its framing")]:
        "the events of an upload end with the bytes that arrive, and its framing stays as it is";
    a_download_is_told_to_its_last_byte [Needs::Wire("a mock's answers have no framing")]:
        "the events of a download end with its last byte, in memory and as a stream";
    a_decoded_download_has_no_total [Needs::Wire("a mock does not decode")]:
        "the events of a compressed answer count what comes out, towards no total";
    a_panic_in_an_upload_handler_fails_the_call [Needs::Wire("a mock reads every upload")]:
        "a handler that panics fails the call, and the server sees no end of the body";
}

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Progress>>>);

impl Events {
    fn handler(&self) -> impl Fn(Progress) + Send + Sync + 'static {
        let events = Arc::clone(&self.0);
        move |progress| {
            let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
            events.push(progress);
        }
    }

    /// The numbers add up, and the last event alone says that it is the last.
    fn end_with(&self, what: &str, length: usize, total: Option<usize>) -> Verdict {
        let events = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let last = events.last().ok_or_else(|| Failure::new("no event"))?;
        same(
            format_args!("bytes of {what}"),
            last.loaded(),
            length as u64,
        )?;
        let total = total.map(|total| total as u64);
        same(format_args!("total of {what}"), last.total(), total)?;
        let sum: u64 = events.iter().map(Progress::bytes).sum();
        same(format_args!("sum of {what}"), sum, length as u64)?;
        let done = events.iter().filter(|event| event.is_done()).count();
        same(format_args!("last events of {what}"), done, 1)?;
        ensure(
            last.is_done(),
            format_args!("the end of {what} is not told"),
        )
    }
}

fn content() -> Bytes {
    (0..=u8::MAX).cycle().take(LENGTH).collect()
}

fn an_upload_is_told_to_its_last_byte<E: Lane>(bench: &Bench<E>) -> Verdict {
    let reader = || Body::from_reader(io::Cursor::new(content()));
    let known = Some(LENGTH);
    for (what, body, total) in [
        ("bytes", Body::from(content()), known),
        (
            "a stream with a length",
            reader().with_length(LENGTH as u64),
            known,
        ),
        ("a stream", reader(), None),
    ] {
        let server = bench.serve(Reply::new(200))?;
        let events = Events::default();
        let call = bench.client().post(server.url("/")).body(body);
        bench.send(call.on_upload_progress(events.handler()))?;
        let request = only_request(&server)?;
        ensure(*request.body() == content(), "the body has changed")?;
        let length = total.map(|total| total.to_string());
        same(what, request.header("content-length"), length.as_deref())?;
        events.end_with(what, LENGTH, total)?;
    }
    Ok(())
}

fn a_download_is_told_to_its_last_byte<E: Lane>(bench: &Bench<E>) -> Verdict {
    let whole = Reply::new(200).body(content());
    for (what, reply, total) in [
        ("a length", whole.clone(), Some(LENGTH)),
        ("chunks", whole.clone().chunked(), None),
        ("a connection", whole.until_close(), None),
    ] {
        let server = bench.serve(reply)?;
        let events = Events::default();
        let call = || {
            let call = bench.client().get(server.url("/"));
            call.on_download_progress(events.handler())
        };
        ensure(bench.send(call())?.bytes()? == content(), "it has changed")?;
        events.end_with(what, LENGTH, total)?;
        let streamed = bench.send(call().stream())?.into_body();
        ensure(bench.read_whole(streamed)? == content(), "it has changed")?;
        events.end_with(what, LENGTH, total)?;
    }
    Ok(())
}

fn a_decoded_download_has_no_total<E: Lane>(bench: &Bench<E>) -> Verdict {
    let packed = Reply::new(200)
        .header("content-encoding", "gzip")
        .body(gzip_zeros(LENGTH));
    let server = bench.serve(packed)?;
    let events = Events::default();
    let call = bench.client().get(server.url("/"));
    let response = bench.send(call.on_download_progress(events.handler()))?;
    same("length", response.bytes()?.len(), LENGTH)?;
    events.end_with("a compressed answer", LENGTH, None)
}

#[expect(clippy::panic, reason = "a handler that panics is what this is about")]
fn a_panic_in_an_upload_handler_fails_the_call<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    for body in [
        Body::from(content()),
        Body::from_reader(io::Cursor::new(content())),
    ] {
        let call = bench.client().post(secret_url(&server, "/")).body(body);
        let call = call.on_upload_progress(|_| panic!("no bar"));
        let error = fails(bench.send(call), ErrorKind::Interceptor)?;
        let text = error.to_string();
        ensure(text.contains("`on_upload_progress`"), text)?;
    }
    same("complete requests", server.requests().len(), 0)?;
    bench.clean(&server)
}
