//! What only this adapter does, byte for byte, against a server of our own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the lint's exemption covers tests, not what they share"
)]

mod answers;
mod blocking;
mod engines;
mod errors;
mod requests;
mod server;
mod uploads;

use std::error::Error as StdError;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tollgate::{Adapter, AdapterError, Body, BodyError};
use tollgate_reqwest::ReqwestAdapter;

fn adapter() -> ReqwestAdapter {
    ReqwestAdapter::new().unwrap()
}

fn get(url: &str) -> http::Request<Body> {
    http::Request::get(url).body(Body::empty()).unwrap()
}

async fn send(request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
    Adapter::send(&adapter(), request).await
}

async fn next(body: &mut Body) -> Option<Result<Frame<Bytes>, BodyError>> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context)).await
}

/// Reads a body to its end; the bytes before an error are dropped.
async fn read(mut body: Body) -> Result<Vec<u8>, AdapterError> {
    let mut bytes = Vec::new();
    while let Some(frame) = next(&mut body).await {
        let frame = frame.map_err(|error| *error.downcast::<AdapterError>().unwrap())?;
        bytes.extend(frame.into_data().unwrap_or_default());
    }
    Ok(bytes)
}

/// Prints an error and its causes.
fn chain(error: &AdapterError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

/// The code is not to be read off an `AdapterError`.
fn code(error: AdapterError) -> tollgate::ErrorCode {
    tollgate::Error::from(error).code()
}

/// A body of some pieces, of unknown length, polled like a stream.
struct Pieces(Vec<&'static [u8]>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        std::task::Poll::Ready(if self.0.is_empty() {
            None
        } else {
            Some(Ok(Frame::data(Bytes::from_static(self.0.remove(0)))))
        })
    }
}

fn pieces(pieces: &[&'static [u8]]) -> Body {
    Body::stream(Pieces(pieces.to_vec()))
}
