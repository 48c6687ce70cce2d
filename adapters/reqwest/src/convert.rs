//! Ours to theirs and back; nothing is copied.

use http::{
    HeaderMap, HeaderValue, Method, Uri,
    header::{ACCEPT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};
use reqwest::Url;
use tollgate::{AdapterError, Attempt, Body, ErrorKind, adapter::check_head};

use crate::upload::Upload;

/// A request in reqwest's terms.
pub(crate) struct Outgoing {
    /// Complete but for the body, where that is a stream.
    pub(crate) request: reqwest::Request,
    /// A body that is not in memory.
    pub(crate) upload: Option<Upload>,
    /// Whether it goes out over TLS.
    pub(crate) secure: bool,
}

/// Moves a request over.
///
/// The version is left out: it is reqwest's to negotiate, and a hint of
/// HTTP/2 over plain `http` would be an error there.
pub(crate) fn request(request: http::Request<Body>) -> Result<Outgoing, AdapterError> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(AdapterError::new(
            ErrorKind::Unsupported,
            "this adapter does not send `CONNECT`",
        )
        .with_hint("for a tunnel, give the adapter a proxy"));
    }
    let url = address(&parts.uri)?;
    let secure = url.scheme() == "https";
    let mut headers = parts.headers;
    let declared = settle_length(&mut headers, &body)?;
    if let Some(attempt) = parts.extensions.get::<Attempt>() {
        leave_out(&mut headers, attempt);
    }
    let mut out = reqwest::Request::new(parts.method, url);
    let mut upload = None;
    match body.as_bytes() {
        Some(bytes) if bytes.is_empty() => {}
        Some(bytes) => *out.body_mut() = Some(bytes.clone().into()),
        None => {
            if declared.is_none() && matches!(*out.method(), Method::GET | Method::HEAD) {
                // Without it, hyper sends these methods' streams as nothing.
                let chunked = HeaderValue::from_static("chunked");
                headers.entry(TRANSFER_ENCODING).or_insert(chunked);
            }
            upload = Some(Upload::new(body, declared));
        }
    }
    *out.headers_mut() = headers;
    Ok(Outgoing {
        request: out,
        upload,
        secure,
    })
}

/// Honours what a call took off, as far as it goes: reqwest adds what a client
/// has by default to every request that has none.
fn leave_out(headers: &mut HeaderMap, attempt: &Attempt) {
    // Next to none: no coding is asked for.
    if cfg!(any(feature = "gzip", feature = "brotli")) && attempt.leaves_out(&ACCEPT_ENCODING) {
        let identity = HeaderValue::from_static("identity");
        headers.entry(ACCEPT_ENCODING).or_insert(identity);
    }
}

/// Reads the address the way reqwest does, and refuses where that differs:
/// what is dialled is what the core has judged.
fn address(uri: &Uri) -> Result<Url, AdapterError> {
    const HINT: &str = "write the address as `https://host/path`, percent-encoded";
    let text = uri.to_string();
    let url = Url::parse(&text).map_err(|source| {
        AdapterError::new(ErrorKind::InvalidUrl, "reqwest does not read the address")
            .with_source(source)
            .with_hint(HINT)
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AdapterError::new(
            ErrorKind::InvalidUrl,
            "the address is neither `http` nor `https`",
        )
        .with_hint(HINT));
    }
    // What the core hands over is in its one form, and so read back letter by
    // letter; user-info is not in it.
    if url.as_str() == text && !text.contains('@') {
        return Ok(url);
    }
    let port = match uri.port() {
        Some(port) => Some(port.as_u16()),
        None if url.scheme() == "https" => Some(443),
        None => Some(80),
    };
    let bare = uri
        .authority()
        .is_some_and(|authority| !authority.as_str().contains('@'));
    let same = bare
        && uri.scheme_str() == Some(url.scheme())
        && uri.host() == url.host_str()
        && port == url.port_or_known_default()
        && uri.path() == url.path()
        && uri.query() == url.query();
    if same {
        return Ok(url);
    }
    Err(AdapterError::new(
        ErrorKind::InvalidUrl,
        "the address is read differently by reqwest",
    )
    .with_hint(HINT))
}

/// Makes `content-length` agree with the body, in one header at most, and
/// returns the length that will be on the wire.
///
/// hyper takes the header's word for it: a body of another length would be
/// cut, or run into the next request on the connection.
fn settle_length(headers: &mut HeaderMap, body: &Body) -> Result<Option<u64>, AdapterError> {
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
            .with_hint("leave the header out: it is set from the body"));
        }
        declared = length;
    }
    if let (Some(declared), Some(length)) = (declared, body.length())
        && declared != length
    {
        return Err(AdapterError::new(
            ErrorKind::InvalidRequest,
            format!("the `content-length` is {declared}, the body has {length} bytes"),
        )
        .with_hint("leave the header out: it is set from the body"));
    }
    if let Some(declared) = declared {
        headers.insert(CONTENT_LENGTH, declared.into());
    }
    Ok(declared.or(body.length()))
}

/// Moves the head of an answer over, its body as reqwest streams it.
pub(crate) fn response(
    response: reqwest::Response,
    max_head_bytes: Option<usize>,
) -> Result<(http::response::Parts, reqwest::Body), AdapterError> {
    let address = response.remote_addr();
    let response: http::Response<reqwest::Body> = response.into();
    let (mut parts, body) = response.into_parts();
    if let Some(limit) = max_head_bytes {
        check_head(&parts.headers, limit)?;
    }
    if let Some(address) = address {
        parts.extensions.insert(address);
    }
    Ok((parts, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Url, AdapterError> {
        address(&text.parse().unwrap())
    }

    #[test]
    fn an_address_that_both_read_alike_is_taken() {
        for text in [
            "http://h/",
            "http://h",
            "http://h:80/",
            "https://h:8443/a/b?q=1&r=%20",
            "http://[::1]:9/x",
            "http://127.0.0.1:9/%C3%A9?",
        ] {
            let url = parsed(text).unwrap();
            let again: Uri = url.as_str().parse().unwrap();
            assert_eq!(again.host(), text.parse::<Uri>().unwrap().host(), "{text}");
        }
    }

    #[test]
    fn an_address_that_is_read_differently_is_refused() {
        for text in [
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://u:p@h/",
            "http://H/",
            "http://h/a/../b",
            "http://h/%2e%2e/b",
            "http://h/?q='",
            "http://h:99999/",
            "/only/a/path",
            "h:80",
            "ftp://h/",
        ] {
            let error = parsed(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{text}");
        }
    }

    #[test]
    fn a_length_is_declared_once_and_truly() {
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_LENGTH, 3.into());
        headers.append(CONTENT_LENGTH, 3.into());
        let length = settle_length(&mut headers, &Body::from("abc")).unwrap();
        assert_eq!(length, Some(3));
        assert_eq!(headers.get_all(CONTENT_LENGTH).iter().count(), 1);

        for (value, body) in [
            ("5", Body::empty()),
            ("5", Body::from("abc")),
            ("2", Body::from("abc")),
            ("+3", Body::from("abc")),
            ("3, 3", Body::from("abc")),
            ("", Body::empty()),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_LENGTH, value.parse().unwrap());
            let error = settle_length(&mut headers, &body).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{value} {body:?}");
        }
    }
}
