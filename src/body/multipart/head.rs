//! The lines above a part.

use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderValue, header};

/// What stands above a part.
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) file_name: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
}

impl Head<'_> {
    /// Writes boundary, headers and the empty line.
    pub(super) fn write(&self, boundary: &str, out: &mut BytesMut) {
        out.put_slice(b"--");
        out.put_slice(boundary.as_bytes());
        out.put_slice(b"\r\nContent-Disposition: form-data; name=\"");
        out.put_slice(escaped(self.name).as_bytes());
        if let Some(file_name) = self.file_name {
            out.put_slice(b"\"; filename=\"");
            out.put_slice(escaped(file_name).as_bytes());
        }
        out.put_slice(b"\"\r\n");
        let default = self
            .file_name
            .map(|_| HeaderValue::from_static("application/octet-stream"));
        if let Some(value) = self.headers.get(header::CONTENT_TYPE).or(default.as_ref()) {
            line(out, "Content-Type", value);
        }
        for (name, value) in self.headers {
            if *name != header::CONTENT_TYPE {
                line(out, name.as_str(), value);
            }
        }
        out.put_slice(b"\r\n");
    }
}

/// A `HeaderValue` holds no control character but the tab.
fn line(out: &mut BytesMut, name: &str, value: &HeaderValue) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value.as_bytes());
    out.put_slice(b"\r\n");
}

/// Writes `"`, CR and LF as `%22`, `%0D` and `%0A`, as browsers do (WHATWG,
/// "multipart/form-data encoding"), and other control characters likewise.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '"' || character.is_ascii_control() {
            out.push_str(&format!("%{:02X}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, file_name: Option<&str>, headers: &HeaderMap) -> String {
        let mut out = BytesMut::new();
        let head = Head {
            name,
            file_name,
            headers,
        };
        head.write("B", &mut out);
        String::from_utf8(out.into()).unwrap()
    }

    #[test]
    fn a_field_has_its_name_only() {
        assert_eq!(
            written("a", None, &HeaderMap::new()),
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
        );
    }

    #[test]
    fn a_file_is_bytes_unless_it_says_more() {
        assert_eq!(
            written("a", Some("b"), &HeaderMap::new()),
            "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let mut headers = HeaderMap::new();
        headers.insert("x-more", HeaderValue::from_static("1"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
        assert_eq!(
            written("a", Some("b"), &headers),
            "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\
             Content-Type: image/png\r\nx-more: 1\r\n\r\n"
        );
    }

    #[test]
    fn nothing_leaves_its_quotes_or_its_line() {
        for (text, expected) in [
            ("a\"b", "a%22b"),
            ("a\r\nX-I: 1", "a%0D%0AX-I: 1"),
            ("\"; filename=\"evil", "%22; filename=%22evil"),
            ("\0\t\x7f", "%00%09%7F"),
            ("gr\u{fc}n \u{2603}\u{1f600}", "gr\u{fc}n \u{2603}\u{1f600}"),
            ("100%22 back\\slash", "100%22 back\\slash"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
