//! What an answer of a token endpoint means.
//!
//! Nothing of a body gets into an error, except a short OAuth `error` code.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::{RefreshClass, RefreshError, retry_after};
use crate::{
    Response,
    auth::{Secret, Token},
};

/// A lifetime beyond this is taken for a mistake of the server's.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Where an answer holds what; each name may be a path with dots.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) access: Vec<String>,
    pub(super) refresh: Vec<String>,
    pub(super) expires_in: Vec<String>,
}

impl Fields {
    pub(super) fn named(access: &[&str], refresh: &[&str], expires_in: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().copied().map(str::to_owned).collect();
        Self {
            access: owned(access),
            refresh: owned(refresh),
            expires_in: owned(expires_in),
        }
    }
}

/// Reads the token of a 2xx answer; `kind` is its type where it names none.
pub(super) fn token(
    response: &Response,
    fields: &Fields,
    kind: &str,
    now: SystemTime,
) -> Result<Token, RefreshError> {
    let unusable = |what: &str| error(response, RefreshClass::Ambiguous, what);
    let mut object = object(response).map_err(unusable)?;
    // Some servers refuse with 200 and an `error` (GitHub).
    if let Some(code) = code_of(&object) {
        return Err(coded(response, code));
    }
    let access = take_text(&mut object, &fields.access)
        .ok_or_else(|| unusable("the answer has no access token"))?;
    let mut token = Token::new(access).token_type(kind);
    if let Some(refresh) = take_text(&mut object, &fields.refresh) {
        token = token.refresh(refresh);
    }
    if let Some(Value::String(scope)) = object.remove("scope") {
        token = token.scope(scope);
    }
    if let Some(Value::String(kind)) = object.remove("token_type") {
        token = token.token_type(kind);
    }
    let mut names = fields.expires_in.iter();
    let expires_in = names.find_map(|name| lifetime(at(&mut object, name)?));
    if let Some(lifetime) = expires_in {
        token = token.expires_in(lifetime, now);
    }
    match token.check() {
        Ok(()) => Ok(token),
        Err(source) => Err(unusable("the answer's token cannot be used").with_source(source)),
    }
}

/// Judges a 2xx answer whose token is not where it should be.
#[cfg(feature = "cookies")]
pub(super) fn unusable(response: &Response, what: &str) -> RefreshError {
    match object(response).ok().as_ref().and_then(code_of) {
        Some(code) => coded(response, code),
        None => error(response, RefreshClass::Ambiguous, what),
    }
}

/// Reads the JSON object of an answer.
fn object(response: &Response) -> Result<Map<String, Value>, &'static str> {
    let bytes = response.bytes().map_err(|_| "the answer is a stream")?;
    if bytes.trim_ascii().is_empty() {
        return Err("the answer is empty");
    }
    match response.json() {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("the answer is not a JSON object"),
        Err(_) => Err("the answer is not JSON"),
    }
}

/// Finds a value by a path with dots.
fn at<'a>(object: &'a mut Map<String, Value>, path: &str) -> Option<&'a mut Value> {
    if let Some((first, rest)) = path.split_once('.') {
        return match object.get_mut(first)? {
            Value::Object(inner) => at(inner, rest),
            _ => None,
        };
    }
    object.get_mut(path)
}

fn take_text(object: &mut Map<String, Value>, names: &[String]) -> Option<Secret> {
    names
        .iter()
        .find_map(|name| match at(object, name)?.take() {
            Value::String(text) if !text.is_empty() => Some(Secret::from(text)),
            _ => None,
        })
}

/// Reads `expires_in`: a number or a text of one. What makes no sense is
/// unknown: the token itself is good.
fn lifetime(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let lifetime = Duration::try_from_secs_f64(seconds).ok()?;
    (!lifetime.is_zero() && lifetime <= MAX_LIFETIME).then_some(lifetime)
}

/// Judges an answer outside of 2xx, as OAuth does.
pub(super) fn refusal(response: &Response) -> RefreshError {
    if response.status().is_client_error()
        && let Some(code) = object(response).ok().as_ref().and_then(code_of)
    {
        return coded(response, code);
    }
    by_status(response)
}

/// Judges by the status alone.
fn by_status(response: &Response) -> RefreshError {
    let class = match response.status().as_u16() {
        429 | 503 => RefreshClass::NotSent,
        300..=399 | 404 | 405 | 410 | 415 => RefreshClass::Config,
        // A 400 without an OAuth error is most likely a proxy's.
        _ => RefreshClass::Ambiguous,
    };
    let what = match class {
        RefreshClass::NotSent => "it is busy",
        RefreshClass::Config => "the address is not a token endpoint's",
        _ => "that says nothing of the refresh token",
    };
    waiting(error(response, class, what), response)
}

