//! Reads a body that is in memory: bytes, text, a value.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::Response;
use crate::{
    error::{Error, ErrorKind, Mismatch, Result},
    uri::shortened,
};

/// A path that is longer is of no help.
const MAX_PATH: usize = 128;

impl Response {
    /// Returns the body; shared, not copied.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if the response is a stream.
    pub fn bytes(&self) -> Result<Bytes> {
        match self.0.body.as_bytes() {
            Some(bytes) => Ok(bytes.clone()),
            None => Err(Error::new(
                ErrorKind::Unsupported,
                "the response is a stream and not in memory",
            )
            .with_hint("read it with `into_body`, or do not call `stream()`")),
        }
    }

    /// Returns the beginning of the body, at most `limit` bytes, not copied;
    /// nothing of a stream.
    ///
    /// ```
    /// use tollgate::Response;
    ///
    /// let response = Response::new(http::StatusCode::OK, "a long story");
    /// assert_eq!(response.peek(6), b"a long");
    /// ```
    #[must_use]
    pub fn peek(&self, limit: usize) -> &[u8] {
        let bytes = self.0.body.as_bytes().map_or(&[][..], AsRef::as_ref);
        bytes.get(..limit).unwrap_or(bytes)
    }

    /// Returns the body as text; a byte-order mark is dropped.
    ///
    /// The charset is that of `Content-Type`, UTF-8 if it names none or one
    /// that is not known. Known are UTF-8 and ISO 8859-1, with the feature
    /// `charset` all of the WHATWG's Encoding Standard, which also goes by a
    /// byte-order mark. What does not decode becomes U+FFFD, as in axios and
    /// reqwest.
    ///
    /// ```
    /// use tollgate::Response;
    ///
    /// let mut response = Response::new(http::StatusCode::OK, &b"caf\xe9"[..]);
    /// let latin = http::HeaderValue::from_static("text/plain; charset=\"ISO-8859-1\"");
    /// response.headers_mut().insert("content-type", latin);
    /// assert_eq!(response.text()?, "café");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub fn text(&self) -> Result<String> {
        let charset = self.charset().and_then(Charset::of);
        Ok(charset.unwrap_or_default().decode(&self.bytes()?))
    }

    /// Returns the body as text in this charset, whatever `Content-Type` says;
    /// known are those of [`text`](Self::text).
    ///
    /// ```
    /// use tollgate::Response;
    ///
    /// let response = Response::new(http::StatusCode::OK, &b"caf\xe9"[..]);
    /// assert_eq!(response.text_as("iso-8859-1")?, "café");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if the charset is not known; else as
    /// [`bytes`](Self::bytes).
    #[doc(alias = "responseEncoding")]
    #[doc(alias = "text_with_charset")]
    pub fn text_as(&self, charset: &str) -> Result<String> {
        match Charset::of(charset) {
            Some(known) => Ok(known.decode(&self.bytes()?)),
            None => Err(Error::new(
                ErrorKind::Unsupported,
                format!("the charset `{}` is not known", shortened(charset)),
            )
            .with_hint(UNKNOWN_CHARSET)),
        }
    }

    /// The `charset` of `Content-Type`.
    fn charset(&self) -> Option<&str> {
        let value = self.0.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let mut parameters = value.split(';').skip(1);
        parameters.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let is_charset = name.trim().eq_ignore_ascii_case("charset");
            is_charset.then(|| value.trim().trim_matches('"'))
        })
    }

    /// Returns the body as a value; `Content-Type` is not looked at.
    ///
    /// ```
    /// use tollgate::Response;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     items: Vec<Item>,
    /// }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Item {
    ///     price: u32,
    /// }
    ///
    /// let text = r#"{"items": [{"price": 3}, {"price": "free"}]}"#;
    /// let response = Response::new(http::StatusCode::OK, text);
    /// let Err(error) = response.json::<Order>() else {
    ///     panic!("a price that is a text");
    /// };
    /// assert!(error.to_string().contains("at `items[1].price`"));
    ///
    /// let text = r#"{"items": [{"price": 3}]}"#;
    /// let order: Order = Response::new(http::StatusCode::OK, text).json()?;
    /// assert_eq!(order.items[0].price, 3);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the JSON does not fit, with the path of what
    /// did not and this response attached; the source is what serde says of it,
    /// without the value that was found. Else as [`bytes`](Self::bytes).
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let bytes = self.bytes()?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        // The path is asked for when it is needed: it costs.
        serde_json::from_slice(text).map_err(|source| {
            let what = if text.is_empty() {
                "the body is empty and not JSON".to_owned()
            } else {
                match path_of::<T>(text, &source) {
                    Some(path) => {
                        format!("the body is not the JSON that was expected, at `{path}`")
                    }
                    None => "the body is not the JSON that was expected".to_owned(),
                }
            };
            let mut error = Error::new(ErrorKind::Decode, what).with_source(Mismatch::from(source));
            if let Some(head) = &self.0.head {
                error.set_head(head.clone());
            }
            if let Some(copy) = self.try_clone() {
                error.set_response(copy);
            }
            error
        })
    }
}

