//! Forms made of a value, and a value made of a form.

use serde::{Serialize, de::DeserializeOwned};

use super::{Multipart, Part, part::Content};
use crate::{
    error::{Error, ErrorKind, Mismatch, Result},
    query::{Parameters, QueryFormat, gather},
};

impl Multipart {
    /// Creates a form of a value: a part of text for each field (axios:
    /// `toFormData`, `postForm(url, object)`).
    ///
    /// A map, a struct or a list of pairs; keys, nesting and arrays are those
    /// of [`Call::form`](crate::client::Call::form), and `null` is left out.
    /// serde knows no files: add them to the form.
    ///
    /// ```
    /// use serde_json::json;
    /// use tollgate::{Multipart, Part};
    ///
    /// let form = Multipart::from_value(&json!({"title": "notes", "by": {"name": "Ada"}}))?
    ///     .part("file", Part::bytes("the text").file_name("a.txt"));
    /// let names = format!("{form:?}");
    /// assert!(names.contains("title") && names.contains("by[name]") && names.contains("a.txt"));
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Parameters::from_value`]; deeper than 100 is an error too.
    #[doc(alias = "toFormData")]
    #[doc(alias = "postForm")]
    pub fn from_value(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Self::from_value_with(value, &QueryFormat::new())
    }

    /// Creates a form of a value by a format (axios: `formSerializer`).
    ///
    /// Nothing is encoded in such a form:
    /// [`QueryFormat::encode`] has no part in it, and
    /// [`ArrayFormat::Comma`](crate::ArrayFormat::Comma) joins the items as
    /// they are.
    ///
    /// # Errors
    ///
    /// As [`Parameters::from_value`] and [`Parameters::encode_with`].
    #[doc(alias = "formSerializer")]
    pub fn from_value_with(
        value: &(impl Serialize + ?Sized),
        format: &QueryFormat,
    ) -> Result<Self> {
        let pairs = Parameters::from_value(value)?.pairs(format)?.into_iter();
        Ok(pairs.fold(Self::new(), |form, (name, text)| form.text(name, text)))
    }

    /// Returns the form as a value (axios: `formToJSON`).
    ///
    /// Each part is a text; so are numbers. The name is a path: `a[b]` and
    /// `a.b` lead into an object, `a[]` adds to a list, `a[0]` names a place in
    /// it; a name that comes again makes a list. A name goes 100 steps deep,
    /// and `__proto__` is left out, both as in axios.
    ///
    /// ```
    /// use serde_json::{Value, json};
    /// use tollgate::Multipart;
    ///
    /// let form = Multipart::new()
    ///     .text("user[name]", "Ada")
    ///     .text("user[tags][]", "x")
    ///     .text("user[tags][]", "y");
    /// let value: Value = form.json()?;
    /// assert_eq!(value, json!({"user": {"name": "Ada", "tags": ["x", "y"]}}));
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where a part is no text in memory (a file,
    /// a reader, a stream, bytes that are not UTF-8), where a part has a
    /// mistake, or a name is too deep
    /// ([`ErrorCode::FormDepthExceeded`](crate::ErrorCode::FormDepthExceeded));
    /// [`ErrorKind::Decode`] if the value does not fit `T`.
    #[doc(alias = "formToJSON")]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let parts = self.parts.iter();
        let texts = parts.map(|(name, part)| Ok((name.as_str(), part.as_text(name)?)));
        let value = gather(texts.collect::<Result<Vec<_>>>()?)?;
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            Error::new(
                ErrorKind::Decode,
                format!("the form is not the value that was expected, at `{path}`"),
            )
            .with_source(Mismatch::of(error.inner()))
        })
    }
}

impl Part {
    fn as_text(&self, name: &str) -> Result<&str> {
        if let Some(error) = &self.error {
            return Err(error.copy());
        }
        let bytes = match &self.content {
            Content::Body(body) if self.file_name.is_none() => body.as_bytes(),
            Content::Body(_) | Content::File(_) => None,
        };
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidRequest,
                format!("the part `{}` is no text in memory", name.escape_debug()),
            )
            .with_hint("make a value of a form that has text only, without files")
        })
    }
}
