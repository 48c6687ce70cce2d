//! The authorization endpoint, and the codes that it gives (RFC 6749 §4.1,
//! RFC 7636).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{answers, endpoints::Core, form::Form, form::base64url, state::Pair};
use crate::adapter::conformance::{Received, Reply};

/// A code, from the moment it is given.
pub(super) struct Code {
    client_id: String,
    redirect_uri: String,
    user: String,
    challenge: Option<Challenge>,
    /// The family, or none where the exchange failed, once it was used.
    spent: Option<Option<usize>>,
}

enum Challenge {
    Plain(String),
    S256(String),
}

impl Challenge {
    fn fits(&self, verifier: &str) -> bool {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let valid = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
        let found = match self {
            Self::Plain(expected) => expected == verifier,
            Self::S256(expected) => {
                *expected == base64url(&hmac_sha256::Hash::hash(verifier.as_bytes()))
            }
        };
        valid && found
    }
}

/// Signs the user in and sends the browser back with a code.
pub(super) fn authorize(core: &Core, request: &Received) -> Reply {
    if request.method() != http::Method::GET {
        return answers::wrong_method("GET");
    }
    let query = request.target().split_once('?').map_or("", |(_, it)| it);
    let Some(form) = Form::parse(query) else {
        return answers::json_error(400, "invalid_request");
    };
    // Without these two nobody may be sent anywhere (RFC 6749 §4.1.2.1).
    let (Some(client_id), Some(redirect_uri)) = (form.get("client_id"), form.get("redirect_uri"))
    else {
        return answers::json_error(400, "invalid_request");
    };
    let plain = redirect_uri.bytes().all(|byte| byte.is_ascii_graphic());
    if !core.options.credentials.knows(client_id) || !plain || redirect_uri.contains('#') {
        return answers::json_error(400, "invalid_request");
    }
    let result = match challenge(core, &form) {
        Err(error) => ("error", error.to_owned()),
        Ok(challenge) => {
            let code = Code {
                client_id: client_id.to_owned(),
                redirect_uri: redirect_uri.to_owned(),
                user: core.options.user.clone(),
                challenge,
                spent: None,
            };
            let mut state = core.lock();
            let text = state.new_code();
            state.codes.insert(text.clone(), code);
            ("code", text)
        }
    };
    let (name, value) = result;
    let mut location = redirect_uri.to_owned();
    location.push(if redirect_uri.contains('?') { '&' } else { '?' });
    location.push_str(&format!("{name}={value}"));
    if let Some(state) = form.get("state") {
        let state = utf8_percent_encode(state, NON_ALPHANUMERIC);
        location.push_str(&format!("&state={state}"));
    }
    Reply::new(302).header("location", location)
}

/// Reads what the request asks for; a public client has to use PKCE.
fn challenge(core: &Core, form: &Form) -> Result<Option<Challenge>, &'static str> {
    match form.get("response_type") {
        None => return Err("invalid_request"),
        Some("code") => {}
        Some(_) => return Err("unsupported_response_type"),
    }
    let Some(text) = form.get("code_challenge") else {
        let optional = !core.options.credentials.is_public();
        return optional.then_some(None).ok_or("invalid_request");
    };
    match form.get("code_challenge_method").unwrap_or("plain") {
        "plain" => Ok(Some(Challenge::Plain(text.to_owned()))),
        "S256" => Ok(Some(Challenge::S256(text.to_owned()))),
        _ => Err("invalid_request"),
    }
}

/// Gives the first pair for a code; `None` is `invalid_grant`.
///
/// A code is spent by the first exchange, also one that fails; one that comes
/// again takes what it gave with it (RFC 6749 §4.1.2).
pub(super) fn exchange(core: &Core, client_id: &str, form: &Form) -> Option<Pair> {
    let now = core.options.clock.wall();
    let mut state = core.lock();
    let code = state.codes.get_mut(form.get("code")?)?;
    if let Some(family) = code.spent {
        if let Some(family) = family {
            state.revoke(family);
        }
        return None;
    }
    code.spent = Some(None);
    let same_client = code.client_id == client_id;
    let same_address = form.get("redirect_uri") == Some(&code.redirect_uri);
    let proved = match (&code.challenge, form.get("code_verifier")) {
        (Some(challenge), Some(verifier)) => challenge.fits(verifier),
        // A verifier without a challenge is a downgrade (RFC 9700 §2.1.1).
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => true,
    };
    if !same_client || !same_address || !proved {
        return None;
    }
    let user = code.user.clone();
    let (family, pair) = state.sign_in(&user, now);
    if let Some(code) = state.codes.get_mut(form.get("code")?) {
        code.spent = Some(Some(family));
    }
    Some(pair)
}
