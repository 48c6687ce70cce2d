//! Ours to ureq's and back; nothing is copied.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use http::{
    HeaderMap, Method, StatusCode, Uri, Version,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    request::Parts,
    uri::Scheme,
};
use tollgate::{AdapterError, Body, ErrorKind, adapter::check_framing};

use crate::upload::Upload;

const SET_BY_US: &str = "leave the header out: it is set from the body";

/// A request in ureq's terms.
pub(crate) struct Outgoing {
    pub(crate) parts: Parts,
    pub(crate) content: Content,
}

/// What follows the head.
pub(crate) enum Content {
    /// Nothing, and no header about it.
    Nothing,
    /// Nothing, said by `content-length: 0`: some servers insist.
    Zero,
    Bytes(Bytes),
    Stream(Upload),
}

/// Moves a request over.
pub(crate) fn request(request: http::Request<Body>) -> Result<Outgoing, AdapterError> {
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(AdapterError::new(
            ErrorKind::Unsupported,
            "this adapter does not send `CONNECT`",
        )
        .with_hint("for a tunnel, give the adapter a proxy"));
    }
    check_address(&parts.uri)?;
    let said = check_headers(&parts.headers)?;
    // ureq speaks nothing else and refuses the hint.
    parts.version = Version::HTTP_11;
    let declared = settle_framing(&mut parts.headers, &said, &body)?;
    let content = match body.as_bytes() {
        Some(bytes) if !bytes.is_empty() => Content::Bytes(bytes.clone()),
        None if declared != Some(0) => {
            if let Some(length) = declared {
                parts.headers.insert(CONTENT_LENGTH, length.into());
            }
            Content::Stream(Upload::new(body, declared))
        }
        _ if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) => Content::Zero,
        _ => Content::Nothing,
    };
    Ok(Outgoing { parts, content })
}

/// Refuses what could be read in two ways, so that what is dialled is what the
/// core has judged.
fn check_address(uri: &Uri) -> Result<(), AdapterError> {
    let invalid = |message: &'static str| {
        Err(AdapterError::new(ErrorKind::InvalidUrl, message)
            .with_hint("write the address as `https://host/path`"))
    };
    if uri.scheme() != Some(&Scheme::HTTP) && uri.scheme() != Some(&Scheme::HTTPS) {
        return invalid("the address is neither `http` nor `https`");
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return invalid("the address has a user name in it");
    }
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let colon = authority.get(end..).and_then(|rest| rest.find(':'));
    let (host, port) = match colon {
        None => (authority, ""),
        Some(colon) => {
            let (host, port) = authority.split_at(end + colon);
            (host, port.trim_start_matches(':'))
        }
    };
    // `http::Uri` takes `:99999` for no port at all.
    if !port.is_empty() && (!is_number(port) || port.parse::<u16>().is_err()) {
        return invalid("the port of the address is not a number up to 65535");
    }
    let inside = host.strip_prefix('[').map(|host| host.strip_suffix(']'));
    match inside {
        _ if host.is_empty() => invalid("the address has no host"),
        Some(host) if host.is_none_or(|host| host.parse::<Ipv6Addr>().is_err()) => {
            invalid("the host of the address is not an IPv6 address")
        }
        None if host.contains(['[', ']']) => invalid("the host of the address has a bracket in it"),
        // The system would take `127.1` or `0x7f.1` for an address.
        None if ends_in_number(host) && host.parse::<Ipv4Addr>().is_err() => {
            invalid("the host of the address is not four numbers up to 255")
        }
        _ => Ok(()),
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Asks for the last label, as the WHATWG's URL standard does.
fn ends_in_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = host.rsplit('.').next().unwrap_or(host);
    let digits = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number(label) || digits.is_some_and(is_hex)
}

/// What the headers say about the body.
#[derive(Default)]
struct Said {
    length: bool,
    coding: bool,
}

/// Refuses what ureq refuses, before a connection is made.
fn check_headers(headers: &HeaderMap) -> Result<Said, AdapterError> {
    let invalid =
        |message: &'static str| Err(AdapterError::new(ErrorKind::InvalidRequest, message));
    let mut said = Said::default();
    let mut hosts = 0;
    for (name, value) in headers {
        if *name == CONTENT_LENGTH {
            said.length = true;
        } else if *name == TRANSFER_ENCODING {
            said.coding = true;
        } else if *name == AUTHORIZATION {
            if value.to_str().is_err() {
                return invalid("the `authorization` header is not visible ASCII");
            }
        } else if *name == HOST {
            hosts += 1;
            if value.to_str().is_err() {
                return invalid("the `host` header is not visible ASCII");
            }
        }
    }
    if hosts > 1 {
        return invalid("the `host` header stands there twice");
    }
    Ok(said)
}

