//! A rate that a body is held to beside one that it is slowed down to.

use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tollgate::{
    Adapter, AdapterError, Body, BodyError, Client, ErrorKind, MockAdapter, MockReply, Runtime,
    blocking, runtime::ManualRuntime,
};

use crate::max_rates::{Hurry, SECOND, bodies};

/// Polls a call by hand, and lets time pass while it waits.
fn stepped<T>(time: &ManualRuntime, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(output) = call.as_mut().poll(&mut context) {
            return output;
        }
        time.advance(Duration::from_millis(50));
    }
    panic!("the call does not end");
}

/// Takes all of a body, and tells its length.
struct Taker;

#[async_trait]
impl Adapter for Taker {
    async fn send(
        &self,
        mut request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        let declared = request.body().length();
        let mut body = Pin::new(request.body_mut());
        let mut taken = 0;
        while let Some(frame) = poll_fn(|it| body.as_mut().poll_frame(it)).await {
            let frame = frame.map_err(|error| {
                AdapterError::new(ErrorKind::Transport, "the body broke").with_source(error)
            })?;
            taken += frame.into_data().unwrap().len();
        }
        let text = format!("{taken} of {declared:?}");
        Ok(http::Response::new(text.into()))
    }
}

fn both_rates(adapter: impl Adapter, time: &ManualRuntime, max: u64) -> Client {
    let builder = Client::builder(adapter).runtime(time.clone());
    let builder = builder.without_timeout().without_read_timeout();
    let builder = builder.min_upload_rate(10_000, SECOND);
    let builder = builder.min_download_rate(10_000, SECOND);
    let builder = builder.max_upload_rate(max).max_download_rate(max);
    builder.build().unwrap()
}

#[test]
fn a_body_that_we_slow_down_is_not_too_slow() {
    let time = ManualRuntime::new();
    let client = both_rates(Taker, &time, 1000);
    for (body, text) in bodies(20_000)
        .into_iter()
        .zip(["20000 of Some(20000)", "20000 of None"])
    {
        let begin = time.now();
        let call = client.post("http://h/").body(body);
        let response = stepped(&time, call.send()).unwrap();
        assert_eq!(response.text().unwrap(), text);
        assert!(time.now() - begin >= 19 * SECOND);
        assert_eq!(time.sleeping(), 0);
    }
    let mock = MockAdapter::new();
    let client = both_rates(mock.clone(), &time, 1000);
    for stream in [false, true] {
        let [_, body] = bodies(20_000);
        mock.push(MockReply::status(200, body));
        let begin = time.now();
        let call = client.get("http://h/");
        let call = if stream { call.stream() } else { call };
        let mut body = stepped(&time, call.send()).unwrap().into_body();
        let mut length = 0;
        while let Some(frame) = stepped(&time, poll_fn(|it| Pin::new(&mut body).poll_frame(it))) {
            length += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(length, 20_000);
        assert!(time.now() - begin >= 19 * SECOND);
    }
    assert_eq!(time.sleeping(), 0);
}

/// The same in the blocking engine, where nobody watches an upload.
#[test]
fn a_blocking_upload_that_we_slow_down_is_not_too_slow() {
    let time = ManualRuntime::new();
    let builder = blocking::Client::builder(MockAdapter::new());
    let builder = builder.runtime(Hurry(time.clone())).without_timeout();
    let builder = builder
        .min_upload_rate(10_000, SECOND)
        .max_upload_rate(1000);
    let client = builder.build().unwrap();
    for body in bodies(20_000) {
        let begin = time.now();
        client.post("http://h/").body(body).send().unwrap();
        assert_eq!(time.now() - begin, SECOND * 39 / 2);
    }
}

/// Takes one piece, and then nothing more.
#[derive(Clone, Default)]
struct Stuck(Arc<Mutex<usize>>);

#[async_trait]
impl Adapter for Stuck {
    async fn send(
        &self,
        mut request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        let mut body = Pin::new(request.body_mut());
        let piece = poll_fn(|it| body.as_mut().poll_frame(it)).await;
        *self.0.lock().unwrap() = piece.unwrap().unwrap().into_data().unwrap().len();
        pending().await
    }
}

/// Brings one piece, and then nothing more.
struct Dry(bool);

impl HttpBody for Dry {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))))
    }
}

#[test]
fn a_server_that_stalls_is_noticed_though_we_slow_down() {
    let time = ManualRuntime::new();
    let stuck = Stuck::default();
    let client = both_rates(stuck.clone(), &time, 100_000);
    for body in bodies(200_000) {
        let begin = time.now();
        let call = client.post("http://h/").body(body);
        let error = stepped(&time, call.send()).unwrap_err();
        assert!(
            error.to_string().contains("the upload came to 0 bytes"),
            "{error}"
        );
        assert!(time.now() - begin <= 3 * SECOND);
        assert!(*stuck.0.lock().unwrap() > 0);
    }
    let mock = MockAdapter::new();
    let client = both_rates(mock.clone(), &time, 100_000);
    mock.push(MockReply::status(200, Body::stream(Dry(false))));
    let begin = time.now();
    let error = stepped(&time, client.get("http://h/").send()).unwrap_err();
    assert!(
        error.to_string().contains("the download came to"),
        "{error}"
    );
    assert!(time.now() - begin <= 3 * SECOND);
    assert_eq!(time.sleeping(), 0);
}
