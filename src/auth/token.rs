//! [`Token`]: what a session holds, and whether it can be sent.

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, header};

use super::{Secret, dpop};
use crate::{Error, ErrorKind, Result};

/// The longest access or refresh token that is accepted, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The type that is known everywhere (RFC 6750).
const BEARER: &str = "Bearer";

/// An access token, and what it takes to get the next one.
///
/// A token is not checked where it is made but where it is taken in: by
/// [`TokenRefresh::sign_in`](super::TokenRefresh::sign_in), when the store is
/// read, and when a refresher answers. [`check`](Self::check) does it earlier.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tollgate::auth::Token;
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
/// let token = Token::new("2YotnFZFEjr1zCsicMWpAA")
///     .refresh("tGzv3JOkF0XG5Qx2TlKWIA")
///     .expires_in(Duration::from_secs(3600), now);
/// assert!(token.check().is_ok());
/// assert!(!format!("{token:?}").contains("2Yotn"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    access: Secret,
    refresh: Option<Secret>,
    token_type: Cow<'static, str>,
    scope: Option<String>,
    expires_at: Option<SystemTime>,
    lifetime: Option<Duration>,
}

impl Token {
    /// Creates a bearer token of unknown expiry, which cannot be refreshed.
    #[must_use]
    pub fn new(access: impl Into<Secret>) -> Self {
        Self {
            access: access.into(),
            refresh: None,
            token_type: Cow::Borrowed(BEARER),
            scope: None,
            expires_at: None,
            lifetime: None,
        }
    }

    /// Adds the refresh token.
    #[must_use]
    pub fn refresh(mut self, refresh: impl Into<Secret>) -> Self {
        self.refresh = Some(refresh.into());
        self
    }

    /// Sets the type; default `Bearer`, in any case. Beside it, `DPoP` can be
    /// sent, where [`TokenRefreshBuilder::dpop`](super::TokenRefreshBuilder::dpop)
    /// has set a prover.
    #[must_use]
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        let token_type = token_type.into();
        self.token_type = match token_type.as_str() {
            BEARER => Cow::Borrowed(BEARER),
            _ => Cow::Owned(token_type),
        };
        self
    }

    /// Sets the scope that was granted.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Sets when the access token expires, by the wall clock.
    #[must_use]
    pub fn expires_at(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Sets the lifetime (RFC 6749: `expires_in`), counted from `now`.
    ///
    /// `now` is [`Runtime::wall`](crate::Runtime::wall) in a refresher. A
    /// lifetime that no clock can express leaves the expiry unknown.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration, now: SystemTime) -> Self {
        self.expires_at = now.checked_add(lifetime);
        self.lifetime = self.expires_at.map(|_| lifetime);
        self
    }

    /// Sets expiry and lifetime, as a record has kept them.
    #[must_use]
    pub(super) fn kept(
        mut self,
        expires_at: Option<SystemTime>,
        lifetime: Option<Duration>,
    ) -> Self {
        self.expires_at = expires_at;
        self.lifetime = lifetime;
        self
    }

    /// Returns the access token.
    #[must_use]
    pub fn access_token(&self) -> &Secret {
        &self.access
    }

    /// Returns the refresh token, if there is one.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.refresh.as_ref()
    }

    /// Returns the type, as it was given.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.token_type
    }

    /// Returns the scope that was granted, where it is known.
    #[must_use]
    pub fn granted_scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Returns when the access token expires, where it is known.
    #[must_use]
    pub fn expiry(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Returns how long the access token lives in all, where it is known.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Tells whether the token can be sent as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] if the type is neither `Bearer` nor
    /// `DPoP`, if the access token is not a `b64token` (RFC 6750 §2.1), if the
    /// refresh token holds a control character, or if one has more than 16 KiB.
    /// The message names the header and not the value.
    pub fn check(&self) -> Result<()> {
        self.header(&header::AUTHORIZATION).map(drop)
    }

    pub(super) fn is_dpop(&self) -> bool {
        self.token_type.eq_ignore_ascii_case(dpop::SCHEME)
    }

    /// Refuses a token that is bound to a key, where there is none.
    pub(super) fn check_unbound(&self) -> Result<()> {
        if !self.is_dpop() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidRequest,
            "the access token's type is `DPoP`, and there is nobody to prove its possession",
        )
        .with_hint("set a prover with `TokenRefreshBuilder::dpop`"))
    }

    /// Builds the header's value once, marked sensitive.
    ///
    /// `Bearer …` in the two headers that have schemes, the bare token in any
    /// other; `DPoP …`, which is no bearer token, in `Authorization` alone.
    pub(super) fn header(&self, name: &HeaderName) -> Result<HeaderValue> {
        let refused = |what: &str| {
            Error::new(
                ErrorKind::InvalidRequest,
                format!("the access token cannot be sent in the header `{name}`: {what}"),
            )
        };
        let scheme = if self.is_dpop() {
            if *name != header::AUTHORIZATION {
                return Err(refused("a `DPoP` token goes into `authorization`"));
            }
            dpop::SCHEME
        } else if self.token_type.eq_ignore_ascii_case(BEARER) {
            BEARER
        } else {
            return Err(refused("its type is neither `Bearer` nor `DPoP`"));
        };
        let access = self.access.expose();
        let has_scheme = *name == header::AUTHORIZATION || *name == header::PROXY_AUTHORIZATION;
        check_access(access, has_scheme).map_err(refused)?;
        if *name == header::COOKIE && access.contains([';', ',', '"', '\\']) {
            return Err(refused("it holds a character that no cookie may"));
        }
        if let Some(refresh) = &self.refresh {
            check_refresh(refresh.expose())?;
        }
        let text = if has_scheme {
            Secret::new([scheme, " ", access].concat())
        } else {
            self.access.clone()
        };
        let mut value = HeaderValue::from_str(text.expose())
            .map_err(|_| refused("it holds a control character"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Keeps of `old` what an answer may leave out (RFC 6749 §6): the refresh
    /// token, and the scope.
    #[must_use]
    pub(super) fn or_keep(mut self, old: &Self) -> Self {
        if self.refresh.is_none() {
            self.refresh.clone_from(&old.refresh);
        }
        if self.scope.is_none() {
            self.scope.clone_from(&old.scope);
        }
        self
    }
}

/// Says what keeps a text from being a bearer token, without showing it.
pub(crate) fn check_bearer(access: &str) -> Result<(), &'static str> {
    check_access(access, true)
}

/// `b64token` for a bearer token, visible ASCII for a header of one's own.
fn check_access(access: &str, bearer: bool) -> Result<(), &'static str> {
    if access.is_empty() {
        return Err("it is empty");
    }
    if access.len() > MAX_TOKEN_BYTES {
        return Err("it has more than 16384 bytes");
    }
    if access.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("it holds a control character");
    }
    if !bearer {
        let visible = access.bytes().all(|byte| byte.is_ascii_graphic());
        return if visible {
            Ok(())
        } else {
            Err("it holds a character that is not visible ASCII")
        };
    }
    let body = access.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if body.is_empty() || !body.bytes().all(allowed) {
        return Err("it holds a character outside of RFC 6750's `b64token`");
    }
    Ok(())
}

