//! [`QueryFormat`]: how parameters become text.

use std::{borrow::Cow, fmt, sync::Arc};

use super::{DEPTH_LIMIT, MAX_DEPTH, Target};

/// How an array in parameters is written (axios: `indexes`).
///
/// | | `{"a": [1, 2]}` | axios |
/// |---|---|---|
/// | `Repeat` | `a=1&a=2` | `indexes: null` |
/// | `Brackets` | `a[]=1&a[]=2` | `indexes: false`, its default |
/// | `Indices` | `a[0]=1&a[1]=2` | `indexes: true` |
/// | `Comma` | `a=1,2` | – |
///
/// The brackets are percent-encoded, as in axios. Also as there, an array that
/// holds arrays or objects, or that stands in one, is written with indices in
/// every format; and `null` is left out.
///
/// ```
/// use tollgate::{ArrayFormat, Client, MockAdapter};
///
/// let client = Client::builder(MockAdapter::new())
///     .array_format(ArrayFormat::Comma)
///     .build()?;
/// let call = client.get("http://h/").query(&[("id", [3, 4])]);
/// assert_eq!(client.uri_for(&call)?, "http://h/?id=3,4");
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ArrayFormat {
    /// The key, once more for each item: what most servers read.
    #[default]
    Repeat,
    /// The key with `[]` behind it: PHP, Rails, axios's default.
    Brackets,
    /// The key with the item's index in brackets.
    Indices,
    /// One key, the items with commas between; a comma in an item is encoded.
    Comma,
}

/// Encodes a key or a value; gets the default as well.
pub(super) type Encode = Arc<dyn Fn(&str, &dyn Fn(&str) -> String) -> String + Send + Sync>;

/// How parameters are written (axios: `paramsSerializer`, `formSerializer`).
///
/// | here | default | axios |
/// |---|---|---|
/// | [`array_format`](Self::array_format) | [`ArrayFormat::Repeat`] | `indexes` |
/// | [`dots`](Self::dots) | `false` | `dots` |
/// | [`meta_tokens`](Self::meta_tokens) | `true` | `metaTokens` |
/// | [`max_depth`](Self::max_depth) | 100 | `maxDepth` |
/// | [`encode`](Self::encode) | percent-encoding | `encode` |
///
/// The key of an object or an array that ends in `{}` has its value as JSON
/// text, as in axios. For `serialize` and `visitor` there is
/// [`query_serializer`](crate::ClientBuilder::query_serializer).
///
/// ```
/// use serde_json::json;
/// use tollgate::{ArrayFormat, Client, MockAdapter, QueryFormat};
///
/// let format = QueryFormat::new().dots(true).array_format(ArrayFormat::Indices);
/// let client = Client::builder(MockAdapter::new())
///     .query_format(format)
///     .build()?;
/// let call = client.get("http://h/").query(&json!({"a": {"b": 1}, "c": [2], "d{}": {"e": 3}}));
/// let query = "a.b=1&c.0=2&d%7B%7D=%7B%22e%22:3%7D";
/// assert_eq!(client.uri_for(&call)?.query(), Some(query));
/// # Ok::<(), tollgate::Error>(())
/// ```
#[doc(alias = "paramsSerializer")]
#[doc(alias = "formSerializer")]
#[derive(Clone)]
#[must_use = "give it to a client or a call"]
pub struct QueryFormat {
    pub(super) arrays: ArrayFormat,
    pub(super) dots: bool,
    pub(super) meta_tokens: bool,
    pub(super) max_depth: usize,
    pub(super) encode: Option<Encode>,
}

impl QueryFormat {
    /// Creates the default format.
    pub fn new() -> Self {
        Self {
            arrays: ArrayFormat::default(),
            dots: false,
            meta_tokens: true,
            max_depth: MAX_DEPTH,
            encode: None,
        }
    }

    /// Sets how arrays are written.
    #[doc(alias = "indexes")]
    pub fn array_format(mut self, format: ArrayFormat) -> Self {
        self.arrays = format;
        self
    }

