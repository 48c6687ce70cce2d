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

    /// Sets which statuses are a success.
    pub fn validate_status(
        mut self,
        accept: impl Fn(StatusCode) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.draft.request.0.overrides.status = Some(StatusPolicy::Custom(Arc::new(accept)));
        self
    }

    /// Makes every status a success.
    pub fn accept_any_status(mut self) -> Self {
        self.draft.request.0.overrides.status = Some(StatusPolicy::Any);
        self
    }

    /// Sets how many redirects are followed, 0 for none.
    pub fn max_redirects(mut self, limit: u32) -> Self {
        self.draft.request.0.overrides.max_redirects = Some(limit);
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

    /// Sets the order of request interceptors.
    pub fn order(mut self, order: Order) -> Self {
        self.draft.request.0.overrides.order = Some(order);
        self
    }

    /// Leaves an accepted response's body on the wire, to be taken with
    /// [`Response::into_body`]. A refused one is read into the error.
    #[doc(alias = "responseType")]
    pub fn stream(mut self) -> Self {
        self.draft.request.0.overrides.stream = true;
        self
    }
}
