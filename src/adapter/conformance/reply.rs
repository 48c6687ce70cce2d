//! [`Reply`]: what the server answers, and what goes wrong on the way.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Step,
    message::{Framing, Message},
};

/// One answer of a [`Server`](super::Server).
///
/// Offsets count the bytes of the answer as they stand on the wire, the head
/// included; [`to_bytes`](Self::to_bytes) and [`head_len`](Self::head_len) help
/// to find them.
///
/// ```
/// use tollgate::adapter::conformance::Reply;
///
/// let whole = Reply::new(200).body("0123456789");
/// let cut = whole.clone().fin_at(whole.head_len() + 4);
/// assert!(whole.to_bytes().ends_with(b"0123456789"));
/// assert_eq!(whole.to_bytes(), cut.to_bytes());
/// ```
#[derive(Clone, Debug)]
#[must_use = "a reply does nothing until a script gives it"]
pub struct Reply {
    pub(super) content: Content,
    pub(super) delay: Duration,
    pub(super) pacing: Pacing,
    pub(super) cut: Option<(usize, Cut)>,
}

/// Head and body, or what the test makes of it.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Message(Message),
    Raw(Bytes),
    Steps(Vec<Step>),
}

/// What happens between two pieces of a body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pacing {
    At(Duration),
    Held,
}

/// How an answer ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Fin,
    Reset,
    Stall,
}

impl From<Cut> for Step {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Fin => Self::Fin,
            Cut::Reset => Self::Reset,
            Cut::Stall => Self::Stall,
        }
    }
}

impl Reply {
    /// Answers with a status, framed by `content-length`, with an empty body.
    pub fn new(status: u16) -> Self {
        Self::of(Content::Message(Message {
            status,
            headers: Vec::new(),
            framing: Framing::Length(None),
            pieces: Vec::new(),
        }))
    }

