//! An API and its token server.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use http::header::AUTHORIZATION;
use tollgate::{Body, auth::Token};

/// One answer of the token server, instead of the right one.
#[derive(Clone, Debug)]
pub(crate) struct Odd {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) body: String,
    pub(crate) retry_after: Option<&'static str>,
}

impl Odd {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            kind: "application/json",
            body: body.to_owned(),
            retry_after: None,
        }
    }

    pub(crate) fn html(status: u16) -> Self {
        Self {
            kind: "text/html",
            ..Self::json(status, "<html>CANARY-page</html>")
        }
    }
}

/// An API with a strict token server: each refresh token works once, and the
/// second presentation ends the session.
#[derive(Default)]
pub(crate) struct Server {
    state: Mutex<ServerState>,
}

#[derive(Default)]
struct ServerState {
    number: u32,
    /// The access token that the API takes now.
    valid: Option<String>,
    refresh: String,
    presented: Vec<String>,
    reused: u32,
    odd: VecDeque<Odd>,
    lifetime: Option<u64>,
    rotates: bool,
    refusal: u16,
    refusal_body: Option<String>,
    always_refuses: bool,
    /// What the tokens that it gives begin with.
    names: (&'static str, &'static str),
}

impl Server {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(ServerState {
                number: 1,
                valid: Some("a1".to_owned()),
                refresh: "r1".to_owned(),
                lifetime: Some(3600),
                rotates: true,
                refusal: 401,
                names: ("a", "r"),
                ..ServerState::default()
            }),
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut ServerState) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// From now on the API refuses the current access token.
    pub(crate) fn expire(&self) {
        self.change(|it| it.valid = None);
    }

    /// Scripts the token server's next answer.
    pub(crate) fn answer(&self, odd: Odd) {
        self.change(|it| it.odd.push_back(odd));
    }

    /// Gives tokens of other names than `a2` and `r2`.
    pub(crate) fn name(&self, access: &'static str, refresh: &'static str) {
        self.change(|it| it.names = (access, refresh));
    }

    pub(crate) fn lifetime(&self, seconds: Option<u64>) {
        self.change(|it| it.lifetime = seconds);
    }

    pub(crate) fn without_rotation(&self) {
        self.change(|it| it.rotates = false);
    }

    pub(crate) fn refuse_with(&self, status: u16) {
        self.change(|it| it.refusal = status);
    }

    pub(crate) fn refuse_with_body(&self, status: u16, body: &str) {
        self.change(|it| {
            it.refusal = status;
            it.refusal_body = Some(body.to_owned());
        });
    }

    pub(crate) fn always_refuse(&self) {
        self.change(|it| it.always_refuses = true);
    }

    /// The API takes valid tokens again.
    pub(crate) fn relent(&self) {
        self.change(|it| it.always_refuses = false);
    }

    /// Signs somebody in: returns the pair that works from now on.
    pub(crate) fn issue(&self, access: &str, refresh: &str) -> Token {
        self.change(|it| {
            it.valid = Some(access.to_owned());
            it.refresh = refresh.to_owned();
        });
        Token::new(access).refresh(refresh)
    }

    /// The refresh tokens that were presented, in order.
    pub(crate) fn presented(&self) -> Vec<String> {
        self.change(|it| it.presented.clone())
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.presented().len()
    }

    /// The only refresh token that works now.
    pub(crate) fn newest(&self) -> String {
        self.change(|it| it.refresh.clone())
    }

    pub(crate) fn reused(&self) -> u32 {
        self.change(|it| it.reused)
    }

    fn token(&self, form: &str) -> http::Response<Body> {
        let presented = form
            .split('&')
            .find_map(|pair| pair.strip_prefix("refresh_token="))
            .unwrap_or_default()
            .to_owned();
        self.change(|it| {
            it.presented.push(presented.clone());
            if let Some(odd) = it.odd.pop_front() {
                return answer(&odd);
            }
            if presented != it.refresh {
                it.reused += 1;
                it.refresh = "nothing".to_owned();
                return answer(&Odd::json(400, r#"{"error":"invalid_grant"}"#));
            }
            it.number += 1;
            let number = it.number;
            let (access, refresh) = it.names;
            it.valid = Some(format!("{access}{number}"));
            let mut body = serde_json::json!({
                "access_token": format!("{access}{number}"),
                "token_type": "bearer",
            });
            if it.rotates {
                it.refresh = format!("{refresh}{number}");
                body["refresh_token"] = it.refresh.clone().into();
            }
            if let Some(lifetime) = it.lifetime {
                body["expires_in"] = lifetime.into();
            }
            answer(&Odd::json(200, &body.to_string()))
        })
    }

    fn resource(&self, authorization: Option<&str>) -> http::Response<Body> {
        self.change(|it| {
            let sent = authorization.and_then(|value| value.strip_prefix("Bearer "));
            let known = sent.is_some() && sent == it.valid.as_deref() && !it.always_refuses;
            if known {
                answer(&Odd::json(200, "\"ok\""))
            } else {
                let body = it.refusal_body.as_deref();
                let body = body.unwrap_or(r#"{"error":"invalid_token"}"#);
                answer(&Odd::json(it.refusal, body))
            }
        })
    }

    pub(crate) fn handle(&self, request: &http::Request<Body>) -> http::Response<Body> {
        if request.uri().path() == "/token" {
            let body = request.body().as_bytes().unwrap();
            return self.token(std::str::from_utf8(body).unwrap());
        }
        let header = request.headers().get(AUTHORIZATION);
        self.resource(header.map(|value| value.to_str().unwrap()))
    }
}

fn answer(odd: &Odd) -> http::Response<Body> {
    let mut response = http::Response::builder()
        .status(odd.status)
        .header("content-type", odd.kind);
    if let Some(seconds) = odd.retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(odd.body.clone().into()).unwrap()
}
