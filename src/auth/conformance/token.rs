//! The token endpoint and the revocation endpoint (RFC 6749 §3.2, RFC 7009).

use super::{
    ExpiresIn, answers, authorize,
    endpoints::{Core, Dialect},
    form::Form,
    state::Pair,
};
use crate::adapter::conformance::{Received, Reply};

/// Answers at the token endpoint.
pub(super) fn token(core: &Core, request: &Received) -> Reply {
    let form = match form(request) {
        Ok(form) => form,
        Err(reply) => return reply,
    };
    let client = core.options.credentials.check(request, &form);
    let grant = form.get("grant_type");
    // A fault comes before the client is looked at: a proxy's page, say.
    if grant == Some("refresh_token") {
        let presented = form.get("refresh_token");
        return core.refresh(&OAuth { core }, client.is_some(), presented);
    }
    let Some(client) = client else {
        return answers::invalid_client();
    };
    match grant {
        Some("authorization_code") => match authorize::exchange(core, &client, &form) {
            Some(pair) => granted(core, &pair),
            None => answers::json_error(400, "invalid_grant"),
        },
        Some(_) => answers::json_error(400, "unsupported_grant_type"),
        None => answers::json_error(400, "invalid_request"),
    }
}

/// Answers at the revocation endpoint: 200, also for a token it never made.
pub(super) fn revoke(core: &Core, request: &Received) -> Reply {
    let form = match form(request) {
        Ok(form) => form,
        Err(reply) => return reply,
    };
    if core.options.credentials.check(request, &form).is_none() {
        return answers::invalid_client();
    }
    let Some(token) = form.get("token") else {
        return answers::json_error(400, "invalid_request");
    };
    core.lock().revoke_token(token);
    Reply::new(200)
}

/// Reads the body, which has to be a form that was posted.
fn form(request: &Received) -> Result<Form, Reply> {
    if request.method() != http::Method::POST {
        return Err(answers::wrong_method("POST"));
    }
    let kind = request.header("content-type").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let is_form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let text = std::str::from_utf8(request.body()).ok();
    text.filter(|_| is_form)
        .and_then(Form::parse)
        .ok_or_else(|| answers::json_error(400, "invalid_request"))
}

/// A refresh in the words of RFC 6749.
struct OAuth<'a> {
    core: &'a Core,
}

impl Dialect for OAuth<'_> {
    fn granted(&self, pair: &Pair) -> Reply {
        granted(self.core, pair)
    }

    fn refused(&self) -> Reply {
        answers::json_error(400, "invalid_grant")
    }

    fn incomplete(&self) -> Reply {
        answers::json_error(400, "invalid_request")
    }
}

/// Answers with a pair (RFC 6749 §5.1).
fn granted(core: &Core, pair: &Pair) -> Reply {
    let mut body = format!(
        r#"{{"access_token":"{}","token_type":"Bearer""#,
        pair.access
    );
    if let Some(refresh) = &pair.refresh {
        body.push_str(&format!(r#","refresh_token":"{refresh}""#));
    }
    let seconds = pair.lifetime.as_secs();
    match &core.options.expires_in {
        ExpiresIn::Seconds => body.push_str(&format!(r#","expires_in":{seconds}"#)),
        ExpiresIn::Text => body.push_str(&format!(r#","expires_in":"{seconds}""#)),
        ExpiresIn::Omitted => {}
        ExpiresIn::Raw(json) => body.push_str(&format!(r#","expires_in":{json}"#)),
    }
    body.push('}');
    answers::json(200, body)
}