/// Makes `content-length` and `transfer-encoding` agree with the body, and
/// returns the length that will be on the wire.
///
/// ureq takes the headers' word for it: a body of another length would be cut,
/// or run into the next request on the connection.
fn settle_framing(
    headers: &mut HeaderMap,
    said: &Said,
    body: &Body,
) -> Result<Option<u64>, AdapterError> {
    if said.coding {
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        let chunked = codings
            .next()
            .is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        if !chunked || codings.next().is_some() {
            return Err(AdapterError::new(
                ErrorKind::InvalidRequest,
                "the `transfer-encoding` is something else than `chunked`",
            )
            .with_hint(SET_BY_US));
        }
        headers.remove(CONTENT_LENGTH);
        if !body.is_empty() {
            return Ok(None);
        }
        headers.remove(TRANSFER_ENCODING);
    } else if said.length {
        let declared = declared_length(headers)?;
        if let (Some(declared), Some(length)) = (declared, body.length())
            && declared != length
        {
            return Err(AdapterError::new(
                ErrorKind::InvalidRequest,
                format!("the `content-length` is {declared}, the body has {length} bytes"),
            )
            .with_hint(SET_BY_US));
        }
        if let Some(declared) = declared {
            // Once, where it stood there twice.
            headers.insert(CONTENT_LENGTH, declared.into());
        }
        return Ok(declared.or(body.length()));
    }
    Ok(body.length())
}

fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, AdapterError> {
    let mut declared = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let length = value
            .to_str()
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|length| declared.is_none_or(|declared| declared == *length));
        if length.is_none() {
            return Err(AdapterError::new(
                ErrorKind::InvalidRequest,
                "the `content-length` is not one number",
            )
            .with_hint(SET_BY_US));
        }
        declared = length;
    }
    Ok(declared)
}

/// Tells by the head of an answer whether a body follows.
pub(crate) fn has_body(
    method: &Method,
    head: &http::response::Parts,
) -> Result<bool, AdapterError> {
    let status = head.status;
    if *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    {
        return Ok(false);
    }
    check_framing(head)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_has_one_reading_is_taken() {
        for text in [
            "http://h/",
            "http://H:80",
            "https://h:8443/a/../b?q=1",
            "http://[::1]:9/x",
            "http://127.0.0.1:9/",
            "http://127.0.0.1.example/",
            "http://a1/",
            "http://0xn/",
            "http://h:/",
            "https://[2001:db8::1]/",
        ] {
            assert!(check_address(&text.parse().unwrap()).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_address_that_has_two_readings_is_refused() {
        for text in [
            "http://127.1/",
            "http://0x7f.1/",
            "http://0x7F000001/",
            "http://2130706433/",
            "http://127.0.0.1./",
            "http://1.2.3.256/",
            "http://u:p@h/",
            "http://h:99999/",
            "http://[::1]:99999/",
            "http://h[::1]/",
            "http://h[::1]:80/",
            "/only/a/path",
            "h:80",
            "ftp://h/",
        ] {
            let error = check_address(&text.parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{text}");
        }
    }

    fn settle(headers: &mut HeaderMap, body: &Body) -> Result<Option<u64>, AdapterError> {
        let said = check_headers(headers)?;
        settle_framing(headers, &said, body)
    }

    #[test]
    fn a_length_is_declared_once_and_truly() {
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_LENGTH, 3.into());
        headers.append(CONTENT_LENGTH, 3.into());
        let length = settle(&mut headers, &Body::from("abc")).unwrap();
        assert_eq!(length, Some(3));
        assert_eq!(headers.get_all(CONTENT_LENGTH).iter().count(), 1);

        for (value, body) in [
            ("5", Body::empty()),
            ("5", Body::from("abc")),
            ("+3", Body::from("abc")),
            ("3, 3", Body::from("abc")),
            ("", Body::empty()),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_LENGTH, value.parse().unwrap());
            let error = settle(&mut headers, &body).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{value} {body:?}");
        }
    }

    #[test]
    fn length_and_chunks_are_never_sent_together() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, 3.into());
        headers.insert(TRANSFER_ENCODING, "Chunked".parse().unwrap());
        let length = settle(&mut headers, &Body::from("abc")).unwrap();
        assert_eq!(length, None);
        assert!(!headers.contains_key(CONTENT_LENGTH));

        for value in ["gzip, chunked", "identity", "chunked, chunked"] {
            let mut headers = HeaderMap::new();
            headers.insert(TRANSFER_ENCODING, value.parse().unwrap());
            let error = settle(&mut headers, &Body::from("abc")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{value}");
        }
    }
}
