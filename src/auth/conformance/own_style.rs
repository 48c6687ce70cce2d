//! Two refresh endpoints as applications write them for themselves: JSON in
//! and out, and cookies.

use serde_json::Value;

use super::{
    answers,
    endpoints::{Core, Dialect},
    state::Pair,
};
use crate::adapter::conformance::{Received, Reply};

/// Answers `POST {"token": …}` with `{"token": …, "refreshToken": …}`.
pub(super) fn json(core: &Core, request: &Received) -> Reply {
    if request.method() != http::Method::POST {
        return answers::wrong_method("POST");
    }
    let body: Option<Value> = serde_json::from_slice(request.body()).ok();
    let presented = body.as_ref().and_then(|body| body.get("token")?.as_str());
    core.refresh(&Json, true, presented)
}

struct Json;

impl Dialect for Json {
    fn granted(&self, pair: &Pair) -> Reply {
        let refresh = match &pair.refresh {
            Some(refresh) => format!(r#","refreshToken":"{refresh}""#),
            None => String::new(),
        };
        answers::json(200, format!(r#"{{"token":"{}"{refresh}}}"#, pair.access))
    }

    fn refused(&self) -> Reply {
        answers::json(401, r#"{"message":"sign in again"}"#)
    }

    fn incomplete(&self) -> Reply {
        answers::json(400, r#"{"message":"`token` is missing"}"#)
    }
}

/// Answers a `POST` with the cookie `refresh` with new cookies.
pub(super) fn cookie(core: &Core, request: &Received) -> Reply {
    if request.method() != http::Method::POST {
        return answers::wrong_method("POST");
    }
    core.refresh(&Cookie, true, cookie_of(request, "refresh"))
}

struct Cookie;

impl Dialect for Cookie {
    fn granted(&self, pair: &Pair) -> Reply {
        let body = format!(r#"{{"token":"{}"}}"#, pair.access);
        let access = format!("access={}; HttpOnly; Path=/", pair.access);
        let reply = answers::json(200, body).header("set-cookie", access);
        match &pair.refresh {
            Some(refresh) => reply.header(
                "set-cookie",
                format!("refresh={refresh}; HttpOnly; Path=/auth"),
            ),
            None => reply,
        }
    }

    fn refused(&self) -> Reply {
        Json.refused()
            .header("set-cookie", "refresh=; Max-Age=0; HttpOnly; Path=/auth")
    }

    fn incomplete(&self) -> Reply {
        answers::json(401, r#"{"message":"the cookie `refresh` is missing"}"#)
    }
}

/// Returns a cookie's value.
pub(super) fn cookie_of<'a>(request: &'a Received, name: &str) -> Option<&'a str> {
    let all = request.headers().get_all("cookie").iter();
    all.filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}