/// Judges an answer of 401 or 403 where the server has its own JSON, with
/// `{"error":"Unauthorized"}` say: a text, but no code of OAuth's.
pub(super) fn refusal_of_json(response: &Response) -> RefreshError {
    let own = |object| code_of(&object).is_none_or(|code| meaning(&code).is_none());
    if matches!(response.status().as_u16(), 401 | 403) && object(response).is_ok_and(own) {
        let (class, what) = REFUSED_TOKEN;
        return error(response, class, what);
    }
    refusal(response)
}

/// Tells whether the same request is to be sent again with the nonce that came
/// with the answer (RFC 9449 §8).
pub(super) fn wants_nonce(response: &Response) -> bool {
    response.status().is_client_error()
        && object(response).is_ok_and(|it| code_of(&it).as_deref() == Some("use_dpop_nonce"))
}

/// Returns the `error` of an OAuth answer, if it can be printed.
fn code_of(object: &Map<String, Value>) -> Option<String> {
    let code = object.get("error")?.as_str()?;
    is_printable(code, b"_-.").then(|| code.to_owned())
}

/// What an error code means (RFC 6749 §5.2, RFC 6750 §3.1, RFC 9449 §8, and
/// GitHub's); `None` for one that is not known.
fn meaning(code: &str) -> Option<(RefreshClass, &'static str)> {
    Some(match code {
        "invalid_grant" | "invalid_token" | "expired_token" | "bad_refresh_token" => REFUSED_TOKEN,
        "temporarily_unavailable" | "slow_down" => (RefreshClass::NotSent, "it is busy"),
        // Refused before the grant was looked at.
        "use_dpop_nonce" => (RefreshClass::NotSent, "it takes no nonce of its own"),
        "server_error" => (RefreshClass::Ambiguous, "it has failed"),
        "invalid_client"
        | "unauthorized_client"
        | "unsupported_grant_type"
        | "invalid_request"
        | "invalid_scope"
        | "invalid_target"
        | "invalid_dpop_proof" => REFUSED_CLIENT,
        _ => return None,
    })
}

const REFUSED_TOKEN: (RefreshClass, &str) =
    (RefreshClass::Rejected, "the refresh token is refused");

const REFUSED_CLIENT: (RefreshClass, &str) = (RefreshClass::Config, "the client is refused");

fn coded(response: &Response, code: String) -> RefreshError {
    let (class, what) = meaning(&code).unwrap_or(REFUSED_CLIENT);
    let class = match response.status().as_u16() {
        429 | 503 => RefreshClass::NotSent,
        _ => class,
    };
    let what = format!("`{code}`: {what}");
    waiting(error(response, class, &what).with_code(code), response)
}

fn error(response: &Response, class: RefreshClass, what: &str) -> RefreshError {
    let status = response.status();
    let content_type = content_type(response.headers());
    let kind = content_type.as_deref().unwrap_or("no content type");
    let message = format!(
        "the token endpoint answered {} ({kind}): {what}",
        status.as_u16()
    );
    RefreshError::new(class, message).with_answer(status, content_type)
}

/// Returns the content type without parameters, if it is one.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = text.split(';').next()?.trim();
    is_printable(essence, b"/+-._").then(|| essence.to_ascii_lowercase())
}

/// Tells whether a text is short, and of letters, digits and `others`.
fn is_printable(text: &str, others: &[u8]) -> bool {
    const MAX_BYTES: usize = 64;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    !text.is_empty() && text.len() <= MAX_BYTES && text.bytes().all(fits)
}

