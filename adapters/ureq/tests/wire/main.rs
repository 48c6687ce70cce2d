//! What the adapter puts on the wire, and what it makes of what comes back.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod answers;
mod bodies;
mod brought;
mod faults;
mod limits;
mod names;
mod nested;
mod offload;
mod proxy;
mod requests;
mod server;

use std::io::Read;

use http::{Method, Request, Response};
use tollgate::{AdapterError, BlockingAdapter, Body, Error};
use tollgate_ureq::UreqAdapter;

/// Sends through an adapter of its own.
fn send(method: Method, url: &str, body: impl Into<Body>) -> Result<Response<Body>, AdapterError> {
    let request = Request::builder().method(method).uri(url);
    UreqAdapter::new().send(request.body(body.into()).unwrap())
}

fn get(url: &str) -> Result<Response<Body>, AdapterError> {
    send(Method::GET, url, Body::empty())
}

/// Reads a body to its end, or to the error that ended it.
fn read(response: Response<Body>) -> Result<String, Error> {
    let mut text = String::new();
    match response.into_body().into_reader().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(error.downcast::<AdapterError>().unwrap().into()),
    }
}

/// The error of a call, whether it came before the head or in the body.
fn failure(result: Result<Response<Body>, AdapterError>) -> Error {
    match result {
        Ok(response) => read(response).expect_err("the body came whole"),
        Err(error) => error.into(),
    }
}
