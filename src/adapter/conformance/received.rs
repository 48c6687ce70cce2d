//! [`Received`]: a request as the server read it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::body::Body;

/// A request as the [`Server`](super::Server) read it, to the last byte.
#[derive(Clone, Debug)]
pub struct Received {
    pub(super) connection: usize,
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) raw: Bytes,
}

impl Received {
    /// Returns the number of its connection, from 0.
    #[must_use]
    pub fn connection(&self) -> usize {
        self.connection
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the target as it stood in the first line: path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(&self.target, |(path, _)| path)
    }

    /// Returns the headers; equal names keep their order.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the only value of a header, as text.
    ///
    /// `None` where the header is absent, stands there more than once or is
    /// not visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    /// Returns the body, taken out of its chunks.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns every byte of the request, head and framed body.
    ///
    /// Empty where there was no wire; see [`InProcess`](super::InProcess).
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Reads a head, without its body.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let text = head.strip_suffix(b"\r\n\r\n")?;
        let mut lines = split_lines(text);
        let mut first = lines.next()?.splitn(3, |&byte| byte == b' ');
        let method = Method::from_bytes(first.next()?).ok()?;
        let target = std::str::from_utf8(first.next()?).ok()?.to_owned();
        if !first.next()?.starts_with(b"HTTP/1.") {
            return None;
        }
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            let name = HeaderName::from_bytes(name).ok()?;
            let value = value.get(1..)?.trim_ascii();
            headers.append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(Self {
            connection: 0,
            method,
            target,
            headers,
            body: Bytes::new(),
            raw: Bytes::new(),
        })
    }

    /// Takes what an adapter without a wire was given.
    pub(super) fn of(request: &http::Request<Body>) -> Self {
        let target = match request.uri().path_and_query() {
            Some(target) => target.as_str().to_owned(),
            None => "/".to_owned(),
        };
        Self {
            connection: 0,
            method: request.method().clone(),
            target,
            headers: request.headers().clone(),
            body: request.body().as_bytes().cloned().unwrap_or_default(),
            raw: Bytes::new(),
        }
    }

    /// Tells how the body is framed; `None` where that cannot be understood.
    pub(super) fn framing(&self) -> Option<Framing> {
        if let Some(encoding) = self.headers.get("transfer-encoding") {
            return encoding
                .as_bytes()
                .eq_ignore_ascii_case(b"chunked")
                .then_some(Framing::Chunked);
        }
        match self.headers.get("content-length") {
            None => Some(Framing::Length(0)),
            Some(length) => Some(Framing::Length(length.to_str().ok()?.parse().ok()?)),
        }
    }
}

/// How a request's body ends.
pub(super) enum Framing {
    Length(usize),
    Chunked,
}

fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_with_doubled_headers_and_raw_bytes() {
        let head = b"PURGE /a?b=c HTTP/1.1\r\nX: 1\r\nx:  \xe9 \r\nHost: h\r\n\r\n";
        let received = Received::parse(head).unwrap();
        assert_eq!(received.method(), "PURGE");
        assert_eq!(received.target(), "/a?b=c");
        assert_eq!(received.path(), "/a");
        let values: Vec<_> = received.headers().get_all("x").iter().collect();
        assert_eq!(values[0].as_bytes(), b"1");
        assert_eq!(values[1].as_bytes(), b"\xe9");
        assert_eq!(received.header("x"), None);
        assert_eq!(received.header("host"), Some("h"));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for head in [
            &b"GET /\r\n\r\n"[..],
            b"GET / SSH-2.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\n",
        ] {
            assert!(Received::parse(head).is_none());
        }
    }
}
