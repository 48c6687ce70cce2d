//! Host, port and user-info.

use std::{
    fmt::{self, Write},
    net::{Ipv4Addr, Ipv6Addr},
};

use http::HeaderValue;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::{
    UriError,
    path::{HOST, class},
    shortened,
};

/// The pieces between `//` and the path.
pub(super) struct Authority {
    host: String,
    /// `None` where the scheme says it already.
    port: Option<u16>,
    pub(super) user_info: Option<UserInfo>,
}

/// `user:password` as it stood in an address, percent-decoded.
pub(crate) struct UserInfo {
    user: Zeroizing<Vec<u8>>,
    password: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserInfo([REDACTED])")
    }
}

impl UserInfo {
    /// Returns the sensitive `Basic` header value (RFC 7617).
    pub(crate) fn basic(&self) -> HeaderValue {
        basic_header(&self.user, &self.password)
    }
}

/// Builds a sensitive `Basic` header value; base64 always fits a header.
pub(crate) fn basic_header(user: &[u8], password: &[u8]) -> HeaderValue {
    let mut pair = Zeroizing::new(Vec::with_capacity(user.len() + password.len() + 1));
    pair.extend_from_slice(user);
    pair.push(b':');
    pair.extend_from_slice(password);
    let mut text = Zeroizing::new(String::from("Basic "));
    base64(&pair, &mut text);
    let mut value =
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

/// RFC 4648 §4 with padding.
fn base64(bytes: &[u8], out: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let mut group = [0_u8; 3];
        for (slot, byte) in group.iter_mut().zip(chunk) {
            *slot = *byte;
        }
        let [a, b, c] = group.map(u32::from);
        let bits = (a << 16) | (b << 8) | c;
        for place in 0..4_usize {
            if place > chunk.len() {
                out.push('=');
            } else {
                let index = (bits >> (18 - 6 * place)) & 0x3f;
                let letter = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
                out.push(char::from(letter));
            }
        }
    }
}

impl Authority {
    pub(super) fn write(&self, out: &mut String) {
        out.push_str(&self.host);
        if let Some(port) = self.port {
            // Writing to a `String` cannot fail.
            let _ = write!(out, ":{port}");
        }
    }
}

pub(super) fn parse(text: &str, scheme: &str) -> Result<Authority, UriError> {
    let (user_info, host_port) = match text.rsplit_once('@') {
        None => (None, text),
        Some((info, host)) => (Some(parse_user_info(info)), host),
    };
    let (host, port) = split_port(host_port)?;
    let host = parse_host(host)?;
    let default = if scheme == "https" { 443 } else { 80 };
    let port = match port {
        None => None,
        Some(text) => {
            let port = parse_port(text)?;
            (port != default).then_some(port)
        }
    };
    Ok(Authority {
        host,
        port,
        user_info,
    })
}

fn parse_user_info(text: &str) -> UserInfo {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    UserInfo {
        user: Zeroizing::new(percent_decode_str(user).collect()),
        password: Zeroizing::new(percent_decode_str(password).collect()),
    }
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), UriError> {
    if let Some(inside) = text.strip_prefix('[') {
        let Some((host, after)) = inside.split_once(']') else {
            return Err(bad_host(text, "close the bracket of the IPv6 address"));
        };
        let host = text.get(..host.len() + 2).unwrap_or_default();
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(bad_host(text, "write a port after the bracket as `:8080`")),
        };
    }
    Ok(match text.split_once(':') {
        None => (text, None),
        Some((host, port)) => (host, Some(port)),
    })
}

fn parse_port(text: &str) -> Result<u16, UriError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ if digits => Err(UriError::new(
            format!(
                "the port `{}` is not a number from 1 to 65535",
                shortened(text)
            ),
            "correct it, or leave it out",
        )),
        // It may be the begin of a password with an unencoded `/`, `?` or `#`.
        _ => Err(UriError::new(
            "the port is not a number from 1 to 65535",
            "correct it, or leave it out; percent-encode a password",
        )),
    }
}

fn bad_host(host: &str, hint: &'static str) -> UriError {
    UriError::new(format!("the host `{}` is not valid", shortened(host)), hint)
}

fn parse_host(text: &str) -> Result<String, UriError> {
    if text.is_empty() {
        return Err(UriError::new(
            "the address has no host",
            "write it as `https://host/path`",
        ));
    }
    if let Some(inside) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: Ipv6Addr = inside
            .parse()
            .map_err(|_| bad_host(text, "write an IPv6 address without a zone, as `[::1]`"))?;
        return Ok(write_v6(address));
    }
    if !text.is_ascii() {
        return Err(bad_host(
            text,
            "write an internationalised name in its `xn--` form",
        ));
    }
    let host = text.to_ascii_lowercase();
    if !is_name(&host) {
        return Err(bad_host(
            text,
            "use letters, digits, `-`, `_` and single dots",
        ));
    }
    if looks_numeric(&host) {
        let canonical = host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.to_string() == host);
        if !canonical {
            return Err(bad_host(
                text,
                "write an IPv4 address as four decimal numbers, as `127.0.0.1`",
            ));
        }
    }
    Ok(host)
}

/// Labels of letters, digits, `-` and `_`, joined by single dots; a trailing
/// dot is allowed (the root).
fn is_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

/// The WHATWG rule: a host whose last label is a number is an IPv4 address.
fn looks_numeric(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    let hex = last
        .strip_prefix("0x")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Writes the form of the WHATWG URL standard, which has no dotted part.
fn write_v6(address: Ipv6Addr) -> String {
    match address.to_ipv4_mapped() {
        None => format!("[{address}]"),
        Some(v4) => {
            let [a, b, c, d] = v4.octets().map(u16::from);
            format!("[::ffff:{:x}:{:x}]", (a << 8) | b, (c << 8) | d)
        }
    }
}

/// A lower-case name whose last label starts with a letter, or the address of
/// every test; perhaps with a port that no scheme has by default.
pub(super) fn is_plain(text: &str) -> bool {
    let (host, port) = match text.bytes().position(|byte| byte == b':') {
        None => (text, None),
        Some(at) => {
            let (host, port) = text.split_at(at);
            (host, port.get(1..))
        }
    };
    port.is_none_or(is_plain_port) && (host == "127.0.0.1" || is_plain_name(host))
}

fn is_plain_name(host: &str) -> bool {
    let mut label = 0;
    let mut starts_with_letter = false;
    for byte in host.bytes() {
        let class = class(byte);
        if class & HOST == 0 {
            if byte != b'.' || label == 0 {
                return false;
            }
            label = 0;
            continue;
        }
        if label == 0 {
            starts_with_letter = byte.is_ascii_lowercase();
        }
        label += 1;
        if label > 63 {
            return false;
        }
    }
    label > 0 && starts_with_letter && host.len() <= 253
}

fn is_plain_port(port: &str) -> bool {
    !port.starts_with(['0', '+'])
        && port
            .parse::<u16>()
            .is_ok_and(|number| number != 80 && number != 443)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = String::new();
            base64(plain.as_bytes(), &mut out);
            assert_eq!(out, coded);
        }
        let value = basic_header("open ßç£☃sesame".as_bytes(), b"");
        assert_eq!(
            value.to_str().unwrap(),
            "Basic b3BlbiDDn8OnwqPimINzZXNhbWU6"
        );
    }
}
