//! The query of a client's calls.

use std::sync::Arc;

use serde::Serialize;

use super::{ClientBuilder, Defaults, defaults::on_both};
use crate::{
    error::Result,
    query::{ArrayFormat, Parameters, QueryFormat},
};

on_both! {
    /// Gives calls query parameters (axios: `params`), each unless the call
    /// has one of that key; see [`Call::query`](crate::client::Call::query).
    ///
    /// Given again, they take the place of earlier ones in the same way. As
    /// one may be a key, only calls on the base's origin get them, where there
    /// is a base (axios: all).
    #[doc(alias = "params")]
    pub fn query(mut self, parameters: &(impl Serialize + ?Sized)) -> Self {
        match Parameters::from_value(parameters) {
            Ok(more) => self.config.query = more.over(&self.config.query),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Takes a parameter off.
    pub fn without_query(mut self, key: impl AsRef<str>) -> Self {
        self.config.query.remove(key.as_ref());
        self
    }

    /// Sets how arrays in queries and forms are written; default
    /// [`ArrayFormat::Repeat`] (axios: `paramsSerializer.indexes`). The rest of
    /// [`query_format`](Self::query_format) and of
    /// [`form_format`](Self::form_format) stays.
    #[doc(alias = "indexes")]
    #[doc(alias = "formSerializer")]
    pub fn array_format(mut self, format: ArrayFormat) -> Self {
        self.config.formats.set_arrays(format);
        self
    }

    /// Sets how queries are written (axios: the options of
    /// `paramsSerializer`); replaces an earlier format as a whole, its arrays
    /// included.
    ///
    /// ```
    /// use serde_json::json;
    /// use tollgate::{MockAdapter, QueryFormat, blocking::Client};
    ///
    /// let client = Client::builder(MockAdapter::new())
    ///     .query_format(QueryFormat::new().dots(true).max_depth(3))
    ///     .build()?;
    /// let call = client.get("http://h/").query(&json!({"a": {"b": [1, 2]}}));
    /// assert_eq!(client.uri_for(&call)?, "http://h/?a.b.0=1&a.b.1=2");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "paramsSerializer")]
    pub fn query_format(mut self, format: impl Into<QueryFormat>) -> Self {
        self.config.formats.query = format.into();
        self
    }

    /// Sets how forms are written (axios: `formSerializer`); replaces an
    /// earlier format as a whole.
    #[doc(alias = "formSerializer")]
    pub fn form_format(mut self, format: impl Into<QueryFormat>) -> Self {
        self.config.formats.form = format.into();
        self
    }

    /// Lets a function write queries (axios: `paramsSerializer`).
    ///
    /// It is called once for a call that has parameters, with all of them, and
    /// its text is put behind the address; what may not stand there is
    /// percent-encoded. [`Parameters`] serialise, so any crate for queries can
    /// write them. Forms are not its business.
    ///
    /// An error of its own is the source of an
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest), and one of
    /// tollgate's stays as it is; either, or a panic, fails the call before
    /// anything is sent.
    #[doc(alias = "paramsSerializer")]
    #[doc(alias = "serialize")]
    pub fn query_serializer(
        mut self,
        serialize: impl Fn(&Parameters) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.config.query_serializer = Some(Arc::new(serialize));
        self
    }

    /// Has queries written by [`query_format`](Self::query_format): the
    /// default.
    pub fn without_query_serializer(mut self) -> Self {
        self.config.query_serializer = None;
        self
    }
}
