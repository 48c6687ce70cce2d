//! What changes a call's bodies next to the adapter.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::Call;
use crate::{body::Body, config::Setting, error::Result};

impl<E> Call<E> {
    /// Changes what is sent, in place of the client's transforms; see
    /// [`ClientBuilder::transform_request`](crate::ClientBuilder::transform_request).
    #[doc(alias = "transformRequest")]
    pub fn transform_request(
        mut self,
        transform: impl Fn(Body, &mut HeaderMap) -> Result<Body> + Send + Sync + 'static,
    ) -> Self {
        self.wire().transform_request.add(Arc::new(transform));
        self
    }

    /// Sends what the interceptors have made.
    pub fn without_transform_request(mut self) -> Self {
        self.wire().transform_request = Setting::Unset;
        self
    }

    /// Changes what has come, in place of the client's transforms; see
    /// [`ClientBuilder::transform_response`](crate::ClientBuilder::transform_response).
    #[doc(alias = "transformResponse")]
    pub fn transform_response(
        mut self,
        transform: impl Fn(Bytes, &mut HeaderMap, StatusCode) -> Result<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.wire().transform_response.add(Arc::new(transform));
        self
    }

    /// Leaves the answer as it has come.
    pub fn without_transform_response(mut self) -> Self {
        self.wire().transform_response = Setting::Unset;
        self
    }
}
