//! The query of a call.

use std::sync::Arc;

use serde::Serialize;

use super::Call;
use crate::{
    config::Setting,
    error::Result,
    query::{ArrayFormat, Parameters},
};

impl<E> Call<E> {
    /// Adds query parameters (axios: `params`): a map, a struct or a list of
    /// pairs.
    ///
    /// They come behind the query that the target has; its fragment is cut
    /// off. `None` is left out, nested values have their path in brackets,
    /// down to a depth of 100, and an array is written by
    /// [`array_format`](Self::array_format). A date is the text that its type
    /// serialises to.
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
        match Parameters::of(parameters) {
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

    /// Sets how arrays in the call's query and form are written.
    #[doc(alias = "formSerializer")]
    pub fn array_format(mut self, format: ArrayFormat) -> Self {
        self.rare().array_format = Some(format);
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

    /// Has the call's query written by [`array_format`](Self::array_format).
    pub fn without_query_serializer(mut self) -> Self {
        self.rare().query_serializer = Setting::Unset;
        self
    }
}
