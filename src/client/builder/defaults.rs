//! [`Defaults`], and what it shares with the builder: address, headers,
//! credentials, extensions.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{ClientBuilder, header, name, replace};
use crate::{
    client::credentials,
    config::Config,
    error::{Error, Result},
    pipeline::read_base,
};

/// A client's defaults while they are updated; see
/// [`Client::update_defaults`](crate::client::Client::update_defaults).
///
/// It has the setters of [`ClientBuilder`], except for what a client keeps for
/// life: adapter, runtime, interceptors.
#[must_use = "return it from the closure"]
pub struct Defaults {
    pub(super) config: Config,
    error: Option<Error>,
}

impl Defaults {
    /// Lets `change` set what it wants, and returns the outcome.
    pub(in crate::client) fn change(
        config: Config,
        change: impl FnOnce(Self) -> Self,
    ) -> Result<Config> {
        let error = None;
        let changed = change(Self { config, error });
        match changed.error {
            Some(error) => Err(error),
            None => Ok(changed.config),
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

impl fmt::Debug for Defaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Defaults")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Gives a builder and [`Defaults`] the same setters.
macro_rules! on_both {
    ($($setters:tt)*) => {
        impl<E> ClientBuilder<E> { $($setters)* }
        impl Defaults { $($setters)* }
    };
}
pub(super) use on_both;

on_both! {
    /// Sets the address that relative targets are joined to (axios: `baseURL`).
    ///
    /// The join is textual: `https://h/api` and `/users` make
    /// `https://h/api/users`. User-info in it is an error.
    #[doc(alias = "baseURL")]
    pub fn base_url(mut self, url: impl AsRef<str>) -> Self {
        match read_base(url.as_ref()) {
            Ok(base) => self.config.base = Some(base),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Takes the base address off, so that calls name absolute ones.
    pub fn without_base_url(mut self) -> Self {
        self.config.base = None;
        self
    }

    /// Sets a header that calls get unless they have one of that name.
    ///
    /// A credential (`Authorization`, `Cookie`, a sensitive value) is given
    /// only to calls on the base's origin.
    #[doc(alias = "default_header")]
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        match header(name, value) {
            Ok((name, value)) => {
                self.config.headers.insert(name, value);
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sets several headers; a name with several values gets all of them.
    #[doc(alias = "common")]
    #[doc(alias = "default_headers")]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        replace(&mut self.config.headers, headers);
        self
    }

    /// Sets a header that calls of one method get unless they have one of that
    /// name (axios: `defaults.headers.post`); it beats that of
    /// [`header`](Self::header).
    #[doc(alias = "default_header_for")]
    pub fn header_for<N, V>(mut self, method: Method, name: N, value: V) -> Self
    where
        N: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        match header(name, value) {
            Ok((name, value)) => {
                let of_method = self.config.method_headers.entry(method).or_default();
                of_method.insert(name, value);
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Takes a header off, of all methods.
    pub fn without_header<N>(mut self, name: N) -> Self
    where
        N: AsRef<str> + TryInto<HeaderName, Error: Into<http::Error>>,
    {
        match self::name(name) {
            Ok(name) => {
                self.config.headers.remove(&name);
                for headers in self.config.method_headers.values_mut() {
                    headers.remove(&name);
                }
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Gives calls `Authorization: Basic …`; see
    /// [`Call::basic_auth`](crate::client::Call::basic_auth).
    ///
    /// It beats a header of the client's, and yields to all that a call says
    /// itself: credentials, a header `Authorization` (which axios drops),
    /// user-info in its address, [`without_auth`](crate::client::Call::without_auth).
    /// Only calls on the base's origin get it.
    #[doc(alias = "auth")]
    pub fn basic_auth(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        self.config.auth = Some(credentials::basic(user.as_ref(), password.as_ref()));
        self
    }

    /// Gives calls `Authorization: Bearer …`, by the same rules; see
    /// [`Call::bearer_auth`](crate::client::Call::bearer_auth).
    pub fn bearer_auth(mut self, token: impl AsRef<str>) -> Self {
        match credentials::bearer(token.as_ref()) {
            Ok(value) => self.config.auth = Some(value),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Takes off what `basic_auth` or `bearer_auth` has set.
    pub fn without_auth(mut self) -> Self {
        self.config.auth = None;
        self
    }

    /// Gives calls typed metadata unless they have some of that type; see
    /// [`Call::extension`](crate::client::Call::extension).
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.config.extensions.insert(value);
        self
    }

    /// Takes the extension of a type off.
    pub fn without_extension<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.config.extensions.remove::<T>();
        self
    }
}