    /// Writes these bytes, whatever they are, and ends the connection.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::of(Content::Raw(bytes.into()))
    }

    /// Does these steps, whatever they are, and waits for the next request,
    /// unless the last step has ended the connection.
    pub fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::of(Content::Steps(steps.into_iter().collect()))
    }

    /// Never answers: the connection stays open until the server is dropped.
    pub fn stall() -> Self {
        Self::raw("").stall_at(0)
    }

    /// Answers with a head of `headers` headers of `length` bytes each.
    pub fn head_bomb(headers: usize, length: usize) -> Self {
        let mut reply = Self::new(200);
        for index in 0..headers {
            reply = reply.header(&format!("x-bomb-{index}"), vec![b'x'; length]);
        }
        reply
    }

    fn of(content: Content) -> Self {
        Self {
            content,
            delay: Duration::ZERO,
            pacing: Pacing::At(Duration::ZERO),
            cut: None,
        }
    }

    /// Adds a header, as these bytes. Without effect on [`raw`](Self::raw).
    pub fn header(mut self, name: &str, value: impl Into<Bytes>) -> Self {
        if let Content::Message(message) = &mut self.content {
            message.headers.push((name.to_owned(), value.into()));
        }
        self
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.pieces([body.into()])
    }

    /// Sets the body as pieces, which are written one by one.
    pub fn pieces<B: Into<Bytes>>(mut self, pieces: impl IntoIterator<Item = B>) -> Self {
        if let Content::Message(message) = &mut self.content {
            message.pieces = pieces.into_iter().map(Into::into).collect();
        }
        self
    }

    /// Frames the body by `transfer-encoding: chunked`, a chunk for each piece.
    pub fn chunked(self) -> Self {
        self.framed(Framing::Chunked)
    }

    /// Ends the body with the connection.
    pub fn until_close(self) -> Self {
        self.framed(Framing::UntilClose)
    }

    /// Announces `bytes` as the length, whatever the body has.
    pub fn announce(self, bytes: u64) -> Self {
        self.framed(Framing::Length(Some(bytes)))
    }

    fn framed(mut self, framing: Framing) -> Self {
        if let Content::Message(message) = &mut self.content {
            message.framing = framing;
        }
        self
    }

    /// Waits before the first byte.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits before each piece of the body but the first.
    pub fn every(mut self, pause: Duration) -> Self {
        self.pacing = Pacing::At(pause);
        self
    }

    /// Holds each piece of the body but the first until
    /// [`Server::release`](super::Server::release) is called once.
    pub fn held(mut self) -> Self {
        self.pacing = Pacing::Held;
        self
    }

    /// Ends the connection in good order before the byte at `offset`.
    pub fn fin_at(mut self, offset: usize) -> Self {
        self.cut = Some((offset, Cut::Fin));
        self
    }

    /// Resets the connection before the byte at `offset`.
    pub fn reset_at(mut self, offset: usize) -> Self {
        self.cut = Some((offset, Cut::Reset));
        self
    }

    /// Writes nothing from `offset` on, and keeps the connection open until
    /// the server is dropped.
    pub fn stall_at(mut self, offset: usize) -> Self {
        self.cut = Some((offset, Cut::Stall));
        self
    }

    /// Returns the whole answer as it stands on the wire, faults left out.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for step in self.content_steps(true) {
            if let Step::Write(bytes) = step {
                out.extend(bytes);
            }
        }
        out
    }

    /// Returns the length of the head in bytes, blank line included.
    #[must_use]
    pub fn head_len(&self) -> usize {
        match &self.content {
            Content::Message(message) => message.head().len(),
            Content::Raw(_) | Content::Steps(_) => 0,
        }
    }

    /// Tells whether the connection ends with the answer.
    pub(super) fn ends_connection(&self) -> bool {
        match &self.content {
            Content::Raw(_) => true,
            Content::Steps(_) => false,
            Content::Message(message) => matches!(message.framing, Framing::UntilClose),
        }
    }

    /// Lists what to do on the wire; `with_body` is false for `HEAD`.
    pub(super) fn to_steps(&self, with_body: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.delay.is_zero() {
            steps.push(Step::Pause(self.delay));
        }
        let mut offset = 0;
        for step in self.content_steps(with_body) {
            let Step::Write(mut bytes) = step else {
                steps.push(step);
                continue;
            };
            if let Some((at, cut)) = self.cut
                && at < offset + bytes.len()
            {
                bytes.truncate(at.saturating_sub(offset));
                steps.push(Step::Write(bytes));
                steps.push(cut.into());
                return steps;
            }
            offset += bytes.len();
            steps.push(Step::Write(bytes));
        }
        if let Some((_, cut)) = self.cut {
            steps.push(cut.into());
        }
        steps
    }

    fn content_steps(&self, with_body: bool) -> Vec<Step> {
        let message = match &self.content {
            Content::Raw(bytes) => return vec![Step::Write(bytes.clone())],
            Content::Steps(steps) => return steps.clone(),
            Content::Message(message) => message,
        };
        let mut steps = vec![Step::Write(message.head().into())];
        if !with_body || message.has_no_body() {
            return steps;
        }
        for (index, piece) in message.pieces.iter().enumerate() {
            match self.pacing {
                _ if index == 0 => {}
                Pacing::At(pause) if pause.is_zero() => {}
                Pacing::At(pause) => steps.push(Step::Pause(pause)),
                Pacing::Held => steps.push(Step::Hold),
            }
            steps.push(Step::Write(message.framed(piece)));
        }
        if matches!(message.framing, Framing::Chunked) {
            steps.push(Step::Write(Bytes::from_static(b"0\r\n\r\n")));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_exactly_the_bytes_before_it() {
        let reply = Reply::new(200).pieces(["abc", "def"]).chunked();
        let whole = reply.to_bytes();
        for at in 0..=whole.len() {
            let mut out = Vec::new();
            let mut cuts = 0;
            for step in reply.clone().fin_at(at).to_steps(true) {
                match step {
                    Step::Write(bytes) => out.extend(bytes),
                    step => {
                        assert_eq!(step, Step::Fin);
                        cuts += 1;
                    }
                }
            }
            assert_eq!(out, whole[..at]);
            assert_eq!(cuts, 1);
        }
    }

    #[test]
    fn framings_look_as_they_should() {
        let text = |reply: Reply| String::from_utf8(reply.to_bytes()).unwrap();
        assert_eq!(
            text(Reply::new(201).header("x", "y").body("ab")),
            "HTTP/1.1 201 Created\r\nx: y\r\ncontent-length: 2\r\n\r\nab"
        );
        assert_eq!(
            text(Reply::new(200).pieces(["ab", "c"]).chunked()),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        );
        assert_eq!(
            text(Reply::new(200).body("ab").until_close()),
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nab"
        );
        assert_eq!(
            text(Reply::new(204).body("ab")),
            "HTTP/1.1 204 No Content\r\n\r\n"
        );
        assert_eq!(
            text(Reply::new(200).body("ab").announce(9)),
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"
        );
    }

    #[test]
    fn a_head_request_gets_the_length_and_no_body() {
        let steps = Reply::new(200).body("ab").to_steps(false);
        assert_eq!(
            steps,
            [Step::Write(Bytes::from_static(
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
            ))]
        );
    }

    #[test]
    fn pieces_are_paused_or_held_between() {
        let pause = Duration::from_millis(5);
        let reply = Reply::new(200).pieces(["a", "b"]).every(pause);
        assert_eq!(reply.to_steps(true)[2], Step::Pause(pause));
        assert_eq!(reply.held().to_steps(true)[2], Step::Hold);
    }
}