    /// Writes nested keys as `a.b` in place of `a[b]`.
    pub fn dots(mut self, dots: bool) -> Self {
        self.dots = dots;
        self
    }

    /// Keeps the `{}` at the end of a key whose value is written as JSON, or
    /// takes it off. The value is JSON in both cases, as in axios.
    #[doc(alias = "metaTokens")]
    pub fn meta_tokens(mut self, keep: bool) -> Self {
        self.meta_tokens = keep;
        self
    }

    /// Sets how deep parameters may be nested, 0 for not at all; at most 256,
    /// which also holds for a larger value. An array of single values at the
    /// top is not nested.
    #[doc(alias = "maxDepth")]
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth.min(DEPTH_LIMIT);
        self
    }

    /// Lets a function encode keys and values; its second argument is what
    /// would be done without it.
    ///
    /// The text is sent as it is, but for what may not stand in an address; a
    /// key is the whole path, as `a[b]`. A panic in it fails the call.
    ///
    /// ```
    /// use tollgate::{Client, MockAdapter, QueryFormat};
    ///
    /// let spaces = QueryFormat::new().encode(|text, default| default(text).replace('+', "%20"));
    /// let client = Client::builder(MockAdapter::new()).query_format(spaces).build()?;
    /// let call = client.get("http://h/").query(&[("q", "a b")]);
    /// assert_eq!(client.uri_for(&call)?, "http://h/?q=a%20b");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn encode(
        mut self,
        encode: impl Fn(&str, &dyn Fn(&str) -> String) -> String + Send + Sync + 'static,
    ) -> Self {
        self.encode = Some(Arc::new(encode));
        self
    }

    /// Returns how arrays are written.
    pub(crate) fn arrays(&self) -> ArrayFormat {
        self.arrays
    }

    /// Tells whether code of the user's takes part.
    pub(crate) fn is_custom(&self) -> bool {
        self.encode.is_some()
    }
}

impl Default for QueryFormat {
    fn default() -> Self {
        Self::new()
    }
}

impl From<ArrayFormat> for QueryFormat {
    fn from(format: ArrayFormat) -> Self {
        Self::new().array_format(format)
    }
}

impl fmt::Debug for QueryFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryFormat")
            .field("array_format", &self.arrays)
            .field("dots", &self.dots)
            .field("meta_tokens", &self.meta_tokens)
            .field("max_depth", &self.max_depth)
            .field("encode", &self.encode.as_ref().map(|_| "custom"))
            .finish()
    }
}

/// How a client writes parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Formats {
    pub(crate) query: QueryFormat,
    pub(crate) form: QueryFormat,
}

impl Formats {
    pub(crate) fn of(&self, target: Target) -> &QueryFormat {
        match target {
            Target::Query => &self.query,
            Target::Form => &self.form,
        }
    }

    pub(crate) fn set_arrays(&mut self, format: ArrayFormat) {
        self.query.arrays = format;
        self.form.arrays = format;
    }
}

/// How a call writes them differently.
#[derive(Default)]
pub(crate) struct FormatChanges {
    /// Of what is inherited; a format of the call's own has it inside.
    arrays: Option<ArrayFormat>,
    pub(crate) query: Option<QueryFormat>,
    pub(crate) form: Option<QueryFormat>,
}

impl FormatChanges {
    pub(crate) fn set_arrays(&mut self, format: ArrayFormat) {
        self.arrays = Some(format);
        for own in [&mut self.query, &mut self.form].into_iter().flatten() {
            own.arrays = format;
        }
    }

    /// Merges with how the client writes what goes to `target`.
    pub(crate) fn merge<'a>(
        &'a self,
        target: Target,
        of_client: &'a Formats,
    ) -> Cow<'a, QueryFormat> {
        let own = match target {
            Target::Query => &self.query,
            Target::Form => &self.form,
        };
        let inherited = of_client.of(target);
        match (own, self.arrays) {
            (Some(own), _) => Cow::Borrowed(own),
            (None, None) => Cow::Borrowed(inherited),
            (None, Some(arrays)) => Cow::Owned(inherited.clone().array_format(arrays)),
        }
    }
}
