//! What a call sets differently from its client.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use super::Call;
use crate::config::{Order, Setting, StatusPolicy};

impl<E> Call<E> {
    /// Sets the time for one attempt; see [`ClientBuilder::timeout`](crate::ClientBuilder::timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.draft.request.0.overrides.timeout = Setting::Set(timeout);
        self
    }

    /// Lets an attempt take as long as it takes.
    pub fn without_timeout(mut self) -> Self {
        self.draft.request.0.overrides.timeout = Setting::Unset;
        self
    }

    /// Sets the time for the whole call; see
    /// [`ClientBuilder::deadline`](crate::ClientBuilder::deadline).
    #[doc(alias = "timeout_global")]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.draft.request.0.overrides.deadline = Setting::Set(deadline);
        self
    }

    /// Lets the call take as long as it takes.
    pub fn without_deadline(mut self) -> Self {
        self.draft.request.0.overrides.deadline = Setting::Unset;
        self
    }

    /// Sets the time for each chunk of a streamed body.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.draft.request.0.overrides.read_timeout = Setting::Set(timeout);
        self
    }

    /// Lets a chunk of a streamed body take as long as it takes.
    pub fn without_read_timeout(mut self) -> Self {
        self.draft.request.0.overrides.read_timeout = Setting::Unset;
        self
    }

    /// Sets which statuses are a success.
    #[doc(alias = "validateStatus")]
    #[doc(alias = "error_for_status")]
    pub fn validate_status(
        mut self,
        accept: impl Fn(StatusCode) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.draft.request.0.overrides.status = Some(StatusPolicy::Custom(Arc::new(accept)));
        self
    }

    /// Makes every status a success.
    #[doc(alias = "http_status_as_error")]
    pub fn accept_any_status(mut self) -> Self {
        self.draft.request.0.overrides.status = Some(StatusPolicy::Any);
        self
    }

    /// Sets how many redirects are followed, 0 for none.
    #[doc(alias = "maxRedirects")]
    pub fn max_redirects(mut self, limit: u32) -> Self {
        self.draft.request.0.overrides.max_redirects = Some(limit);
        self
    }

    /// Sets how many attempts the call may make, the first one included; at
    /// least 1.
    pub fn max_attempts(mut self, limit: u32) -> Self {
        self.draft.request.0.overrides.max_attempts = Some(limit.max(1));
        self
    }

    /// Sets the limit of the response's body, counted after decoding.
    pub fn max_response_bytes(mut self, limit: u64) -> Self {
        self.draft.request.0.overrides.max_response_bytes = Setting::Set(limit);
        self
    }

    /// Lets the response be as large as the memory allows.
    pub fn without_max_response_bytes(mut self) -> Self {
        self.draft.request.0.overrides.max_response_bytes = Setting::Unset;
        self
    }

    /// Sets the limit of the request's body.
    pub fn max_request_bytes(mut self, limit: u64) -> Self {
        self.draft.request.0.overrides.max_request_bytes = Setting::Set(limit);
        self
    }

    /// Lets the request's body be as large as it is.
    pub fn without_max_request_bytes(mut self) -> Self {
        self.draft.request.0.overrides.max_request_bytes = Setting::Unset;
        self
    }

    /// Lets this call's target leave the base's origin, or not; see
    /// [`ClientBuilder::allow_absolute_urls`](crate::ClientBuilder::allow_absolute_urls).
    pub fn allow_absolute_urls(mut self, allow: bool) -> Self {
        self.draft.request.0.overrides.absolute_urls = Some(allow);
        self
    }

    /// Lets a redirect of this call lead from https to http, or not.
    pub fn allow_downgrade(mut self, allow: bool) -> Self {
        self.draft.request.0.overrides.downgrade = Some(allow);
        self
    }

    /// Lets a redirect of this call (307, 308) send the body to another origin,
    /// or not.
    pub fn allow_cross_origin_bodies(mut self, allow: bool) -> Self {
        self.draft.request.0.overrides.cross_origin_bodies = Some(allow);
        self
    }

    /// Sets the order of request interceptors.
    #[doc(alias = "legacyInterceptorReqResOrdering")]
    pub fn order(mut self, order: Order) -> Self {
        self.draft.request.0.overrides.order = Some(order);
        self
    }

    /// Leaves an accepted response's body on the wire, to be taken with
    /// [`Response::into_body`](crate::Response::into_body). A refused one is read into the error.
    ///
    /// [`max_response_bytes`](Self::max_response_bytes) holds for a stream too,
    /// by default 64 MiB: it ends there with an error. For more, raise it or
    /// call [`without_max_response_bytes`](Self::without_max_response_bytes).
    #[doc(alias = "responseType")]
    pub fn stream(mut self) -> Self {
        self.draft.request.0.overrides.stream = Some(true);
        self
    }

    /// Reads the response's body into memory, also where the client says
    /// `stream`.
    pub fn buffered(mut self) -> Self {
        self.draft.request.0.overrides.stream = Some(false);
        self
    }
}
