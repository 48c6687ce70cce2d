//! [`Multipart`]: the form in the making.

use std::{fmt, path::PathBuf, sync::Arc};

use bytes::{BufMut, Bytes};

use super::{Form, Part, boundary, file::FileSource, head::Head, part::Content, pieces::Pieces};
use crate::{body::Body, error::Result};

/// A form of several parts, `multipart/form-data` (RFC 7578; axios: `FormData`).
///
/// [`Call::multipart`](crate::client::Call::multipart) sends it. It can be sent
/// again, after a 401 or where a redirect asks for it, and has the same bytes
/// then: the boundary is drawn when the form is made, at random, and files and
/// readers are opened for each attempt. Only a part of a one-shot [`Body`] makes
/// the form one-shot.
///
/// It is read while it is sent; only what was given as text or bytes is in
/// memory. Files and readers block the thread that sends: with an async client,
/// give slow ones as [`Part::body`] of a [`Body::stream`]. If the length of each
/// part is known the form is sent with its `Content-Length`, and
/// `max_request_bytes` is checked before anything is sent; in chunks otherwise.
///
/// Names and file names are UTF-8; `"`, CR, LF and other control characters
/// stand in them as `%22`, `%0D`, `%0A`…, as browsers write them. The number of
/// parts has no limit here.
///
/// ```
/// use tollgate::{Client, MockAdapter, Multipart, Part};
///
/// # tollgate::runtime::block_on(async {
/// let mock = MockAdapter::new();
/// let client = Client::new(mock.clone());
/// let form = Multipart::new()
///     .text("title", "holiday")
///     .part("photo", Part::bytes("\u{1f3d6}").file_name("beach.png").content_type("image/png"));
/// let boundary = form.boundary().to_owned();
/// client.post("http://h/photos").multipart(form).await?;
///
/// let sent = &mock.requests()[0];
/// assert_eq!(
///     sent.headers()["content-type"],
///     format!("multipart/form-data; boundary={boundary}"),
/// );
/// let text = String::from_utf8_lossy(sent.body());
/// assert!(text.contains("name=\"photo\"; filename=\"beach.png\""));
/// # Ok::<(), tollgate::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "FormData")]
#[must_use = "a form does nothing until it is sent"]
pub struct Multipart {
    boundary: String,
    pub(super) parts: Vec<(String, Part)>,
}

impl Multipart {
    /// Creates a form without parts, and draws its boundary.
    pub fn new() -> Self {
        Self {
            boundary: boundary::random(),
            parts: Vec::new(),
        }
    }

    /// Adds text: a field without a file name or a type.
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.part(name, Part::text(value))
    }

    /// Adds bytes in memory, without a file name or a type.
    pub fn bytes(self, name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.part(name, Part::bytes(bytes))
    }

    /// Adds a file; see [`Part::file`].
    pub fn file(self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.part(name, Part::file(path))
    }

    /// Adds a part; several may have the same name and keep their order.
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// Returns the line between the parts: 32 hexadecimal digits.
    #[must_use]
    pub fn boundary(&self) -> &str {
        &self.boundary
    }

    /// Makes the form a body, which knows its type: [`Call::body`] and
    /// [`Request::set_body`] set the `Content-Type` with it.
    ///
    /// This looks up the length of each file.
    ///
    /// [`Call::body`]: crate::client::Call::body
    /// [`Request::set_body`]: crate::Request::set_body
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) where a
    /// part's header is not valid, a file is missing or not regular, or the
    /// declared lengths do not fit into 64 bits.
    pub fn into_body(self) -> Result<Body> {
        let mut pieces = Pieces::default();
        let mut files = Vec::new();
        for (name, part) in self.parts {
            let part = part.checked()?;
            let head = Head {
                name: &name,
                file_name: part.file_name.as_deref(),
                headers: &part.headers,
            };
            pieces.write(|out| head.write(&self.boundary, out))?;
            match part.content {
                Content::Body(body) => {
                    let label = format!("the part `{}`", name.escape_debug());
                    pieces.push(body, part.length, label)?;
                }
                Content::File(path) => {
                    let file = Arc::new(FileSource::find(path)?);
                    files.push(Arc::clone(&file));
                    let (length, label) = (file.length(), file.label());
                    let body = Body::factory(move || file.body());
                    pieces.push(body, Some(length), label)?;
                }
            }
            pieces.write(|out| out.put_slice(b"\r\n"))?;
        }
        pieces.write(|out| {
            out.put_slice(b"--");
            out.put_slice(self.boundary.as_bytes());
            out.put_slice(b"--\r\n");
        })?;
        let mut body = pieces.into_body();
        body.form = Some(Arc::new(Form::new(self.boundary, files)?));
        Ok(body)
    }
}

impl Default for Multipart {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Multipart {
    /// Shows the names and what kind each part is of, no values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.parts.iter().map(|(name, part)| (name, part)))
            .finish()
    }
}