/// Finds what did not fit; `None` if it is the whole, or no JSON at all.
fn path_of<T: DeserializeOwned>(text: &[u8], error: &serde_json::Error) -> Option<String> {
    if !error.is_data() {
        return None;
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let error = serde_path_to_error::deserialize::<_, T>(&mut json).err()?;
    let path = error.path().to_string();
    if path == "." || path.is_empty() {
        return None;
    }
    Some(
        path.chars()
            .filter(|it| !it.is_control())
            .take(MAX_PATH)
            .collect(),
    )
}

/// How bytes become text.
#[cfg(feature = "charset")]
struct Charset(&'static encoding_rs::Encoding);

#[cfg(feature = "charset")]
const UNKNOWN_CHARSET: &str = "give a label of the WHATWG's Encoding Standard, such as `utf-8`";

#[cfg(feature = "charset")]
impl Charset {
    fn of(label: &str) -> Option<Self> {
        encoding_rs::Encoding::for_label(label.as_bytes()).map(Self)
    }

    fn decode(self, bytes: &[u8]) -> String {
        self.0.decode(bytes).0.into_owned()
    }
}

#[cfg(feature = "charset")]
impl Default for Charset {
    fn default() -> Self {
        Self(encoding_rs::UTF_8)
    }
}

/// How bytes become text.
#[cfg(not(feature = "charset"))]
#[derive(Default)]
enum Charset {
    #[default]
    Utf8,
    Latin1,
}

#[cfg(not(feature = "charset"))]
const UNKNOWN_CHARSET: &str = "known are `utf-8` and `iso-8859-1`, more with the feature `charset`";

#[cfg(not(feature = "charset"))]
impl Charset {
    fn of(label: &str) -> Option<Self> {
        let is = |names: &[&str]| {
            names
                .iter()
                .any(|name| label.trim().eq_ignore_ascii_case(name))
        };
        if is(&["iso-8859-1", "latin1"]) {
            return Some(Self::Latin1);
        }
        is(&["utf-8", "utf8"]).then_some(Self::Utf8)
    }

    fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Self::Utf8 => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
                String::from_utf8_lossy(bytes).into_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn text(content_type: &'static str, body: &'static [u8]) -> String {
        let mut response = Response::new(StatusCode::OK, body);
        let value = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, value);
        response.text().unwrap()
    }

    #[test]
    fn the_charset_is_read_however_it_is_written() {
        for content_type in [
            "text/plain; charset=iso-8859-1",
            "text/plain;charset=ISO-8859-1; format=flowed",
            "text/plain; format=flowed; Charset = \"latin1\"",
        ] {
            assert_eq!(
                text(content_type, b"caf\xe9"),
                "caf\u{e9}",
                "{content_type}"
            );
        }
        for content_type in [
            "text/plain",
            "text/plain; charset=",
            "text/plain; charset=klingon",
        ] {
            assert_eq!(text(content_type, b"\xef\xbb\xbfcaf\xc3\xa9"), "caf\u{e9}");
            assert_eq!(text(content_type, b"caf\xe9"), "caf\u{fffd}");
        }
    }

    #[test]
    fn a_charset_that_is_asked_for_wins_and_one_that_is_not_known_is_an_error() {
        let mut response = Response::new(StatusCode::OK, &b"caf\xe9"[..]);
        let value = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, value);
        assert_eq!(response.text_as("Latin1").unwrap(), "caf\u{e9}");
        assert_eq!(response.text_as("UTF-8").unwrap(), "caf\u{fffd}");
        let error = response.text_as("klingon\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("`klingon\\n`"), "{error}");
        let error = response.text_as(&"k".repeat(5_000)).unwrap_err();
        assert!(error.to_string().len() < 300, "{error}");
    }

    #[cfg(feature = "charset")]
    #[test]
    fn every_charset_of_the_web_is_known() {
        assert_eq!(
            text("text/plain; charset=shift_jis", b"\x82\xa0"),
            "\u{3042}"
        );
        assert_eq!(
            text("text/plain; charset=windows-1252", b"\x80"),
            "\u{20ac}"
        );
        assert_eq!(text("text/plain", b"\xff\xfea\0"), "a");
    }

    #[test]
    fn the_path_of_what_does_not_fit_is_bounded_and_printable() {
        type Map = std::collections::BTreeMap<String, u32>;
        let long = "k".repeat(1_000);
        let body = format!(r#"{{"{long}": "x"}}"#);
        let error = Response::new(StatusCode::OK, body)
            .json::<Map>()
            .unwrap_err();
        assert!(error.to_string().len() < 300, "{error}");
        let body = r#"{"a\nb": "x"}"#;
        let error = Response::new(StatusCode::OK, body)
            .json::<Map>()
            .unwrap_err();
        assert!(error.to_string().contains("at `ab`"), "{error}");
        let error = Response::new(StatusCode::OK, "[]")
            .json::<u32>()
            .unwrap_err();
        assert!(!error.to_string().contains("at `"), "{error}");
    }
}
