//! [`OAuth2Refresh`]: the refresh grant of RFC 6749 §6.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::header::ACCEPT;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    RefreshClass, RefreshError, Refresher,
    answer::{self, Fields},
    spendable,
};
use crate::{
    Call, Client, Error, ErrorKind, Request, Response,
    auth::{
        DpopProver, Secret, Token,
        dpop::{Dpop, PROOF},
    },
};

/// What `application/x-www-form-urlencoded` leaves as it is.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'*');

/// Refreshes at an OAuth 2 token endpoint.
///
/// It posts `grant_type=refresh_token` as a form. A public client names itself
/// in the body; one with a secret authenticates with Basic, which every server
/// understands, or in the body where asked to (RFC 6749 §2.3.1).
///
/// An answer without `refresh_token` keeps the old one; an `expires_in` that is
/// missing, negative, a text or absurd is read as far as it makes sense, else
/// the expiry is unknown.
///
/// ```
/// use tollgate::auth::{MemoryStore, OAuth2Refresh, Token, TokenRefresh};
///
/// let refresher = OAuth2Refresh::new("https://id.example.com/oauth/token", "my-app")
///     .client_secret("s3cr3t")
///     .scope("read write");
/// let store = MemoryStore::new(Token::new("a1").refresh("r1"));
/// let refresh = TokenRefresh::builder(store, refresher).build()?;
/// # drop(refresh);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone)]
pub struct OAuth2Refresh {
    url: String,
    revocation_url: Option<String>,
    client_id: String,
    client_secret: Option<Secret>,
    secret_in_body: bool,
    scope: Option<String>,
    extra: Vec<(String, Secret)>,
    dpop: Option<Arc<Dpop>>,
}

impl OAuth2Refresh {
    /// Creates a refresher for a public client.
    ///
    /// `url` is absolute, or relative to the client's `base_url`.
    #[must_use]
    pub fn new(url: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            revocation_url: None,
            client_id: client_id.into(),
            client_secret: None,
            secret_in_body: false,
            scope: None,
            extra: Vec::new(),
            dpop: None,
        }
    }

    /// Sets the secret, sent with Basic unless
    /// [`secret_in_body`](Self::secret_in_body) is set.
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Sends the secret in the body, for servers without Basic.
    #[must_use]
    pub fn secret_in_body(mut self) -> Self {
        self.secret_in_body = true;
        self
    }

    /// Asks for a scope, which cannot be wider than the one that was granted.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Adds a parameter that the server wants (`audience`, `resource`, …).
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }

    /// Sends a proof of possession along (RFC 9449 §5), so that the server binds
    /// the tokens to the prover's key. Give the same key to
    /// [`TokenRefreshBuilder::dpop`](crate::auth::TokenRefreshBuilder::dpop).
    ///
    /// A nonce that the server asks for is put in at once; the refresh token is
    /// not spent by that.
    #[must_use]
    pub fn dpop(mut self, prover: impl DpopProver) -> Self {
        self.dpop = Some(Dpop::new(prover));
        self
    }

    /// Sets where a token is revoked (RFC 7009) that was refreshed in vain.
    #[must_use]
    pub fn revocation_url(mut self, url: impl Into<String>) -> Self {
        self.revocation_url = Some(url.into());
        self
    }

    /// Posts the grant, with a proof where there is a prover.
    async fn grant(
        &self,
        client: &Client,
        form: Vec<(&str, &str)>,
    ) -> Result<Response, RefreshError> {
        let Some(dpop) = &self.dpop else {
            return Ok(self.authenticated(client.post(&self.url), form).await?);
        };
        // The proof names the address, which is known once the target was
        // joined to the base.
        let proving = client.derive().build()?;
        let prover = Arc::clone(dpop);
        proving
            .interceptors
            .request
            .use_sync(move |request| proven(&prover, request));
        let first = self.authenticated(proving.post(&self.url), form.clone());
        let response = first.await.map_err(unproven)?;
        if !take_nonce(dpop, &response) || !answer::wants_nonce(&response) {
            return Ok(response);
        }
        let again = self.authenticated(proving.post(&self.url), form);
        let response = again.await.map_err(unproven)?;
        take_nonce(dpop, &response);
        Ok(response)
    }

    /// Adds who we are, and makes the form the body.
    fn authenticated<'a>(&'a self, call: Call, mut form: Vec<(&'a str, &'a str)>) -> Call {
        let call = call.accept_any_status().header(ACCEPT, "application/json");
        match &self.client_secret {
            Some(secret) if !self.secret_in_body => {
                let encode = |text| utf8_percent_encode(text, FORM).to_string();
                let password = Secret::new(encode(secret.expose()));
                call.basic_auth(encode(&self.client_id), password.expose())
                    .form(&form)
            }
            secret => {
                form.push(("client_id", &self.client_id));
                if let Some(secret) = secret {
                    form.push(("client_secret", secret.expose()));
                }
                call.form(&form)
            }
        }
    }
}

#[async_trait]
impl Refresher for OAuth2Refresh {
    async fn refresh(&self, client: &Client, token: &Token) -> Result<Token, RefreshError> {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", spendable(token)?),
        ];
        if let Some(scope) = &self.scope {
            form.push(("scope", scope));
        }
        for (name, value) in &self.extra {
            form.push((name, value.expose()));
        }
        // The lifetime began before the answer came. Counted from the sending,
        // a token is never thought to live longer than it does.
        let now = client.runtime().wall();
        let response = self.grant(client, form).await?;
        if !response.status().is_success() {
            return Err(answer::refusal(&response));
        }
        let fields = Fields::named(&["access_token"], &["refresh_token"], &["expires_in"]);
        // Without a word on it, a bound token does not become a bearer's.
        answer::token(&response, &fields, token.scheme(), now)
    }

    async fn revoke(&self, client: &Client, token: &Token) -> Result<(), RefreshError> {
        let Some(url) = &self.revocation_url else {
            return Ok(());
        };
        let form = match token.refresh_token() {
            Some(refresh) => vec![
                ("token", refresh.expose()),
                ("token_type_hint", "refresh_token"),
            ],
            None => vec![("token", token.access_token().expose())],
        };
        let response = self.authenticated(client.post(url), form).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(answer::refusal(&response))
    }

    fn endpoints(&self) -> Vec<&str> {
        let revocation = self.revocation_url.as_deref();
        std::iter::once(self.url.as_str())
            .chain(revocation)
            .collect()
    }
}

/// Adds a proof for the token endpoint.
fn proven(dpop: &Dpop, mut request: Request) -> Result<Request, Error> {
    let now = request.client()?.runtime().wall();
    let proof = dpop.header((request.method(), request.uri()), None, now)?;
    request.headers_mut().insert(PROOF, proof);
    Ok(request)
}

/// The client has one interceptor: if that fails, nothing was sent.
fn unproven(error: Error) -> RefreshError {
    match error.kind() {
        ErrorKind::Auth | ErrorKind::Interceptor => {
            let text = "the DPoP proof for the token endpoint could not be made";
            RefreshError::new(RefreshClass::NotSent, text).with_source(error)
        }
        _ => error.into(),
    }
}

/// Remembers the nonce of an answer; tells whether there was one.
fn take_nonce(dpop: &Dpop, response: &Response) -> bool {
    let uri = response.uri();
    uri.is_some_and(|uri| dpop.learn(uri, response.headers()))
}

impl fmt::Debug for OAuth2Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2Refresh")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
