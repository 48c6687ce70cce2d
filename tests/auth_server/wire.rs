//! A client that writes HTTP by hand.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;
use tollgate::{
    auth::{Token, conformance::StrictAuthServer},
    runtime::{Runtime, ThreadRuntime},
};

/// No wait is longer.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// An answer; status 0 where the connection ended before the head's end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
    /// The body has the length that was announced.
    pub(crate) is_whole: bool,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or(("", ""));
        let status = head.get(9..12).map_or(0, |it| it.parse().unwrap());
        let mut answer = Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
            is_whole: false,
        };
        let length = answer.headers("content-length");
        answer.is_whole = length
            .first()
            .is_some_and(|it| *it == body.len().to_string());
        answer
    }

    /// Returns all values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1);
        lines
            .filter_map(|line| line.split_once(": "))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Returns a text of the JSON.
    pub(crate) fn text(&self, name: &str) -> String {
        let json = self.json();
        json[name].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request on a connection of its own and reads to the end.
pub(crate) fn send(to: &str, head: &str, body: &str) -> Answer {
    let mut stream = open(to, head, body);
    let mut bytes = Vec::new();
    // A reset is an end too.
    drop(stream.read_to_end(&mut bytes));
    Answer::parse(&bytes)
}

/// Sends a request and does not wait for the answer.
pub(crate) fn open(to: &str, head: &str, body: &str) -> TcpStream {
    let address = to.strip_prefix("http://").unwrap();
    let (address, path) = address.split_once('/').unwrap_or((address, ""));
    let (method, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers: String = headers.lines().map(|it| format!("{it}\r\n")).collect();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let length = body.len();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

const FORM: &str = "POST\ncontent-type: application/x-www-form-urlencoded";

/// Posts a form.
pub(crate) fn post(to: &str, form: &str) -> Answer {
    send(to, FORM, form)
}

/// Posts a form and does not wait for the answer.
pub(crate) fn post_and_leave(to: &str, form: &str) -> TcpStream {
    open(to, FORM, form)
}

/// Posts a form with `Authorization`.
pub(crate) fn post_as(to: &str, authorization: &str, form: &str) -> Answer {
    let head = format!("{FORM}\nauthorization: {authorization}");
    send(to, &head, form)
}

/// Refreshes at the token endpoint.
pub(crate) fn refresh(server: &StrictAuthServer, token: &str) -> Answer {
    post(&server.token_url(), &form_of(token))
}

pub(crate) fn form_of(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

/// Calls the API with a token.
pub(crate) fn call(server: &StrictAuthServer, access: &str) -> Answer {
    let head = format!("GET\nauthorization: Bearer {access}");
    send(&format!("{}/me", server.api_url()), &head, "")
}

/// The texts of a first pair: access token, refresh token.
pub(crate) fn texts(token: &Token) -> (String, String) {
    let access = token.access_token().expose().to_owned();
    (access, token.refresh_token().unwrap().expose().to_owned())
}

/// Signs in; returns the access and the refresh token.
pub(crate) fn sign_in(server: &StrictAuthServer) -> (String, String) {
    texts(&server.sign_in("ada"))
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let started = ThreadRuntime.now();
    while !is_so() {
        assert!(ThreadRuntime.now() - started < SOON, "not in time: {what}");
        std::thread::yield_now();
    }
}
