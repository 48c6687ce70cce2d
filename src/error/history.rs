//! Where a failed call has been.

use http::Uri;

use super::Error;
use crate::response::Response;

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

    pub(crate) fn set_redirects(&mut self, redirects: Vec<Uri>) {
        self.0.redirects = redirects;
    }
}
