//! Where a failed call has been, and for how long.

use std::time::Duration;

use http::Uri;

use super::Error;
use crate::response::{Elapsed, Response};

impl Error {
    /// Returns the addresses that redirected in the last attempt, first one
    /// first; the one after the last is that of [`request`](Self::request).
    #[must_use]
    pub fn redirects(&self) -> &[Uri] {
        match &self.0.response {
            Some(response) if self.0.redirects.is_empty() => Response::redirects(response),
            _ => &self.0.redirects,
        }
    }

    /// Returns how long the last attempt took until it failed, as
    /// [`Response::elapsed`] does for an answer; zero if nothing was sent.
    #[must_use]
    #[doc(alias = "duration")]
    pub fn elapsed(&self) -> Duration {
        self.times().attempt
    }

    /// Returns the time from the beginning of the first attempt until the last
    /// one failed; zero if nothing was sent.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tollgate::{Client, MockAdapter};
    ///
    /// # tollgate::runtime::block_on(async {
    /// let client = Client::new(MockAdapter::new().reply(503, "busy"));
    /// let error = client.get("http://h/orders").await.unwrap_err();
    /// assert!(error.total_elapsed() >= error.elapsed());
    ///
    /// let error = client.get("no address").await.unwrap_err();
    /// assert_eq!(error.total_elapsed(), Duration::ZERO);
    /// # });
    /// ```
    #[must_use]
    pub fn total_elapsed(&self) -> Duration {
        self.times().call
    }

    fn times(&self) -> Elapsed {
        let of_answer = self.0.response.as_ref().map(Response::times);
        self.0.elapsed.or(of_answer).unwrap_or_default()
    }

    pub(crate) fn set_elapsed(&mut self, elapsed: Elapsed) {
        self.0.elapsed = Some(elapsed);
    }

    pub(crate) fn set_redirects(&mut self, redirects: Vec<Uri>) {
        self.0.redirects = redirects;
    }
}
