//! [`JsonRefresh`]: a token endpoint of one's own, in JSON.

use std::fmt;

use async_trait::async_trait;
use http::header::ACCEPT;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    RefreshError, Refresher,
    answer::{self, Fields},
    spendable,
};
use crate::{
    Client,
    auth::{Secret, Token},
};

/// Refreshes at an endpoint that takes and gives JSON.
///
/// By default it posts `{"token": "…"}` and reads the names that such servers
/// use: `access_token`, `accessToken` or `token`; `refresh_token` or
/// `refreshToken`; `expires_in` or `expiresIn`. A name may be a path with dots.
/// An answer of 401 or 403 in JSON ends the session.
///
/// ```
/// use tollgate::auth::JsonRefresh;
///
/// // POST /auth/refresh-token  {"refreshToken": "r1"}
/// //   200  {"data": {"jwt": "a2", "ttl": 900}}
/// let refresher = JsonRefresh::new("/auth/refresh-token")
///     .request_field("refreshToken")
///     .access_field("data.jwt")
///     .expires_in_field("data.ttl");
/// # drop(refresher);
/// ```
#[derive(Clone)]
pub struct JsonRefresh {
    url: String,
    request_field: String,
    fields: Fields,
    extra: Vec<(String, Secret)>,
}

impl JsonRefresh {
    /// Creates a refresher. `url` is absolute, or relative to the client's
    /// `base_url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            request_field: "token".to_owned(),
            fields: Fields::named(
                &["access_token", "accessToken", "token"],
                &["refresh_token", "refreshToken"],
                &["expires_in", "expiresIn"],
            ),
            extra: Vec::new(),
        }
    }

    /// Sets the name under which the refresh token is sent; default `token`.
    #[must_use]
    pub fn request_field(mut self, name: impl Into<String>) -> Self {
        self.request_field = name.into();
        self
    }

    /// Sets where an answer holds the access token.
    #[must_use]
    pub fn access_field(mut self, path: impl Into<String>) -> Self {
        self.fields.access = vec![path.into()];
        self
    }

    /// Sets where an answer holds the next refresh token.
    #[must_use]
    pub fn refresh_field(mut self, path: impl Into<String>) -> Self {
        self.fields.refresh = vec![path.into()];
        self
    }

    /// Sets where an answer holds the lifetime, in seconds.
    #[must_use]
    pub fn expires_in_field(mut self, path: impl Into<String>) -> Self {
        self.fields.expires_in = vec![path.into()];
        self
    }

    /// Adds a text that the server wants beside the token.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }
}

/// The body, whose texts are not copied before they are written.
struct Body<'a> {
    refresher: &'a JsonRefresh,
    token: &'a str,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let extra = &self.refresher.extra;
        let mut map = serializer.serialize_map(Some(extra.len() + 1))?;
        map.serialize_entry(&self.refresher.request_field, self.token)?;
        for (name, value) in extra {
            map.serialize_entry(name, value.expose())?;
        }
        map.end()
    }
}

#[async_trait]
impl Refresher for JsonRefresh {
    async fn refresh(&self, client: &Client, token: &Token) -> Result<Token, RefreshError> {
        let body = Body {
            refresher: self,
            token: spendable(token)?,
        };
        // As in `OAuth2Refresh`: never longer than the token lives.
        let now = client.runtime().wall();
        let response = client
            .post(&self.url)
            .accept_any_status()
            .header(ACCEPT, "application/json")
            .json(&body)
            .await?;
        if !response.status().is_success() {
            return Err(answer::refusal_of_json(&response));
        }
        answer::token(&response, &self.fields, token.scheme(), now)
    }

    fn endpoints(&self) -> Vec<&str> {
        vec![&self.url]
    }
}

impl fmt::Debug for JsonRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRefresh")
            .field("request_field", &self.request_field)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