/// RFC 6749 appendix A.17, but generous: it travels in a body, encoded.
fn check_refresh(refresh: &str) -> Result<()> {
    let what = if refresh.is_empty() {
        "is empty"
    } else if refresh.len() > MAX_TOKEN_BYTES {
        "has more than 16384 bytes"
    } else if refresh.bytes().any(|byte| byte.is_ascii_control()) {
        "holds a control character"
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::InvalidRequest,
        format!("the refresh token {what}"),
    ))
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("access", &self.access)
            .field("refresh", &self.refresh)
            .field("token_type", &self.token_type)
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .field("lifetime", &self.lifetime)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_value_is_built_once_and_sensitive() {
        let value = Token::new("a-b._~+/9==")
            .token_type("BEARER")
            .header(&header::AUTHORIZATION)
            .unwrap();
        assert_eq!(value, "Bearer a-b._~+/9==");
        assert!(value.is_sensitive());
    }

    #[test]
    fn a_header_of_ones_own_carries_the_bare_token() {
        let name = HeaderName::from_static("x-access-token");
        let value = Token::new("1|abc").header(&name).unwrap();
        assert_eq!(value, "1|abc");
        assert!(value.is_sensitive());
        assert!(Token::new("a b").header(&name).is_err());
        for access in ["a;b", "a,b", "a\"b", "a b"] {
            assert!(Token::new(access).header(&header::COOKIE).is_err());
        }
    }

    #[test]
    fn what_is_no_b64token_is_refused_without_being_shown() {
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        for access in [
            "",
            "a\r\nx: 1",
            "a\n",
            "\r",
            "a\0",
            "a\u{1b}",
            "a\u{7f}",
            " a",
            "a ",
            "a,b",
            "a\tb",
            "é",
            "=",
            "a=b",
            &long,
        ] {
            let error = Token::new(access).check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{access:?}");
            let text = error.to_string();
            assert!(text.contains("`authorization`"), "{text}");
            assert!(access.len() < 3 || !text.contains(access), "{text}");
        }
        assert!(Token::new("a".repeat(MAX_TOKEN_BYTES)).check().is_ok());
    }

    #[test]
    fn a_refresh_token_holds_no_control_character() {
        for refresh in ["", "r\n", "r\0", "\u{7f}"] {
            assert!(Token::new("a").refresh(refresh).check().is_err());
        }
        assert!(Token::new("a").refresh("1//x y|é").check().is_ok());
    }

    #[test]
    fn another_type_is_refused() {
        assert!(Token::new("a").token_type("mac").check().is_err());
        assert!(Token::new("a").token_type("Basic").check().is_err());
    }

    #[test]
    fn a_bound_token_is_no_bearer_token() {
        let token = Token::new("a").token_type("dpop");
        assert_eq!(token.header(&header::AUTHORIZATION).unwrap(), "DPoP a");
        for name in [
            header::PROXY_AUTHORIZATION,
            HeaderName::from_static("x-token"),
        ] {
            assert!(token.header(&name).is_err(), "{name}");
        }
        let error = token.check_unbound().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.hint().is_some());
        assert!(Token::new("a").check_unbound().is_ok());
    }

    #[test]
    fn a_lifetime_beyond_the_clock_is_unknown() {
        let token = Token::new("a").expires_in(Duration::MAX, SystemTime::UNIX_EPOCH);
        assert_eq!((token.expiry(), token.lifetime()), (None, None));
    }

    #[test]
    fn what_an_answer_leaves_out_is_kept() {
        let old = Token::new("a").refresh("r").scope("s");
        let kept = Token::new("b").or_keep(&old);
        assert_eq!(kept.refresh_token(), old.refresh_token());
        assert_eq!(kept.granted_scope(), Some("s"));
        let new = Token::new("b").refresh("r2").scope("t").or_keep(&old);
        assert_eq!(new.refresh_token().map(Secret::expose), Some("r2"));
        assert_eq!(new.granted_scope(), Some("t"));
    }
}
