//! What a call sends.

use serde::Serialize;

use super::Call;
use crate::{
    body::{Body, Multipart},
    client::query,
    error::{Error, ErrorKind},
};

impl<E> Call<E> {
    /// Sends a value as JSON; sets `Content-Type` unless the call or the
    /// client has one.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.typed(bytes.into(), "application/json"),
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
    pub fn form(mut self, parameters: &(impl Serialize + ?Sized)) -> Self {
        match query::encode(parameters) {
            Ok(text) => self.typed(text.into(), "application/x-www-form-urlencoded"),
            Err(error) => self.fail(error),
        }
        self
    }

    fn typed(&mut self, body: Body, content_type: &'static str) {
        *self.draft.request.body_mut() = body;
        self.draft.content_type = Some(content_type);
    }

    /// Sends a form of several parts; sets `Content-Type` unless it is set.
    ///
    /// A `multipart/…` type of the call's without a boundary is completed, one
    /// with another boundary is an error. The client's default yields.
    #[doc(alias = "postForm")]
    #[doc(alias = "formdata")]
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
        self.draft.content_type = None;
        self
    }
}
