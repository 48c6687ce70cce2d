//! [`AtOnce`]: an adapter that does nothing, so that only the core is measured.

use std::{
    future::Future,
    hint::spin_loop,
    pin::pin,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use tollgate::{Adapter, AdapterError, BlockingAdapter, Body};

/// Answers every request with an empty 200, without waiting.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtOnce;

#[async_trait]
impl Adapter for AtOnce {
    async fn send(
        &self,
        _request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        Ok(http::Response::new(Body::empty()))
    }
}

impl BlockingAdapter for AtOnce {
    fn send(&self, _request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        Ok(http::Response::new(Body::empty()))
    }
}

/// Polls a future to its end; it costs next to nothing if nothing waits.
pub fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => spin_loop(),
        }
    }
}