/// Adds how long the server asks to wait.
fn waiting(error: RefreshError, response: &Response) -> RefreshError {
    match retry_after::of(response) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn response(status: u16, kind: &str, body: &str) -> Response {
        http::Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, kind)
            .header(header::RETRY_AFTER, "7")
            .body(body.to_owned())
            .unwrap()
            .into()
    }

    fn fields() -> Fields {
        Fields::named(
            &["access_token", "data.token"],
            &["refresh_token"],
            &["expires_in"],
        )
    }

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn read(body: &str) -> Result<Token, RefreshError> {
        let response = response(200, "application/json", body);
        token(&response, &fields(), "Bearer", NOW)
    }

    #[test]
    fn a_token_is_read() {
        let body = r#"{"access_token":"a","token_type":"bearer","expires_in":60,
            "refresh_token":"r","scope":"x y"}"#;
        let expected = Token::new("a")
            .token_type("bearer")
            .refresh("r")
            .scope("x y")
            .expires_in(Duration::from_secs(60), NOW);
        assert_eq!(read(body).unwrap(), expected);
        let nested = read(r#"{"data":{"token":"b"}}"#).unwrap();
        assert_eq!(nested, Token::new("b"));
    }

    #[test]
    fn an_expiry_that_makes_no_sense_is_unknown() {
        for value in [
            "-1",
            "0",
            "1e300",
            "\"soon\"",
            "\"\"",
            "null",
            "{}",
            "99999999999",
            "\"-5\"",
        ] {
            let body = format!(r#"{{"access_token":"a","expires_in":{value}}}"#);
            assert_eq!(read(&body).unwrap().expiry(), None, "{value}");
        }
        for value in ["60", "60.0", "\"60\"", "\" 60 \""] {
            let body = format!(r#"{{"access_token":"a","expires_in":{value}}}"#);
            let expiry = read(&body).unwrap().expiry();
            assert_eq!(expiry, Some(NOW + Duration::from_secs(60)), "{value}");
        }
    }

    #[test]
    fn an_answer_without_a_usable_token_is_ambiguous_and_not_shown() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "  ",
            "<html>CANARY</html>",
            "[\"CANARY\"]",
            "{\"refresh_token\":\"CANARY\"}",
            "{\"access_token\":5}",
            "{\"access_token\":\"CANARY\\r\\nx: 1\"}",
            "{\"access_token\":\"CANARY\",\"token_type\":\"mac\"}",
            "{\"access_token\":\"CANARY\",\"refresh_token\":\"a\\u0000\"}",
            "{\"access_token\":\"CANARY\"} CANARY",
            &deep,
        ] {
            let error = read(body).unwrap_err();
            assert_eq!(error.class(), RefreshClass::Ambiguous, "{body:.40}");
            assert_eq!(error.status(), Some(StatusCode::OK));
            assert_eq!(error.content_type(), Some("application/json"));
            let text = format!("{error} {error:?}");
            assert!(!text.contains("CANARY"), "{text}");
        }
    }

    #[test]
    fn refusals_are_classified() {
        use RefreshClass::{Ambiguous, Config, NotSent, Rejected};
        let json = "application/json";
        for (status, kind, body, class) in [
            (400, json, r#"{"error":"invalid_grant"}"#, Rejected),
            (401, json, r#"{"error":"invalid_token"}"#, Rejected),
            (400, json, r#"{"error":"expired_token"}"#, Rejected),
            (403, json, r#"{"error":"invalid_grant"}"#, Rejected),
            (401, json, r#"{"error":"invalid_client"}"#, Config),
            (400, json, r#"{"error":"unauthorized_client"}"#, Config),
            (400, json, r#"{"error":"unsupported_grant_type"}"#, Config),
            (400, json, r#"{"error":"temporarily_unavailable"}"#, NotSent),
            (400, json, r#"{"error":"slow_down"}"#, NotSent),
            (400, json, r#"{"error":"use_dpop_nonce"}"#, NotSent),
            (429, json, r#"{"error":"invalid_grant"}"#, NotSent),
            (400, "text/html", "<html>blocked</html>", Ambiguous),
            (403, "text/html", "", Ambiguous),
            (400, json, r#"{"error":"a b\n"}"#, Ambiguous),
            (404, "text/html", "", Config),
            (302, "text/html", "", Config),
            (429, "text/html", "", NotSent),
            (503, "text/html", "", NotSent),
            (500, json, r#"{"error":"invalid_grant"}"#, Ambiguous),
            (502, "text/html", "", Ambiguous),
            (504, "text/html", "", Ambiguous),
        ] {
            let error = refusal(&response(status, kind, body));
            assert_eq!(error.class(), class, "{status} {body}");
            assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        }
        let busy = refusal(&response(429, json, ""));
        assert_eq!(busy.retry_after(), Some(Duration::from_secs(7)));
        let github = read(r#"{"error":"bad_refresh_token"}"#).unwrap_err();
        assert_eq!(github.class(), Rejected);
        assert_eq!(github.code(), Some("bad_refresh_token"));
    }

    #[test]
    fn a_json_of_ones_own_refuses_by_status() {
        let json = "application/json";
        let class = |status, kind, body| refusal_of_json(&response(status, kind, body)).class();
        assert_eq!(
            class(401, json, r#"{"message":"expired"}"#),
            RefreshClass::Rejected
        );
        assert_eq!(class(403, json, "{}"), RefreshClass::Rejected);
        let own = r#"{"error":"Unauthorized","statusCode":401}"#;
        assert_eq!(class(401, json, own), RefreshClass::Rejected);
        assert_eq!(class(400, json, "{}"), RefreshClass::Ambiguous);
        assert_eq!(class(401, "text/html", "<p>"), RefreshClass::Ambiguous);
        assert_eq!(
            class(401, json, r#"{"error":"invalid_client"}"#),
            RefreshClass::Config
        );
    }
}
