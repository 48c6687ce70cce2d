//! Who a call says that it is.

use super::Call;
use crate::{client::credentials, config::Setting};

impl<E> Call<E> {
    /// Sends `Authorization: Bearer …` (RFC 6750); the value is sensitive.
    ///
    /// As [`basic_auth`](Self::basic_auth), it beats a header; of the two, the
    /// later one is sent. A token that is no `b64token` of at most 16384 bytes
    /// is an error, which does not show it.
    pub fn bearer_auth(mut self, token: impl AsRef<str>) -> Self {
        match credentials::bearer(token.as_ref()) {
            Ok(value) => self.rare().auth = Setting::Set(value),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sends `Authorization: Basic …` in UTF-8 (RFC 7617; axios: `auth`).
    ///
    /// It beats user-info in the address, and a header `Authorization` of the
    /// call's or the client's, whatever came first. A user with a `:` in it is
    /// read as a shorter one by the server: the scheme has no other way.
    #[doc(alias = "auth")]
    pub fn basic_auth(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let value = credentials::basic(user.as_ref(), password.as_ref());
        self.rare().auth = Setting::Set(value);
        self
    }

    /// Takes off what `basic_auth` or `bearer_auth` of the client's or of the
    /// call's has set; a header `Authorization` is sent again.
    pub fn without_auth(mut self) -> Self {
        self.rare().auth = Setting::Unset;
        self
    }
}
