//! The port to the token endpoint: the old token in, the new one out.

mod answer;
#[cfg(feature = "cookies")]
mod cookies;
mod error;
mod json;
mod oauth2;
mod retry_after;

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
#[cfg(feature = "cookies")]
pub use cookies::CookieRefresh;
pub use error::{RefreshClass, RefreshError};
pub use json::JsonRefresh;
pub use oauth2::OAuth2Refresh;

use super::Token;
use crate::Client;

/// Gets a new token for an old one.
///
/// It is asked by one flight at a time, however many calls wait. `client` is a
/// client of its own: the adapter, runtime and defaults of the one that made
/// the call, but no interceptors, no redirects, at most 1 MiB of an answer,
/// and any address. So it cannot wait for itself, and no token is attached.
///
/// Async closures are refreshers; what they capture has to be `Clone`:
///
/// ```
/// use serde::Deserialize;
/// use tollgate::{
///     Client,
///     auth::{MemoryStore, RefreshError, Token, TokenRefresh},
/// };
///
/// #[derive(Deserialize)]
/// struct Pair {
///     access: String,
///     refresh: String,
/// }
///
/// let refresh = TokenRefresh::builder(
///     MemoryStore::new(Token::new("a1").refresh("r1")),
///     async |client: Client, token: Token| {
///         let old = token.refresh_token().map_or("", |it| it.expose());
///         let answer = client.post("/auth/refresh").json(&[old]).await?;
///         let pair: Pair = answer.json()?;
///         Ok::<_, RefreshError>(Token::new(pair.access).refresh(pair.refresh))
///     },
/// )
/// .build()?;
/// # drop(refresh);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[async_trait]
pub trait Refresher: Send + Sync + 'static {
    /// Gets a new token.
    ///
    /// What the new one leaves out, refresh token and scope, is kept of the
    /// old one (RFC 6749 §6).
    ///
    /// # Errors
    ///
    /// Why there is none, and what that means for the refresh token.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when `refresh_timeout` has passed, never because
    /// a caller went away.
    async fn refresh(&self, client: &Client, token: &Token) -> Result<Token, RefreshError>;

    /// Tells the server that a token is not needed any more: that of a refresh
    /// which ended after a sign-out. By default nothing is done.
    ///
    /// # Errors
    ///
    /// Why it could not be told; nobody hears of it.
    async fn revoke(&self, client: &Client, token: &Token) -> Result<(), RefreshError> {
        let _ = (client, token);
        Ok(())
    }

    /// Returns the addresses that get secrets, as far as they are known.
    ///
    /// [`build`](super::TokenRefreshBuilder::build) refuses one that cannot be
    /// called or is not encrypted.
    fn endpoints(&self) -> Vec<&str> {
        Vec::new()
    }
}

#[async_trait]
impl<F, Fut, E> Refresher for F
where
    F: AsyncFn(Client, Token) -> Result<Token, E>
        + FnOnce(Client, Token) -> Fut
        + Clone
        + Send
        + Sync
        + 'static,
    Fut: Future<Output = Result<Token, E>> + Send + 'static,
    E: Into<RefreshError>,
{
    async fn refresh(&self, client: &Client, token: &Token) -> Result<Token, RefreshError> {
        // The future of a shared call has no name; that of a clone's one call
        // has. `AsyncFn` proves that no mutation is lost with the clone.
        let call = self.clone();
        let future: Fut = call(client.clone(), token.clone());
        future.await.map_err(Into::into)
    }
}

#[async_trait]
impl<R: Refresher + ?Sized> Refresher for Arc<R> {
    async fn refresh(&self, client: &Client, token: &Token) -> Result<Token, RefreshError> {
        (**self).refresh(client, token).await
    }

    async fn revoke(&self, client: &Client, token: &Token) -> Result<(), RefreshError> {
        (**self).revoke(client, token).await
    }

    fn endpoints(&self) -> Vec<&str> {
        (**self).endpoints()
    }
}

/// Returns the refresh token, without which nothing can be asked.
fn spendable(token: &Token) -> Result<&str, RefreshError> {
    token
        .refresh_token()
        .map(super::Secret::expose)
        .ok_or_else(|| RefreshError::new(RefreshClass::Rejected, "there is no refresh token"))
}
