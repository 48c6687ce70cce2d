//! [`Message`]: an answer as HTTP/1.1 writes it, or lies about it.

use bytes::Bytes;

/// Status, headers and the pieces of a body.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Bytes)>,
    pub(super) framing: Framing,
    pub(super) pieces: Vec<Bytes>,
}

/// How the end of the body is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Framing {
    /// The length of the body, or a lie.
    Length(Option<u64>),
    Chunked,
    UntilClose,
}

impl Message {
    /// Tells whether the status forbids a body.
    pub(super) fn has_no_body(&self) -> bool {
        self.status < 200 || self.status == 204 || self.status == 304
    }

    pub(super) fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }

    pub(super) fn head(&self) -> Vec<u8> {
        let reason = http::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Other");
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            head.extend(name.as_bytes());
            head.extend(b": ");
            head.extend(value);
            head.extend(b"\r\n");
        }
        if !self.has_no_body() {
            match self.framing {
                Framing::Length(lie) => {
                    let length = lie.unwrap_or_else(|| self.length());
                    head.extend(format!("content-length: {length}\r\n").into_bytes());
                }
                Framing::Chunked => head.extend(b"transfer-encoding: chunked\r\n"),
                Framing::UntilClose => head.extend(b"connection: close\r\n"),
            }
        }
        head.extend(b"\r\n");
        head
    }

    pub(super) fn framed(&self, piece: &Bytes) -> Bytes {
        if !matches!(self.framing, Framing::Chunked) {
            return piece.clone();
        }
        let mut out = format!("{:x}\r\n", piece.len()).into_bytes();
        out.extend(piece);
        out.extend(b"\r\n");
        out.into()
    }
}
