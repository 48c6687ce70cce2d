//! What of the client's defaults a call takes off.

use http::{Extensions, HeaderName};

use super::Call;
use crate::{client::builder, config::Setting, pipeline::read_base};

impl<E> Call<E> {
    /// Sends no header of this name, where only the client's defaults, the
    /// body's type or the adapter would set one
    /// (axios: `headers: { name: false }`).
    ///
    /// A later [`header`](Self::header) of the call and an interceptor may
    /// still set it; so does the adapter where its transport needs it (`host`,
    /// the length of a body) or its client cannot be told otherwise: over
    /// reqwest, `accept` stays `*/*` and `accept-encoding` becomes `identity`.
    ///
    /// ```
    /// use tollgate::{Client, MockAdapter};
    ///
    /// # tollgate::runtime::block_on(async {
    /// let mock = MockAdapter::new();
    /// let client = Client::builder(mock.clone())
    ///     .header("x-tenant", "7")
    ///     .build()?;
    /// client.get("http://h/").without_header("X-Tenant").await?;
    /// assert!(!mock.requests()[0].headers().contains_key("x-tenant"));
    /// # Ok::<(), tollgate::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn without_header<N>(mut self, name: N) -> Self
    where
        N: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
    {
        match builder::name(name) {
            Ok(name) => {
                self.draft.request.headers_mut().remove(&name);
                self.rare().without_headers.push(name);
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Gives interceptors no extension of this type, neither the client's nor
    /// an earlier one of the call's.
    pub fn without_extension<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        let take = |extensions: &mut Extensions| drop(extensions.remove::<T>());
        take(self.draft.request.extensions_mut());
        self.rare().without_extensions.push(take);
        self
    }

    /// Sets the address that this call's target is joined to (axios:
    /// `baseURL`); see [`ClientBuilder::base_url`](crate::ClientBuilder::base_url).
    ///
    /// On another origin than the client's base, the call gets none of the
    /// client's credentials.
    pub fn base_url(mut self, url: impl AsRef<str>) -> Self {
        match read_base(url.as_ref()) {
            Ok(base) => self.rare().base = Setting::Set(base),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Joins this call's target to nothing: it has to be absolute.
    pub fn without_base_url(mut self) -> Self {
        self.rare().base = Setting::Unset;
        self
    }
}
