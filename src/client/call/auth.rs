//! Who a call says that it is.

use http::{HeaderValue, header::AUTHORIZATION};

use super::Call;
use crate::{
    error::{Error, ErrorKind},
    uri::basic_header,
};

impl<E> Call<E> {
    /// Sends `Authorization: Bearer …` (RFC 6750); the value is sensitive.
    pub fn bearer_auth(mut self, token: impl AsRef<str>) -> Self {
        let text = zeroize::Zeroizing::new(format!("Bearer {}", token.as_ref()));
        match HeaderValue::from_str(&text) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.draft
                    .request
                    .headers_mut()
                    .insert(AUTHORIZATION, value);
            }
            Err(_) => self.fail(
                Error::new(
                    ErrorKind::InvalidRequest,
                    "the bearer token cannot stand in the header `authorization`",
                )
                .with_hint("it must not hold control characters"),
            ),
        }
        self
    }

    /// Sends `Authorization: Basic …` in UTF-8 (RFC 7617); it beats user-info
    /// in the address and a header of the client's.
    pub fn basic_auth(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let value = basic_header(user.as_ref().as_bytes(), password.as_ref().as_bytes());
        self.draft
            .request
            .headers_mut()
            .insert(AUTHORIZATION, value);
        self
    }
}
