//! What holds for a call's redirects and secrets.

use std::sync::Arc;

use http::HeaderName;

use super::Call;
use crate::{
    client::builder::name,
    config::{Redirect, Setting},
    error::Result,
};

impl<E> Call<E> {
    /// Asks a hook before each redirect, in place of the client's; see
    /// [`ClientBuilder::before_redirect`](crate::ClientBuilder::before_redirect).
    #[doc(alias = "beforeRedirect")]
    pub fn before_redirect(
        mut self,
        hook: impl Fn(&mut Redirect<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.wire().before_redirect = Setting::Set(Arc::new(hook));
        self
    }

    /// Follows redirects without asking the client's hook.
    pub fn without_before_redirect(mut self) -> Self {
        self.wire().before_redirect = Setting::Unset;
        self
    }

    /// Makes headers of these names secrets for this call, beside the client's;
    /// see [`ClientBuilder::sensitive_headers`](crate::ClientBuilder::sensitive_headers).
    #[doc(alias = "sensitiveHeaders")]
    #[doc(alias = "redact")]
    pub fn sensitive_headers<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
    {
        match names.into_iter().map(name).collect::<Result<Vec<_>>>() {
            Ok(names) => self.wire().sensitive.extend(names),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Leaves this call at the usual secrets; names that are given after this
    /// hold.
    pub fn without_sensitive_headers(mut self) -> Self {
        let changes = self.wire();
        changes.without_sensitive = true;
        changes.sensitive.clear();
        self
    }
}
