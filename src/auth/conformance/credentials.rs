//! Who a client is, and how it proves that (RFC 6749 §2.3).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::form::{Form, base64};
use crate::{adapter::conformance::Received, auth::Secret};

/// What `application/x-www-form-urlencoded` leaves as it is.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'*');

/// What the server demands of a client.
#[derive(Clone)]
pub(super) enum Credentials {
    /// No secret; this id, if there is one.
    Public(Option<String>),
    Basic(String, Secret),
    Post(String, Secret),
}

impl Credentials {
    /// Returns the client's id; `None` if it is not who it should be.
    pub(super) fn check(&self, request: &Received, form: &Form) -> Option<String> {
        match self {
            Self::Public(None) => Some(form.get("client_id").unwrap_or_default().to_owned()),
            Self::Public(Some(id)) => (form.get("client_id") == Some(id)).then(|| id.clone()),
            Self::Post(id, secret) => {
                let named = form.get("client_id") == Some(id);
                let proved = form.get("client_secret") == Some(secret.expose());
                (named && proved).then(|| id.clone())
            }
            Self::Basic(id, secret) => {
                let given = request.header("authorization")?;
                let (scheme, value) = given.split_once(' ')?;
                // A second proof in the body is against the rules.
                let alone = form.get("client_secret").is_none();
                let good = scheme.eq_ignore_ascii_case("basic") && value == basic(id, secret);
                (good && alone).then(|| id.clone())
            }
        }
    }

    /// Tells whether a client may present this id where no proof is asked
    /// for: at the authorization endpoint.
    pub(super) fn knows(&self, client_id: &str) -> bool {
        match self {
            Self::Public(None) => true,
            Self::Public(Some(id)) | Self::Basic(id, _) | Self::Post(id, _) => id == client_id,
        }
    }

    /// Tells whether there is no secret, so that PKCE has to stand in.
    pub(super) fn is_public(&self) -> bool {
        matches!(self, Self::Public(_))
    }
}

/// Both parts are form-encoded first (RFC 6749 §2.3.1).
fn basic(id: &str, secret: &Secret) -> String {
    let encode = |text| utf8_percent_encode(text, FORM).to_string();
    base64(format!("{}:{}", encode(id), encode(secret.expose())).as_bytes())
}
