//! Limits, times and policies of a client.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use super::{ClientBuilder, Defaults, defaults::on_both};
use crate::{
    cancel::CancelHandle,
    config::{Order, StatusPolicy},
};

on_both! {
    /// Sets the time for one attempt, to the last byte of the body; default
    /// 30 s. In stream mode it covers the head.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = Some(timeout);
        self
    }

    /// Lets an attempt take as long as it takes.
    pub fn without_timeout(mut self) -> Self {
        self.config.timeout = None;
        self
    }

    /// Sets the time for the whole call, with interceptors, replays and waits;
    /// default none.
    #[doc(alias = "timeout_global")]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.config.deadline = Some(deadline);
        self
    }

    /// Lets a call take as long as it takes: the default.
    pub fn without_deadline(mut self) -> Self {
        self.config.deadline = None;
        self
    }

    /// Sets the time for each chunk of a streamed body; default 30 s.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.config.read_timeout = Some(timeout);
        self
    }

    /// Lets a chunk of a streamed body take as long as it takes.
    pub fn without_read_timeout(mut self) -> Self {
        self.config.read_timeout = None;
        self
    }

    /// Sets how many redirects are followed; default 10, 0 for none. A call
    /// makes at most 20 requests in all, replays included.
    #[doc(alias = "maxRedirects")]
    pub fn max_redirects(mut self, limit: u32) -> Self {
        self.config.max_redirects = limit;
        self
    }

    /// Sets how many attempts a call may make, the first one included;
    /// default 10, at least 1.
    pub fn max_attempts(mut self, limit: u32) -> Self {
        self.config.max_attempts = limit.max(1);
        self
    }

    /// Sets the limit of a response's body, counted after decoding; default
    /// 64 MiB (axios: `maxContentLength`).
    #[doc(alias = "maxContentLength")]
    pub fn max_response_bytes(mut self, limit: u64) -> Self {
        self.config.max_response_bytes = Some(limit);
        self
    }

    /// Lets a response be as large as the memory allows.
    pub fn without_max_response_bytes(mut self) -> Self {
        self.config.max_response_bytes = None;
        self
    }

    /// Sets the limit of a request's body; default none (axios:
    /// `maxBodyLength`).
    #[doc(alias = "maxBodyLength")]
    pub fn max_request_bytes(mut self, limit: u64) -> Self {
        self.config.max_request_bytes = Some(limit);
        self
    }

    /// Lets a request's body be as large as it is: the default.
    pub fn without_max_request_bytes(mut self) -> Self {
        self.config.max_request_bytes = None;
        self
    }

    /// Sets which statuses are a success; default 2xx.
    #[doc(alias = "validateStatus")]
    #[doc(alias = "error_for_status")]
    pub fn validate_status(
        mut self,
        accept: impl Fn(StatusCode) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.config.status = StatusPolicy::Custom(Arc::new(accept));
        self
    }

    /// Makes every status a success, as in reqwest.
    #[doc(alias = "http_status_as_error")]
    pub fn accept_any_status(mut self) -> Self {
        self.config.status = StatusPolicy::Any;
        self
    }

    /// Sets the order of request interceptors; default last registered first.
    #[doc(alias = "legacyInterceptorReqResOrdering")]
    pub fn order(mut self, order: Order) -> Self {
        self.config.order = order;
        self
    }

    /// Lets calls name addresses off the base's origin; default no. Such a
    /// call gets none of the client's credentials.
    #[doc(alias = "allowAbsoluteUrls")]
    pub fn allow_absolute_urls(mut self, allow: bool) -> Self {
        self.config.allow.absolute_urls = allow;
        self
    }

    /// Lets a redirect lead from https to http; default no.
    pub fn allow_downgrade(mut self, allow: bool) -> Self {
        self.config.allow.downgrade = allow;
        self
    }

    /// Lets a redirect (307, 308) send the body to another origin; default no.
    pub fn allow_cross_origin_bodies(mut self, allow: bool) -> Self {
        self.config.allow.cross_origin_bodies = allow;
        self
    }

    /// Leaves the bodies of accepted responses on the wire (axios:
    /// `responseType: 'stream'`); default no. See
    /// [`Call::stream`](crate::client::Call::stream).
    ///
    /// Interceptors get such responses too, without a body in memory.
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let mock = MockAdapter::new().reply(200, "much").reply(200, "[1]");
    /// let client = Client::builder(mock).stream().build()?;
    /// let mut file = Vec::new();
    /// let body = client.get("http://h/large").send()?.into_body();
    /// std::io::copy(&mut body.into_reader(), &mut file)?;
    /// assert_eq!(file, b"much");
    /// let list: Vec<u8> = client.get("http://h/list").buffered().send()?.json()?;
    /// assert_eq!(list, [1]);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "responseType")]
    pub fn stream(mut self) -> Self {
        self.config.stream = true;
        self
    }

    /// Reads the bodies of responses into memory: the default.
    pub fn buffered(mut self) -> Self {
        self.config.stream = false;
        self
    }

    /// Lets a handle cancel all calls that have no handle of their own (axios:
    /// `signal`): those in flight, and each one that is sent afterwards.
    ///
    /// ```
    /// use tollgate::{CancelHandle, MockAdapter, blocking::Client};
    ///
    /// let shutdown = CancelHandle::new();
    /// let client = Client::builder(MockAdapter::new())
    ///     .cancel_handle(&shutdown)
    ///     .build()?;
    /// shutdown.cancel_with("the program ends");
    /// assert!(client.get("http://h/").send().unwrap_err().is_cancelled());
    /// let farewell = client.post("http://h/bye").without_cancel_handle();
    /// assert!(farewell.send().is_ok());
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "signal")]
    pub fn cancel_handle(mut self, handle: &CancelHandle) -> Self {
        self.config.cancel = Some(handle.clone());
        self
    }

    /// Lets no handle cancel calls, but one of their own: the default.
    pub fn without_cancel_handle(mut self) -> Self {
        self.config.cancel = None;
        self
    }
}
