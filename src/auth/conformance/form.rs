//! Parameters of queries and forms, and base64.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

/// Decoded parameters, each of which came once (RFC 6749 §3.1).
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`; `None` if a parameter comes
    /// twice or is no UTF-8.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut all = HashMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if all.insert(decoded(name)?, decoded(value)?).is_some() {
                return None;
            }
        }
        Some(Self(all))
    }

    /// Returns a parameter that is there and is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        (!value.is_empty()).then_some(value)
    }
}

fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes as `Authorization: Basic` wants it, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = encoded(bytes, STANDARD);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Encodes as JOSE and PKCE want it, without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    encoded(bytes, URL_SAFE)
}

fn encoded(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..=chunk.len() {
            let value = bits >> (18 - 6 * digit) & 63;
            let letter = alphabet.get(value as usize).copied().unwrap_or(b'A');
            text.push(char::from(letter));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn a_form_is_decoded_and_a_doubled_name_refused() {
        let form = Form::parse("a=b+c%26&d=&e").unwrap();
        assert_eq!(form.get("a"), Some("b c&"));
        assert_eq!(form.get("d"), None);
        assert_eq!(form.get("e"), None);
        assert!(Form::parse("a=1&a=1").is_none());
        assert!(Form::parse("a=%ff").is_none());
    }
}
