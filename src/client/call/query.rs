//! The query of a call.

use std::sync::Arc;

use serde::Serialize;

use super::Call;
use crate::{
    config::Setting,
    error::Result,
    query::{ArrayFormat, Parameters, QueryFormat},
};

impl<E> Call<E> {
    /// Adds query parameters (axios: `params`): a map, a struct or a list of
    /// pairs.
    ///
    /// They come behind the query that the target has; its fragment is cut
    /// off. `None` is left out, nested values have their path in brackets,
    /// down to a depth of 100, and an array is written by
    /// [`array_format`](Self::array_format); [`query_format`](Self::query_format)
    /// changes all of it. A date is the text that its type serialises to.
    ///
    /// A parameter takes the place of the client's of the same key; a map is
    /// merged with the client's map. `None` takes the client's off.
    ///
    /// ```
    /// use serde_json::json;
    /// use tollgate::{Client, MockAdapter};
    ///
    /// let client = Client::new(MockAdapter::new());
    /// let call = client
    ///     .get("http://h/users?sort=name#top")
    ///     .query(&[("page", Some(2)), ("size", None)])
    ///     .query(&json!({"ids": [3, 4], "born": {"after": "2000-01-01"}}));
    /// assert_eq!(
    ///     client.uri_for(&call)?,
    ///     "http://h/users?sort=name&page=2&born%5Bafter%5D=2000-01-01&ids=3&ids=4"
    /// );
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "params")]
    pub fn query(mut self, parameters: &(impl Serialize + ?Sized)) -> Self {
        match Parameters::from_value(parameters) {
            Ok(parameters) => self.draft.query.append(parameters),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Takes a parameter off, the call's and the client's.
    pub fn without_query(mut self, key: impl Into<String>) -> Self {
        self.draft.query.unset(key.into());
        self
    }

    /// Sets how arrays in the call's query and form are written; the rest of
    /// [`query_format`](Self::query_format) and of
    /// [`form_format`](Self::form_format) stays.
    #[doc(alias = "indexes")]
    pub fn array_format(mut self, format: ArrayFormat) -> Self {
        self.rare().formats.set_arrays(format);
        self
    }

    /// Sets how the call's query is written, in place of the client's format;
    /// see [`ClientBuilder::query_format`](crate::ClientBuilder::query_format).
    #[doc(alias = "paramsSerializer")]
    pub fn query_format(mut self, format: impl Into<QueryFormat>) -> Self {
        self.rare().formats.query = Some(format.into());
        self
    }

    /// Sets how the call's form is written, in place of the client's format;
    /// see [`ClientBuilder::form_format`](crate::ClientBuilder::form_format).
    #[doc(alias = "formSerializer")]
    pub fn form_format(mut self, format: impl Into<QueryFormat>) -> Self {
        self.rare().formats.form = Some(format.into());
        self
    }

    /// Lets a function write the call's query; see
    /// [`ClientBuilder::query_serializer`](crate::ClientBuilder::query_serializer).
    #[doc(alias = "paramsSerializer")]
    #[doc(alias = "serialize")]
    pub fn query_serializer(
        mut self,
        serialize: impl Fn(&Parameters) -> Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.rare().query_serializer = Setting::Set(Arc::new(serialize));
        self
    }

    /// Has the call's query written by [`query_format`](Self::query_format).
    pub fn without_query_serializer(mut self) -> Self {
        self.rare().query_serializer = Setting::Unset;
        self
    }
}
