//! What changes a client's bodies next to the adapter.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{ClientBuilder, Defaults, defaults::on_both};
use crate::{body::Body, error::Result};

on_both! {
    /// Changes what is sent, behind the last request interceptor (axios:
    /// `transformRequest`). Given again, transforms run one after the other; a
    /// call's take the place of the client's.
    ///
    /// It runs once in each attempt, for every method and also where the body
    /// is empty; a redirect sends what it has made again. A body that is not
    /// in memory is a stream or a factory: [`Body::as_bytes`] tells. JSON and
    /// forms are bytes by then, and the length is counted anew.
    ///
    /// An error, of kind [`InvalidRequest`](crate::ErrorKind::InvalidRequest)
    /// with the transform's own as its source, reaches the response
    /// interceptors; nothing is sent.
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let mock = MockAdapter::new();
    /// let client = Client::builder(mock.clone())
    ///     .transform_request(|body, headers| {
    ///         headers.insert("x-length", body.length().unwrap_or_default().into());
    ///         Ok(body)
    ///     })
    ///     .build()?;
    /// client.post("http://h/").body("tea").send()?;
    /// assert_eq!(mock.requests()[0].headers()["x-length"], "3");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "transformRequest")]
    pub fn transform_request(
        mut self,
        transform: impl Fn(Body, &mut HeaderMap) -> Result<Body> + Send + Sync + 'static,
    ) -> Self {
        let wire = self.config.wire_mut();
        wire.transform_request.push(Arc::new(transform));
        self
    }

    /// Sends what the interceptors have made: the default.
    pub fn without_transform_request(mut self) -> Self {
        self.config.wire_mut().transform_request.clear();
        self
    }

    /// Changes what has come, before the status is judged and the first
    /// response interceptor runs (axios: `transformResponse`). Given again,
    /// transforms run one after the other; a call's take the place of the
    /// client's.
    ///
    /// Answers of a refused status are changed too; a redirect that is
    /// followed, the answer of an interceptor and a body that is left as a
    /// stream are not.
    ///
    /// An error, of kind [`Decode`](crate::ErrorKind::Decode) with the
    /// transform's own as its source and the answer attached, reaches the
    /// response interceptors.
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let client = Client::builder(MockAdapter::new().reply(200, ")]}'\n[1, 2]"))
    ///     .transform_response(|body, _, _| Ok(body.slice(5..)))
    ///     .build()?;
    /// let numbers: Vec<u8> = client.get("http://h/").send()?.json()?;
    /// assert_eq!(numbers, [1, 2]);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "transformResponse")]
    pub fn transform_response(
        mut self,
        transform: impl Fn(Bytes, &mut HeaderMap, StatusCode) -> Result<Bytes> + Send + Sync + 'static,
    ) -> Self {
        let wire = self.config.wire_mut();
        wire.transform_response.push(Arc::new(transform));
        self
    }

    /// Leaves answers as they have come: the default.
    pub fn without_transform_response(mut self) -> Self {
        self.config.wire_mut().transform_response.clear();
        self
    }
}
