//! [`CookieRefresh`]: a refresh whose token is a cookie.

use std::{fmt, time::SystemTime};

use async_trait::async_trait;
use http::{
    HeaderName, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE, COOKIE},
};
use serde::Serialize;

use super::{
    RefreshClass, RefreshError, Refresher,
    answer::{self, Fields},
};
use crate::{
    Client, Response,
    auth::{CookieStore, Secret, Token, jar::Source},
};

/// Refreshes at an endpoint that knows the session by a cookie.
///
/// By default it posts, without a body, to the address of the
/// [`CookieStore`], with the jar's cookies for it, and takes the next pair
/// from the `Set-Cookie` headers of the answer. All cookies of the answer go
/// into the jar. An answer of 401 or 403 in JSON ends the session.
///
/// It is for a session over that very store: what it spends is the cookie.
///
/// ```
/// use tollgate::auth::{CookieJar, CookieRefresh, CookieStore};
///
/// // POST /auth/refresh   Cookie: jid=r1
/// //   200  {"accessToken": "a2"}   Set-Cookie: jid=r2; Path=/auth; HttpOnly
/// let jar = CookieJar::new();
/// let store = CookieStore::new(&jar, "https://api.example.com/auth/refresh")?
///     .refresh("jid")
///     .access_in_memory();
/// let refresher = CookieRefresh::new(&store).access_field("accessToken");
/// # drop(refresher);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone)]
pub struct CookieRefresh {
    store: CookieStore,
    method: Method,
    body: Option<Secret>,
    headers: Vec<(HeaderName, HeaderValue)>,
    fields: Option<Fields>,
    unfit: Option<&'static str>,
}

impl CookieRefresh {
    /// Creates a refresher for the cookies of a store, at its address.
    #[must_use]
    pub fn new(store: &CookieStore) -> Self {
        Self {
            store: store.clone(),
            method: Method::POST,
            body: None,
            headers: Vec::new(),
            fields: None,
            unfit: None,
        }
    }

    /// Sets the method; default `POST`.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sets a JSON body; by default there is none. What cannot be JSON fails
    /// the refresh.
    #[must_use]
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_string(body) {
            Ok(text) => self.body = Some(Secret::from(text)),
            Err(_) => self.unfit = Some("the body of the refresh cannot be JSON"),
        }
        self
    }

    /// Adds a header, which is taken for a secret: one against forged
    /// requests, say.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.push((name, value));
        self
    }

    /// Takes the access token from the JSON of an answer, and its lifetime
    /// from `expires_in` or `expiresIn`. `path` may have dots.
    #[must_use]
    pub fn access_field(mut self, path: impl Into<String>) -> Self {
        let path: String = path.into();
        let mut fields = self.fields.take().unwrap_or_else(no_fields);
        fields.access = vec![path];
        self.fields = Some(fields);
        self
    }

    /// Sets where an answer holds the lifetime, in seconds; only with
    /// [`access_field`](Self::access_field).
    #[must_use]
    pub fn expires_in_field(mut self, path: impl Into<String>) -> Self {
        let mut fields = self.fields.take().unwrap_or_else(no_fields);
        fields.expires_in = vec![path.into()];
        self.fields = Some(fields);
        self
    }

    fn cookies(&self) -> Result<Option<HeaderValue>, RefreshError> {
        let now = self.store.jar().now();
        let url = &self.store.names().url;
        self.store.with(|record, contents| {
            if record.can_refresh(contents, now) {
                return Ok(contents.header(url, now, ""));
            }
            Err(RefreshError::new(
                RefreshClass::Rejected,
                "there is no refresh token: its cookie has expired, or does not go to the endpoint",
            ))
        })
    }

    /// Reads the token of a 2xx answer, whose cookies are stored in any case:
    /// the old refresh token is spent.
    fn token(
        &self,
        response: &Response,
        (wall, now): (SystemTime, SystemTime),
    ) -> Result<Token, RefreshError> {
        let (access_came, held) = self.store.with(|record, contents| {
            let came = record.take_answer(contents, response.headers(), now);
            (came, record.token(contents))
        });
        if let Some(fields) = self.fields.as_ref().filter(|it| !it.access.is_empty()) {
            let token = answer::token(response, fields, "Bearer", wall)?;
            let refresh = held.as_ref().and_then(Token::refresh_token);
            return Ok(match refresh {
                Some(refresh) => token.refresh(refresh.clone()),
                None => token,
            });
        }
        let unusable = |what| answer::unusable(response, what);
        let token = held
            .filter(|_| access_came)
            .ok_or_else(|| unusable("the answer does not set the access token's cookie"))?;
        match token.check() {
            Ok(()) => Ok(token),
            Err(source) => {
                Err(unusable("the cookie's value cannot be sent as a token").with_source(source))
            }
        }
    }
}

fn no_fields() -> Fields {
    Fields::named(&[], &[], &["expires_in", "expiresIn"])
}

#[async_trait]
impl Refresher for CookieRefresh {
    async fn refresh(&self, client: &Client, _token: &Token) -> Result<Token, RefreshError> {
        if let Some(unfit) = self.unfit {
            return Err(RefreshError::new(RefreshClass::Config, unfit));
        }
        let mut call = client
            .request(self.method.clone(), self.store.names().url.as_str())
            .accept_any_status()
            .header(ACCEPT, "application/json");
        if let Some(cookies) = self.cookies()? {
            call = call.header(COOKIE, cookies);
        }
        for (name, value) in &self.headers {
            call = call.header(name.clone(), value.clone());
        }
        if let Some(body) = &self.body {
            call = call
                .header(CONTENT_TYPE, "application/json")
                .body(body.expose().to_owned());
        }
        // As in `OAuth2Refresh`: never longer than the token lives.
        let times = (client.runtime().wall(), self.store.jar().now());
        let response = call.await?;
        if response.status().is_success() {
            return self.token(&response, times);
        }
        let refusal = answer::refusal_of_json(&response);
        let source = match refusal.class() {
            RefreshClass::Rejected => Source::Refusal,
            _ => Source::Answer,
        };
        let url = &self.store.names().url;
        let mut contents = self.store.jar().lock();
        contents.store(url, response.headers(), times.1, source);
        drop(contents);
        Err(refusal)
    }

    fn endpoints(&self) -> Vec<&str> {
        vec![self.store.names().url.as_str()]
    }
}

impl fmt::Debug for CookieRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieRefresh")
            .field("method", &self.method)
            .field("fields", &self.fields)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
