//! What a call changes about its way: interceptors, adapter.

use std::{borrow::Cow, sync::Arc};

use super::{Async, Blocking, Call};
use crate::{
    adapter::{Adapter, BlockingAdapter},
    interceptor::Interceptors,
    pipeline::Transport,
};

impl<E> Call<E> {
    /// Runs more interceptors for this call, as if they had been registered
    /// after the client's: requests meet them first, unless the
    /// [`order`](Self::order) is reversed, responses last.
    ///
    /// Given again, sets add up. As with the client's, the call works on what
    /// is registered when it starts. Sub-requests of interceptors do not
    /// inherit them.
    ///
    /// ```
    /// use tollgate::{Interceptors, MockAdapter, Request, blocking::Client};
    ///
    /// let traced = Interceptors::new();
    /// traced.request.use_sync(|mut request: Request| {
    ///     request.headers_mut().insert("x-trace", "1".parse()?);
    ///     Ok(request)
    /// });
    ///
    /// let mock = MockAdapter::new();
    /// let client = Client::new(mock.clone());
    /// client.get("http://h/a").interceptors(&traced).send()?;
    /// client.get("http://h/b").send()?;
    /// assert!(mock.requests()[0].headers().contains_key("x-trace"));
    /// assert!(!mock.requests()[1].headers().contains_key("x-trace"));
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn interceptors(mut self, interceptors: &Interceptors) -> Self {
        self.rare().interceptors.push(interceptors.clone());
        self
    }

    /// Registers interceptors for this call only; see
    /// [`interceptors`](Self::interceptors).
    ///
    /// ```
    /// use tollgate::{MockAdapter, Response, blocking::Client};
    ///
    /// let client = Client::new(MockAdapter::new().reply(200, "hello"));
    /// let greets = |response: Response| {
    ///     assert_eq!(response.text()?, "hello");
    ///     Ok(response)
    /// };
    /// client
    ///     .get("http://h/")
    ///     .intercept(|call| call.response.use_sync(greets))
    ///     .send()?;
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn intercept<T>(self, register: impl FnOnce(&Interceptors) -> T) -> Self {
        let own = Interceptors::new();
        register(&own);
        self.interceptors(&own)
    }

    /// Leaves out the client's interceptors of this name, on both sides and in
    /// every attempt; those that the call brings itself stay.
    ///
    /// A name is given by [`named`](crate::interceptor::Registry::named), or
    /// by the interceptor; a name that nobody bears leaves nothing out.
    ///
    /// ```
    /// use tollgate::{Error, MockAdapter, blocking::Client};
    ///
    /// let client = Client::new(MockAdapter::new());
    /// let fails = |_| Err(Error::message("not today"));
    /// client.interceptors.request.named("guard").use_sync(fails);
    /// assert!(client.get("http://h/").send().is_err());
    /// assert!(client.get("http://h/").skip_interceptor("guard").send().is_ok());
    /// ```
    pub fn skip_interceptor(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.rare().skipped.push(name.into());
        self
    }
}

impl Call<Async> {
    /// Sends this call through another adapter (axios: `adapter`), redirects
    /// and replays too. Give an `Arc` of an adapter that serves several calls.
    ///
    /// Time stays the client's: the adapter has to work on the client's
    /// runtime.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tollgate::{Client, MockAdapter};
    ///
    /// # tollgate::runtime::block_on(async {
    /// let client = Client::new(MockAdapter::new().reply(200, "usual"));
    /// let other = Arc::new(MockAdapter::new().reply(200, "other"));
    /// let response = client.get("http://h/").adapter(Arc::clone(&other)).await?;
    /// assert_eq!(response.text()?, "other");
    /// assert_eq!(client.get("http://h/").await?.text()?, "usual");
    /// # Ok::<(), tollgate::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "getAdapter")]
    pub fn adapter(mut self, adapter: impl Adapter) -> Self {
        self.rare().transport = Some(Transport::Async(Arc::new(adapter)));
        self
    }
}

impl Call<Blocking> {
    /// Sends this call through another adapter (axios: `adapter`), redirects
    /// and replays too. Give an `Arc` of an adapter that serves several calls.
    ///
    /// Time stays the client's.
    pub fn adapter(mut self, adapter: impl BlockingAdapter) -> Self {
        self.rare().transport = Some(Transport::Blocking(Arc::new(adapter)));
        self
    }
}
