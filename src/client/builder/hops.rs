//! What holds for a client's redirects and secrets.

use std::sync::Arc;

use http::HeaderName;

use super::{ClientBuilder, Defaults, defaults::on_both, name};
use crate::{config::Redirect, error::Result};

on_both! {
    /// Asks a hook before each redirect is followed (axios: `beforeRedirect`).
    ///
    /// It sees the next request, with what may not travel there taken off, and
    /// the answer; it may change the headers. An error refuses the redirect:
    /// the call fails with [`ErrorKind::Redirect`](crate::ErrorKind::Redirect),
    /// `ERR_FR_REDIRECTION_FAILURE`, and the hook's error as the source. A
    /// header that it adds goes to the next address, and stays behind as any
    /// other where a later redirect leaves that origin.
    ///
    /// It runs on the thread of the call, and should not block.
    ///
    /// ```
    /// use tollgate::{Error, MockAdapter, MockReply, blocking::Client};
    ///
    /// let moved = || MockReply::status(302, "").header("location", "http://elsewhere/");
    /// let client = Client::builder(MockAdapter::new().then(moved()))
    ///     .before_redirect(|redirect| match redirect.uri().host() {
    ///         Some("h") => Ok(()),
    ///         _ => Err(Error::message("only `h` is known")),
    ///     })
    ///     .build()?;
    /// let error = client.get("http://h/").send().unwrap_err();
    /// assert_eq!(error.code().as_str(), "ERR_FR_REDIRECTION_FAILURE");
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "beforeRedirect")]
    pub fn before_redirect(
        mut self,
        hook: impl Fn(&mut Redirect<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.config.wire_mut().before_redirect = Some(Arc::new(hook));
        self
    }

    /// Follows redirects unasked: the default.
    pub fn without_before_redirect(mut self) -> Self {
        self.config.wire_mut().before_redirect = None;
        self
    }

    /// Makes headers of these names secrets, as `Authorization` is one (axios:
    /// `sensitiveHeaders`, `redact`): they are printed redacted, on requests
    /// and on answers, and they do not cross to another origin.
    ///
    /// Names add up, here and on a call.
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let client = Client::builder(MockAdapter::new())
    ///     .sensitive_headers(["x-api-key"])
    ///     .build()?;
    /// let response = client.get("http://h/").header("x-api-key", "s3cr3t").send()?;
    /// assert!(!format!("{:?}", response.request()).contains("s3cr3t"));
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "sensitiveHeaders")]
    #[doc(alias = "redact")]
    pub fn sensitive_headers<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
    {
        match names.into_iter().map(name).collect::<Result<Vec<_>>>() {
            Ok(names) => self.config.wire_mut().add_sensitive(names),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Leaves it at the usual secrets: the default.
    pub fn without_sensitive_headers(mut self) -> Self {
        self.config.wire_mut().sensitive = None;
        self
    }
}
