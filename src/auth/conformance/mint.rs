//! [`Mint`]: the text of tokens.

use std::time::{Duration, SystemTime};

use super::form::base64url;

/// Makes tokens that no other server makes, and that can be told from any
/// other text: each one holds the mark.
pub(super) struct Mint {
    mark: String,
    serial: u64,
    jwt: bool,
}

impl Mint {
    pub(super) fn new(mark: &str, jwt: bool) -> Self {
        Self {
            mark: mark.to_owned(),
            serial: 0,
            jwt,
        }
    }

    /// Returns text that no other call returns.
    pub(super) fn opaque(&mut self, kind: &str) -> String {
        self.serial += 1;
        format!("{kind}-{}-{}", self.serial, self.mark)
    }

    /// Returns an access token.
    pub(super) fn access(&mut self, user: &str, issued: SystemTime, lifetime: Duration) -> String {
        if !self.jwt {
            return self.opaque("access");
        }
        let id = self.opaque("sig");
        let issued = issued
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let payload = serde_json::json!({
            "sub": user,
            "iat": issued.as_secs(),
            "exp": issued.saturating_add(lifetime).as_secs(),
            "jti": self.serial,
        });
        let header = base64url(br#"{"alg":"HS256","typ":"JWT"}"#);
        format!(
            "{header}.{}.{id}",
            base64url(payload.to_string().as_bytes())
        )
    }
}
