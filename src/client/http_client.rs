//! A client as a function of `http`'s own messages, as other crates want it.

use super::{Async, Blocking, Call, Client, EngineKind};
use crate::{auth::SkipAuth, error::Result, response::Response, runtime::BoxFuture};

impl Client<Async> {
    /// Returns a function that sends one request and gives its answer: what
    /// the `oauth2` crate takes as an async HTTP client.
    ///
    /// It sends through this client as it is, with its interceptors, base and
    /// limits; derive one for less. Every status is an answer, redirects are
    /// not followed (a token endpoint's must not be), the body is in memory,
    /// and a [`TokenRefresh`](crate::auth::TokenRefresh) of the client's leaves
    /// these calls alone ([`SkipAuth`]).
    ///
    /// ```
    /// use tollgate::{Client, MockAdapter};
    ///
    /// let client = Client::new(MockAdapter::new().reply(400, "denied"));
    /// let bare = client.derive().without_base_url().build()?;
    /// let send = bare.as_http_client();
    /// # tollgate::runtime::block_on(async {
    /// let request = http::Request::post("https://id.example.com/token")
    ///     .body(b"grant_type=authorization_code".to_vec())?;
    /// let response: http::Response<Vec<u8>> = send(request).await?;
    /// assert_eq!((response.status().as_u16(), &response.body()[..]), (400, &b"denied"[..]));
    /// # Ok::<(), tollgate::Error>(())
    /// # })?;
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn as_http_client(
        &self,
    ) -> impl Fn(http::Request<Vec<u8>>) -> BoxFuture<'static, Result<http::Response<Vec<u8>>>>
    + Clone
    + Send
    + Sync
    + 'static
    + use<> {
        let client = self.clone();
        move |request| {
            let sending = call(&client, request).send();
            Box::pin(async move { answer(sending.await?) })
        }
    }
}

impl Client<Blocking> {
    /// Returns a function that sends one request and gives its answer: what
    /// the `oauth2` crate takes as a synchronous HTTP client.
    ///
    /// It is the async client's `as_http_client`, on the calling thread.
    ///
    /// ```
    /// use tollgate::{MockAdapter, blocking::Client};
    ///
    /// let send = Client::new(MockAdapter::new().reply(200, "{}")).as_http_client();
    /// let request = http::Request::post("https://id.example.com/token").body(Vec::new())?;
    /// assert_eq!(send(request)?.body(), b"{}");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn as_http_client(
        &self,
    ) -> impl Fn(http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>>
    + Clone
    + Send
    + Sync
    + 'static
    + use<> {
        let client = self.clone();
        move |request| answer(call(&client, request).send()?)
    }
}

fn call<E: EngineKind>(client: &Client<E>, request: http::Request<Vec<u8>>) -> Call<E> {
    client
        .execute(request)
        .accept_any_status()
        .max_redirects(0)
        .extension(SkipAuth)
}

fn answer(response: Response) -> Result<http::Response<Vec<u8>>> {
    let bytes = response.bytes()?;
    let (parts, body) = http::Response::from(response).into_parts();
    // The only owner of the bytes hands them over without a copy.
    drop(body);
    Ok(http::Response::from_parts(parts, bytes.into()))
}
