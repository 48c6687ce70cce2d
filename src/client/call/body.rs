//! What a call sends.

use serde::Serialize;

use super::Call;
use crate::{
    body::{Body, Multipart},
    error::{Error, ErrorKind},
    pipeline::Implied,
    query::Parameters,
};

impl<E> Call<E> {
    /// Sends a value as JSON; sets `Content-Type` unless the call or the
    /// client has one.
    #[doc(alias = "send_json")]
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => {
                *self.draft.request.body_mut() = bytes.into();
                self.draft.implied = Implied::Type("application/json");
            }
            Err(source) => self.fail(
                Error::new(
                    ErrorKind::InvalidRequest,
                    "the body cannot be serialised as JSON",
                )
                .with_source(source),
            ),
        }
        self
    }

    /// Sends parameters as a form; sets `Content-Type` unless the call or the
    /// client has one.
    ///
    /// A map, a struct or a list of pairs, nested as deep as 100; arrays by
    /// [`array_format`](Self::array_format), and all of it by
    /// [`form_format`](Self::form_format). axios writes them with brackets
    /// unless told otherwise, here a key is repeated, as a browser's form does.
    ///
    /// ```
    /// use serde_json::json;
    /// use tollgate::{ArrayFormat, MockAdapter, blocking::Client};
    ///
    /// let mock = MockAdapter::new();
    /// let form = json!({"a": [1, 2], "b": {"c": "x y", "none": null}});
    /// let call = Client::new(mock.clone()).post("http://h/").form(&form);
    /// call.array_format(ArrayFormat::Brackets).send()?;
    /// assert_eq!(&mock.requests()[0].body()[..], b"a%5B%5D=1&a%5B%5D=2&b%5Bc%5D=x+y");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[doc(alias = "URLSearchParams")]
    #[doc(alias = "send_form")]
    pub fn form(mut self, parameters: &(impl Serialize + ?Sized)) -> Self {
        match Parameters::from_value(parameters) {
            Ok(parameters) => {
                *self.draft.request.body_mut() = Body::empty();
                self.draft.implied = Implied::Form(parameters);
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sends a form of several parts; sets `Content-Type` unless it is set.
    ///
    /// A `multipart/…` type of the call's without a boundary is completed, one
    /// with another boundary is an error. The client's default yields.
    #[doc(alias = "postForm")]
    #[doc(alias = "formdata")]
    #[doc(alias = "putForm")]
    #[doc(alias = "patchForm")]
    #[doc(alias = "toFormData")]
    pub fn multipart(mut self, form: Multipart) -> Self {
        match form.into_body() {
            Ok(body) => self.body(body),
            Err(error) => {
                self.fail(error);
                self
            }
        }
    }

    /// Sends bytes, text, a factory's bytes or a stream, without a type; a
    /// form brings its own.
    #[doc(alias = "data")]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.draft.request.body_mut() = body.into();
        self.draft.implied = Implied::Nothing;
        self
    }
}
